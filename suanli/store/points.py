"""What goes to sinks: samples, hours and days as points, in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from suanli.model.sample import Sample
from suanli.registry.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Point:
    """A sample on its way out, with the site's labels and what was built at its own instant (rule 6)."""

    seq: int
    at: int
    site: str
    pool: str
    province: str
    operator: str
    values: tuple[float | None, ...]
    """built, online, used, busy: in the order of metric.INFLUX_RUNGS."""


@dataclass(frozen=True, slots=True)
class RollupPoint(Point):
    """An hour or a day of one pool on its way out. fields: names and values, sorted; there are no others."""

    basis: str
    width: str
    fields: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class SamplePoint(Point):
    """A whole sample on its way to another Suanli, which judges it."""

    sample: Sample


@dataclass(frozen=True, slots=True)
class Batch:
    """Points in the order of their sequence numbers; `last` is where a cursor stands after them.

    more: others may follow at once, however few these are.
    """

    points: tuple[Point, ...]
    last: int
    more: bool = False


def point_of(row: Any, timeline: Timeline) -> Point | None:
    """None where the pool belonged to no site at that time."""
    seq, _, at, source_at, *rungs = row
    span = timeline.at(source_at)
    if span is None:
        return None
    return Point(seq, at, span.site, span.pool, span.province, span.operator, (span.built, *rungs))
