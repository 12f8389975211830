"""Which part of a period days can answer for, which hours, and which only the samples themselves.

A rollup holds for a cell unless a mark says that something has come since, or something in it was recorded later than
is asked for. docs/decisions/0007-rollups.md
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, select

from suanli.model.calendar import DAY, HOUR, day_after, day_of, whole_days, whole_hours
from suanli.model.errors import SuanliError
from suanli.model.message import Message
from suanli.model.units import Basis
from suanli.store import schema
from suanli.store.rollup import days_zone
from suanli.store.samples import counter


@dataclass(frozen=True, slots=True)
class Period:
    """What is asked for. edges: of its pieces, the outer ones too; as_of: what was recorded by then (None: all)."""

    edges: list[int]
    zone: ZoneInfo
    basis: Basis
    as_of: int | None = None

    @property
    def lo(self) -> int:
        return self.edges[0]

    @property
    def hi(self) -> int:
        return self.edges[-1]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part [lo, hi) of a pool's span, to be filled with what was told."""

    key: int
    lo: int
    hi: int
    built: float
    group: tuple[str, ...]


Cell = tuple[int, int]
Stale = dict[int, list[Cell]]
"""By pool: the stretches, in order, whose rollup does not hold."""


def levels(
    connection: Connection, stretches: Sequence[Stretch], asked: Period
) -> tuple[list[Stretch], list[Stretch], list[Stretch]]:
    """The stretches cut into what days, what hours and what only samples can answer for.

    Raises SuanliError where these samples are gone and what is asked for is the reason that rollups cannot answer.
    """
    days: list[Stretch] = []
    hours: list[Stretch] = []
    rest, stale = list(stretches), Stale()
    by_day = days_zone(connection) == asked.zone.key and whole_days(asked.edges, asked.zone)
    if by_day:
        stale = _stale_days(connection, asked)
        rest = _taken(rest, days, lambda lo, hi: _inner_days(lo, hi, asked.zone), stale)
    if whole_hours(asked.edges):
        stale = _stale_hours(connection, asked)
        rest = _taken(rest, hours, _inner_hours, stale)
    _check_kept(connection, rest, asked, stale, by_day=by_day)
    return days, hours, rest


def _check_kept(connection: Connection, fine: Iterable[Stretch], asked: Period, stale: Stale, *, by_day: bool) -> None:
    """Silence would be said of pools that were heard, if samples were gone and rollups cannot stand in for them.

    Where a pool's own span begins or ends within an hour that is gone, this is so little that it stays unknown.
    """
    since = counter(connection, "samples_from")
    gone = [one for one in fine if one.lo < since]
    if asked.as_of is not None and any((one.lo, one.hi) in stale.get(one.key, ()) for one in gone):
        raise SuanliError(
            Message(
                "something of this period was recorded after {as_of}, and samples from before {since} are gone: as "
                "of another time only what lies after {since} can be told",
                as_of=_iso(asked.as_of),
                since=_iso(since),
            )
        )
    edges = [edge for edge in asked.edges if edge % HOUR and not (by_day and day_of(edge, asked.zone) == edge)]
    if any(one.lo <= edge <= one.hi for one in gone for edge in edges[bisect_left(edges, one.lo) :][:1]):
        raise SuanliError(
            Message(
                "samples from before {since} are gone: of that time only whole hours, or whole days of {zone}, can "
                "be told",
                since=_iso(since),
                zone=asked.zone.key,
            )
        )


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _taken(
    stretches: Iterable[Stretch], taken: list[Stretch], inner: Callable[[int, int], Cell], stale: Stale
) -> list[Stretch]:
    """Move what whole cells can answer for into `taken`; what is left over."""
    left = []
    for one in stretches:
        lo, hi = inner(one.lo, one.hi)
        if lo >= hi:
            left.append(one)
            continue
        good, bad = _without(lo, hi, stale.get(one.key, []))
        taken += [cut(one, *cell) for cell in good]
        left += [cut(one, *cell) for cell in [(one.lo, lo), *bad, (hi, one.hi)] if cell[0] < cell[1]]
    return left


def cut(one: Stretch, lo: int, hi: int) -> Stretch:
    """The same, cut to [lo, hi)."""
    return replace(one, lo=lo, hi=hi)


def _without(lo: int, hi: int, cells: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """[lo, hi) less these cells, and the cells that lie in it."""
    good, bad = [], []
    for start, end in cells:
        if start < hi and lo < end:
            if lo < start:
                good.append((lo, start))
            bad.append((max(lo, start), min(hi, end)))
            lo = min(hi, end)
    return ([*good, (lo, hi)] if lo < hi else good), bad


def _inner_days(lo: int, hi: int, zone: ZoneInfo) -> Cell:
    return lo if day_of(lo, zone) == lo else day_after(lo, zone), day_of(hi, zone)


def _inner_hours(lo: int, hi: int) -> Cell:
    return -(-lo // HOUR) * HOUR, hi // HOUR * HOUR


def _stale_hours(connection: Connection, asked: Period) -> Stale:
    return _in_order(
        (key, start, start + HOUR) for key, start in _stale(connection, schema.dirty, schema.hours, asked, HOUR)
    )


def _stale_days(connection: Connection, asked: Period) -> Stale:
    """A day is stale when it is marked, when one of its hours is, or when something in it was recorded too late."""
    own = _stale(connection, schema.dirty_days, schema.days, asked, 2 * DAY)
    marked = _stale(connection, schema.dirty, None, asked, HOUR)
    days = {(key, day_of(start, asked.zone)) for key, start in own}
    days |= {(key, day_of(edge, asked.zone)) for key, start in marked for edge in (start, start + HOUR - 1)}
    return _in_order((key, start, day_after(start, asked.zone)) for key, start in days)


def _stale(
    connection: Connection, marks: Table, rollup: Table | None, asked: Period, width: int
) -> Iterator[tuple[int, int]]:
    """Pools and starts of cells that are marked, or that hold what was recorded later than is asked for."""
    for table in (marks, rollup) if rollup is not None and asked.as_of is not None else (marks,):
        rows = select(table.c.pool_key, table.c.start).where(table.c.start > asked.lo - width, table.c.start < asked.hi)
        if table is not marks:
            rows = rows.where(table.c.known_at > asked.as_of)
        if table is schema.days:
            rows = rows.where(table.c.zone == asked.zone.key)
        for row in connection.execute(rows):
            yield row.pool_key, row.start


def _in_order(cells: Iterable[tuple[int, int, int]]) -> Stale:
    found: defaultdict[int, list[Cell]] = defaultdict(list)
    for key, lo, hi in sorted(set(cells)):
        found[key].append((lo, hi))
    return found
