"""The two ways of samples to a sink: what is new, at once, and behind it what the sink missed, newest first."""

from __future__ import annotations

from dataclasses import dataclass, field

from suanli.store import outbox, schema
from suanli.store.points import Batch, point_of
from suanli.store.samples import counter
from suanli.store.sql import Store


@dataclass(frozen=True, slots=True)
class Live:
    """What a forwarder needs of the record for what is new: a sink that is far behind is split off."""

    store: Store

    def cursor(self, sink: str) -> int:
        with self.store.reading() as connection:
            if not outbox.is_far(connection, sink):
                return outbox.cursor(connection, sink)
        with self.store.writing() as connection:
            return outbox.split(connection, sink)

    def after(self, cursor: int, limit: int) -> Batch:
        return self.store.after(cursor, limit)

    def advance(self, sink: str, seq: int) -> None:
        self.store.advance(sink, seq)

    def reject(self, sink: str, seq: int, line: str, reason: str) -> None:
        self.store.reject(sink, seq, line, reason)


@dataclass(slots=True)
class Backlog:
    """The gap of one sink, for a forwarder of its own. Its cursor is the gap's upper end, and goes down.

    A point that was corrected while it was on its way may have arrived after its correction, which goes the other way:
    then the cursor stays, and the batch goes once more, as it is now.
    """

    store: Store
    sink: str
    _before: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)
    _slots: set[tuple[int, int]] = field(default_factory=set, init=False)

    def cursor(self, sink: str) -> int:
        with self.store.reading() as connection:
            self._before = outbox.gap(connection, sink)[1]
        return self._before

    def after(self, cursor: int, limit: int) -> Batch:
        """The newest points of the gap from there down, in the order of their numbers."""
        slot = schema.outbox.c
        with self.store.reading() as connection:
            lo, _ = outbox.gap(connection, self.sink)
            if cursor <= lo:
                return Batch((), cursor)
            self._seen = counter(connection, "sample_seq")
            rows = outbox.rows(connection, (slot.seq > lo) & (slot.seq <= cursor), slot.seq.desc(), limit)
            timelines = self.store.timelines_in(connection) if rows else {}
        self._slots = {(row.pool_key, row.at) for row in rows}
        points = [point_of(row, timelines[row.pool_key]) for row in reversed(rows)]
        return Batch(tuple(filter(None, points)), rows[-1].seq - 1 if len(rows) == limit else lo)

    def advance(self, sink: str, seq: int) -> None:
        with self.store.writing() as connection:
            if self._slots.isdisjoint(outbox.slots_behind(connection, self._seen)):
                outbox.fill(connection, sink, self._before, seq)

    def reject(self, sink: str, seq: int, line: str, reason: str) -> None:
        self.store.reject(sink, seq, line, reason)
