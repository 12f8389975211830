"""The contract of a reader: what a sink holds of a stretch of time, as counts and sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from exporter.lineprotocol import carried
from suanli.model.calendar import HOUR
from suanli.model.metric import INFLUX_TAGS
from suanli.store.points import Point

TIMEOUT = 60.0
Place = tuple[tuple[str, ...], str, int]
"""Whose points (the tags in the order of metric.INFLUX_TAGS, as a sink holds them), which field, in which hour."""


@dataclass(slots=True)
class Tally:
    """So many points, and the sum of what they say."""

    count: int = 0
    total: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value


Tallies = dict[Place, Tally]


class Reader(Protocol):
    """What one sink holds. `tallies` raises Unavailable when it cannot be asked, or does not let us read."""

    def tallies(self, lo: int, hi: int) -> Tallies:
        """Of the points whose time lies in [lo, hi), by hours of UTC."""
        ...

    def close(self) -> None: ...


def names_of(point: Point) -> tuple[str, ...]:
    """The point's tags as a sink holds them."""
    return tuple(carried(getattr(point, tag)) for tag in INFLUX_TAGS)


def tags_of(labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(tag, "") for tag in INFLUX_TAGS)


def add(tallies: Tallies, names: tuple[str, ...], field: str, told: Iterable[tuple[int, float]]) -> None:
    """told: times in seconds with their values."""
    for at, value in told:
        tallies.setdefault((names, field, at // HOUR * HOUR), Tally()).add(value)
