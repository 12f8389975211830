"""The commissioning funnel: how much has come to each stage, how long pools take to the next one, and who is stuck."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum
from statistics import median
from typing import Literal

_DAY = 86400


@dataclass(frozen=True, slots=True)
class Commissioning:
    """One pool's way to being online. Times in UTC seconds, None or a later one: not known to have happened.

    planned_since and built_since: the first such entry of the ledger. online_since: when it was first heard online.
    The figures in PFLOPS are those of now; None is unknown.
    """

    site: str
    pool: str
    planned_since: int | None
    built_since: int | None
    online_since: int | None
    planned_pflops: float | None
    built_pflops: float | None
    online_pflops: float | None
    used_pflops: float | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Days between two stages over all pools that entered the first; those still in it count up to now.

    finished and still count the pools of which the days are known. unknown: pools that passed without a date, or whose
    dates contradict each other; they have no days, and are not taken for 0.
    """

    median_days: float | None
    longest_days: float | None
    finished: int
    still: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """A pool that is in `stage` and not yet in the next, for so many days, with the PFLOPS of that stage."""

    site: str
    pool: str
    stage: Literal["planned", "built"]
    days: float
    pflops: float | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """Sums in PFLOPS of what is known at each stage (None: of nobody), the two waits, and who waits, longest first."""

    planned_pflops: float | None
    built_pflops: float | None
    online_pflops: float | None
    used_pflops: float | None
    to_built: Wait
    to_online: Wait
    stuck: tuple[Stuck, ...]


@dataclass(frozen=True, slots=True)
class _Stay:
    """One pool's days in one stage; None is unknown."""

    days: float | None
    still: bool


def funnel(rows: Iterable[Commissioning], now: int) -> Funnel:
    """The funnel of these pools, which share one basis, at `now` (UTC seconds)."""
    everyone = list(rows)
    to_built = [_stay(row.planned_since, row.built_since, row.online_since, now) for row in everyone]
    to_online = [_stay(row.built_since, row.online_since, None, now) for row in everyone]
    stuck = [Stuck(row.site, row.pool, "planned", days, row.planned_pflops) for row, days in _still(everyone, to_built)]
    stuck += [Stuck(row.site, row.pool, "built", days, row.built_pflops) for row, days in _still(everyone, to_online)]
    return Funnel(
        planned_pflops=_sum(row.planned_pflops for row in everyone),
        built_pflops=_sum(row.built_pflops for row in everyone),
        online_pflops=_sum(row.online_pflops for row in everyone),
        used_pflops=_sum(row.used_pflops for row in everyone),
        to_built=_wait(to_built),
        to_online=_wait(to_online),
        stuck=tuple(sorted(stuck, key=lambda one: (-one.days, one.site, one.pool))),
    )


def _stay(entered: int | None, left: int | None, later: int | None, now: int) -> _Stay | None:
    """The days from `entered` to `left`, or to now; None for a pool that has not come there. later: the stage after."""
    entered, left, later = (None if at is None or at > now else at for at in (entered, left, later))
    if left is None and later is None:
        return None if entered is None else _Stay((now - entered) / _DAY, still=True)
    if entered is None or left is None or left < entered:
        return _Stay(None, still=False)
    return _Stay((left - entered) / _DAY, still=False)


def _still(rows: Sequence[Commissioning], stays: Sequence[_Stay | None]) -> Iterator[tuple[Commissioning, float]]:
    for row, stay in zip(rows, stays, strict=True):
        if stay and stay.still and stay.days is not None:
            yield row, stay.days


def _wait(stays: Sequence[_Stay | None]) -> Wait:
    entered = [stay for stay in stays if stay]
    days = [stay.days for stay in entered if stay.days is not None]
    still = sum(stay.still for stay in entered)
    return Wait(
        median_days=median(days) if days else None,
        longest_days=max(days, default=None),
        finished=len(days) - still,
        still=still,
        unknown=len(entered) - len(days),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) if known else None
