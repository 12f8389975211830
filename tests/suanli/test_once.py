"""Idempotency-Key: a request that is sent again is carried out once, and answered as the first time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from suanli.model.errors import Conflict
from suanli.model.request import REQUEST
from suanli.registering import office
from suanli.registering.underway import UnderWay
from suanli.store.audit import audit_rows
from suanli.store.once import KEPT, Once, keep_answer
from suanli.store.sql import Store
from tests.exporter.test_registry_routes import ENTRY, MINE, addition, client
from tests.suanli.making import T0, Clock, a_pool, a_site, a_store, built

pytestmark = pytest.mark.usefixtures("both_databases")

KEY = {"idempotency-key": "6e1f8d2c-1"}


@pytest.fixture
def clock() -> Clock:
    return Clock(T0)


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    with a_store(a_site("mine", a_pool("p", built(100.0)), operator=MINE), clock=clock) as made:
        yield made


def told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def trail(store: Store) -> int:
    """How many entries the audit trail has of what came over HTTP."""
    with store.reading() as connection:
        return sum(row.actor.startswith("token:") for row in audit_rows(connection))


async def ledger(api: httpx.AsyncClient) -> list[float]:
    return [row["pflops"] for row in (await api.get("/capacity")).json()["capacity"]]


@pytest.mark.parametrize(("scope", "status"), [("admin", 200), (f"register:{MINE}", 202)])
async def test_a_repeated_key_answers_as_the_first_time(store: Store, scope: str, status: int) -> None:
    async with client(store, scope) as api:
        first = await api.post("/requests", json=addition("mine"), headers=KEY)
        entries, lines = trail(store), await ledger(api)
        again = await api.post("/requests", json=addition("mine"), headers=KEY)
        assert first.status_code == status
        assert first.json()["changes"]
        assert told(again) == told(first)
        assert (trail(store), await ledger(api)) == (entries, lines)
        assert len((await api.get("/submissions")).json()["submissions"]) == (status == 202)


async def test_a_request_that_changed_nothing_is_answered_so_again(store: Store) -> None:
    async with client(store, "admin") as api:
        await api.post("/requests", json=addition("mine"))
        body = {"action": "capacity.correct", "site": "mine", "pool": "p", "entry": ENTRY | {"reason": "correction"}}
        first = await api.post("/requests", json=body, headers=KEY)
        assert told(await api.post("/requests", json=body, headers=KEY)) == told(first)


async def test_a_key_that_stood_for_another_request_is_refused(store: Store) -> None:
    async with client(store, "admin") as api:
        assert (await api.post("/requests", json=addition("mine"), headers=KEY)).status_code == 200
        before = await ledger(api)
        other = addition("mine") | {"entry": ENTRY | {"from": "2026-11-10", "pflops": 200.0}}
        answer = await api.post("/requests", json=other, headers=KEY)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
        assert await ledger(api) == before


async def test_two_tokens_have_keys_of_their_own(store: Store) -> None:
    async with client(store, "admin") as one, client(store, "admin") as two:
        first = await one.post("/requests", json=addition("mine"), headers=KEY)
        other = await two.post("/requests", json=addition("mine"), headers=KEY)
    assert told(first) != told(other)


async def test_a_key_is_free_after_a_day(store: Store, clock: Clock) -> None:
    async with client(store, "admin") as api:
        first = await api.post("/requests", json=addition("mine"), headers=KEY)
        clock.at = T0 + KEPT - 1
        assert told(await api.post("/requests", json=addition("mine"), headers=KEY)) == told(first)
        clock.at = T0 + KEPT
        later = addition("mine") | {"entry": ENTRY | {"from": "2026-11-10", "pflops": 200.0}}
        assert (await api.post("/requests", json=later, headers=KEY)).status_code == 200


@pytest.mark.parametrize("params", [{"dry_run": "true"}, {}])
async def test_what_was_only_tried_or_refused_takes_no_key(store: Store, params: dict[str, str]) -> None:
    async with client(store, "admin") as api:
        body = addition("mine" if params else "nowhere")
        tried = await api.post("/requests", json=body, headers=KEY, params=params)
        assert (tried.status_code, trail(store)) == ((200 if params else 422), 0)
        assert (await api.post("/requests", json=addition("mine"), headers=KEY)).json()["state"] == "applied"


async def test_what_breaks_off_leaves_neither_a_change_nor_a_key(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object) -> None:
        raise OSError("the machine is gone")

    async with client(store, "admin") as api:
        before = await ledger(api)
        with monkeypatch.context() as patched:
            patched.setattr(office, "keep_answer", broken)
            assert (await api.post("/requests", json=addition("mine"), headers=KEY)).status_code == 500
        assert (trail(store), await ledger(api)) == (0, before)
        assert (await api.post("/requests", json=addition("mine"), headers=KEY)).json()["state"] == "applied"


async def test_one_still_under_way_is_a_conflict(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slow(*given: Any) -> None:
        entered.set()
        assert go_on.wait(30)
        keep_answer(*given)

    monkeypatch.setattr(office, "keep_answer", slow)
    async with client(store, "admin") as api:
        assert (await api.get("/sites")).status_code == 200  # the token's use is noted now, and not beside the writer
        first = asyncio.create_task(api.post("/requests", json=addition("mine"), headers=KEY))
        try:
            assert await asyncio.to_thread(entered.wait, 30)
            second = await api.post("/requests", json=addition("mine"), headers=KEY)
        finally:
            go_on.set()
        assert second.status_code == 409, second.text
        done = await first
        assert told(await api.post("/requests", json=addition("mine"), headers=KEY)) == told(done)


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", "ключ"])
async def test_a_key_is_a_word(store: Store, key: str) -> None:
    async with client(store, "admin") as api:
        answer = await api.post("/requests", json=addition("mine"), headers={b"idempotency-key": key.encode()})
        assert answer.status_code == 422
        assert trail(store) == 0


def test_a_key_is_free_again_however_its_request_ended() -> None:
    under_way, once = UnderWay(), Once.of("t", "k", REQUEST.validate_python(addition("mine")))

    def again() -> None:
        with under_way.alone(once):
            raise OSError("gone")

    with under_way.alone(once), pytest.raises(Conflict):
        again()
    with pytest.raises(OSError, match="gone"):
        again()
    with under_way.alone(once):
        pass
