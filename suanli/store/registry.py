"""The registry as the store holds it: whole, as it is now or was known at a time, and every pool through time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, Select, Table, select

from suanli.model.capacity import CapacityEntry, written
from suanli.model.site import CrossCheck, Match, Pool, Site, Source
from suanli.registry.ledger import LedgerEntry
from suanli.registry.timeline import FOR_EVER, PoolFacts, SiteFacts, Timeline, timeline_of
from suanli.store import schema


@dataclass(frozen=True, slots=True)
class RecordedPool:
    """A pool with its key in the store and the ledger lines that are current (or were, as of a time)."""

    key: int
    pool: Pool
    ledger: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class RecordedSite:
    """A registered site; `site.pools` is empty here, its pools are in `pools`. since: its first second, 0 if always."""

    key: int
    site: Site
    pools: tuple[RecordedPool, ...]
    since: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """Everything registered. sites: as of one second; timelines: every pool through all time, by its key.

    changes_at: when the first fact that lies ahead becomes true; None: nothing is known to change.
    """

    sites: list[RecordedSite]
    timelines: dict[int, Timeline]
    changes_at: int | None


def read_record(connection: Connection, at: int, as_of: int | None = None) -> Record:
    """The registry at `at`, from what was recorded by `as_of` (all of it when None); sites in the order of ids."""
    site_ids = {row.key: row.id for row in connection.execute(select(schema.sites.c.key, schema.sites.c.id))}
    facts = _grouped(connection, schema.site_facts, "site_key", as_of)
    places = _grouped(connection, schema.pool_facts, "pool_key", as_of)
    lines = {
        key: tuple(map(_entry, sorted(rows, key=lambda row: (row["stage"], row["valid_from"]))))
        for key, rows in _grouped(connection, schema.capacity, "pool_key", as_of).items()
    }
    by_site: dict[str, Sequence[SiteFacts]] = {
        site_ids[key]: [_site_facts(row) for row in rows] for key, rows in facts.items()
    }
    timelines = {
        key: timeline_of(key, [_pool_facts(row, site_ids) for row in rows], by_site, lines.get(key, ()))
        for key, rows in places.items()
    }
    starts = [row["valid_from"] for rows in (*facts.values(), *places.values()) for row in rows]
    return Record(
        _sites(connection, facts, _pools(connection, places, lines, at), at),
        timelines,
        min((start for start in starts if start > at), default=None),
    )


def as_written(recorded: RecordedSite, zone: ZoneInfo) -> Site:
    """The site as its file would say it."""
    pools = tuple(
        item.pool.model_copy(update={"capacity": tuple(_entry_written(line, zone) for line in _in_order(item.ledger))})
        for item in recorded.pools
    )
    since = written(recorded.since, zone) if recorded.since else None
    return recorded.site.model_copy(update={"pools": pools, "since": since})


def known_rows(table: Table, as_of: int | None) -> Select[Any]:
    """The rows of a table of two times that are current, or were at `as_of`."""
    rows, superseded = select(table), table.c.superseded_at
    if as_of is None:
        return rows.where(superseded.is_(None))
    return rows.where(table.c.recorded_at <= as_of, superseded.is_(None) | (superseded > as_of))


def _grouped(connection: Connection, table: Table, key: str, as_of: int | None) -> dict[int, list[RowMapping]]:
    found: defaultdict[int, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(known_rows(table, as_of).order_by(table.c.valid_from)).mappings():
        found[row[key]].append(row)
    return found


def _one_at(rows: Sequence[RowMapping], at: int) -> RowMapping:
    """The row that holds at this second; else the last before it, else the first to come."""
    begun = [row for row in rows if row["valid_from"] <= at]
    return begun[-1] if begun else rows[0]


def _pools(
    connection: Connection,
    places: dict[int, list[RowMapping]],
    lines: dict[int, tuple[LedgerEntry, ...]],
    at: int,
) -> dict[int, list[RecordedPool]]:
    matches = {row.key: row.match for row in connection.execute(select(schema.pools.c.key, schema.pools.c.match))}
    found: defaultdict[int, list[RecordedPool]] = defaultdict(list)
    for key, rows in places.items():
        place = _one_at(rows, at)
        found[place["site_key"]].append(RecordedPool(key, _pool(place, matches[key]), lines.get(key, ())))
    return found


def _sites(
    connection: Connection, facts: dict[int, list[RowMapping]], pools: dict[int, list[RecordedPool]], at: int
) -> list[RecordedSite]:
    rows = connection.execute(select(schema.sites).order_by(schema.sites.c.id)).mappings()
    return [
        RecordedSite(
            row["key"],
            _site(row, _one_at(facts[row["key"]], at)),
            _by_id(pools.get(row["key"], ())),
            facts[row["key"]][0]["valid_from"],
        )
        for row in rows
        if row["key"] in facts
    ]


def _by_id(pools: Iterable[RecordedPool]) -> tuple[RecordedPool, ...]:
    return tuple(sorted(pools, key=lambda item: item.pool.id))


LEDGER_FIELDS = ("stage", "valid_from", "valid_until", "devices", "pflops", "basis", "source", "reason")
SITE_FACTS = ("name", "province", "operator", "status")


def _entry(row: RowMapping) -> LedgerEntry:
    return LedgerEntry(**{name: row[name] for name in LEDGER_FIELDS})


def _site_facts(row: RowMapping) -> SiteFacts:
    return SiteFacts(row["valid_from"], _end(row), **{name: row[name] for name in SITE_FACTS})


def _pool_facts(row: RowMapping, site_ids: dict[int, str]) -> PoolFacts:
    return PoolFacts(row["valid_from"], _end(row), site_ids[row["site_key"]], row["pool"], row["model"], row["basis"])


def _end(row: RowMapping) -> int:
    return FOR_EVER if row["valid_until"] is None else int(row["valid_until"])


def _pool(place: RowMapping, match: str | None) -> Pool:
    found = Match.model_validate_json(match) if match else None
    return Pool(id=place["pool"], model=place["model"], basis=place["basis"], match=found)


def _site(row: RowMapping, facts: RowMapping) -> Site:
    source = Source.model_validate_json(row["source"]) if row["source"] else None
    check = CrossCheck.model_validate_json(row["cross_check"]) if row["cross_check"] else None
    return Site(id=row["id"], **{name: facts[name] for name in SITE_FACTS}, source=source, cross_check=check)


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
