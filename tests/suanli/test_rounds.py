"""Loops come round, or are seen to be stuck; the clock is the test's own."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from suanli.app import serving
from suanli.model.errors import SuanliError
from suanli.model.rounds import Rounds
from suanli.upkeep import Upkeep
from tests.servers.processes import wait_until
from tests.suanli.making import config, database


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


async def test_a_round_may_take_its_time_and_is_then_overdue(clock: list[float]) -> None:
    rounds = Rounds(patience=10.0)
    clock[0] += 100
    assert rounds.overdue() == 0.0, "it has not begun"
    rounds.alive()
    clock[0] += 10
    assert rounds.overdue() == 0.0
    clock[0] += 7
    assert rounds.overdue() == 7.0
    rounds.alive()
    assert rounds.overdue() == 0.0
    clock[0] += 50
    rounds.stop()
    assert (rounds.overdue(), rounds.stopped) == (0.0, True)


async def test_a_pause_is_not_overdue(clock: list[float]) -> None:
    rounds = Rounds(patience=10.0)
    pause = asyncio.create_task(rounds.pause(3600.0))
    await asyncio.sleep(0)
    clock[0] += 3610
    assert rounds.overdue() == 0.0
    clock[0] += 1
    assert rounds.overdue() == 1.0
    rounds.stop()
    await pause


async def test_rounds_follow_each_other_until_stop() -> None:
    rounds, seen = Rounds(), 0
    async for _ in rounds.every(0.0):
        seen += 1
        if seen == 3:
            rounds.stop()
    assert seen == 3
    await rounds.ended()
    assert [one async for one in rounds.every(0.0)] == []


async def test_a_stuck_loop_fails_healthz_by_its_name_and_only_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upkeep waits for something that does not come; every loop may take a second and a half."""
    go_on, asked = threading.Event(), threading.Event()

    def stuck(_self: Upkeep) -> None:
        asked.set()
        go_on.wait(60)

    monkeypatch.setattr(Upkeep, "turn", stuck)
    monkeypatch.setattr(Rounds.__init__, "__defaults__", (1.5,))
    async with serving(config(store=database(tmp_path), listen="127.0.0.1:0")) as service:
        assert await asyncio.to_thread(asked.wait, 30)
        await asyncio.to_thread(_await, service.address, "upkeep is stuck, ")
        assert await asyncio.to_thread(_overdue, service.address, "upkeep") > 0
        go_on.set()
        await asyncio.to_thread(_await, service.address, "alive")


def _overdue(address: str, loop: str) -> float:
    text = httpx.get(f"{address}/metrics", timeout=30, trust_env=False).text
    return next(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "suanli_loop_overdue_seconds" and sample.labels["loop"] == loop
    )


def _await(address: str, word: str) -> None:
    wait_until(lambda: word in httpx.get(f"{address}/healthz", timeout=30, trust_env=False).text, within=60, what=word)


async def test_a_loop_that_ends_by_itself_ends_the_service_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_self: Upkeep) -> None:
        """Returns at once."""

    monkeypatch.setattr(Upkeep, "run", gone)
    async with serving(config(store=database(tmp_path), listen="127.0.0.1:0")) as service:
        with pytest.raises(SuanliError, match="upkeep ended by itself"):
            await service.run_until(asyncio.Event())
