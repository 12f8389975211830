"""What sinks should hold of a stretch of time: the points of its samples as they are now; and sending some again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, literal, select

from suanli.model.calendar import HOUR
from suanli.model.metric import SAMPLE_RUNGS
from suanli.store import closed, outbox, schema
from suanli.store.points import Point, point_of
from suanli.store.resend import again
from suanli.store.samples import times_of
from suanli.store.sql import Store

Slots = set[tuple[int, int]]
"""Pools' keys, and hours."""
_AT_ONCE = 1000


def points_between(store: Store, lo: int, hi: int) -> Iterator[tuple[int, Point]]:
    """The points of slots in [lo, hi), with their pools' keys, as they come from the record."""
    table = schema.samples
    columns = (literal(0), table.c.pool_key, table.c.at, times_of(table)[0])
    rows = select(*columns, *(table.c[rung.field] for rung in SAMPLE_RUNGS)).where(table.c.at >= lo, table.c.at < hi)
    with store.reading() as connection:
        timelines = store.timelines_in(connection)
        for row in connection.execution_options(yield_per=_AT_ONCE).execute(rows):
            if point := point_of(row, timelines[row.pool_key]):
                yield row.pool_key, point


def not_sent(store: Store, sink: str, lo: int, hi: int) -> Slots:
    """The pools and hours of which points still wait for this sink."""
    slot = schema.outbox.c
    hour = slot.at - slot.at % HOUR
    rows = select(slot.pool_key, hour).where(slot.at >= lo, slot.at < hi).distinct()
    with store.reading() as connection:
        gap_lo, gap_hi = outbox.gap(connection, sink)
        behind = (slot.seq > outbox.cursor(connection, sink)) | (slot.seq > gap_lo) & (slot.seq <= gap_hi)
        rows = rows.where(behind)
        return {(key, start) for key, start in connection.execute(rows)}


def send_hours(store: Store, slots: Iterable[tuple[int, int]]) -> int:
    """Put the samples of these pools and hours behind all cursors, and the hours and days that they lie in, and those
    that closed meanwhile: what was lost then was lost with them. How many samples those are."""
    wanted = sorted(slots)
    with store.writing() as connection:
        count = sum(_hour_again(connection, key, hour) for key, hour in wanted)
        closed.again(connection, {(hour - HOUR, hour + HOUR) for _, hour in wanted})
    return count


def _hour_again(connection: Connection, key: int, hour: int) -> int:
    sample = schema.samples.c
    return again(connection, sample.pool_key == key, sample.at >= hour, sample.at < hour + HOUR)
