"""What waits for sinks, and how far each is: behind its cursor, and in its gap.

A sink that is far behind is split off: its cursor goes to the end, so that it gets what is new, and what it has not got
becomes its gap, (lo, hi], which is filled from hi downwards. docs/decisions/0028-newest-first.md
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from suanli.model.metric import SAMPLE_RUNGS
from suanli.store import schema
from suanli.store.dialect import upsert
from suanli.store.samples import counter, times_of

FAR = 50_000
"""Points behind, from which on the newest go first."""
NEAR = 5_000
"""So many stay for the cursor."""
_RUNG_FIELDS = tuple(rung.field for rung in SAMPLE_RUNGS)
_LO, _HI = "{}:lo", "{}:hi"
"""Cursors of their own; no sink has a colon in its name."""


def rows(connection: Connection, which: ColumnElement[bool], order: ColumnElement[int], limit: int) -> list[Any]:
    """What waits, as `points.point_of` takes it."""
    sample, slot = schema.samples.c, schema.outbox.c
    columns = (slot.seq, slot.pool_key, slot.at, times_of(schema.samples)[0])
    same = (sample.at == slot.at) & (sample.pool_key == slot.pool_key)
    found = select(*columns, *(sample[name] for name in _RUNG_FIELDS)).join_from(schema.outbox, schema.samples, same)
    return list(connection.execute(found.where(which).order_by(order).limit(limit)))


def cursor(connection: Connection, sink: str) -> int:
    """Where this sink stands; a new one stands at the beginning."""
    name, seq = schema.cursors.c
    return connection.execute(select(seq).where(name == sink)).scalar() or 0


def gap(connection: Connection, sink: str) -> tuple[int, int]:
    """(lo, hi]: what this sink has not got of what lies before its cursor; lo is hi where it has everything."""
    return cursor(connection, _LO.format(sink)), cursor(connection, _HI.format(sink))


def delivered(connection: Connection, sink: str) -> int:
    """Up to where this sink has everything."""
    lo, hi = gap(connection, sink)
    return lo if hi > lo else cursor(connection, sink)


def is_far(connection: Connection, sink: str) -> bool:
    """Whether so much lies behind its cursor that it is to be split off."""
    return counter(connection, "sample_seq") - cursor(connection, sink) > FAR


def split(connection: Connection, sink: str) -> int:
    """Its cursor, which goes near the end. A gap that is not yet filled grows over what lies
    between, which is sent twice."""
    lo, near = delivered(connection, sink), counter(connection, "sample_seq") - NEAR
    for name, seq in ((sink, near), (_LO.format(sink), lo), (_HI.format(sink), near)):
        row = upsert(connection, schema.cursors).values(sink=name, seq=seq)
        connection.execute(row.on_conflict_do_update(index_elements=["sink"], set_={"seq": seq}))
    return near


def fill(connection: Connection, sink: str, before: int, down_to: int) -> None:
    """The gap is filled down to there, unless it has grown since its upper end was `before`."""
    name, seq = schema.cursors.c
    here = (name == _HI.format(sink)) & (seq == before)
    connection.execute(schema.cursors.update().where(here).values(seq=down_to))


def slots_behind(connection: Connection, seq: int) -> set[tuple[int, int]]:
    """Pools' keys and times of what came after this number."""
    slot = schema.outbox.c
    return {(key, at) for key, at in connection.execute(select(slot.pool_key, slot.at).where(slot.seq > seq))}
