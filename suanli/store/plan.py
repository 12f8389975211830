"""What `suanli apply` would change, in words, and how: all of it in one transaction or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import Connection, Table, insert, select, update

from suanli.catalog.accelerators import Accelerators
from suanli.model.capacity import CORRECTING, written
from suanli.model.errors import InputError, Problem
from suanli.model.site import Pool, Site
from suanli.registry.ledger import LedgerEntry, entries_of
from suanli.store import schema
from suanli.store.registry import LEDGER_FIELDS, RecordedPool, RecordedSite


@dataclass(slots=True)
class Change:
    """One line of a plan: what would change, in words for a person, and how to do it."""

    text: str
    do: Callable[[Connection, int], None] = field(repr=False)


def plan(current: list[RecordedSite], wanted: list[Site], zone: ZoneInfo, catalogue: Accelerators) -> list[Change]:
    """What to change so that the registry says what these sites say. Nothing is ever deleted: see docs/decisions/0004.

    Raises InputError when recorded capacity would be changed without a reason that may change it.
    """
    known = {item.site.id: item for item in current}
    changes: list[Change] = []
    problems: list[Problem] = []
    for site in wanted:
        recorded = known.get(site.id)
        changes += _site_changes(recorded, site)
        for pool in site.pools:
            before = next((item for item in recorded.pools if item.pool.id == pool.id), None) if recorded else None
            changes += _pool_changes(before, site, pool)
            lines = [_as_recorded(line, before, pool) for line in entries_of(pool, zone, catalogue)]
            problems += _unreasoned(before, lines, f"site {site.id}, pool {pool.id}", zone)
            changes += _ledger_changes(before, lines, site, pool, zone)
    if problems:
        raise InputError(problems)
    return changes


def carry_out(connection: Connection, changes: list[Change], now: int) -> None:
    """All of the plan, in the caller's transaction; running instances see the new registry version."""
    for change in changes:
        change.do(connection, now)
    version = schema.counters.c
    connection.execute(
        update(schema.counters).where(version.name == "registry_version").values(value=version.value + 1)
    )


def _site_row(site: Site) -> dict[str, str | None]:
    plain = {name: getattr(site, name) for name in ("id", "name", "province", "operator", "status")}
    return plain | {"source": _json(site.source)}


def _pool_row(pool: Pool) -> dict[str, str | None]:
    return {"id": pool.id, "model": pool.model, "basis": pool.basis, "match": _json(pool.match)}


def _json(model: BaseModel | None) -> str | None:
    if model is None:
        return None
    return json.dumps(model.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, sort_keys=True)


def _site_changes(recorded: RecordedSite | None, site: Site) -> list[Change]:
    row = _site_row(site)
    if recorded is None:
        return [Change(f"+ site {site.id} ({site.name})", lambda c, now: _insert(c, schema.sites, row, now))]
    before = _site_row(recorded.site)
    if row == before:
        return []
    text = "; ".join(f"{name}: {before[name]} -> {row[name]}" for name in row if row[name] != before[name])
    key = recorded.key
    return [Change(f"~ site {site.id}: {text}", lambda c, now: _update(c, schema.sites, key, row, now))]


def _pool_changes(recorded: RecordedPool | None, site: Site, pool: Pool) -> list[Change]:
    row = _pool_row(pool)
    if recorded is None:
        return [
            Change(
                f"+ pool {site.id}/{pool.id} ({pool.model})",
                lambda c, now: _insert(c, schema.pools, row | {"site_key": _site_key(c, site.id)}, now),
            )
        ]
    before = _pool_row(recorded.pool)
    if row == before:
        return []
    text = "; ".join(f"{name}: {before[name]} -> {row[name]}" for name in row if row[name] != before[name])
    key = recorded.key
    return [Change(f"~ pool {site.id}/{pool.id}: {text}", lambda c, now: _update(c, schema.pools, key, row, now))]


def _ledger_changes(
    recorded: RecordedPool | None, lines: list[LedgerEntry], site: Site, pool: Pool, zone: ZoneInfo
) -> list[Change]:
    before = list(recorded.ledger) if recorded else []
    gone = [line for line in before if line not in lines]
    new = [line for line in lines if line not in before]
    where = f"{site.id}/{pool.id}"
    withdrawals = [
        Change(f"- capacity {where}: {_told(line, zone)}", _superseding(site.id, pool.id, line)) for line in gone
    ]
    return withdrawals + [
        Change(f"+ capacity {where}: {_told(line, zone)}", _recording(site.id, pool.id, line)) for line in new
    ]


def _as_recorded(line: LedgerEntry, recorded: RecordedPool | None, pool: Pool) -> LedgerEntry:
    """Devices that are already in the ledger keep the PFLOPS worked out then: a new catalogue changes no figure."""
    if recorded is None or recorded.pool.model != pool.model or line.devices is None:
        return line
    same = ("stage", "valid_from", "devices", "basis", "reason")
    old = next((old for old in recorded.ledger if all(getattr(old, key) == getattr(line, key) for key in same)), None)
    return line if old is None else replace(line, pflops=old.pflops)


def _superseding(site: str, pool: str, line: LedgerEntry) -> Callable[[Connection, int], None]:
    def do(connection: Connection, now: int) -> None:
        table = schema.capacity.c
        connection.execute(
            update(schema.capacity)
            .where(table.pool_key == _pool_key(connection, site, pool), table.stage == line.stage)
            .where(table.valid_from == line.valid_from, table.superseded_at.is_(None))
            .values(superseded_at=now)
        )

    return do


def _recording(site: str, pool: str, line: LedgerEntry) -> Callable[[Connection, int], None]:
    def do(connection: Connection, now: int) -> None:
        row = {name: getattr(line, name) for name in LEDGER_FIELDS}
        _insert(connection, schema.capacity, row | {"pool_key": _pool_key(connection, site, pool)}, now)

    return do


def _unreasoned(recorded: RecordedPool | None, lines: list[LedgerEntry], where: str, zone: ZoneInfo) -> list[Problem]:
    """Recorded capacity that the new lines would say otherwise, though none of them gives a reason to correct it."""
    before = recorded.ledger if recorded else ()
    return [
        Problem(
            f"{where}: the ledger already says {_told(old, zone)}; to change it, give the entry that replaces it "
            f"a reason ({', '.join(sorted(CORRECTING))})"
        )
        for old in before
        if not _kept(old, lines)
    ]


def _kept(old: LedgerEntry, lines: list[LedgerEntry]) -> bool:
    """Still there, or only ended by a later entry, or replaced by an entry that says why."""
    same_stage = [line for line in lines if line.stage == old.stage]
    starts = {line.valid_from for line in same_stage}
    return any(_continued(old, line, starts) or _corrected(old, line) for line in same_stage)


def _continued(old: LedgerEntry, line: LedgerEntry, starts: set[int]) -> bool:
    same_end = line.valid_until == old.valid_until or (old.valid_until is None and line.valid_until in starts)
    return line.valid_from == old.valid_from and line.same_amount(old) and same_end


def _corrected(old: LedgerEntry, line: LedgerEntry) -> bool:
    return line.reason in CORRECTING and (line.holds(old.valid_from) or old.holds(line.valid_from))


def _told(line: LedgerEntry, zone: ZoneInfo) -> str:
    amount = f"{line.devices} devices" if line.devices is not None else f"{line.pflops:g} PFLOPS"
    end = "" if line.valid_until is None else f" until {written(line.valid_until, zone)}"
    return f"{line.stage} {amount} from {written(line.valid_from, zone)}{end} ({line.source})"


def _insert(connection: Connection, table: Table, row: dict[str, Any], now: int) -> None:
    connection.execute(insert(table).values(**row, recorded_at=now))


def _update(connection: Connection, table: Table, key: int, row: dict[str, Any], now: int) -> None:
    connection.execute(update(table).where(table.c.key == key).values(**row, recorded_at=now))


def _site_key(connection: Connection, site: str) -> int:
    key: int = connection.execute(select(schema.sites.c.key).where(schema.sites.c.id == site)).scalar_one()
    return key


def _pool_key(connection: Connection, site: str, pool: str) -> int:
    table = schema.pools.c
    rows = select(table.key).where(table.site_key == _site_key(connection, site), table.id == pool)
    key: int = connection.execute(rows).scalar_one()
    return key
