"""The poller with collectors that are scripted fakes; order and counts are asserted, not wall time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

import pytest

from collectors import base, poller, schedule
from collectors.base import CollectError, Refused, Unreachable
from collectors.poller import Poller
from collectors.schedule import Turn, first_turn
from suanli.model.errors import Unavailable
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.sample import Sample
from suanli.model.site import Source
from tests.collectors.cases import NOW

Script = Callable[[int], Awaitable[list[Sample]]]


class Scripted:
    """A fake collector: does what its script does, counts, and notices when it is asked twice at once."""

    Settings: ClassVar[type[base.Settings]] = base.Settings

    def __init__(self, site: PolledSite, script: Script | None = None, _http: object = None) -> None:
        self.site = site
        self._script = script or self.answer
        self.asked = self.at_once = self.most_at_once = 0

    async def collect(self, now: int) -> list[Sample]:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._script(now)
        finally:
            self.at_once -= 1

    async def answer(self, now: int) -> list[Sample]:
        return [Sample(site=self.site.id, pool="p", at=now, source_at=now, fetched_at=now, used_pflops=1.0)]


def raising(error: Exception) -> Script:
    async def script(_now: int) -> list[Sample]:
        raise error

    return script


def hanging(until: asyncio.Event) -> Script:
    async def script(_now: int) -> list[Sample]:
        await until.wait()
        raise Unreachable("gave up")

    return script


def site(id_: str, *, interval: int = 3600, timeout: float = 60.0) -> PolledSite:
    source = Source(kind="http_json", url="http://127.0.0.1:1")
    return PolledSite(id_, source, (), interval=interval, timeout=timeout, max_age=3 * interval)


class Record:
    """Where polls end: what was appended and told. `append` fails while `broken`."""

    def __init__(self) -> None:
        self.appended: list[Sample] = []
        self.told: list[PollOutcome] = []
        self.broken = False
        self.refused = 0

    async def append(self, samples: list[Sample]) -> None:
        await asyncio.sleep(0)
        if self.broken:
            self.refused += 1
            raise Unavailable("the disk is full")
        self.appended += samples

    def results(self, id_: str) -> list[str]:
        return [outcome.result for outcome in self.told if outcome.site == id_]

    async def until_told(self, id_: str, times: int = 1) -> None:
        await until(lambda: len(self.results(id_)) >= times)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for is not ours to signal
            await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def _fine_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "GRID", 0.002)
    monkeypatch.setattr(schedule, "FIRST_POLLS_WITHIN", 0.004)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every next poll is due at once, instead of an interval later."""

    def soon(turn: Turn, wall: float, monotonic: float, error: CollectError | None) -> None:
        schedule.schedule_next(turn, wall, monotonic, error)
        turn.due = monotonic

    monkeypatch.setattr(poller, "schedule_next", soon)


@asynccontextmanager
async def running(
    record: Record, collectors: Iterable[Scripted], concurrency: int = 200
) -> AsyncIterator[tuple[Poller, asyncio.Task[None]]]:
    polling = Poller(record.append, record.told.append, concurrency=concurrency)
    polling.plan([(one.site, one) for one in collectors])
    task = asyncio.create_task(polling.run())
    try:
        yield polling, task
    finally:
        polling.stop()
        async with asyncio.timeout(10):
            await task


@pytest.mark.usefixtures("at_once")
async def test_a_hanging_site_delays_no_other() -> None:
    record, let_go = Record(), asyncio.Event()
    stuck, *others = (Scripted(site("stuck"), hanging(let_go)), *(Scripted(site(f"s{n}")) for n in range(20)))
    async with running(record, [stuck, *others]):
        for one in others:
            await record.until_told(one.site.id, 5)
        asked = stuck.asked
        let_go.set()

    assert asked == 1
    assert record.told[0].site != "stuck"
    assert {outcome.result for outcome in record.told if outcome.site != "stuck"} == {"ok"}


@pytest.mark.usefixtures("at_once")
async def test_sites_that_keep_failing_wait_for_each_other_and_nobody_waits_for_them() -> None:
    record, let_go = Record(), asyncio.Event()
    bad = [Scripted(site(f"bad{n}"), _fails_then(hanging(let_go))) for n in range(5)]
    good = Scripted(site("good"))
    async with running(record, [*bad, good], concurrency=2):
        await until(lambda: sum(one.at_once for one in bad) == 2)
        before = len(record.results("good"))
        await record.until_told("good", before + 10)
        assert sum(one.asked for one in bad) == 5 + 2
        let_go.set()


def _fails_then(later: Script) -> Script:
    scripts = iter([raising(Refused("no"))])

    async def script(now: int) -> list[Sample]:
        return await next(scripts, later)(now)

    return script


@pytest.mark.usefixtures("at_once")
async def test_a_site_is_never_asked_twice_at_once() -> None:
    record = Record()

    async def slowly(now: int) -> list[Sample]:
        await asyncio.sleep(0.01)  # five ticks
        return await one.answer(now)

    one = Scripted(site("slow"), slowly)
    async with running(record, [one]):
        await record.until_told("slow", 5)

    assert one.most_at_once == 1
    assert one.asked == len(record.told)


@pytest.mark.usefixtures("at_once")
async def test_a_site_that_is_changed_while_it_is_asked_is_not_asked_twice_at_once() -> None:
    record, let_go = Record(), asyncio.Event()
    old, other = Scripted(site("s"), hanging(let_go)), Scripted(site("other"))
    async with running(record, [old, other]) as (polling, _):
        await until(lambda: old.at_once == 1)
        new = Scripted(site("s", interval=1800))
        polling.plan([(new.site, new), (other.site, other)])
        await record.until_told("other", len(record.results("other")) + 10)
        asked_meanwhile = new.asked
        let_go.set()
        await until(lambda: new.asked > 0)

    assert asked_meanwhile == 0
    assert old.asked == 1


@pytest.mark.usefixtures("at_once")
async def test_a_fault_in_a_collector_is_told_as_a_bug_and_the_others_go_on() -> None:
    record = Record()
    bug, good = Scripted(site("bug"), raising(KeyError("secret"))), Scripted(site("good"))
    async with running(record, [bug, good]):
        await record.until_told("bug", 3)
        await record.until_told("good", 3)

    assert set(record.results("bug")) == {"bug"}
    assert set(record.results("good")) == {"ok"}
    assert all("secret" not in outcome.reason for outcome in record.told)
    assert {sample.site for sample in record.appended} == {"good"}


@pytest.mark.usefixtures("at_once")
async def test_a_store_fault_pauses_polling_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    pause = 0.1
    monkeypatch.setattr(poller, "_PAUSE_AFTER_STORE_FAULT", pause)
    record = Record()
    asked_at: list[float] = []

    async def noting(now: int) -> list[Sample]:
        asked_at.append(time.monotonic())
        return await one.answer(now)

    one = Scripted(site("s"), noting)
    async with running(record, [one]) as (polling, _):
        await record.until_told("s")
        record.broken = True
        await until(lambda: polling.fault is not None)
        assert polling.fault == "the disk is full"
        record.broken = False
        refused, told = record.refused, len(record.told)
        await record.until_told("s", told + 1)
        assert polling.fault is None

    assert refused == 1
    assert max(later - earlier for earlier, later in pairwise(asked_at)) >= pause * 0.9
    assert set(record.results("s")) == {"ok"}


@pytest.mark.usefixtures("at_once")
async def test_a_poll_that_had_nothing_to_record_does_not_end_a_store_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "_PAUSE_AFTER_STORE_FAULT", 1000.0)
    record, let_go = Record(), asyncio.Event()
    good, dead = Scripted(site("good")), Scripted(site("dead"), hanging(let_go))
    async with running(record, [dead, good]) as (polling, _):
        await until(lambda: dead.at_once == 1)
        record.broken = True
        await until(lambda: polling.fault is not None)
        let_go.set()
        await record.until_told("dead")
        assert polling.fault == "the disk is full"
        asked = good.asked, dead.asked
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert (good.asked, dead.asked) == asked


async def test_stop_waits_for_the_polls_under_way() -> None:
    record, let_go = Record(), asyncio.Event()

    async def slowly(now: int) -> list[Sample]:
        await let_go.wait()
        return await one.answer(now)

    one = Scripted(site("s"), slowly)
    async with running(record, [one]) as (polling, task):
        await until(lambda: one.at_once == 1)
        polling.stop()
        await asyncio.sleep(0.01)
        assert not task.done()
        let_go.set()
        await task

    assert record.results("s") == ["ok"]
    assert len(record.appended) == 1


async def test_plan_keeps_the_turn_of_what_has_not_changed() -> None:
    record = Record()
    same, changed, gone = (Scripted(site(name)) for name in ("same", "changed", "gone"))
    async with running(record, [same, changed, gone]) as (polling, _):
        for one in (same, changed, gone):
            await record.until_told(one.site.id)
        # Each is due again in up to an hour; only what is new or has changed may be asked now.
        anew = Scripted(replace(changed.site, timeout=30.0))
        again, fresh = Scripted(site("same")), Scripted(site("fresh"))
        polling.plan([(one.site, one) for one in (again, anew, fresh)])
        await record.until_told("changed", 2)
        await record.until_told("fresh")

    assert (same.asked, again.asked) == (1, 0)
    assert (changed.asked, anew.asked) == (1, 1)
    assert (gone.asked, fresh.asked) == (1, 1)


async def _polled(one: Scripted, record: Record) -> tuple[PollOutcome, Turn]:
    turn = first_turn(one.site, one, 0.0)
    return await Poller(record.append, record.told.append, clock=lambda: NOW + 0.75).poll(turn), turn


async def test_one_poll_takes_the_time_once() -> None:
    record = Record()
    outcome, turn = await _polled(Scripted(site("s", interval=60)), record)
    (sample,) = record.appended

    assert (outcome.site, outcome.at, outcome.result, outcome.reason) == ("s", NOW, "ok", "")
    assert outcome.samples == (sample,)
    assert (sample.at, sample.source_at, sample.fetched_at) == (turn.slot, NOW, NOW)
    assert sample.max_age == 3 * 60
    assert turn.failures == 0


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Unreachable("x"), "unreachable"),
        (Refused("x"), "refused"),
        (base.NotFound("x"), "notfound"),
        (base.Unreadable("x"), "unreadable"),
    ],
)
async def test_an_error_is_told_by_its_kind_and_nothing_is_appended(error: CollectError, result: str) -> None:
    record = Record()
    outcome, turn = await _polled(Scripted(site("s"), raising(error)), record)

    assert (outcome.result, outcome.reason, outcome.samples) == (result, "x", ())
    assert record.appended == []
    assert turn.failures == 1


async def test_no_answer_within_the_deadline_is_unreachable() -> None:
    outcome, _ = await _polled(Scripted(site("s", timeout=0.01), hanging(asyncio.Event())), Record())

    assert (outcome.result, outcome.reason) == ("unreachable", "no complete answer within 0.01 s")


async def test_a_figure_that_cannot_be_is_unreadable() -> None:
    async def absurd(now: int) -> list[Sample]:
        return [Sample(site="s", pool="p", at=now, source_at=now, fetched_at=now, used_pflops=-1.0)]

    record = Record()
    outcome, _ = await _polled(Scripted(site("s"), absurd), record)

    assert outcome.result == "unreadable"
    assert outcome.reason.startswith("a figure that cannot be: used_pflops: ")
    assert record.appended == []


async def test_a_sources_clock_that_runs_ahead_is_flagged_and_keeps_nothing_fresh() -> None:
    async def ahead(now: int) -> list[Sample]:
        at = now + 86_400
        return [Sample(site="s", pool="p", at=at, source_at=at, fetched_at=now, used_pflops=1.0)]

    record = Record()
    await _polled(Scripted(site("s", interval=60), ahead), record)
    (sample,) = record.appended

    assert (sample.quality, sample.reason) == ("suspect", "the source's clock is 86400 s ahead")
    assert (sample.source_at, sample.fetched_at) == (NOW, NOW)
    assert NOW - 2 * 60 < sample.at <= NOW


async def test_a_store_fault_in_one_poll_is_the_callers_to_hear() -> None:
    record = Record()
    record.broken = True

    with pytest.raises(Unavailable):
        await _polled(Scripted(site("s")), record)
