"""The registry as the store holds it, read whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, Select, select

from suanli.model.capacity import CapacityEntry, written
from suanli.model.site import Match, Pool, Site, Source
from suanli.registry.ledger import LedgerEntry
from suanli.store import schema


@dataclass(frozen=True, slots=True)
class RecordedPool:
    """A pool with its key in the store and the ledger lines that are current (or were, as of a time)."""

    key: int
    pool: Pool
    ledger: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class RecordedSite:
    """A registered site; `site.pools` is empty here, its pools are in `pools`."""

    key: int
    site: Site
    pools: tuple[RecordedPool, ...]


def read_registry(connection: Connection, as_of: int | None = None) -> list[RecordedSite]:
    """All sites in the order of their ids, with the ledger as it was known at `as_of` (now when None)."""
    ledger: dict[int, list[LedgerEntry]] = {}
    for row in connection.execute(_ledger_rows(as_of)).mappings():
        ledger.setdefault(row["pool_key"], []).append(_entry(row))
    pools: dict[int, list[RecordedPool]] = {}
    for row in connection.execute(select(schema.pools).order_by(schema.pools.c.id)).mappings():
        lines = tuple(ledger.get(row["key"], ()))
        pools.setdefault(row["site_key"], []).append(RecordedPool(row["key"], _pool(row), lines))
    rows = connection.execute(select(schema.sites).order_by(schema.sites.c.id)).mappings()
    return [RecordedSite(row["key"], _site(row), tuple(pools.get(row["key"], ()))) for row in rows]


def as_written(recorded: RecordedSite, zone: ZoneInfo) -> Site:
    """The site as its file would say it."""
    pools = tuple(
        item.pool.model_copy(update={"capacity": tuple(_entry_written(line, zone) for line in _in_order(item.ledger))})
        for item in recorded.pools
    )
    return recorded.site.model_copy(update={"pools": pools})


def _ledger_rows(as_of: int | None) -> Select[Any]:
    table = schema.capacity.c
    rows = select(schema.capacity).order_by(table.pool_key, table.stage, table.valid_from)
    if as_of is None:
        return rows.where(table.superseded_at.is_(None))
    return rows.where(table.recorded_at <= as_of, (table.superseded_at.is_(None)) | (table.superseded_at > as_of))


LEDGER_FIELDS = ("stage", "valid_from", "valid_until", "devices", "pflops", "basis", "source", "reason")


def _entry(row: RowMapping) -> LedgerEntry:
    return LedgerEntry(**{name: row[name] for name in LEDGER_FIELDS})


def _pool(row: RowMapping) -> Pool:
    match = Match.model_validate_json(row["match"]) if row["match"] else None
    return Pool(id=row["id"], model=row["model"], basis=row["basis"], match=match)


def _site(row: RowMapping) -> Site:
    source = Source.model_validate_json(row["source"]) if row["source"] else None
    plain = {name: row[name] for name in ("id", "name", "province", "operator", "status")}
    return Site(**plain, source=source)


def _in_order(ledger: tuple[LedgerEntry, ...]) -> list[LedgerEntry]:
    return sorted(ledger, key=lambda line: (line.valid_from, line.stage))


def _entry_written(line: LedgerEntry, zone: ZoneInfo) -> CapacityEntry:
    return CapacityEntry(
        since=written(line.valid_from, zone),
        until=None if line.valid_until is None else written(line.valid_until, zone),
        stage=line.stage,
        devices=line.devices,
        pflops=line.pflops if line.devices is None else None,
        source=line.source,
        reason=line.reason,
    )
