"""What the sinks hold is mended: points that would be others now, as the registry has changed, go out again.

A point carries what was built at its own instant, which a correction of the ledger changes. Where it is the names
that changed (a move that lies back), nothing goes out: the point under its old names would stay and count twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, func, insert, literal, select

from suanli.registry.timeline import FOR_EVER, Span, Timeline
from suanli.store import schema
from suanli.store.samples import counter, reach_of, set_counter, times_of

_NOWHERE = Timeline(0, ())


def send_again(connection: Connection, before: Mapping[int, Timeline], after: Mapping[int, Timeline]) -> int:
    """Put every sample whose point is another by `after` than by `before` behind all cursors; how many those are."""
    return sum(
        _enqueue(connection, key, lo, hi)
        for key, timeline in after.items()
        for lo, hi in differing(before.get(key, _NOWHERE), timeline)
    )


def differing(before: Timeline, after: Timeline) -> Iterator[tuple[int, int]]:
    """The stretches [lo, hi) of UTC seconds, in order, at which a point of this pool has another figure afterwards."""
    edges = sorted({edge for line in (before, after) for span in line.spans for edge in (span.lo, span.hi)})
    start = None
    for lo, hi in pairwise(edges):
        other = _other_figure(before.at(lo), after.at(lo))
        if other and start is None:
            start = lo
        if start is not None and not (other and hi < edges[-1]):
            yield start, hi if other else lo
            start = None


def _other_figure(before: Span | None, after: Span | None) -> bool:
    """Whether the same names have another figure, or a point that there was none of before."""
    if before is None or after is None:
        return after is not None
    return _names(before) == _names(after) and before.built != after.built


def _names(span: Span) -> tuple[str, ...]:
    return span.site, span.pool, span.province, span.operator


def _enqueue(connection: Connection, key: int, lo: int, hi: int) -> int:
    """These samples once more in the outbox, in order of time; a repeated point is the same point."""
    sample, source_at, reach = schema.samples.c, times_of(schema.samples)[0], reach_of(connection)
    return again(
        connection,
        sample.pool_key == key,
        sample.at.between(lo - reach, min(hi + reach, FOR_EVER)),
        source_at >= lo,
        source_at < hi,
    )


def again(connection: Connection, *which: ColumnElement[bool]) -> int:
    """Put these samples behind all cursors, in order of time; how many those are."""
    sample, slot, last = schema.samples.c, schema.outbox.c, counter(connection, "sample_seq")
    place = func.row_number().over(order_by=sample.at)
    rows = select(literal(last) + place, sample.at, sample.pool_key).where(*which)
    more = insert(schema.outbox).from_select([slot.seq, slot.at, slot.pool_key], rows)
    count = connection.execute(more, execution_options={"preserve_rowcount": True}).rowcount
    set_counter(connection, "sample_seq", last + count)
    return count
