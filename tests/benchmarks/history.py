"""What a year of history costs: series of it, a sample that comes late, the disk, and the sums made every hour."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import func, insert, select

from suanli.model.calendar import DAY, HOUR, Every, cuts
from suanli.period_answers import AskedPeriod, history_answer
from suanli.store import schema
from suanli.store.rollup import GRACE, roll
from tests.benchmarks.children import BenchError
from tests.benchmarks.figures import Figure
from tests.benchmarks.victoria import Hours, Victoria, victoria
from tests.benchmarks.year import CONFIG, START, Year, append_hour, is_missing, make_year, sample, size_of

_TURNS = 5
_SAME = 1e-9
"""The part by which two answers may differ: VictoriaMetrics keeps numbers as decimals of limited length."""
T = TypeVar("T")


def history_figures(folder: Path, scale: float = 1.0) -> list[Figure]:
    """At scale 1: hours of 200 sites for 365 days, minute samples of 20 sites for 90 days. Takes minutes.

    Raises BenchError when a series is not that of VictoriaMetrics, or when nothing was summed where something must be.
    """
    year = make_year(folder, size_of(scale))
    try:
        figures = [*_disk(year), *_late(year)]
        with victoria(folder) as other:
            figures += _series(year, other)
        return [*figures, _rollup_cpu(year)]
    finally:
        year.store.close()


def differing(ours: Sequence[float | None], theirs: Sequence[float]) -> str | None:
    """How two series differ, in words; None where they are the same but for the last digits."""
    if len(ours) != len(theirs):
        return f"{len(ours)} points beside {len(theirs)}"
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if mine is None or not abs(mine - other) <= _SAME * abs(other):
            return f"point {place}: {mine} beside {other}"
    return None


def _disk(year: Year) -> Iterator[Figure]:
    """Two figures a sample, no reason; without the hours and days made of them, and after the outbox was let go."""
    grown = year.bytes_more()
    with year.store.reading() as connection:
        stored = connection.execute(select(func.count()).select_from(schema.samples)).scalar_one()
    yield Figure("year_samples", stored, "samples", "samples_appended", year.samples, 1.0, exact=True)
    yield Figure("bytes_per_sample", grown / stored, "bytes", "limit_bytes", 45.0, 1.0)


def _late(year: Year) -> Iterator[Figure]:
    """One sample of an hour long summed: recorded, its hour and its day summed anew."""
    walls = [_timed_ms(partial(_recompute, year, turn))[0] for turn in range(_TURNS)]
    yield Figure("late_sample_ms", statistics.median(walls), "ms", "limit_ms", 50.0, 1.0)


def _recompute(year: Year, turn: int) -> None:
    year.clock.now += 1
    year.store.append([sample(0, 0, _gap(year, turn), fetched_at=year.clock.now)])
    _roll(year, 2)


def _roll(year: Year, least: int) -> None:
    if (summed := roll(year.store, CONFIG.zone)) < least:
        raise BenchError(f"of {least} hours and days, {summed} were summed")


def _gap(year: Year, turn: int) -> int:
    """A minute, each turn of another hour, of which there is no sample."""
    start = year.size.sampled_from + (2 + turn * 24 * year.size.sampled_days // _TURNS) * HOUR
    return next(at for at in range(start, start + 2 * HOUR, 60) if is_missing(0, 0, at))


def _series(year: Year, other: Victoria | None) -> Iterator[Figure]:
    """The fleet by days and by months, every rate of it; VictoriaMetrics is asked for the usage-rate only."""
    yield _given(year, other)
    for name, every in _WIDTHS.items():
        wall, points = _median_ms(partial(_usage, year, every))
        beside = None if other is None else _same_of(other, year, name, points)
        yield Figure(f"year_{name}_ms", wall, "ms", "limit_ms", 300.0, 1.0)
        yield Figure(f"year_{name}_rates_ms", wall, "ms", f"victoriametrics_{name}_ms", beside)


_WIDTHS: dict[str, Every] = {"daily": DAY, "monthly": "month"}


def _usage(year: Year, every: Every) -> list[float | None]:
    answer = history_answer(year.store, AskedPeriod(START, year.size.end), every, CONFIG, fleet=True)
    (series,) = answer["series"]
    return [point["usage_ratio"] for point in series["points"]]


def _same_of(other: Victoria, year: Year, name: str, points: Sequence[float | None]) -> float:
    """How long VictoriaMetrics takes for the same series, which must be the same."""
    months = cuts(START, year.size.end, "month", CONFIG.zone)
    asks = {"daily": partial(other.daily, START, year.size.end), "monthly": partial(other.monthly, months)}
    wall, expected = _median_ms(asks[name])
    if difference := differing(points, expected):
        raise BenchError(f"the {name} series is not that of VictoriaMetrics: {difference}")
    return wall


def _given(year: Year, other: Victoria | None) -> Figure:
    """Hand every hour of the year over."""
    table = schema.hours.c
    rows = select(func.count()).where(table.start >= START, table.start < year.size.end)
    with year.store.reading() as connection:
        count = connection.execute(rows).scalar_one()
    if other is not None:
        other.take(_hours(year))
    held = None if other is None else other.count(START, year.size.end)
    return Figure("year_hours", count, "hours", "victoriametrics_points", held, 1.0, exact=True)


def _hours(year: Year) -> Iterator[Hours]:
    table = schema.hours.c
    rows = select(table.start, table.used, table.told_online).where(table.start >= START, table.start < year.size.end)
    with year.store.reading() as connection:
        for key in year.store.timelines:
            starts, used, online = zip(*connection.execute(rows.where(table.pool_key == key)), strict=True)
            yield str(key), list(starts), list(used), list(online)


def _rollup_cpu(year: Year) -> Figure:
    """Summing an hour of minute samples of every pool, and a 24th of summing a day of them, in parts of an hour."""
    append_hour(year, year.size.sites, year.size.end)
    year.clock.now += GRACE
    hour = _cpu_seconds(partial(_roll, year, 1))
    marks = [{"start": year.size.end - DAY, "pool_key": key} for key in year.store.timelines]
    with year.store.writing() as connection:
        connection.execute(insert(schema.dirty_days), marks)
    day = _cpu_seconds(partial(_roll, year, 1))
    return Figure("rollup_cpu_percent", 100 * (hour + day / 24) / HOUR, "%", "limit_percent", 2.0, 1.0)


def _cpu_seconds(job: Callable[[], object]) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


def _timed_ms(job: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    answer = job()
    return (time.perf_counter() - start) * 1e3, answer


def _median_ms(job: Callable[[], T]) -> tuple[float, T]:
    """The median wall, and the last answer."""
    walls, answers = zip(*(_timed_ms(job) for _ in range(_TURNS)), strict=True)
    return statistics.median(walls), answers[-1]
