"""When each pool was first online, to the hour, from what is summed already; samples are read of marked hours alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from sqlalchemy import Connection, Table, func, select

from suanli.model.calendar import HOUR
from suanli.store import schema
from suanli.store.samples import reach_of, times_of

BEFORE_THE_RECORD = 0
"""Some time before anything was recorded: the pool was online when it was first heard."""

_Sum = Literal["heard", "online"]


class Cell(NamedTuple):
    """Half-open UTC seconds: an hour, or a day of which no hours are kept."""

    lo: int
    hi: int


def online_since(connection: Connection, keys: Iterable[int], built_since: Mapping[int, int | None]) -> dict[int, int]:
    """By pool: the first second of the hour (the day, where hours are not kept) in which it was first online.

    built_since: when it was built. What was built before it was first heard, and online by then, may have been so for
    long: BEFORE_THE_RECORD. A pool that was never online is not in the answer.
    """
    wanted = list(keys)
    heard, online = _firsts(connection, wanted, "heard"), _firsts(connection, wanted, "online")
    return {key: _since(cell, heard.get(key), built_since.get(key)) for key, cell in online.items()}


def _since(online: Cell, heard: Cell | None, built: int | None) -> int:
    if online == heard and (built is None or built < online.lo):
        return BEFORE_THE_RECORD
    # What was built within the hour was online after that, and not since the hour's first second.
    return built if built is not None and built in range(*online) else online.lo


def _firsts(connection: Connection, keys: Iterable[int], name: _Sum) -> dict[int, Cell]:
    """The first cell of each pool in which this sum is more than 0."""
    marked = _marked(connection, name)
    found = {key: _first(connection, key, name, marked.get(key)) for key in keys}
    return {key: cell for key, cell in found.items() if cell}


def _first(connection: Connection, key: int, name: _Sum, marked: Cell | None) -> Cell | None:
    hour, day = (_in_rollup(connection, table, key, name) for table in (schema.hours, schema.days))
    fine = min((cell for cell in (hour, marked) if cell), default=None)
    # The hours of an old day are no longer kept: then there is no finer answer than the day.
    return day if day and (fine is None or day.hi <= fine.lo) else fine


def _in_rollup(connection: Connection, table: Table, key: int, name: _Sum) -> Cell | None:
    until = table.c.until if table is schema.days else table.c.start + HOUR
    rows = select(table.c.start, until).where(table.c.pool_key == key, table.c[name] > 0)
    first = connection.execute(rows.order_by(table.c.start).limit(1)).first()
    return Cell(*first) if first else None


def _marked(connection: Connection, name: _Sum) -> dict[int, Cell]:
    """From the samples about the hours that are marked, and so not summed yet."""
    lo, hi = connection.execute(select(func.min(schema.dirty.c.start), func.max(schema.dirty.c.start))).one()
    if lo is None:
        return {}
    table, reach = schema.samples, reach_of(connection)
    figure = table.c.online_pflops
    said = figure > 0 if name == "online" else figure.is_not(None)
    rows = select(table.c.pool_key, func.min(times_of(table)[0])).where(table.c.at.between(lo - reach, hi + HOUR), said)
    found = {key: at // HOUR * HOUR for key, at in connection.execute(rows.group_by(table.c.pool_key))}
    return {key: Cell(hour, hour + HOUR) for key, hour in found.items()}
