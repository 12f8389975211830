"""Two sites with one curve: somebody sends another's figures, or one cluster is registered twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import e
from zoneinfo import ZoneInfo

from suanli.quality.history import DAY, HOUR, Finding, Hourly, same

LEAST_DISTINCT = 6
"""Values in a day: full, idle and hand-kept pools have few, and share them by chance."""
_HOURS = DAY // HOUR
_DIGITS = 6  # coarser than what counts as the same, so that equal curves meet in one group

Curve = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    """One pool's day; pools with one key are compared."""

    series: Hourly
    curve: Curve
    key: Curve


def identical(fleet: Sequence[Hourly], _zone: ZoneInfo) -> list[Finding]:
    """Pools of different sites whose used, or used/online, is the same in all hours of a whole UTC day.

    Each day is one pass: pools meet by their rounded curves, so that the work grows with the fleet, not with its
    square. A day with an unknown hour is not compared, so a copy shows once a whole day of it is known.
    """
    starts = [(series, _starts(series)) for series in fleet]
    findings: list[Finding] = []
    for day in sorted({day for _, days in starts for day in days}):
        told: set[tuple[str, str]] = set()
        for what in ("used", "used/online"):
            days = (known for series, at in starts if day in at and (known := _day(series, at[day], what)) is not None)
            found = [pair for pair in _pairs(days) if (pair[0].site, pair[0].pool) not in told]
            told |= {(one.site, one.pool) for one, _ in found}
            findings += [_finding(one, other, what, day) for one, other in found]
    return _joined(findings)


def _starts(series: Hourly) -> dict[int, int]:
    """UTC day -> the place of its first hour, of days whose hours are all there."""
    hours = series.hours
    return {
        hour // DAY: place
        for place, hour in enumerate(hours[: 1 - _HOURS])
        if hour % DAY == 0 and hours[place + _HOURS - 1] - hour == DAY - HOUR
    }


def _day(series: Hourly, start: int, what: str) -> _Day | None:
    """The day's 24 values; None where one is unknown or they say too little."""
    used, online = series.used[start : start + _HOURS], series.online[start : start + _HOURS]
    curve = tuple(_values(used, online, what))
    key = tuple(map(_rounded, curve))
    return _Day(series, curve, key) if len(curve) == _HOURS and len(set(key)) >= LEAST_DISTINCT else None


def _values(used: Iterable[float | None], online: Iterable[float | None], what: str) -> Iterator[float]:
    for value, whole in zip(used, online, strict=True):
        if value is not None and what == "used":
            yield value
        elif value is not None and whole:
            yield value / whole


def _pairs(days: Iterable[_Day]) -> Iterator[tuple[Hourly, Hourly]]:
    """Each pool that has a double on another site, with one such double."""
    groups: dict[Curve, list[_Day]] = {}
    for day in days:
        groups.setdefault(day.key, []).append(day)
    for group in groups.values():
        first = group[0]
        other = next((day for day in group if day.series.site != first.series.site), None)
        if other is None:
            continue
        for one in group:
            double = first if one.series.site != first.series.site else other
            if all(map(same, one.curve, double.curve)):
                yield one.series, double.series


def _rounded(value: float) -> float:
    # Shares of a device count such as 7/256 lie on the edge of rounding; times e, nothing that is counted does.
    return float(f"{value * e:.{_DIGITS}g}")


def _finding(one: Hourly, other: Hourly, what: str, day: int) -> Finding:
    reason = f"{what} is that of {other.site}/{other.pool} in every hour: whose figures are these?"
    return Finding(one.site, one.pool, "identical", day * DAY, (day + 1) * DAY, reason)


def _joined(findings: list[Finding]) -> list[Finding]:
    """Days in a row of one pool and one reason as one finding; they come in the order of the days."""
    last: dict[tuple[str, str, str], Finding] = {}
    done: list[Finding] = []
    for finding in findings:
        key = (finding.site, finding.pool, finding.reason)
        before = last.get(key)
        if before is not None and before.until == finding.since:
            finding = replace(finding, since=before.since)
        elif before is not None:
            done.append(before)
        last[key] = finding
    return done + list(last.values())
