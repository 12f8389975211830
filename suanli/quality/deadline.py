"""Figures that are round only when a report is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo

from suanli.quality.history import HOUR, Finding, Hourly, same, shown

STEP_SHARE = 0.05
STEP_PFLOPS = 10.0
"""How people write a wish: five per cent of what is online, or tens of PFLOPS."""
ROUND_THEN = 0.8
ROUND_ELSE = 0.1
"""Shares of the hours; by chance one mean in twenty is near a step, and next to none hits it."""
LEAST_THEN = 12
LEAST_ELSE = 72
"""Hours that tell something: half a day at the deadline, three days besides."""
_OFF = 1e-6  # of a step


def month_ends(day: date) -> bool:
    """The last and the first day of a month: monthly reports are made of them."""
    return day.day == 1 or (day + timedelta(days=1)).day == 1


def round_at_deadline(
    fleet: Sequence[Hourly], zone: ZoneInfo, due: Callable[[date], bool] = month_ends
) -> list[Finding]:
    """Used is round in most hours around a deadline and hardly ever at other times.

    An idle or full pool is round honestly, so hours at 0 and at all of online tell nothing.
    """

    @cache
    def at_deadline(hour: int) -> bool:
        return due(datetime.fromtimestamp(hour, zone).date())

    return [finding for series in fleet for finding in _found(series, zone, at_deadline)]


def _found(series: Hourly, zone: ZoneInfo, at_deadline: Callable[[int], bool]) -> Iterator[Finding]:
    spans = [(due, list(hours)) for due, hours in groupby(_telling(series), key=lambda item: at_deadline(item[0]))]
    besides = [is_round for due, hours in spans if not due for _, is_round in hours]
    if len(besides) < LEAST_ELSE or sum(besides) > ROUND_ELSE * len(besides):
        return
    for due, hours in spans:
        rounds = sum(is_round for _, is_round in hours)
        if due and len(hours) >= LEAST_THEN and rounds >= ROUND_THEN * len(hours):
            since, until = hours[0][0], hours[-1][0] + HOUR
            reason = (
                f"used is round in {rounds} of {len(hours)} hours from {shown(since, zone)} to {shown(until, zone)}, "
                f"when a report is due, and in {sum(besides)} of {len(besides)} at other times: who wrote it?"
            )
            yield Finding(series.site, series.pool, "round-at-deadline", since, until, reason)


def _telling(series: Hourly) -> Iterator[tuple[int, bool]]:
    """The hours that tell something, each with whether its used is round."""
    for hour, online, used in zip(series.hours, series.online, series.used, strict=True):
        if online and used and not same(online, used):
            yield hour, _whole(used / online / STEP_SHARE) or _whole(used / STEP_PFLOPS)


def _whole(steps: float) -> bool:
    return abs(steps - round(steps)) <= _OFF
