"""What was said when: lines of the ledger and facts of a site, also those that no longer count."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Connection, RowMapping, select

from suanli.registry.ledger import LedgerEntry
from suanli.store import schema
from suanli.store.registry import LEDGER_FIELDS, known_rows


@dataclass(frozen=True, slots=True)
class RecordedLine:
    """A line of the ledger with its number. Times in UTC seconds; superseded_at None: it still counts."""

    id: int
    pool_key: int
    entry: LedgerEntry
    recorded_at: int
    superseded_at: int | None


def ledger_lines(connection: Connection, as_of: int | None = None, *, everything: bool = False) -> list[RecordedLine]:
    """The lines that count now, or did at `as_of`, by pool, stage and time; everything: also those superseded."""
    table = schema.capacity
    rows = select(table) if everything else known_rows(table, as_of)
    if as_of is not None:
        rows = rows.where(table.c.recorded_at <= as_of)
    ordered = rows.order_by(table.c.pool_key, table.c.stage, table.c.valid_from, table.c.id)
    return [_line(row, as_of) for row in connection.execute(ordered).mappings()]


@dataclass(frozen=True, slots=True)
class Stay:
    """A pool that belongs to a site over [valid_from, valid_until), None being open. came, went: other places."""

    pool: str
    model: str
    basis: str
    valid_from: int
    valid_until: int | None
    came_from: str | None
    went_to: str | None
    recorded_at: int
    superseded_at: int | None


def site_facts(connection: Connection, site: int) -> list[RowMapping]:
    """All that was ever said of this site (its key), in the order of time, and of recording."""
    table = schema.site_facts
    rows = select(table).where(table.c.site_key == site).order_by(table.c.valid_from, table.c.id)
    return list(connection.execute(rows).mappings())


def stays(connection: Connection, site: int) -> list[Stay]:
    """Every pool that was ever said to belong to this site (its key), in the order of names and time."""
    table = schema.pool_facts
    sites = {row.key: row.id for row in connection.execute(select(schema.sites.c.key, schema.sites.c.id))}
    ordered = select(table).order_by(table.c.pool_key, table.c.valid_from, table.c.id)
    rows = connection.execute(ordered).mappings().all()
    current = [row for row in rows if row["superseded_at"] is None]
    came, went = _moves(current, sites)
    found = [_stay(row, came.get(row["id"]), went.get(row["id"])) for row in rows if row["site_key"] == site]
    return sorted(found, key=lambda one: (one.pool, one.valid_from, one.recorded_at))


def _moves(current: list[RowMapping], sites: dict[int, str]) -> tuple[dict[int, str], dict[int, str]]:
    """Where each row's pool was before and went after, where that is another place; by the row's number."""
    came: dict[int, str] = {}
    went: dict[int, str] = {}
    for one, following in pairwise(current):
        places = [f"{sites[row['site_key']]}/{row['pool']}" for row in (one, following)]
        if one["pool_key"] == following["pool_key"] and places[0] != places[1]:
            went[one["id"]], came[following["id"]] = places[1], places[0]
    return came, went


def _stay(row: RowMapping, came: str | None, went: str | None) -> Stay:
    plain = {name: row[name] for name in ("pool", "model", "basis", "valid_from", "valid_until")}
    return Stay(**plain, came_from=came, went_to=went, **{name: row[name] for name in ("recorded_at", "superseded_at")})


def _line(row: RowMapping, as_of: int | None) -> RecordedLine:
    superseded = row["superseded_at"]
    later = superseded is not None and as_of is not None and superseded > as_of
    entry = LedgerEntry(**{name: row[name] for name in LEDGER_FIELDS})
    return RecordedLine(row["id"], row["pool_key"], entry, row["recorded_at"], None if later else superseded)
