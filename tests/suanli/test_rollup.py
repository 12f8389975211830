"""Hours and days made of samples: the same however often and in whatever order, and outliving what they are made of."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suanli.model.calendar import cuts
from suanli.model.rates import Terms
from suanli.model.sample import Sample
from suanli.store.levels import Period
from suanli.store.periods import Sums, sums
from suanli.store.rollup import Retention, due, let_go, roll
from suanli.store.sql import Store
from tests.oracle import periods as oracle
from tests.oracle.recorded import World
from tests.oracle.worlds import HOURS, worlds
from tests.suanli import recording
from tests.suanli.making import Clock, a_pool, a_sample, a_site, a_store, built, database, open_store
from tests.suanli.storing import raw

pytestmark = pytest.mark.usefixtures("both_databases")

HOUR, DAY = 3600, 86_400
SHANGHAI, KOLKATA = ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Kolkata")
MIDNIGHT = 1_795_449_600
"""2026-11-24 in Shanghai; in Kolkata it is half past nine."""
LAWS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
NOTHING = Retention(None, None, None)
SITE = a_site("s", a_pool("p", built(100.0)), a_pool("q", built(50.0)))


@contextmanager
def recorded(world: World, rolls: Iterable[int] = (), zone: ZoneInfo = SHANGHAI) -> Iterator[tuple[Store, Any, Any]]:
    """The world in a store, rolled at these moments between its samples; the store, the pools' keys, the clock."""
    clock = recording.Clock(0)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(database(Path(folder)), clock)
        try:
            keys = recording.put(store, world, clock, rolls, lambda store: roll(store, zone))
            clock.now = max([one.recorded_at for one in world.samples], default=HOURS[0]) + 2 * DAY
            yield store, keys, clock
        finally:
            store.close()


def rollups(store: Store) -> list[list[tuple[Any, ...]]]:
    tables = ("hours", "days", "dirty", "dirty_days")
    return [raw(store, f"SELECT * FROM {table} ORDER BY pool_key, start") for table in tables]  # noqa: S608


@LAWS
@given(worlds(), st.lists(st.integers(-600, 9000), max_size=4), st.sampled_from([SHANGHAI, KOLKATA]))
def test_rolled_in_any_order_and_any_number_of_times_the_rows_are_the_same(
    world: World, moments: list[int], zone: ZoneInfo
) -> None:
    first = min((one.recorded_at for one in world.samples), default=HOURS[0])
    with recorded(world) as (store, _, _):
        roll(store, zone)
        once = rollups(store)
        assert (roll(store, zone), rollups(store)) == (0, once)
    with recorded(world, [first + moment for moment in moments], zone) as (store, _, _):
        roll(store, zone)
        assert rollups(store) == once


@LAWS
@given(worlds())
def test_extremes_of_hours_are_those_of_every_second(world: World) -> None:
    with recorded(world) as (store, keys, _):
        roll(store, SHANGHAI)
        names = ", ".join(f"{rung}_{end}" for rung in ("online", "used", "busy") for end in ("min", "max"))
        found = {(row[0], row[1]): row[2:] for row in raw(store, f"SELECT pool_key, start, {names} FROM hours")}  # noqa: S608
    seconds = [one.source_at for one in world.samples]
    hours = range(min(seconds) // HOUR * HOUR, max(seconds) + HOUR, HOUR) if seconds else range(0)
    for pool, key in keys.items():
        for hour in hours:
            truth = oracle.extremes(world, pool, hour, hour + HOUR, None)
            flat = tuple(end for rung in truth for end in rung or (None, None))
            assert found.get((key, hour), (None,) * 6) == flat


def answers(store: Store, edges: list[int], zone: ZoneInfo) -> Sums:
    with store.reading() as connection:
        period = Period(edges, zone, "fp16")
        return sums(connection, store.timelines.values(), period, lambda span: (span.site, span.pool))


def close(one: Sums, other: Sums) -> bool:
    return one.keys() == other.keys() and all(_near(one[place], other[place]) for place in one)


def _near(one: Terms, other: Terms) -> bool:
    names = ("built", "heard", "online", "used", "told_online", "busy", "busy_used", "heard_count", "told_count")
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(abs(mine - other_) <= 1e-9 * max(1.0, abs(mine)) for mine, other_ in pairs)


def standing(world: World) -> World:
    """The same samples of pools of which nothing else changes: parts of hours need samples."""
    pools = sorted({one.pool for one in world.pools})
    return World(
        samples=world.samples,
        entries=[oracle.EntryEvent(pool, "built", 0, None, 16.5, 0, None) for pool in pools],
        pools=[oracle.PoolFacts(pool, "s", pool, "A100 SXM4 80GB", "fp16", 0, None, 0, None) for pool in pools],
        sites=[oracle.SiteFacts("s", "s", "安徽", "Alpha", "operational", 0, None, 0, None)],
    )


@LAWS
@given(worlds(), st.integers(0, 5), st.booleans())
def test_what_is_let_go_changes_no_answer_about_whole_hours(world: World, days: int, hours_go: bool) -> None:
    with recorded(standing(world)) as (store, _, clock):
        roll(store, SHANGHAI)
        middle = min((one.source_at for one in world.samples), default=HOURS[0]) // HOUR * HOUR
        edges = list(range(middle - 2 * HOUR, middle + 5 * HOUR, HOUR))
        midnights = cuts(MIDNIGHT - 2 * DAY, MIDNIGHT + 3 * DAY, DAY, SHANGHAI)
        by_hour, by_day = answers(store, edges, SHANGHAI), answers(store, midnights, SHANGHAI)
        clock.now += days * DAY
        let_go(store, Retention(samples=DAY, hours=3 * DAY if hours_go else None), SHANGHAI, delivered=10**9)
        if not hours_go:
            assert close(answers(store, edges, SHANGHAI), by_hour)
        assert close(answers(store, midnights, SHANGHAI), by_day)
        assert (world.samples == []) or days < 1 or raw(store, "SELECT count(*) FROM samples") == [(0,)]


def every_minute(since: int, until: int, **more: Any) -> list[Sample]:
    return [
        a_sample(at, 80.0 + at // 60 % 7, 40.0 + at // 60 % 5, max_age=90, site="s", **more)
        for at in range(since, until, 60)
    ]


def hours_of(store: Store) -> dict[tuple[int, int], tuple[int, float]]:
    rows = raw(store, "SELECT pool_key, start, heard, online FROM hours")
    return {(key, start): (heard, online) for key, start, heard, online in rows}


def test_a_late_sample_marks_the_hours_it_can_change_and_no_other() -> None:
    start = MIDNIGHT + 10 * HOUR
    clock = Clock(start + 5 * HOUR)
    with a_store(SITE, clock=clock) as store:
        store.append(every_minute(start, start + 4 * HOUR) + every_minute(start, start + HOUR, pool="q"))
        clock.at = start + 2 * DAY
        roll(store, SHANGHAI)
        assert due(store, SHANGHAI) == (0, 0)
        before = hours_of(store)
        store.append([a_sample(start + HOUR + 30, 10.0, max_age=90)])
        assert raw(store, "SELECT start - ?, pool_key FROM dirty".replace("?", str(start))) == [(HOUR, 1)]
        assert due(store, SHANGHAI) == (1, 0)
        assert roll(store, SHANGHAI) == 2, "its hour and its day"
        changed = {place for place, told in hours_of(store).items() if told != before.get(place)}
        assert changed == {(1, start + HOUR)}


def test_an_hour_is_summed_when_it_is_over_and_what_comes_late_had_its_time() -> None:
    clock = Clock(MIDNIGHT + HOUR)
    with a_store(SITE, clock=clock) as store:
        store.append(every_minute(MIDNIGHT, MIDNIGHT + HOUR))
        for seconds, rolled in ((0, 0), (299, 0), (300, 1)):
            clock.at = MIDNIGHT + HOUR + seconds
            assert roll(store, SHANGHAI) == rolled
        assert hours_of(store)[1, MIDNIGHT][0] == HOUR


def test_an_hour_is_known_since_what_bears_on_it_came_whatever_else_is_on_record() -> None:
    """A word that holds for days makes every look at the record reach far."""
    clock = Clock(MIDNIGHT + 10 * HOUR)
    with a_store(SITE, clock=clock) as store:
        store.append([a_sample(MIDNIGHT + 2 * HOUR, 1.0, max_age=60), a_sample(MIDNIGHT, 1.0, pool="q", max_age=DAY)])
        clock.at += 7
        store.append([a_sample(MIDNIGHT + 2 * HOUR - 120, 1.0, max_age=60), a_sample(MIDNIGHT + 60, 1.0, max_age=60)])
        clock.at += 7
        store.append([a_sample(MIDNIGHT + 60, 2.0, max_age=60)])
        roll(store, SHANGHAI)
        known = dict(raw(store, "SELECT start, known_at FROM hours WHERE pool_key = 1"))
        assert known[MIDNIGHT + 2 * HOUR] == MIDNIGHT + 10 * HOUR
        assert known[MIDNIGHT + HOUR] == MIDNIGHT + 10 * HOUR + 7
        assert known[MIDNIGHT] == MIDNIGHT + 10 * HOUR + 14


def test_rolling_ends_between_two_hours_when_it_is_told_to() -> None:
    with a_store(SITE, clock=Clock(MIDNIGHT + 4 * DAY)) as store:
        store.append(every_minute(MIDNIGHT, MIDNIGHT + 3 * HOUR))
        asked: list[int] = []

        def stopping() -> bool:
            asked.append(1)
            return len(asked) > 2

        assert roll(store, SHANGHAI, stopping) == 2
        assert raw(store, "SELECT count(*) FROM hours") == [(2,)]
        assert roll(store, SHANGHAI) == 3, "the rest: two hours, into one of which a word reached, and the day"


# What is let go is closed


@contextmanager
def let_go_after_ten_days(zone: ZoneInfo, until: int = DAY + HOUR) -> Iterator[tuple[Store, Clock, Sums]]:
    """Pool p told everything from MIDNIGHT on; samples of the first day or so are gone, and the sums of days stand."""
    clock = Clock(MIDNIGHT + 3 * DAY)
    with a_store(SITE, clock=clock) as store:
        store.append(every_minute(MIDNIGHT, MIDNIGHT + 2 * DAY))
        roll(store, zone)
        days = answers(store, cuts(MIDNIGHT - DAY, MIDNIGHT + 3 * DAY, DAY, zone), zone)
        clock.at = MIDNIGHT + 10 * DAY + until
        let_go(store, Retention(samples=10 * DAY), zone)
        yield store, clock, days


def closed(store: Store) -> list[tuple[str, int]]:
    return raw(store, f'SELECT "check", (at - {MIDNIGHT}) / 3600 FROM quarantine ORDER BY id')  # noqa: S608


def test_a_sample_of_a_closed_hour_is_held_and_spoils_no_sum() -> None:
    with let_go_after_ten_days(SHANGHAI) as (store, _, days):
        before = hours_of(store)
        assert raw(store, "SELECT value FROM counters WHERE name = 'samples_from'") == [(MIDNIGHT + DAY + HOUR,)]
        store.append([a_sample(MIDNIGHT + 5 * HOUR + 30, 1.0), a_sample(MIDNIGHT + DAY + HOUR + 30, 2.0)])
        assert closed(store) == [("closed", 5)]
        roll(store, SHANGHAI)
        changed = {place for place, told in hours_of(store).items() if told != before[place]}
        assert changed == {(1, MIDNIGHT + DAY + HOUR)}
        first = answers(store, [MIDNIGHT, MIDNIGHT + DAY], SHANGHAI)[0, ("s", "p")]
        assert _near(first, days[1, ("s", "p")])


def test_what_was_told_before_a_closed_hour_reaches_into_it_without_touching_its_sum() -> None:
    with let_go_after_ten_days(SHANGHAI) as (store, _, _):
        before = hours_of(store)
        assert store.append([a_sample(MIDNIGHT - 30, 1.0, max_age=90)]) == 1
        roll(store, SHANGHAI)
        after = hours_of(store)
        assert {place: after[place] for place in before} == before
        assert after[1, MIDNIGHT - HOUR] == (30, 30.0)


def test_history_older_than_the_retention_is_welcome_where_nothing_was_told() -> None:
    with let_go_after_ten_days(SHANGHAI) as (store, clock, _):
        assert store.append(every_minute(MIDNIGHT, MIDNIGHT + DAY, pool="q")) == 1440
        roll(store, SHANGHAI)
        whole = answers(store, [MIDNIGHT, MIDNIGHT + DAY], SHANGHAI)[0, ("s", "q")]
        clock.at += 2 * HOUR
        assert let_go(store, Retention(samples=10 * DAY), SHANGHAI) > 1440
        assert raw(store, "SELECT count(*) FROM samples WHERE pool_key = 2") == [(0,)]
        assert _near(answers(store, [MIDNIGHT, MIDNIGHT + DAY], SHANGHAI)[0, ("s", "q")], whole)
        assert whole.heard_count == DAY


def test_a_day_whose_hours_are_gone_is_closed() -> None:
    with let_go_after_ten_days(SHANGHAI) as (store, _, days):
        let_go(store, Retention(samples=10 * DAY, hours=10 * DAY), SHANGHAI)
        assert (1, MIDNIGHT + 5 * HOUR) not in hours_of(store)
        store.append([a_sample(MIDNIGHT + 5 * HOUR + 30, 1.0)])
        assert closed(store) == [("closed", 5)]
        roll(store, SHANGHAI)
        first = answers(store, [MIDNIGHT, MIDNIGHT + DAY], SHANGHAI)[0, ("s", "p")]
        assert _near(first, days[1, ("s", "p")])


def test_days_that_are_half_an_hour_off_outlive_their_samples_too() -> None:
    """The day from half past two in the afternoon by Shanghai's clock on loses its first hours first."""
    with let_go_after_ten_days(KOLKATA, DAY + HOUR) as (store, _, days):
        edges = cuts(MIDNIGHT - DAY, MIDNIGHT + 3 * DAY, DAY, KOLKATA)
        assert close(answers(store, edges, KOLKATA), days)
        later = MIDNIGHT + DAY + 2 * HOUR + 30
        store.append([a_sample(later, 1.0)])
        assert closed(store) == [("closed", 26)], "its hour could be summed again, but not its day"
        roll(store, KOLKATA)
        assert close(answers(store, edges, KOLKATA), days)


def test_history_older_than_the_retention_makes_days_that_are_half_an_hour_off() -> None:
    with let_go_after_ten_days(KOLKATA) as (store, clock, _):
        start = MIDNIGHT - 5 * DAY
        store.append(every_minute(start, start + 2 * DAY, pool="q"))
        roll(store, KOLKATA)
        edges = cuts(start, start + 2 * DAY, DAY, KOLKATA)
        days = [edges[1], edges[2]]
        whole = answers(store, days, KOLKATA)[0, ("s", "q")]
        assert whole.heard_count == DAY
        clock.at += 2 * HOUR
        let_go(store, Retention(samples=10 * DAY), KOLKATA)
        assert raw(store, "SELECT count(*) FROM samples WHERE pool_key = 2") == [(0,)]
        assert _near(answers(store, days, KOLKATA)[0, ("s", "q")], whole)


def test_a_zone_half_an_hour_off_that_comes_later_makes_no_days_of_samples_that_are_gone() -> None:
    with let_go_after_ten_days(SHANGHAI) as (store, _, _):
        roll(store, KOLKATA)
        ((samples_from,),) = raw(store, "SELECT value FROM counters WHERE name = 'samples_from'")
        starts = [
            start for (start,) in raw(store, "SELECT start FROM days WHERE zone = 'Asia/Kolkata' AND pool_key = 1")
        ]
        assert starts
        assert min(starts) >= samples_from


def test_nothing_is_let_go_before_it_is_summed_nor_where_it_is_kept_for_ever() -> None:
    clock = Clock(MIDNIGHT + 100 * DAY)
    with a_store(SITE, clock=clock) as store:
        store.append(every_minute(MIDNIGHT, MIDNIGHT + HOUR))
        assert let_go(store, Retention(samples=DAY), SHANGHAI) == 0
        roll(store, SHANGHAI)
        assert let_go(store, NOTHING, SHANGHAI) == 0
        assert let_go(store, Retention(samples=DAY), SHANGHAI) == 120, "samples, and their places in the outbox"


def test_what_is_in_quarantine_is_kept_as_long_as_samples_are() -> None:
    clock = Clock(MIDNIGHT)
    with a_store(SITE, clock=clock) as store:
        store.append([a_sample(MIDNIGHT, 80_000.0)])
        for seconds, gone in ((0, 0), (DAY, 0), (DAY + 1, 1)):
            clock.at = MIDNIGHT + seconds
            assert let_go(store, Retention(samples=DAY), SHANGHAI) == gone
