"""The contract of an inspection: every pool's hours -> what looks made rather than measured.

A finding is a question for a person, not a verdict: it changes no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from math import isclose
from zoneinfo import ZoneInfo

HOUR = 3600
DAY = 86_400
SAME = 1e-9
"""Relative: the mean of an unchanged figure over another number of seconds differs by less."""

Figures = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Hourly:
    """One pool's means by hour in PFLOPS, None where unknown; all tuples have one length.

    hours: their first seconds in UTC, ascending; an hour of which nothing is known may be left out. second: what its
    second signal told, by rung.
    """

    site: str
    pool: str
    hours: tuple[int, ...]
    online: Figures
    used: Figures
    busy: Figures
    second: Mapping[str, Figures] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if {len(one) for one in (self.online, self.used, self.busy, *self.second.values())} != {len(self.hours)}:
            raise ValueError(f"{self.site}/{self.pool}: the figures are not as many as the hours")


@dataclass(frozen=True, slots=True)
class Finding:
    """What an inspection noticed of one pool over [since, until), UTC seconds."""

    site: str
    pool: str
    check: str
    since: int
    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """One inspection under its name. why, zh: what it looks for, a sentence for people in either language."""

    name: str
    why: str
    zh: str
    inspect: Callable[[Sequence[Hourly], ZoneInfo], list[Finding]]


def same(one: float | None, other: float | None) -> bool:
    """Whether both are known and equal to the last digits."""
    return one is not None and other is not None and isclose(one, other, rel_tol=SAME)


def still(
    series: Hourly, figures: Figures, tells: Callable[[int], bool], seconds: int
) -> Iterator[tuple[int, int, float]]:
    """Spans of at least `seconds` over which these figures are the same: since, until, the figure.

    Unknown hours neither end a span nor count. At least half of its hours must tell something: `tells` of a place.
    """
    known = [(place, value) for place, value in enumerate(figures) if value is not None]
    for _, group in groupby(_numbered(known), key=lambda item: item[0]):
        run = [place for _, place in group]
        since, until = series.hours[run[0]], series.hours[run[-1]] + HOUR
        if until - since >= seconds and 2 * HOUR * sum(map(tells, run)) >= until - since:
            yield since, until, figures[run[0]] or 0.0


def _numbered(known: list[tuple[int, float]]) -> Iterator[tuple[int, int]]:
    """Each place with the number of its run of equal values; a slow drift is no run, as all are held to its first."""
    number, first = 0, known[0][1] if known else 0.0
    for place, value in known:
        if not isclose(value, first, rel_tol=SAME):
            number, first = number + 1, value
        yield number, place


def shown(at: int, zone: ZoneInfo) -> str:
    """An hour as people of this zone read it."""
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"
