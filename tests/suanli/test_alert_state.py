"""How an alert's state follows from its number: held against Prometheus, written anew from what its documents say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.alerts.state import ended, step
from tests.suanli.alerting import Below, Interval, Timeline, firing_intervals, intervals, states

# ---------------------------------------------------------------- Prometheus, as its documents tell it


@dataclass
class _Series:
    """An alert as Prometheus holds it. ALERTS has a sample of it wherever `state` is set."""

    state: str = ""
    active_at: int = 0
    clear_since: int | None = None


def prometheus(below: Below, timeline: Timeline) -> list[Interval]:
    """`for: hold`, `keep_firing_for: keep`, and an expression that reads ALERTS as the evaluation before left it."""
    series, fired = _Series(), []
    for at, x in timeline:
        alerts_firing = series.state == "firing"
        low = x is not None and x < below.target
        in_band = alerts_firing and x is not None and x < below.clear
        absent = alerts_firing and x is None
        _evaluate(series, returned=low or in_band or absent, at=at, below=below)
        fired.append((at, series.state == "firing"))
    return intervals(fired)


def _evaluate(series: _Series, *, returned: bool, at: int, below: Below) -> None:
    if returned:
        if series.state == "":
            series.state, series.active_at = "pending", at
        series.clear_since = None
        if series.state == "pending" and at - series.active_at >= below.hold:
            series.state = "firing"
        return
    if series.state == "firing" and below.keep > 0:
        if series.clear_since is None:
            series.clear_since = at
        if at - series.clear_since < below.keep:
            return
    series.state, series.clear_since = "", None


# ---------------------------------------------------------------- laws


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    at, found = 1_795_500_000, []
    number = st.none() | st.sampled_from([0.0, 0.79, 0.8, 0.81, 0.82, 0.83, 1.0])
    runs = draw(st.lists(st.tuples(number, st.integers(1, 12)), max_size=12))
    for x, length in runs:
        for _ in range(length):
            at += draw(st.sampled_from([30, 30, 30, 1, 60, 400]))
            found.append((at, x))
    return found


belows = st.builds(
    Below,
    clear=st.sampled_from([0.8, 0.82]),
    hold=st.sampled_from([0, 29, 30, 60, 600]),
    keep=st.sampled_from([0, 30, 31, 300]),
)


@given(belows, timelines())
def test_the_evaluator_fires_exactly_when_prometheus_does(below: Below, timeline: Timeline) -> None:
    assert firing_intervals(below, timeline) == prometheus(below, timeline)


@given(belows, timelines())
def test_nothing_fires_before_it_was_active_for_so_long(below: Below, timeline: Timeline) -> None:
    for start, _ in firing_intervals(below, timeline):
        window = [x for at, x in timeline if start - below.hold <= at <= start]
        assert all(x is not None and x < below.target for x in window)


@given(belows, timelines())
def test_unknown_never_ends_what_fires_nor_begins_it(below: Below, timeline: Timeline) -> None:
    alerts = list(states(below, timeline))
    for before, alert in pairwise(alerts):
        if alert.value is None:
            assert alert.fires == before.fires
            assert alert.held == alert.fires
            assert alert.state == ("firing" if before.fires else "unknown")


@given(belows, timelines())
def test_since_is_when_the_state_came_and_fired_at_when_it_began_to_fire(below: Below, timeline: Timeline) -> None:
    alerts = list(states(below, timeline))
    found = firing_intervals(below, timeline)
    for (at, _), before, alert in zip(timeline, [None, *alerts], alerts, strict=False):
        assert alert.since == (before.since if before and before.state == alert.state else at)
        starts = [start for start, end in found if start <= at and (end is None or at < end)]
        assert alert.fired_at == (starts[0] if starts else None)


# ---------------------------------------------------------------- cases, by hand

MINUTELY = Below(hold=120, keep=120)


def every_minute(*numbers: float | None) -> Timeline:
    return [(60 * place, x) for place, x in enumerate(numbers)]


CASES = {
    "for is counted from the first active round": ([0.7] * 4, "pending pending firing firing"),
    "a moment of good sets it back": ([0.7, 0.7, 0.9, 0.7, 0.7], "pending pending ok pending pending"),
    "unknown sets it back": ([0.7, 0.7, None, 0.7], "pending pending unknown pending"),
    "within the band nothing begins": ([0.81] * 4, "ok ok ok ok"),
    "within the band it goes on": ([0.7] * 3 + [0.81] * 4, "pending pending firing firing firing firing firing"),
    "of exactly the target nothing is wrong": ([0.8] * 3, "ok ok ok"),
    "at the end of the band it recovers": ([0.7] * 3 + [0.82] * 3, "pending pending firing recovering recovering ok"),
    "while it recovers the band holds": (
        [0.7] * 3 + [0.9, 0.81, 0.9, 0.9, 0.9],
        "pending pending firing recovering firing recovering recovering ok",
    ),
    "silence resolves nothing": ([0.7] * 3 + [None] * 3, "pending pending firing firing firing firing"),
    "silence while it recovers": ([0.7] * 3 + [0.9, None, 0.9], "pending pending firing recovering firing recovering"),
    "unknown from the start": ([None, None, 0.9], "unknown unknown ok"),
}


@pytest.mark.parametrize(("numbers", "expected"), CASES.values(), ids=CASES)
def test_by_hand(numbers: list[float | None], expected: str) -> None:
    assert [alert.state for alert in states(MINUTELY, every_minute(*numbers))] == expected.split()


def test_without_for_and_keep_it_fires_and_ends_at_once() -> None:
    found = [alert.state for alert in states(Below(hold=0, keep=0), every_minute(0.7, 0.9, None))]
    assert found == ["firing", "ok", "unknown"]


def test_a_clock_that_was_set_back_makes_nothing_wait_longer_than_it_must() -> None:
    timeline: Timeline = [(10_000, 0.7), (60, 0.7), (120, 0.7), (180, 0.7)]
    assert [alert.state for alert in states(MINUTELY, timeline)] == ["pending", "pending", "pending", "firing"]


def test_what_was_acknowledged_stays_so_while_it_fires_and_no_longer() -> None:
    *_, firing = states(MINUTELY, every_minute(0.7, 0.7, 0.7))
    known = replace(firing, acknowledged_by="王", acknowledged_why="换电源")
    held = step(known, MINUTELY.reading(None), 200)
    recovering = step(held, MINUTELY.reading(0.9), 240)
    over = step(recovering, MINUTELY.reading(0.9), 360)
    assert [one.acknowledged_by for one in (held, recovering, over)] == ["王", "王", ""]
    assert [one.acknowledged_why for one in (held, recovering, over)] == ["换电源", "换电源", ""]


def test_the_alert_of_a_subject_that_is_no_more_is_over_and_gone() -> None:
    *_, firing = states(MINUTELY, every_minute(0.7, 0.7, 0.7, None))
    over = ended(firing, 500)
    assert (over.state, over.since, over.held, over.fired_at, over.gone, over.fires) == (
        *("ok", 500, False, None, True),
        False,
    )
