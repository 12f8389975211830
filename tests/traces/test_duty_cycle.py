"""Assigned is not busy: the gap of every hour is that of the trace's own lines."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, isclose
from pathlib import Path

import pytest

from suanli.catalog.accelerators import load_accelerators
from suanli.importing.samples import read_samples
from suanli.model.sample import Sample
from tests.suanli.making import MAX_AGE, ZONE, open_store
from tests.suanli.running import suanli
from tests.suanli.test_importing import suanli_import
from tests.traces.data import need_data
from tests.traces.duty_cycle import SITES_YAML, STEP, read_lines, write_history
from tests.traces.hours import HOUR, product_hours

PEAK = 0.125  # an A10, dense FP16, in PFLOPS


@dataclass(frozen=True)
class Trace:
    """The trace's own lines as (second, container, percent), and what came of importing it."""

    folder: Path
    lines: list[tuple[int, str, float]]
    samples: list[Sample]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    raw = need_data("duty-cycle")
    folder = tmp_path_factory.mktemp("duty")
    write_history(raw, folder / "duty.csv")
    (folder / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(folder, "apply", "sites.yaml").code == 0
    store = open_store(f"sqlite:///{folder}/suanli.db")
    samples = read_samples(
        [folder / "duty.csv"], store.registry, load_accelerators(), ZONE, int(time.time()), lambda _: MAX_AGE
    )
    store.close()
    lines = [
        (int(float(line["timestamp_anon"])), line["container_ip"], float(line["value"])) for line in read_lines(raw)
    ]
    return Trace(folder, lines, samples)


def test_the_data_are_as_they_are_described(trace: Trace) -> None:
    lines = trace.lines
    assert len(lines) == len({(at, container) for at, container, _ in lines}) == 157_417
    times = Counter(at for at, _, _ in lines)
    assert {later - at for at, later in pairwise(sorted(times))} == {STEP}
    assert (len(times), min(times.values()), max(times.values())) == (1441, 100, 114)
    reports = Counter(container for _, container, _ in lines)
    assert (len(reports), sum(count == len(times) for count in reports.values())) == (143, 72)


def test_the_command_takes_every_row(trace: Trace) -> None:
    ended = suanli_import(trace.folder, "duty.csv", "--json")
    assert (ended.code, ended.data["rows"], ended.data["kept"], ended.data["pools"]) == (0, 1441, 1441, 1)
    assert (ended.data["from"], ended.data["to"]) == ("2022-09-11T01:12:00Z", "2022-09-12T00:00:00Z")


def test_the_gap_between_used_and_busy_of_every_hour_is_that_of_the_lines(trace: Trace) -> None:
    counted = product_hours(trace.samples, ("online_pflops", "used_pflops", "busy_pflops"))
    container_seconds: Counter[int] = Counter()
    idle: dict[int, list[float]] = defaultdict(list)
    for at, _, percent in trace.lines:
        for second_hour, seconds in _split(at):
            container_seconds[second_hour] += seconds
            idle[second_hour].append(seconds * (100 - percent))
    assert {hour for _, hour in counted} == set(container_seconds)
    for hour, seconds in container_seconds.items():
        online, used, busy = counted["gpus", hour]
        assert online == used == seconds * PEAK
        assert isclose(used - busy, fsum(idle[hour]) / 100 * PEAK, rel_tol=1e-12)


def _split(at: int) -> list[tuple[int, int]]:
    """The hours that a line's seconds are in, and how many of them."""
    counted = Counter((at + second) // HOUR * HOUR for second in (0, STEP - 1))
    if len(counted) == 1:
        return [(next(iter(counted)), STEP)]
    later = max(counted)
    return [(min(counted), later - at), (later, at + STEP - later)]
