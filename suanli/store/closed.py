"""Which hours and days are over and are to go to the sinks: each once when it closes, and again when it changed.

A row in the outbox is a cell: an hour or a day, of all pools, or of one (its key). What a cell's points say is worked
out when it is sent, from all that is recorded then: a sink that was down gets what is true, not what was. A cell is
put here in the transaction that changed it, so that no correction is forgotten. docs/decisions/0021-rollups-to-sinks.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, insert, select

from suanli.model.calendar import HOUR, day_after, day_of
from suanli.registry.timeline import Timeline
from suanli.store import schema
from suanli.store.dialect import upsert
from suanli.store.resend import differing
from suanli.store.samples import counter, set_counter

EVERYBODY = 0
"""In place of a pool's key."""
_SEVERAL = 16
"""From so many pools on, a cell goes whole: a large import must not put a row for each pool and hour here."""
_FROM, _HOURS, _DAYS = "closed_from", "closed_hours", "closed_days"
"""Counters: the first hour that was closed; until when hours, and days, are."""

Cell = tuple[str, int, int, int]
"""hour or day, its start and end, and the key of its pool."""


def close(connection: Connection, before: int, zone: ZoneInfo) -> None:
    """Put every hour and day that is over `before` and not here yet into the outbox, whoever was heard in it."""
    edge = before // HOUR * HOUR
    hours, days = counter(connection, _HOURS), counter(connection, _DAYS)
    if not hours:
        hours = _first_hour(connection, edge)
        days = day_of(hours, zone)
        set_counter(connection, _FROM, hours)
    cells: list[Cell] = [("hour", start, start + HOUR, EVERYBODY) for start in range(hours, edge, HOUR)]
    while (following := day_after(days, zone)) <= before:
        cells.append(("day", days, following, EVERYBODY))
        days = following
    _enqueue(connection, cells)
    set_counter(connection, _HOURS, max(hours, edge))
    set_counter(connection, _DAYS, days)


def summed_again(connection: Connection, width: str, start: int, until: int, keys: Iterable[int]) -> None:
    """This cell was summed anew: it goes out again if it had closed. Before all that closed, silent pools go too."""
    if until <= counter(connection, _HOURS if width == "hour" else _DAYS):
        whole = start < counter(connection, _FROM)
        _enqueue(connection, [(width, start, until, key) for key in ([EVERYBODY] if whole else sorted(keys))])


def corrected(connection: Connection, before: Mapping[int, Timeline], after: Mapping[int, Timeline]) -> None:
    """What the registry says of the past has changed: cells of which samples or rollups are still there go again."""
    changed = {key: list(differing(before.get(key, Timeline(0, ())), line)) for key, line in after.items()}
    changed = {key: stretches for key, stretches in changed.items() if stretches}
    several = len(changed) > _SEVERAL
    cells = {
        (width, start, until, EVERYBODY if several else key)
        for key, stretches in changed.items()
        for lo, hi in stretches
        for width, start, until in _cells(connection, lo, hi)
    }
    _enqueue(connection, sorted(cells))


def again(connection: Connection, stretches: Iterable[tuple[int, int]]) -> None:
    """The closed cells that these reach into go out once more, whole."""
    cells = {cell for lo, hi in stretches for cell in _cells(connection, lo, hi)}
    _enqueue(connection, [(*cell, EVERYBODY) for cell in sorted(cells)])


def waiting(connection: Connection, cursor: int, limit: int) -> list[tuple[int, Cell]]:
    """The next cells behind this cursor: one that is whole, or several that are of one pool each."""
    table = schema.rollup_outbox
    rows = connection.execute(select(table).where(table.c.seq > cursor).order_by(table.c.seq).limit(limit)).all()
    single: list[tuple[int, Cell]] = []
    for seq, *cell in rows:
        if cell[-1] == EVERYBODY:
            return single or [(seq, tuple(cell))]
        single.append((seq, tuple(cell)))
    return single


def subscribe(connection: Connection, sinks: Sequence[str]) -> None:
    """These sinks get every cell from now on; a new one also all that had closed, which the others then get again."""
    table = schema.rollup_cursors
    known = set(connection.execute(select(table.c.sink)).scalars())
    new = [sink for sink in sinks if sink not in known]
    last = counter(connection, "rollup_seq")
    for sink in new:
        connection.execute(insert(table).values(sink=sink, seq=last))
    if new:
        _enqueue(connection, [(*cell, EVERYBODY) for cell in _everything(connection)])


def cursor(connection: Connection, sink: str) -> int:
    """Where this sink stands."""
    table = schema.rollup_cursors.c
    return connection.execute(select(table.seq).where(table.sink == sink)).scalar() or 0


def advance(connection: Connection, sink: str, seq: int) -> None:
    """This sink has every cell up to `seq`."""
    row = upsert(connection, schema.rollup_cursors).values(sink=sink, seq=seq)
    connection.execute(row.on_conflict_do_update(index_elements=["sink"], set_={"seq": seq}))


def let_delivered_go(connection: Connection, sinks: Sequence[str]) -> None:
    """Delete the cells that each of these sinks has got; without sinks nobody waits for any."""
    table = schema.rollup_outbox
    done = min((cursor(connection, sink) for sink in sinks), default=counter(connection, "rollup_seq"))
    connection.execute(delete(table).where(table.c.seq <= done))


def _first_hour(connection: Connection, edge: int) -> int:
    """Of the record: the first hour that is summed, or the present one."""
    first = connection.execute(select(func.min(schema.hours.c.start))).scalar()
    return edge if first is None else min(first, edge)


def _cells(connection: Connection, lo: int, hi: int) -> Iterator[tuple[str, int, int]]:
    """The closed cells that [lo, hi) reaches into; none whose rollups were let go: nobody would seem to be heard."""
    first = connection.execute(select(func.min(schema.hours.c.start))).scalar()
    since = counter(connection, _FROM)
    start, end = max(lo, since, first or 0) // HOUR * HOUR, min(hi, counter(connection, _HOURS))
    yield from (("hour", at, at + HOUR) for at in range(start, end, HOUR))
    days = schema.days.c
    rows = select(days.start, days.until).where(days.start < min(hi, counter(connection, _DAYS)), days.until > lo)
    yield from (("day", start, until) for start, until in connection.execute(rows.distinct().order_by(days.start)))


def _everything(connection: Connection) -> list[tuple[str, int, int]]:
    """Every cell that was summed, and every hour that has closed."""
    starts = set(connection.execute(select(schema.hours.c.start).distinct()).scalars())
    closed = counter(connection, _HOURS)
    hours = {start for start in starts if start < closed} | set(range(counter(connection, _FROM), closed, HOUR))
    days = connection.execute(select(schema.days.c.start, schema.days.c.until).distinct())
    found = [("hour", start, start + HOUR) for start in sorted(hours)]
    return found + sorted(("day", start, until) for start, until in days)


def _enqueue(connection: Connection, cells: Sequence[Cell]) -> None:
    if not cells:
        return
    last = counter(connection, "rollup_seq")
    rows = [
        {"seq": seq, "width": width, "start": start, "until": until, "pool_key": key}
        for seq, (width, start, until, key) in enumerate(cells, last + 1)
    ]
    connection.execute(insert(schema.rollup_outbox), rows)
    set_counter(connection, "rollup_seq", last + len(rows))
