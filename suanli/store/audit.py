"""The audit trail in the database: appended to within the transaction of what it tells of, listed, verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select, update
from sqlalchemy.exc import DatabaseError

from suanli.model.audit import GENESIS, Author, Entry, Fault, Head, Row, canonical, chained, verify
from suanli.store import schema
from suanli.store.samples import counter

_SEQ = "audit_seq"
_table = schema.audit.c


def append(connection: Connection, author: Author, entries: Iterable[Entry], now: int) -> None:
    """Append these in the caller's transaction: what they tell of and they themselves are kept together, or neither."""
    found = list(entries)
    if not found:
        return
    # The counter is what writers wait for each other at, in every database: from here on the chain's end is ours.
    counted = update(schema.counters).where(schema.counters.c.name == _SEQ)
    value = counted.values(value=schema.counters.c.value + len(found)).returning(schema.counters.c.value)
    seq = connection.execute(value).scalar_one() - len(found)
    # Numbered by the counter, so that rows which were cut off leave a gap.
    rows = chained(found, author, now, Head(seq, head_of(connection).hash))
    connection.execute(insert(schema.audit), [asdict(row) for row in rows])


def head_of(connection: Connection) -> Head:
    """The last row's number and hash."""
    last = select(_table.seq, _table.hash).order_by(_table.seq.desc()).limit(1)
    row = connection.execute(last).first()
    return Head(0, GENESIS) if row is None else Head(row.seq, row.hash)


def verified(connection: Connection, noted: Head | None = None) -> Fault | None:
    """The first fault of the whole trail, with a head that was noted before (seq 0 when only its hash is known)."""
    return verify(_readable(connection), noted, counter(connection, _SEQ))


def audit_rows(
    connection: Connection,
    since: int | None = None,
    until: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    limit: int | None = None,
    before: int | None = None,
) -> list[Row]:
    """The rows of [since, until), UTC seconds, of this actor, action and subject; the newest so many, oldest first.

    An action finds those below it (`site`: `site.register`), a site finds its pools. before: only smaller numbers.
    """
    rows: Select[Any] = select(schema.audit).order_by(_table.seq.desc()).limit(limit)
    if before is not None:
        rows = rows.where(_table.seq < before)
    if since is not None:
        rows = rows.where(_table.at >= since)
    if until is not None:
        rows = rows.where(_table.at < until)
    if actor is not None:
        rows = rows.where(_table.actor == actor)
    for column, wanted, joint in ((_table.action, action, "."), (_table.subject, subject, "/")):
        if wanted is not None:
            rows = rows.where(or_(column == wanted, column.startswith(wanted + joint, autoescape=True)))
    return [Row(*row) for row in connection.execute(rows)][::-1]


def told(connection: Connection, author: Author, entry: Entry) -> bool:
    """Whether this one did the very same to the same subject before."""
    rows = audit_rows(connection, actor=author.actor, action=entry.action, subject=entry.subject)
    return any((row.subject, row.after) == (entry.subject, canonical(entry.after)) for row in rows)


def _readable(connection: Connection) -> Iterator[Row | None]:
    """Every row in the order of numbers, up to the first that the database cannot read, which is None."""
    rows = iter(connection.execute(select(schema.audit).order_by(_table.seq)))
    while True:
        try:
            row = next(rows, None)
        except DatabaseError:
            yield None
            return
        if row is None:
            return
        yield Row(*row)
