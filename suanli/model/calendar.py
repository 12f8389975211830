"""Days, months and grids in a zone, as UTC seconds. Days have 23 or 25 hours where clocks are changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from suanli.model.message import Message
from suanli.model.units import seconds_of

HOUR = 3600
DAY = 86400
Month = Literal["month"]
Every = int | Month
"""The width of a series' pieces: seconds (whole days of the zone where they are a multiple of a day), or months."""


def every_of(text: str) -> Every:
    """`5m`, `1h`, `1d`, `7d` or `month`; ValueError says what was expected."""
    if text in ("month", "1mo"):
        return "month"
    try:
        seconds = seconds_of(text)
    except ValueError:
        raise ValueError(Message("expected a width such as 5m, 1h, 1d, 7d or month")) from None
    assert isinstance(seconds, int)  # noqa: S101 - seconds_of gives whole seconds for a text
    if seconds % DAY and DAY % seconds:
        raise ValueError(Message("expected a width that divides a day, or whole days"))
    return seconds


def day_of(at: int, zone: ZoneInfo) -> int:
    """The midnight in `zone` with which the day of this second began."""
    return _midnight(datetime.fromtimestamp(at, zone).date(), zone)


def day_after(at: int, zone: ZoneInfo) -> int:
    """The midnight with which the day of this second ends."""
    return _midnight(datetime.fromtimestamp(at, zone).date() + timedelta(days=1), zone)


def month_after(at: int, zone: ZoneInfo) -> int:
    """The midnight with which the month of this second ends."""
    local = datetime.fromtimestamp(at, zone).date()
    return _midnight((local.replace(day=1) + timedelta(days=32)).replace(day=1), zone)


def cuts(lo: int, hi: int, every: Every, zone: ZoneInfo) -> list[int]:
    """[lo, hi) in pieces of this width, the first and last cut short: their edges, lo and hi among them.

    Widths under a day lie on the UTC grid, days and months on the zone's midnights; several days are counted from lo's.
    """
    following = _following(every, zone)
    edges = [lo]
    while edges[-1] < hi:
        edges.append(min(hi, following(edges[-1])))
    return edges


def piece_of(edges: list[int], second: int) -> int:
    """Which piece of these edges the second lies in."""
    return bisect_right(edges, second) - 1


def whole_days(edges: list[int], zone: ZoneInfo) -> bool:
    """Whether every inner edge is a midnight of the zone."""
    return all(day_of(edge, zone) == edge for edge in edges[1:-1])


def whole_hours(edges: list[int]) -> bool:
    """Whether every inner edge is a whole hour of UTC."""
    return all(edge % HOUR == 0 for edge in edges[1:-1])


def _following(every: Every, zone: ZoneInfo) -> Callable[[int], int]:
    if every == "month":
        return lambda at: month_after(at, zone)
    if every % DAY == 0:
        days = every // DAY
        return lambda at: _midnight(datetime.fromtimestamp(at, zone).date() + timedelta(days=days), zone)
    return lambda at: at // every * every + every


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Where clocks go forward at midnight the day begins then; where they go back, with the first of the two."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
