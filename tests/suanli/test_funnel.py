"""The commissioning funnel: what stands where, for how many days, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.model.funnel import Commissioning, Funnel, Stuck, Wait, funnel

DAY = 86400
NOW = 1000 * DAY
NOTHING = Commissioning("s", "p", None, None, None, None, None, None, None)
dates = st.none() | st.integers(0, 1100).map(lambda day: day * DAY)
figures = st.none() | st.just(0.0) | st.floats(1e-3, 1e5)
names = st.sampled_from("abc")
any_rows = st.lists(
    st.builds(Commissioning, names, names, dates, dates, dates, figures, figures, figures, figures), max_size=6
)


def pool(name: str, planned: int | None, built: int | None, online: int | None, *pflops: float | None) -> Commissioning:
    """Dates in days; PFLOPS of as many stages as are known, from planned on."""
    planned, built, online = (None if day is None else day * DAY for day in (planned, built, online))
    return Commissioning("s", name, planned, built, online, *pflops, *[None] * (4 - len(pflops)))


def waits(*rows: Commissioning, now: int = NOW) -> tuple[Wait, Wait]:
    found = funnel(rows, now)
    return found.to_built, found.to_online


NOBODY = Wait(None, None, 0, 0, 0)


def test_a_city_by_hand() -> None:
    found = funnel(
        [
            pool("done", 100, 300, 310, 100.0, 90.0, 80.0, 50.0),
            pool("dark", 500, 600, None, 200.0, 200.0),
            pool("paper", 960, None, None, 700.0),
        ],
        NOW,
    )
    assert found == Funnel(
        planned_pflops=1000.0,
        built_pflops=290.0,
        online_pflops=80.0,
        used_pflops=50.0,
        to_built=Wait(median_days=100.0, longest_days=200.0, finished=2, still=1, unknown=0),
        to_online=Wait(median_days=205.0, longest_days=400.0, finished=1, still=1, unknown=0),
        stuck=(Stuck("s", "dark", "built", 400.0, 200.0), Stuck("s", "paper", "planned", 40.0, 700.0)),
    )


def test_of_nobody_nothing_is_known() -> None:
    assert funnel([], NOW) == Funnel(None, None, None, None, NOBODY, NOBODY, ())
    assert funnel([NOTHING], NOW) == funnel([], NOW)


def test_a_stage_without_a_date_is_unknown_and_not_0_days() -> None:
    assert waits(pool("a", None, 300, 310)) == (Wait(None, None, 0, 0, 1), Wait(10.0, 10.0, 1, 0, 0))
    assert waits(pool("a", 100, None, 310)) == (Wait(None, None, 0, 0, 1), Wait(None, None, 0, 0, 1))
    assert waits(pool("a", None, None, 310)) == (Wait(None, None, 0, 0, 1), Wait(None, None, 0, 0, 1))
    assert waits(pool("a", None, 300, None)) == (Wait(None, None, 0, 0, 1), Wait(700.0, 700.0, 0, 1, 0))


def test_dates_that_contradict_each_other_are_unknown() -> None:
    assert waits(pool("a", 400, 300, 290)) == (Wait(None, None, 0, 0, 1), Wait(None, None, 0, 0, 1))
    assert waits(pool("a", 300, 300, 300)) == (Wait(0.0, 0.0, 1, 0, 0), Wait(0.0, 0.0, 1, 0, 0))


@pytest.mark.parametrize(("built", "still"), [(1000, 0), (1001, 1)])
def test_what_is_still_to_come_has_not_happened(built: int, still: int) -> None:
    to_built, to_online = waits(pool("a", 900, built, None))
    assert (to_built.still, to_online.still) == (still, 1 - still)
    assert waits(pool("a", 1001, None, None)) == (NOBODY, NOBODY)


def test_days_are_counted_to_the_second() -> None:
    assert waits(replace(NOTHING, planned_since=NOW - DAY // 2))[0].longest_days == 0.5


def test_an_unknown_amount_is_stuck_too_and_is_not_0() -> None:
    found = funnel([pool("a", 400, None, None), pool("b", 300, None, None, 0.0)], NOW)
    assert found.stuck == (Stuck("s", "b", "planned", 700.0, 0.0), Stuck("s", "a", "planned", 600.0, None))
    assert found.planned_pflops == 0.0
    assert funnel([pool("a", 400, None, None)], NOW).planned_pflops is None


def test_of_equal_waits_the_order_is_by_name() -> None:
    rows = [replace(pool(name, 400, None, None), site=site) for site, name in ("bb", "ba", "ab")]
    assert [one.site + one.pool for one in funnel(rows, NOW).stuck] == ["ab", "ba", "bb"]


def happened(at: int | None) -> bool:
    return at is not None and at <= NOW


@given(any_rows)
def test_every_pool_that_came_to_a_stage_is_counted_once(rows: list[Commissioning]) -> None:
    found = funnel(rows, NOW)
    built = [row for row in rows if happened(row.built_since) or happened(row.online_since)]
    planned = [row for row in rows if happened(row.planned_since) or row in built]
    for wait, there in ((found.to_built, planned), (found.to_online, built)):
        assert wait.finished + wait.still + wait.unknown == len(there)
    assert found.to_built.still + found.to_online.still == len(found.stuck)
    assert all(one.days >= other.days for one, other in pairwise(found.stuck))


@given(any_rows)
def test_the_days_are_those_between_the_dates(rows: list[Commissioning]) -> None:
    days = []
    for row in rows:
        start, end = row.built_since, row.online_since
        end = end if end is not None and end <= NOW else NOW
        if start is not None and start <= end:
            days.append((end - start) / DAY)
    wait = funnel(rows, NOW).to_online
    assert (wait.median_days, wait.longest_days) == ((median(days), max(days)) if days else (None, None))


@given(any_rows)
def test_the_sums_are_of_what_is_known(rows: list[Commissioning]) -> None:
    found = funnel(rows, NOW)
    for stage in ("planned_pflops", "built_pflops", "online_pflops", "used_pflops"):
        known = [Fraction(value) for row in rows if (value := getattr(row, stage)) is not None]
        assert getattr(found, stage) == (float(sum(known)) if known else None)


@given(any_rows)
def test_the_order_of_the_pools_does_not_matter(rows: list[Commissioning]) -> None:
    one, other = funnel(rows, NOW), funnel(rows[::-1], NOW)
    assert replace(one, stuck=()) == replace(other, stuck=())
    assert [waiting.days for waiting in one.stuck] == [waiting.days for waiting in other.stuck]


@given(any_rows, st.integers(1, 50))
def test_while_nothing_happens_only_those_who_wait_have_more_days(rows: list[Commissioning], days: int) -> None:
    latest = max((at for row in rows for at in (row.planned_since, row.built_since, row.online_since) if at), default=0)
    early, late = funnel(rows, latest), funnel(rows, latest + days * DAY)
    assert late.stuck == tuple(replace(one, days=one.days + days) for one in early.stuck)
    for one, other in ((early.to_built, late.to_built), (early.to_online, late.to_online)):
        assert (one.finished, one.still, one.unknown) == (other.finished, other.still, other.unknown)
