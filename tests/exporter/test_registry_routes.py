"""The registry over HTTP: guarded changes, and errors with their fields."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from exporter.api import make_api
from suanli.access import WantedToken, issue
from suanli.config import Config
from suanli.model.audit import local_author
from suanli.store.sql import Store
from tests.exporter.making import Rendering, served
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built

MINE, OTHERS = "示例运营方", "另一运营方"
SCOPES = {
    "read": ("read",),
    "push": ("push:mine",),
    "operator": (f"register:{MINE}",),
    "approve": ("approve",),
    "admin": ("admin",),
}
ENTRY = {"from": "2026-11-01", "stage": "built", "pflops": 150.0, "source": "验收报告"}


@pytest.fixture
def store() -> Iterator[Store]:
    sites = [a_site(id_, a_pool("p", built(100.0)), operator=operator) for id_, operator in SITES.items()]
    with a_store(*sites, clock=Clock(T0)) as made:
        made.append([a_sample(T0, 80.0, 40.0, site=site) for site in SITES])
        yield made


SITES = {"mine": MINE, "theirs": OTHERS}


@asynccontextmanager
async def client(store: Store, *scopes: str, settings: Config | None = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_api(served(store, Rendering(store), settings)), raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {token(store, *scopes)}"} if scopes else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as made:
        yield made


def token(store: Store, *scopes: str) -> str:
    wanted = WantedToken.model_validate({"owner": scopes[0], "scope": scopes})
    return issue(store, wanted, local_author()).text.get_secret_value()


def addition(site: str) -> dict[str, Any]:
    return {"action": "capacity.add", "site": site, "pool": "p", "entry": ENTRY}


async def test_what_is_pending_is_seen_and_approved(store: Store) -> None:
    async with client(store, *SCOPES["operator"]) as mine, client(store, *SCOPES["approve"]) as bureau:
        submitted = await mine.post("/requests", json=addition("mine"))
        number = submitted.json()["submission"]
        rows = (await mine.get("/capacity")).json()["capacity"]
        assert [(row["stage"], row["submission"]) for row in rows] == [("built", None), ("planned", number)]
        assert (await mine.get(f"/submissions/{number}")).json()["request"]["entry"]["pflops"] == 150.0
        assert (await mine.post(f"/submissions/{number}/approve")).status_code == 403
        done = (await bureau.post(f"/submissions/{number}/approve", json={"why": "seen"})).json()
        assert (done["state"], done["figures"]) == ("approved", submitted.json()["figures"])
        again = await bureau.post(f"/submissions/{number}/approve")
        assert again.status_code == 410
        assert "was approved by token:" in again.json()["detail"]


async def test_a_change_is_guarded_by_the_state_that_was_looked_at(store: Store) -> None:
    async with client(store, "approve") as api:
        first = await api.get("/sites/mine")
        wanted = first.json() | {"name": "新名"}
        missing = await api.put("/sites/mine", json=wanted)
        assert (missing.status_code, missing.json()["errors"][0]["field"]) == (422, "If-Match")
        ok = await api.put("/sites/mine", json=wanted, headers={"if-match": first.headers["etag"]})
        assert (ok.status_code, ok.json()["changes"]) == (200, ["~ site mine: name: site mine -> 新名"])
        late = await api.put("/sites/mine", json=first.json(), headers={"if-match": first.headers["etag"]})
        assert (late.status_code, late.json()["current"]["name"]) == (412, "新名")
        now = await api.get("/sites/mine")
        assert late.headers["etag"] == now.headers["etag"] != first.headers["etag"]
        new = a_site("new").model_dump(mode="json", by_alias=True, exclude_none=True)
        assert (await api.put("/sites/new", json=new, headers={"if-match": '"x"'})).status_code == 412
        assert (await api.put("/sites/new", json=new)).status_code == 200
        other = await api.put("/sites/mine", json=new)
        assert other.json()["errors"] == [{"detail": "expected mine, as in the path", "field": "id"}]


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ({"action": "capacity.add"}, "capacity.add.site", "Field required"),
        (addition("mine") | {"pool": "P!"}, "capacity.add.pool", "pattern"),
        (
            addition("mine") | {"entry": ENTRY | {"pflops": -1.0}},
            "capacity.add.entry.pflops",
            "greater than or equal to 0",
        ),
        (
            addition("mine") | {"entry": ENTRY | {"devices": 1}},
            "capacity.add.entry",
            "exactly one of devices and pflops",
        ),
        (addition("mine") | {"entry": ENTRY | {"from": "2026-02-30"}}, "capacity.add.entry.from", "valid date"),
        (addition("mine") | {"more": 1}, "capacity.add.more", "not permitted"),
        ({"action": "sites.apply", "sites": []}, "sites.apply.sites", "at least 1 item"),
        ({"action": "sites.delete"}, "", "does not match any of the expected tags"),
    ],
)
async def test_a_wrong_request_is_told_field_by_field(store: Store, body: Any, field: str, detail: str) -> None:
    async with client(store, "admin") as api:
        answer = await api.post("/requests", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    errors = answer.json()["errors"]
    assert any(one["field"].startswith(field) and detail in one["detail"] for one in errors), errors


async def test_bulk_is_all_or_nothing(store: Store) -> None:
    good = a_site("good", operator=MINE).model_dump(mode="json", by_alias=True, exclude_none=True)
    bad = a_site("bad", a_pool("p", model="no such model"), operator=MINE).model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    async with client(store, "admin") as api:
        answer = await api.post("/requests", json={"action": "sites.apply", "sites": [good, bad]})
        assert answer.status_code == 422, answer.text
        assert [row["id"] for row in (await api.get("/sites")).json()["sites"]] == list(SITES)


async def test_a_body_of_unknown_or_huge_size_is_refused(store: Store) -> None:
    async with client(store, "admin") as api:
        huge = await api.post("/requests", content=b" " * (5 << 20), headers={"content-type": "application/json"})
        assert huge.status_code == 413

        async def pieces() -> AsyncIterator[bytes]:
            yield b"{}"

        assert (await api.post("/requests", content=pieces())).status_code == 411
