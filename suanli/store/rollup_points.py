"""The points of hours and days that go to sinks, and the feed that a forwarder reads them from.

A point has sums in PFLOPS-hours, which can be added over pools and time: a rate of any of them is a ratio of two sums,
the same that `suanli history` gives. A silent pool has its built hours. Why: docs/decisions/0021-rollups-to-sinks.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from suanli.model.calendar import HOUR
from suanli.model.metric import INFLUX_RUNGS, ROLLUP_BUSY, ROLLUP_HEARD, ROLLUP_TERMS, ROLLUP_TOLD, rollup_sum
from suanli.model.rates import Terms, rates_from
from suanli.model.units import BASES, Basis
from suanli.registry.timeline import Span, Timeline
from suanli.store import closed
from suanli.store.levels import Period
from suanli.store.periods import sums
from suanli.store.points import Batch, RollupPoint
from suanli.store.sql import Store

_ROWS = 100


@dataclass(frozen=True, slots=True)
class Rollups:
    """What a forwarder needs of the record, for cells in place of samples. zone: whose days these are."""

    store: Store
    zone: ZoneInfo

    def cursor(self, sink: str) -> int:
        with self.store.reading() as connection:
            return closed.cursor(connection, sink)

    def after(self, cursor: int, limit: int) -> Batch:
        """The points of the next cells; `more` where there may be others behind them."""
        with self.store.reading() as connection:
            cells = closed.waiting(connection, cursor, min(limit, _ROWS))
            timelines = self.store.timelines_in(connection) if cells else {}
            points = tuple(
                point
                for seq, (width, start, until, key) in cells
                for point in self._points(
                    connection, seq, width, (start, until), list(timelines.values()) if key == 0 else [timelines[key]]
                )
            )
        return Batch(points, cells[-1][0] if cells else cursor, more=bool(cells))

    def advance(self, sink: str, seq: int) -> None:
        with self.store.writing() as connection:
            closed.advance(connection, sink, seq)

    def reject(self, sink: str, seq: int, line: str, reason: str) -> None:
        """Beside the samples that were refused, under numbers below 0: theirs are above."""
        self.store.reject(sink, -seq, line, reason)

    def _points(
        self, connection: Connection, seq: int, width: str, edges: tuple[int, int], timelines: list[Timeline]
    ) -> Iterator[RollupPoint]:
        there = {span.basis for timeline in timelines for span in timeline.within(*edges)}
        for basis in [one for one in BASES if one in there]:
            asked = Period(list(edges), self.zone, basis)
            for (_, name), terms in sorted(sums(connection, timelines, asked, _names).items()):
                yield _point(seq, width, edges, name, basis, terms)


def subscribe(store: Store, sinks: list[str]) -> None:
    """These sinks get the rollups too."""
    with store.writing() as connection:
        closed.subscribe(connection, sinks)


def _names(span: Span) -> tuple[str, ...]:
    return span.operator, span.pool, span.province, span.site


def _point(
    seq: int, width: str, edges: tuple[int, int], name: tuple[str, ...], basis: Basis, terms: Terms
) -> RollupPoint:
    operator, pool, province, site = name
    fields = _fields(terms, edges[1] - edges[0])
    return RollupPoint(seq, edges[0], site, pool, province, operator, (), basis, width, fields)


def _fields(terms: Terms, seconds: int) -> tuple[tuple[str, float], ...]:
    """Sums always, of what nobody told 0, with the hours that tell 0 from unknown; means only where they are known."""
    rates = rates_from(terms, 1, 1, seconds)
    means = {rung.field: getattr(rates, rung.field) for rung in INFLUX_RUNGS}
    values = {rollup_sum(term): getattr(terms, term) / HOUR for term in ROLLUP_TERMS}
    values |= {ROLLUP_HEARD: terms.heard_count / HOUR, ROLLUP_TOLD: terms.told_count / HOUR}
    values |= {ROLLUP_BUSY: terms.busy_count / HOUR, "hours": seconds / HOUR}
    return tuple(sorted((values | {name: value for name, value in means.items() if value is not None}).items()))
