"""Assigned is not busy: the gap of every hour is that of the trace's own lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isclose

import pytest

from tests.suanli.running import Ended
from tests.traces.asking import HOUR, Hours, hours, imported, only_sums_stay, parts
from tests.traces.data import need_data
from tests.traces.duty_cycle import SITES_YAML, STEP, read_lines, write_history

PEAK = 0.125  # an A10, dense FP16, in PFLOPS
WHOLE = 1000


@dataclass(frozen=True)
class Trace:
    """The trace's own lines as (second, container, share that is busy), and what came of importing it."""

    lines: list[tuple[int, str, Fraction]]
    ended: Ended
    hours: dict[str, Hours]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    raw = need_data("duty-cycle")
    folder = tmp_path_factory.mktemp("duty")
    write_history(raw, folder / "duty.csv")
    lines = [
        (int(float(line["timestamp_anon"])), line["container_ip"], Fraction(line["value"]) / 100)
        for line in read_lines(raw)
    ]
    span = min(at for at, _, _ in lines), max(at for at, _, _ in lines) + STEP
    ended = imported(folder, SITES_YAML, "duty.csv")
    found = {"samples": hours(folder, *span)}
    only_sums_stay(folder)
    found["sums"] = hours(folder, *span)
    return Trace(lines, ended, found)


def test_the_data_are_as_they_are_described(trace: Trace) -> None:
    lines = trace.lines
    assert len(lines) == len({(at, container) for at, container, _ in lines}) == 157_417
    times = Counter(at for at, _, _ in lines)
    assert {later - at for at, later in pairwise(sorted(times))} == {STEP}
    assert (len(times), min(times.values()), max(times.values())) == (1441, 100, 114)
    reports = Counter(container for _, container, _ in lines)
    assert (len(reports), sum(count == len(times) for count in reports.values())) == (143, 72)


def test_the_command_takes_every_row(trace: Trace) -> None:
    ended = trace.ended
    assert (ended.code, ended.data["rows"], ended.data["kept"], ended.data["pools"]) == (0, 1441, 1441, 1)
    assert (ended.data["from"], ended.data["to"]) == ("2022-09-11T01:12:00Z", "2022-09-12T00:00:00Z")


@pytest.mark.parametrize("source", ["samples", "sums"])
def test_the_gap_between_used_and_busy_of_every_hour_is_that_of_the_lines(trace: Trace, source: str) -> None:
    container_seconds: Counter[int] = Counter()
    idle: dict[int, Fraction] = defaultdict(Fraction)
    for at, _, busy in trace.lines:
        for hour, seconds in _split(at):
            container_seconds[hour] += seconds
            idle[hour] += seconds * (1 - busy)
    told = trace.hours[source]
    assert set(told) == {("gpus", hour) for hour in container_seconds}
    for hour, seconds in container_seconds.items():
        online, used, busy_hours = (told["gpus", hour][f"{rung}_pflops_hours"] for rung in ("online", "used", "busy"))
        assert parts(online, PEAK, WHOLE) == parts(used, PEAK, WHOLE) == seconds * WHOLE
        assert isclose((used - busy_hours) * HOUR / PEAK, idle[hour], rel_tol=1e-12)


def _split(at: int) -> list[tuple[int, int]]:
    """The hours that a line's seconds are in, and how many of them."""
    counted = Counter((at + second) // HOUR * HOUR for second in (0, STEP - 1))
    if len(counted) == 1:
        return [(next(iter(counted)), STEP)]
    later = max(counted)
    return [(min(counted), later - at), (later, at + STEP - later)]
