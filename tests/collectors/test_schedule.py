"""The laws of the schedule, for any site, moment and outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.base import CollectError, Unreachable
from collectors.schedule import FIRST_POLLS_WITHIN, Turn, first_turn, schedule_next, slot_of, stamped
from suanli.model.polled import PolledSite
from suanli.model.sample import Quality, Sample
from suanli.model.site import Source
from tests.collectors.cases import NOW


class NeverAsked:
    """A collector that only fills its place in a turn."""

    async def collect(self, now: int) -> list[Sample]:
        raise AssertionError


def site(id_: str = "s", interval: int = 60) -> PolledSite:
    source = Source(kind="http_json", url="http://127.0.0.1:1")
    return PolledSite(id_, source, (), interval=interval, timeout=10.0, max_age=3 * interval)


def turn(id_: str = "s", interval: int = 60) -> Turn:
    return Turn(site(id_, interval), NeverAsked(), due=0.0)  # type: ignore[arg-type] # it is never built or asked


IDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
INTERVALS = st.integers(1, 86_400)
WALLS = st.floats(1.7e9, 2.2e9)
MONOTONIC = st.floats(0, 1e7)
PART = st.floats(0.01, 0.45)
A_LITTLE = 1e-3  # seconds; finer than this, 1e9 seconds and a float's 53 bits do not tell moments apart


@given(
    id_=IDS,
    interval=st.integers(12, 86_400),
    wall=WALLS,
    parts=st.lists(st.tuples(PART, PART), min_size=2, max_size=12),
)
def test_polls_that_end_in_their_slot_fill_consecutive_slots(
    id_: str, interval: int, wall: float, parts: list[tuple[float, float]]
) -> None:
    one = turn(id_, interval)
    slots = []
    start = slot_of(one, wall) + one.phase + parts[0][0] * interval
    for late, takes in parts:
        one.slot = slot_of(one, start)
        slots.append(one.slot)
        end = start + takes * interval
        schedule_next(one, end, monotonic=end - 1e9, error=None)
        start = one.due + 1e9 + late * interval

    assert slots == [slots[0] + n * interval for n in range(len(slots))]


@given(id_=IDS, interval=INTERVALS, wall=WALLS, late=st.floats(0, 1))
def test_a_poll_that_is_late_by_less_than_its_interval_keeps_its_slot(
    id_: str, interval: int, wall: float, late: float
) -> None:
    one = turn(id_, interval)
    slot = slot_of(one, wall)
    begins = slot + int(one.phase)

    assert slot % interval == 0
    assert begins - A_LITTLE <= wall <= begins + interval + A_LITTLE
    assert slot_of(one, begins + A_LITTLE + late * (interval - 2 * A_LITTLE)) == slot


@given(id_=IDS, interval=INTERVALS, started=WALLS, takes=st.floats(0, 20), failures=st.integers(0, 10_000))
@pytest.mark.parametrize("error", [None, Unreachable("down")])
def test_the_next_poll_is_in_the_future_and_not_in_the_same_slot(
    error: CollectError | None, id_: str, interval: int, started: float, takes: float, failures: int
) -> None:
    one = turn(id_, interval)
    one.slot, one.failures = slot_of(one, started), failures
    wall = started + takes
    schedule_next(one, wall, monotonic=1e6, error=error)

    assert one.due > 1e6
    assert slot_of(one, wall + one.due - 1e6 + A_LITTLE) > one.slot
    if error is None:
        assert one.due - 1e6 <= interval + 1 + A_LITTLE  # slots change on the whole second before the turn


@given(interval=INTERVALS, wall=WALLS, monotonic=MONOTONIC, failures=st.integers(0, 10_000))
@pytest.mark.parametrize("asked_to_wait", [None, 0.0, 30.0, 299.0, 86_400.0])
def test_back_off_is_bounded(
    asked_to_wait: float | None, interval: int, wall: float, monotonic: float, failures: int
) -> None:
    one = turn("s", interval)
    one.slot, one.failures = slot_of(one, wall), failures
    schedule_next(one, wall, monotonic, Unreachable("down", retry_after=asked_to_wait))

    waits = one.due - monotonic
    assert one.failures == failures + 1
    assert waits <= max(interval + 1, 300) + A_LITTLE
    assert waits >= min(asked_to_wait or 0, 300) - A_LITTLE


def test_the_span_of_back_off_doubles_and_success_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    one = turn("s", 10)
    wall = slot_of(one, NOW) + one.phase + 1
    waits = []
    for _ in range(6):
        schedule_next(one, wall, 0.0, Unreachable("down"))
        waits.append(round(one.due, 3))
    schedule_next(one, wall, 0.0, None)

    assert waits == [10, 20, 40, 80, 80, 80]
    assert (one.failures, round(one.due, 3)) == (0, 9)


def test_a_fleet_that_failed_together_does_not_come_back_together() -> None:
    dues = set()
    for index in range(200):
        one = turn(f"s-{index}", 60)
        one.failures = 4
        schedule_next(one, float(NOW), 0.0, Unreachable("down"))
        dues.add(int(one.due // 10))

    assert len(dues) > 20


def test_phases_spread_over_the_interval_and_are_the_same_at_every_start() -> None:
    turns = [turn(f"szai-{index}", 60) for index in range(2000)]
    per_tick = Counter(int(one.phase // 3) for one in turns)

    assert set(per_tick) == set(range(20))
    assert max(per_tick.values()) < 1.5 * 2000 / 20
    assert all(0 <= one.phase < 60 for one in turns)
    assert [one.phase for one in turns] == [turn(f"szai-{index}", 60).phase for index in range(2000)]


@given(id_=IDS, interval=INTERVALS, monotonic=MONOTONIC)
def test_a_new_site_is_asked_within_seconds(id_: str, interval: int, monotonic: float) -> None:
    one = first_turn(site(id_, interval), NeverAsked(), monotonic)  # type: ignore[arg-type] # never asked

    assert monotonic <= one.due <= monotonic + min(FIRST_POLLS_WITHIN, interval)
    assert (one.failures, one.slot) == (0, -1)


def sample(source_at: int, quality: Quality = "ok") -> Sample:
    return Sample(site="s", pool="p", at=0, source_at=source_at, fetched_at=0, used_pflops=1.0, quality=quality)


@given(
    id_=IDS, interval=INTERVALS, source_at=st.integers(-(10**12), 10**13), now=st.integers(1_700_000_000, 2_200_000_000)
)
def test_stamps_are_never_in_the_future(id_: str, interval: int, source_at: int, now: int) -> None:
    one = turn(id_, interval)
    (stamped_one,) = stamped(one, [sample(source_at)], now)

    assert stamped_one.fetched_at == now
    assert stamped_one.source_at == min(source_at, now)
    assert 0 <= stamped_one.at <= now + one.site.timeout
    assert stamped_one.at % interval == 0
    assert (stamped_one.quality == "suspect") == (source_at > now + 300)
    assert stamped_one.used_pflops == 1.0
    assert stamped_one.max_age == one.site.max_age


def test_a_clock_that_runs_ahead_is_told_and_a_little_ahead_is_no_fault() -> None:
    little, far = stamped(turn(), [sample(NOW + 300), sample(NOW + 3600, "partial")], NOW)

    assert (little.quality, little.reason) == ("ok", "")
    assert (far.quality, far.reason) == ("suspect", "the source's clock is 3600 s ahead")


def test_a_repeated_poll_of_a_slot_is_the_same_point() -> None:
    one = turn()
    start = slot_of(one, NOW) + int(one.phase) + 1
    first, again = (stamped(one, [sample(at)], at)[0] for at in (start, start + 58))

    assert first.at == again.at
    assert replace(one, failures=3).phase == one.phase


def test_an_answer_that_was_made_after_we_asked_lies_in_its_own_slot() -> None:
    one = turn("s", 1)
    answers = [Sample(site="s", pool="p", at=at, source_at=at, fetched_at=at) for at in (NOW + 1, NOW + 1)]
    (early,), (late,) = stamped(one, answers[:1], NOW), stamped(one, answers[1:], NOW + 1)

    assert early.at == late.at  # the same second of the source is the same point, whenever we asked
    assert (early.source_at, late.source_at) == (NOW, NOW + 1)  # and is never fresher than our own clock
