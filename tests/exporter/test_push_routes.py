"""What is pushed over HTTP: judged as what is polled, once however often it is sent, all of it or nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from collectors.poller import Poller
from collectors.schedule import Turn, slot_of
from exporter.bodies import MOST_BYTES
from suanli.model.sample import Sample
from suanli.registry.polled import PollDefaults, polled_site
from suanli.store.audit import audit_rows
from suanli.store.quarantine import held_rows
from suanli.store.sql import Store
from tests.exporter.test_registry_routes import client
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built, config
from tests.suanli.storing import raw

PEAK = 0.312
"""PFLOPS of an A100, from its maker's sheet."""
PUSHES = {"source": {"kind": "push", "interval": "60s"}}
PATH = "/sites/mine/samples"


@contextmanager
def pushing() -> Iterator[tuple[Store, Clock]]:
    clock = Clock(T0)
    polled = {"source": {"kind": "http_json", "url": "http://127.0.0.1:9/", "settings": {"fields": {"online": "a"}}}}
    mine = a_site("mine", a_pool("p", built(312.0)), a_pool("q", built(312.0)), **PUSHES)
    with a_store(mine, a_site("asked", **polled), a_site("old", status="retired", **PUSHES), clock=clock) as store:
        yield store, clock


@pytest.fixture
def world() -> Iterator[tuple[Store, Clock]]:
    with pushing() as made:
        yield made


def body(*samples: dict[str, Any]) -> dict[str, Any]:
    return {"samples": list(samples)}


def one(at: int = T0 - 5, pool: str = "p", **told: Any) -> dict[str, Any]:
    return {"pool": pool, "at": at, "fetched_at": at, **(told or {"online_devices": 900, "used_devices": 450})}


async def pushed(store: Store, *samples: dict[str, Any], site: str = "mine") -> httpx.Response:
    async with client(store, f"push:{site}") as api:
        return await api.post(f"/sites/{site}/samples", json=body(*samples))


def rows(store: Store, table: str = "samples") -> list[tuple[Any, ...]]:
    return list(raw(store, f"SELECT at, pool_key, online_pflops, used_pflops FROM {table} ORDER BY 1, 2"))  # noqa: S608


async def test_devices_become_pflops_and_the_same_sample_twice_is_one(world: tuple[Store, Clock]) -> None:
    store, clock = world
    first = await pushed(store, one(), one(pool="q", online_pflops=200.0))
    assert first.json() == {"site": "mine", "kept": 2, "new": 2, "suspect": 0, "quarantined": 0, "notes": []}
    before = rows(store)
    assert [row[2:] for row in before] == [(900 * PEAK, 450 * PEAK), (200.0, None)]
    clock.at += 3000
    again = await pushed(store, one(), one(pool="q", online_pflops=200.0))
    assert (again.status_code, again.json()["kept"], again.json()["new"]) == (200, 2, 0)
    assert (rows(store), rows(store, "replaced")) == (before, [])


async def test_a_pushed_sample_lies_in_the_slot_of_a_polled_one(world: tuple[Store, Clock]) -> None:
    store, _ = world
    polled = polled_site(a_site("mine", **PUSHES), PollDefaults(), _NOBODY)
    assert polled is not None
    await pushed(store, *(one(T0 - 61 * step) for step in range(5)))
    slots = [slot_of(Turn(polled, _NOBODY, 0.0), T0 - 61 * step) for step in range(5)]
    assert [row[0] for row in rows(store)] == sorted(slots)


class _Nobody:
    """Finds no model, and asks nobody."""

    def find(self, _model: str) -> None:
        return None


_NOBODY: Any = _Nobody()

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "pool": (one(pool="x"), "samples[1].pool", "this site has no pool 'x'; it has p, q"),
    "no time": ({"pool": "p", "online_pflops": 1.0}, "samples[1].at", "Field required"),
    "a day for a time": (one() | {"at": 20260101}, "samples[1].at", "greater than or equal to 100000000"),
    "a text for a number": (one(online_pflops="80"), "samples[1].online_pflops", "valid number"),
    "a key that is not": (one(online=80), "samples[1].online", "not permitted"),
    "no figure": (one(quality="ok"), "samples[1]", "tells no figure: leave it out"),
    "no amount": (one(online_devices=-1), "samples[1]", "online is -1: a mark for \"no value\""),
    "no quality": (one(online_pflops=1.0, quality="good"), "samples[1].quality", "should be"),
    "two lines": (one(online_pflops=1.0, reason="a\nb"), "samples[1].reason", "match pattern"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "field", "told"), WRONG.values(), ids=WRONG.keys())
async def test_one_wrong_sample_is_named_and_nothing_is_recorded(
    world: tuple[Store, Clock], wrong: dict[str, Any], field: str, told: str
) -> None:
    store, _ = world
    answer = await pushed(store, one(), wrong)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert told in answer.json()["errors"][0]["detail"]
    assert rows(store) == []


async def test_the_checks_of_polled_samples_judge_it(world: tuple[Store, Clock]) -> None:
    store, _ = world
    await pushed(store, one(T0 - 130, online_pflops=300.0, used_pflops=100.0))
    answer = await pushed(
        store,
        one(T0 - 70, online_pflops=20.0, used_pflops=10.0),  # within a word's life, by more than half of what is built
        one(T0 - 65, pool="q", online_pflops=200.0, used_pflops=201.0),
        one(T0 + 900, pool="q", online_pflops=200.0, used_pflops=100.0),
        one(T0 - 400, pool="q", online_pflops=312_000.0),
        {"pool": "q", "at": T0 - 600, "online_pflops": 200.0, "used_pflops": 1.0},  # nobody says when it was asked
        one(T0 - 800, pool="q", online_pflops=200.0, used_devices=9223372036854775807),
    )
    told = answer.json()
    states = [(note["state"], note["reason"].split(":")[0]) for note in told["notes"]]
    assert states == [
        ("quarantined", "unit"),
        ("figure", "q"),
        ("suspect", "jump"),
        ("suspect", "ladder"),
        ("suspect", "the source's clock is 900 s ahead"),
        ("suspect", "past"),
    ]
    assert (told["kept"], told["suspect"], told["quarantined"]) == (5, 4, 2)
    with store.reading() as connection:
        assert sorted(row.check for row in held_rows(connection)) == ["sentinel", "unit"]


async def test_a_late_one_that_was_asked_in_time_is_as_good_as_any(world: tuple[Store, Clock]) -> None:
    store, _ = world
    answer = await pushed(store, *(one(T0 - 60 * minute) for minute in range(120, 0, -1)))
    assert (answer.json()["kept"], answer.json()["notes"]) == (120, [])
    assert {state.online_pflops for state in store.states_now(T0)} == {None, 900 * PEAK}


async def test_a_clock_ahead_keeps_no_figure_fresh(world: tuple[Store, Clock]) -> None:
    store, _ = world
    await pushed(store, one(T0 + 3600))
    assert [(found.source_at, found.at <= T0, found.quality) for found in store.latest.values()] == [
        (T0, True, "suspect")
    ]


async def test_an_unpublished_peak_is_unknown_and_never_0() -> None:
    site = a_site("mine", a_pool("p", built(10.0), model="huawei-ascend-910c"), **PUSHES)
    with a_store(site, clock=Clock(T0)) as store:
        answer = await pushed(store, one(online_devices=8))
        found = next(iter(store.latest.values()), None)
    assert answer.status_code == 200
    assert found is not None
    assert (found.online_pflops is None) == ("no published peak" in found.reason)


@pytest.mark.parametrize(
    ("site", "status", "told"),
    [
        ("asked", 409, "its source is not of kind push"),
        ("old", 409, "it is retired"),
        ("nowhere", 404, "no site 'nowhere' is registered"),
    ],
)
async def test_only_a_running_site_of_kind_push_takes_any(
    world: tuple[Store, Clock], site: str, status: int, told: str
) -> None:
    store, _ = world
    answer = await pushed(store, one(), site=site)
    assert (answer.status_code, rows(store)) == (status, [])
    assert told in answer.json()["detail"]


def zipped(plain: bytes) -> bytes:
    return gzip.compress(plain)


GOOD = json.dumps(body(one())).encode()
BODIES: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "packed": (lambda: zipped(GOOD), "gzip", 200),
    "as it is": (lambda: GOOD, "identity", 200),
    "a bomb": (lambda: zipped(b" " * (MOST_BYTES + 1) + GOOD), "gzip", 413),
    "just within": (lambda: zipped(b" " * (MOST_BYTES - len(GOOD)) + GOOD), "gzip", 200),
    "no gzip": (lambda: GOOD, "gzip", 422),
    "cut off": (lambda: zipped(GOOD)[:-9], "gzip", 422),
    "more behind": (lambda: zipped(GOOD) + b"x", "gzip", 422),
    "another packing": (lambda: GOOD, "br", 415),
    "too large": (lambda: b" " * MOST_BYTES + GOOD, "identity", 413),
}


@pytest.mark.parametrize(("made", "coding", "status"), BODIES.values(), ids=BODIES.keys())
async def test_a_body_is_bounded_packed_and_unpacked(
    world: tuple[Store, Clock], made: Callable[[], bytes], coding: str, status: int
) -> None:
    store, _ = world
    headers = {"content-type": "application/json", "content-encoding": coding}
    async with client(store, "push:mine") as api:
        answer = await api.post(PATH, content=made(), headers=headers)
    assert answer.status_code == status, answer.text
    assert len(rows(store)) == (status == 200)
    assert status == 200 or answer.headers["content-type"] == "application/problem+json"


async def test_who_pushes_too_often_is_told_when_to_come_again(world: tuple[Store, Clock]) -> None:
    store, _ = world
    async with client(store, "push:mine", settings=config(registration={"writes_per_minute": 1})) as api:
        assert (await api.post(PATH, json=body(one()))).status_code == 200
        refused = await api.post(PATH, json=body(one(T0 - 65)))
    assert (refused.status_code, int(refused.headers["retry-after"]) >= 1, len(rows(store))) == (429, True, 1)


async def test_the_first_push_of_each_token_is_in_the_audit_trail(world: tuple[Store, Clock]) -> None:
    store, _ = world
    async with client(store, "push:mine") as api:
        for _ in range(3):
            await api.post(PATH, json=body(one()))
    await pushed(store, one())
    with store.reading() as connection:
        found = audit_rows(connection, action="samples.push", subject="mine")
    assert len(found) == len({row.actor for row in found}) == 2
    assert all(row.actor.endswith(" push:mine") and row.request_id for row in found)


def renamed(store: Store, table: str, to: str) -> None:
    with store.writing() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))


async def test_what_cannot_be_recorded_is_not_acknowledged(world: tuple[Store, Clock]) -> None:
    store, _ = world
    renamed(store, "outbox", "gone")
    answer = await pushed(store, one())
    renamed(store, "gone", "outbox")
    assert (answer.status_code, rows(store)) == (503, [])
    assert (await pushed(store, one())).status_code == 200


async def test_polled_and_pushed_give_the_same_record(world: tuple[Store, Clock]) -> None:
    """The poller's own way, with the same figures at the same time."""
    store, _ = world
    answer = [a_sample(T0 - 5, 900 * PEAK, 450 * PEAK, site="mine", online_devices=900.0, used_devices=450.0)]

    class Says:
        async def collect(self, _now: int) -> list[Sample]:
            return answer

    kept: list[Sample] = []

    async def append(samples: list[Sample]) -> None:
        kept.extend(samples)

    polled = polled_site(a_site("mine", **PUSHES), PollDefaults(), _NOBODY)
    says: Any = Says()
    assert polled is not None
    await Poller(append, lambda _: None, clock=lambda: float(T0)).poll(Turn(polled, says, 0.0))
    await pushed(store, {**one(), "fetched_at": T0})
    found = next(iter(store.latest.values()))
    assert found == kept[0]
