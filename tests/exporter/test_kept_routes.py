"""Tokens, the audit trail, maintenance, quarantine and moves over HTTP: what is recorded, by whom, and once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from suanli.model.errors import InputError
from suanli.store.audit import audit_rows
from suanli.store.sql import Store
from tests.exporter.test_access_matrix import ABSURD, a_move, announced, window_json
from tests.exporter.test_registry_routes import MINE, SITES, client
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built, config
from tests.suanli.storing import raw

TWO = config(registration={"two_person": True})
WANTED = {"owner": "王工", "scope": ["read", f"register:{MINE}"], "expires": "90d", "network": ["10.0.0.0/8"]}


@pytest.fixture
def store() -> Iterator[Store]:
    sites = [a_site(id_, a_pool("p", built(100.0)), operator=operator) for id_, operator in SITES.items()]
    with a_store(*sites, clock=Clock(T0)) as made:
        made.append([a_sample(T0 - 60, ABSURD, 40.0, site="mine")])
        yield made


def last_row(store: Store) -> Any:
    with store.reading() as connection:
        return audit_rows(connection, limit=1)[0]


def field(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0].get("field", "")


async def test_a_token_lets_its_owner_in_until_it_is_taken_back(store: Store) -> None:
    async with client(store, "admin") as api:
        made = await api.post("/tokens", json=WANTED | {"network": []})
        assert made.status_code == 201
        text, id_ = made.json()["token"], made.json()["id"]
        row = last_row(store)
        assert (row.action, row.subject, row.request_id) == ("token.create", id_, made.headers["x-request-id"])
        assert row.actor.startswith("token:")
        theirs = {"authorization": f"Bearer {text}"}
        assert (await api.get("/sites", headers=theirs)).status_code == 200
        assert (await api.get("/tokens", headers=theirs)).status_code == 403
        assert text not in (await api.get("/tokens")).text + (await api.get(f"/tokens/{id_}")).text
        tried = await api.post(f"/tokens/{id_}/revoke?dry_run=true", json={"reason": "lost"})
        assert (tried.json()["revoked"], (await api.get("/sites", headers=theirs)).status_code) == (False, 200)
        gone = await api.post(f"/tokens/{id_}/revoke", json={"reason": "lost"})
        assert gone.json() == {"id": id_, "owner": "王工", "revoked": True}
        assert (last_row(store).action, last_row(store).reason) == ("token.revoke", "lost")
        assert (await api.get("/sites", headers=theirs)).status_code == 401
        assert (await api.post(f"/tokens/{id_}/revoke", json={"reason": "lost"})).status_code == 410
        assert (await api.get(f"/tokens/{id_}")).json()["state"] == "revoked"
        assert (await api.post("/tokens/000000000000/revoke", json={"reason": "x"})).status_code == 404


async def test_the_text_of_a_token_is_in_one_answer_and_kept_nowhere(store: Store) -> None:
    async with client(store, "admin") as api:
        key = {"idempotency-key": "once"}
        tried = await api.post("/tokens?dry_run=true", json=WANTED, headers=key)
        assert (tried.status_code, tried.json()["token"]) == (200, None)
        first, again = [await api.post("/tokens", json=WANTED, headers=key) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json() | {"token": None}
        assert len([row for row in (await api.get("/tokens")).json()["tokens"] if row["owner"] == "王工"]) == 1
        other = await api.post("/tokens", json=WANTED | {"owner": "李工"}, headers=key)
        assert field(other) == (422, "Idempotency-Key")
    secret = first.json()["token"].rpartition("_")[2]
    tables = [name for (name,) in raw(store, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert {"tokens", "answered", "audit"} <= set(tables)
    for table in tables:
        assert secret not in str(raw(store, f'SELECT * FROM "{table}"')), table  # noqa: S608


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"scope": []}, "scope"),
        ({"scope": ["write"]}, "scope[0]"),
        ({"scope": [{"kind": "admin"}]}, "scope[0]"),
        ({"scope": "admin"}, "scope"),
        ({"owner": "a\u202eb"}, "owner"),
        ({"owner": ""}, "owner"),
        ({"expires": "20y"}, "expires"),
        ({"expires": 90}, "expires"),
        ({"expires": None}, "expires"),
        ({"network": ["10.0.0.1/8"]}, "network[0]"),
        ({"network": [10]}, "network[0]"),
        ({"secret": "x"}, "secret"),
    ],
)
async def test_a_token_that_cannot_be_is_refused_field_by_field(store: Store, change: Any, where: str) -> None:
    async with client(store, "admin") as api:
        before = (await api.get("/tokens")).json()
        assert field(await api.post("/tokens", json=WANTED | change)) == (422, where)
        assert [row["id"] for row in (await api.get("/tokens")).json()["tokens"]] == [
            row["id"] for row in before["tokens"]
        ]


async def test_the_trail_is_verified_by_the_head_that_was_noted(store: Store) -> None:
    async with client(store, "approve") as api:
        whole = (await api.get("/audit/verification")).json()
        assert (whole["ok"], whole["fault"]) == (True, None)
        await api.post("/maintenance", json=window_json("mine"))
        for head in (whole["head"], whole["head"].partition(":")[2]):
            assert (await api.get("/audit/verification", params={"head": head})).json()["ok"] is True
        other = (await api.get("/audit/verification", params={"head": "1:" + "f" * 64})).json()
        assert (other["ok"], other["fault"]) == (False, {"seq": 1, "kind": "unlike"})
        assert field(await api.get("/audit/verification", params={"head": "1:x"})) == (422, "head")
        rows = (await api.get("/audit", params={"limit": 1})).json()["audit"]
        assert (rows[0]["action"], rows[0]["after"]["reason"]) == ("maintenance.add", "检修")
    triggers = raw(store, "SELECT name FROM sqlite_master WHERE type = 'trigger'")
    with store.writing() as connection:
        for (name,) in triggers:
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.exec_driver_sql("UPDATE audit SET actor = 'x' WHERE seq = 1")
    async with client(store, "approve") as api:
        assert (await api.get("/audit/verification")).json()["fault"] == {"seq": 1, "kind": "edited"}


async def test_maintenance_is_announced_by_who_runs_the_site_and_counts_once_somebody_else_says_so(
    store: Store,
) -> None:
    async with client(store, f"register:{MINE}") as mine, client(store, "approve") as bureau:
        key = {"idempotency-key": "w"}
        first, again = [await mine.post("/maintenance", json=window_json("mine"), headers=key) for _ in range(2)]
        assert first.json() == again.json() == {"id": 1, "approved": False, "applied": True, "late": False}
        assert last_row(store).request_id == first.headers["x-request-id"]
        assert field(await mine.post("/maintenance?approve=true", json=window_json("mine"), headers=key)) == (
            422, "Idempotency-Key",
        )  # fmt: skip
        looked_at = await bureau.get("/maintenance/1")
        assert (looked_at.json()["approved_by"], looked_at.json()["from"]) == (None, "2026-12-31T16:00:00Z")
        tried = await bureau.post("/maintenance/1/approve?dry_run=true")
        assert (tried.json()["applied"], (await mine.get("/maintenance/1")).json()["approved_at"]) == (False, None)
        guard = {"if-match": looked_at.headers["etag"]}
        approved = await bureau.post("/maintenance/1/approve", headers=guard)
        assert approved.status_code == 200
        assert approved.json()["by"].startswith("token:")
        assert approved.json()["by"].endswith(" approve")
        assert (await mine.get("/maintenance/1")).json()["approved_by"] == approved.json()["by"]
        late = await bureau.post("/maintenance/1/end", headers=guard)
        assert (late.status_code, late.json()["current"]["approved_by"]) == (412, approved.json()["by"])
        assert late.headers["etag"] == (await bureau.get("/maintenance/1")).headers["etag"] != guard["if-match"]
        assert (await bureau.post("/maintenance/1/approve")).status_code == 410
        ended = await bureau.post(
            "/maintenance/1/end", json={"at": T0 + 60}, headers={"if-match": late.headers["etag"]}
        )
        assert ended.json()["applied"] is True
        assert (await mine.get("/maintenance", params={"state": "ended"})).json()["windows"][0]["id"] == 1
        assert (await bureau.get("/maintenance/2")).status_code == 404
    assert [row.action for row in _trail(store)][-3:] == ["maintenance.add", "maintenance.approve", "maintenance.end"]


def _trail(store: Store) -> list[Any]:
    with store.reading() as connection:
        return [row for row in audit_rows(connection) if row.action.startswith("maintenance.")]


async def test_what_a_window_looks_like_later_does_not_change_its_etag(store: Store) -> None:
    """Its next occurrences and its share of time do, and are nobody's change."""
    number, etags = announced(store, "mine", approve=True), set()
    for at in (T0, T0 + 86_400 * 60):
        store._clock = Clock(at)
        async with client(store, "approve") as api:
            etags.add((await api.get(f"/maintenance/{number}")).headers["etag"])
    assert len(etags) == 1


async def test_who_announced_a_window_does_not_approve_it_where_two_are_needed(store: Store) -> None:
    async with client(store, "approve", settings=TWO) as one, client(store, "admin", settings=TWO) as other:
        at_once = await one.post("/maintenance?approve=true", json=window_json("mine"))
        assert (at_once.status_code, "another person approves it" in at_once.json()["detail"]) == (403, True)
        assert (await one.get("/maintenance")).json()["windows"] == []
        number = (await one.post("/maintenance", json=window_json("mine"))).json()["id"]
        assert (await one.post(f"/maintenance/{number}/approve")).status_code == 403
        assert (await other.post(f"/maintenance/{number}/approve")).status_code == 200


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"policy": "ignore"}, "policy"),
        ({"until": "2026-12-31"}, "body"),
        ({"from": "2027-13-01"}, "from.date"),
        ({"reason": "a\nb"}, "reason"),
        ({"rule": "FREQ=MINUTELY"}, "rule"),
        ({"site": "X!"}, "site"),
        ({"pool": "q"}, "pool"),
        ({"site": "nowhere"}, "site"),
        ({"more": 1}, "more"),
    ],
)
async def test_a_window_that_cannot_be_is_refused_field_by_field(store: Store, change: Any, where: str) -> None:
    async with client(store, "admin") as api:
        answer = await api.post("/maintenance", json=window_json("mine") | change)
        assert field(answer) == (422, where), answer.text
        assert (await api.get("/maintenance")).json()["windows"] == []


async def test_a_held_sample_is_released_under_the_name_of_who_asks(store: Store) -> None:
    async with client(store, "approve") as api:
        shown = (await api.get("/quarantine/1")).json()
        assert (shown["site"], shown["kind"], shown["told"]["online_pflops"]) == ("mine", "sample", ABSURD)
        tried = await api.post("/quarantine/1/release?dry_run=true")
        assert (tried.json()["released"], len((await api.get("/quarantine")).json()["quarantine"])) == (False, 1)
        done = await api.post("/quarantine/1/release")
        assert (done.json()["released"], done.json()["sample"]["quality"]) == (True, "suspect")
        row = last_row(store)
        assert (row.action, row.request_id) == ("quarantine.release", done.headers["x-request-id"])
        assert json.loads(row.after)["released_by"] == row.actor
        assert (await api.get("/quarantine")).json()["quarantine"] == []
        assert (await api.get("/quarantine?all=true")).json()["quarantine"][0]["released_by"] == row.actor
        assert (await api.post("/quarantine/1/release")).status_code == 422
        assert (await api.get("/quarantine/9")).status_code == 404
        assert field(await api.get("/quarantine?check=nothing")) == (422, "check")


async def test_a_pool_moves_once_it_is_approved(store: Store) -> None:
    async with client(store, f"register:{MINE}") as mine, client(store, "approve") as bureau:
        asked = await mine.post("/requests", json=a_move("mine"))
        assert (asked.status_code, asked.json()["changes"]) == (
            202,
            ["~ pool mine/p -> mine/renamed (from 2026-11-20)"],
        )
        assert [row["pool"] for row in (await mine.get("/pools")).json()["pools"]] == ["p"]
        assert (await mine.get("/submissions/1")).json()["request"]["as"] == "renamed"
        away = a_move("mine") | {"to": "theirs"}
        assert (await mine.post("/requests", json=away)).status_code == 403
        done = await bureau.post("/submissions/1/approve")
        assert done.json()["changes"] == asked.json()["changes"]
        assert [row["pool"] for row in (await mine.get("/pools")).json()["pools"]] == ["renamed"]
        for change, where in (
            ({"to": "nowhere"}, "to"),
            ({"pool": "renamed"}, "to"),
            ({"from": "x"}, "pool.move.from.date"),
        ):
            wrong = await bureau.post("/requests", json=a_move("mine") | {"pool": "renamed"} | change)
            assert field(wrong) == (422, where), wrong.text


def test_the_text_of_a_wrong_head_says_what_was_expected() -> None:
    from suanli.cli.access import _head

    for text in ("", "1:", "x:" + "0" * 64, "0" * 63):
        with pytest.raises(InputError, match="--head: expected NUMBER:HASH"):
            _head(text)
    assert (_head("7:" + "a" * 64).seq, _head("a" * 64).seq) == (7, 0)
