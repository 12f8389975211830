"""The registry over HTTP: every verb by every kind of token, guarded changes, and errors with their fields."""

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
from suanli.registering.asker import local_asker
from suanli.registering.office import Office
from suanli.store.sql import Store
from tests.exporter.making import Rendering, served
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built, config

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


def waiting(store: Store, site: str) -> int:
    """A pending submission about this site; its number."""
    desk = Office(store, config(registration={"two_person": True}))
    from suanli.model.request import REQUEST

    number: int = desk.submit(local_asker(), REQUEST.validate_python(addition(site)))["submission"]
    return number


async def asked(api: httpx.AsyncClient, store: Store, verb: str, site: str) -> int:
    """The status with which this verb is answered."""
    if verb == "read site":
        return (await api.get(f"/sites/{site}")).status_code
    if verb == "read ledger":
        return (await api.get("/capacity", params={"site": site})).status_code
    if verb == "submit":
        return (await api.post("/requests", json=addition(site))).status_code
    if verb == "update":
        state = a_site(site, a_pool("p", built(100.0)), operator=SITES[site], name="x").model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        return (await api.put(f"/sites/{site}", json=state, headers={"if-match": "*"})).status_code
    if path := OPERATORS.get(verb):
        return (await api.get(path, params={"operator": SITES[site]})).status_code
    if verb in ("approve", "reject"):
        return (await api.post(f"/submissions/{waiting(store, site)}/{verb}", json={"why": "x"})).status_code
    return (await api.get(FLEET[verb])).status_code


OPERATORS = {"rates of": "/rates", "history of": "/history", "explain of": "/rates/explain"}
FLEET = {
    "read fleet": "/rates",
    "read metrics": "http://test/metrics",
    "read benchmarks": "/benchmarks",
    "read targets": "/targets",
    "read change": f"/change?from={T0 - 60}&to={T0}",
    "read funnel": "/funnel",
    "read disagreements": "/disagreements",
}
YES, LATER, NO, GONE = 200, 202, 403, 404
ORDER = ("read", "push", "operator", "approve", "admin")
CELLS = {
    # verb: the status for its own site and for a foreign one, by scope in this order
    "read site": ((YES, YES), (GONE, GONE), (YES, GONE), (YES, YES), (YES, YES)),
    "read ledger": ((YES, YES), (GONE, GONE), (YES, GONE), (YES, YES), (YES, YES)),
    "read fleet": ((YES, YES), (NO, NO), (YES, YES), (YES, YES), (YES, YES)),
    **dict.fromkeys(OPERATORS, ((YES, YES), (NO, NO), (YES, NO), (YES, YES), (YES, YES))),
    **dict.fromkeys([*FLEET][1:], ((YES, YES), (NO, NO), (NO, NO), (YES, YES), (YES, YES))),
    "submit": ((NO, NO), (NO, NO), (LATER, NO), (YES, YES), (YES, YES)),
    "update": ((NO, NO), (NO, NO), (LATER, NO), (YES, YES), (YES, YES)),
    "approve": ((NO, NO), (NO, NO), (NO, NO), (YES, YES), (YES, YES)),
    "reject": ((NO, NO), (NO, NO), (NO, NO), (YES, YES), (YES, YES)),
}
MATRIX = {verb: dict(zip(ORDER, row, strict=True)) for verb, row in CELLS.items()}


def test_the_table_has_every_cell() -> None:
    assert {frozenset(row) for row in MATRIX.values()} == {frozenset(SCOPES)}
    assert len(MATRIX) == 16


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("verb", MATRIX)
async def test_every_verb_by_every_scope_on_own_and_foreign_sites(store: Store, verb: str, scope: str) -> None:
    async with client(store, *SCOPES[scope]) as api:
        assert tuple([await asked(api, store, verb, site) for site in SITES]) == MATRIX[verb][scope]


@pytest.mark.parametrize("verb", MATRIX)
async def test_without_a_token_nothing_is_written(store: Store, verb: str) -> None:
    async with client(store) as api:
        found = await asked(api, store, verb, "mine")
    assert found == (200 if verb.startswith("read") or verb in OPERATORS else 401)


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
