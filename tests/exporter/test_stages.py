"""What is told of pools on their way to being online."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from exporter.stages import Stages
from suanli.model.errors import Unavailable
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built, local

PLANNED = built(30.0, date(2026, 11, 14)) | {"stage": "planned"}
SITE = a_site(
    "s",
    a_pool("works", built(100.0, date(2026, 11, 4))),
    a_pool("waits", built(20.0, date(2026, 11, 4))),
    a_pool("old", built(7.0, date(2026, 10, 4)), basis="fp64"),
    a_pool("plan", PLANNED),
)
DAY = 86_400


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(SITE, clock=Clock(T0)) as made:
        made.append([a_sample(T0 - 60, 80.0, 40.0, pool="works")])
        yield made


def told(stages: Stages) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(stages)
    return {(one.name, *one.labels.values()): one.value for family in registry.collect() for one in family.samples}


def test_nothing_is_told_before_the_first_look(store: Store) -> None:
    assert told(Stages(store)) == {}


def test_who_waits_and_for_how_long(store: Store) -> None:
    stages = Stages(store)
    stages.look()
    found, now = told(stages), float(T0)
    since = {
        name: (now - local(day)) / DAY for name, day in (("waits", date(2026, 11, 4)), ("plan", date(2026, 11, 14)))
    }
    days = {key[1:]: value for key, value in found.items() if key[0] == "suanli_pool_waiting_days"}
    assert days == pytest.approx(
        {
            ("s", "waits", "built"): since["waits"],
            ("s", "plan", "planned"): since["plan"],
            ("s", "old", "built"): (now - local(date(2026, 10, 4))) / DAY,
        }
    )
    assert found["suanli_commissioning_waiting_pools", "fp16", "built"] == 1.0
    assert found["suanli_commissioning_waiting_pflops", "fp16", "built"] == 20.0
    assert found["suanli_commissioning_waiting_pflops", "fp16", "planned"] == 30.0
    assert found["suanli_commissioning_waiting_pflops", "fp64", "built"] == 7.0
    assert found["suanli_commissioning_waiting_pflops", "fp64", "planned"] == 0.0, "nobody waits there"
    assert found["suanli_commissioning_longest_days", "fp16", "planned"] == pytest.approx(since["plan"])
    assert ("suanli_commissioning_longest_days", "fp64", "planned") not in found, "unknown is not 0"


def test_a_look_that_fails_leaves_what_was_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Stages(store)
    stages.look()
    before = told(stages)

    def down(*_: Any) -> Any:
        raise Unavailable("the store cannot be read: made up")

    monkeypatch.setattr("exporter.stages.funnel_answer", down)
    stages.look()
    assert told(stages) == before != {}


async def test_it_looks_at_once_and_ends_when_it_is_told_to(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stages, looked = Stages(store), asyncio.Event()
    look, loop = stages.look, asyncio.get_running_loop()

    def seen() -> None:
        look()
        loop.call_soon_threadsafe(looked.set)

    monkeypatch.setattr(stages, "look", seen)
    running = asyncio.create_task(stages.run())
    async with asyncio.timeout(20):
        await looked.wait()
        stages.stop()
        await running
    assert told(stages)
