"""What `suanli apply` would change, in words, and how: all of it in one transaction or nothing."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import Connection

from suanli.catalog.accelerators import Accelerators
from suanli.model.capacity import written
from suanli.model.errors import InputError, Problem, SuanliError
from suanli.model.site import Pool, Site
from suanli.registry.file import first_second
from suanli.registry.ledger import LedgerError, entries_of
from suanli.store import schema
from suanli.store.ledger_plan import Located, as_recorded, by_name, ledger_changes, unreasoned
from suanli.store.registry import SITE_FACTS, RecordedPool, RecordedSite
from suanli.store.samples import counter
from suanli.store.writes import (
    Change,
    moving,
    new_beginning,
    new_facts,
    new_pool,
    new_pool_facts,
    new_site,
    setting,
    tell_others,
)

__all__ = ["Change", "carry_out", "moved", "plan"]


def plan(
    current: list[RecordedSite],
    wanted: list[Site],
    zone: ZoneInfo,
    catalogue: Accelerators,
    effective: int | None = None,
    located: Located = by_name,
) -> list[Change]:
    """What to change so that the registry says what these sites say. Nothing is ever deleted: see docs/decisions/0004.

    effective: from when on changed facts (name, province, operator, status, model) are true; None: from when they are
    recorded. Raises InputError, with places as `located` knows them, for entries that contradict each other and when
    recorded capacity would be changed without a reason that may change it.
    """
    known = {item.site.id: item for item in current}
    changes: list[Change] = []
    problems: list[Problem] = []
    for site in wanted:
        recorded = known.get(site.id)
        changes += _site_changes(recorded, site, zone, effective)
        for pool in site.pools:
            before = next((item for item in recorded.pools if item.pool.id == pool.id), None) if recorded else None
            changes += _pool_changes(before, site, pool, zone, effective)
            try:
                entries = entries_of(pool, zone, catalogue, first_second(site, zone))
            except LedgerError as fault:
                problems.append(located(site.id, pool.id, fault.index, str(fault)))
                continue
            lines = [as_recorded(line, before, pool) for line in entries]
            problems += unreasoned(before, lines, site, pool, zone, located)
            changes += ledger_changes(before, lines, site, pool, zone)
    if problems:
        raise InputError(problems)
    return changes


def moved(site: str, pool: str, to_site: str, as_id: str, effective: int, since: object = "") -> Change:
    """A pool belongs to another site (or has another id) from `effective` on; its history stays where it was.

    since: `effective` as people write it.
    """
    told = f"~ pool {site}/{pool} -> {to_site}/{as_id}" + (f" (from {since})" if since else "")
    return Change(told, moving(site, pool, to_site, as_id, effective))


def carry_out(connection: Connection, changes: list[Change], now: int, planned_on: int | None = None) -> None:
    """All of the plan, in the caller's transaction; running instances see the new registry version.

    planned_on: the registry's version that the plan was made from. A SuanliError when it has another one by now.
    """
    if planned_on is not None and counter(connection, "registry_version") != planned_on:
        raise SuanliError(
            "the registry was changed meanwhile by someone else; nothing of yours was recorded: look again"
        )
    for change in changes:
        change.do(connection, now)
    tell_others(connection)


def _changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if value != before[name]}


def _told_changes(before: dict[str, Any], after: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {before[name]} -> {value}" for name, value in _changed(before, after).items())


def _site_facts(site: Site) -> dict[str, str]:
    return {name: getattr(site, name) for name in SITE_FACTS}


def _sources(site: Site) -> dict[str, str | None]:
    return {"source": _json(site.source), "cross_check": _json(site.cross_check)}


def _json(model: BaseModel | None) -> str | None:
    if model is None:
        return None
    return json.dumps(model.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, sort_keys=True)


def _site_changes(recorded: RecordedSite | None, site: Site, zone: ZoneInfo, effective: int | None) -> list[Change]:
    facts, sources = _site_facts(site), _sources(site)
    if recorded is None:
        do = new_site(site.id, sources, facts, first_second(site, zone))
        return [Change(f"+ site {site.id} ({site.name})", do)]
    before = _site_facts(recorded.site)
    changes = []
    if (since := first_second(site, zone)) != recorded.since:
        told = f"~ site {site.id}: since: {_day(recorded.since, zone)} -> {_day(since, zone)}"
        changes.append(Change(told, new_beginning(recorded.key, since)))
    if facts != before:
        told = f"~ site {site.id}: {_told_changes(before, facts)}{_from(effective, zone)}"
        do = new_facts(schema.site_facts, {"site_key": recorded.key}, _changed(before, facts), effective)
        changes.append(Change(told, do))
    for name, was in _sources(recorded.site).items():
        if sources[name] != was:
            told = f"~ site {site.id}: {name}: {was} -> {sources[name]}"
            changes.append(Change(told, setting(schema.sites, recorded.key, {name: sources[name]})))
    return changes


def _pool_changes(
    recorded: RecordedPool | None, site: Site, pool: Pool, zone: ZoneInfo, effective: int | None
) -> list[Change]:
    facts, match = {"model": pool.model, "basis": pool.basis}, _json(pool.match)
    if recorded is None:
        return [Change(f"+ pool {site.id}/{pool.id} ({pool.model})", new_pool(site.id, pool.id, match, facts))]
    before = {"model": recorded.pool.model, "basis": recorded.pool.basis}
    match_before = _json(recorded.pool.match)
    changes = []
    if facts != before:
        told = f"~ pool {site.id}/{pool.id}: {_told_changes(before, facts)}{_from(effective, zone)}"
        changes.append(Change(told, new_pool_facts(site.id, pool.id, _changed(before, facts), effective)))
    if match != match_before:
        told = f"~ pool {site.id}/{pool.id}: match: {match_before} -> {match}"
        changes.append(Change(told, setting(schema.pools, recorded.key, {"match": match})))
    return changes


def _day(since: int, zone: ZoneInfo) -> object:
    return written(since, zone) if since else "always"


def _from(effective: int | None, zone: ZoneInfo) -> str:
    return "" if effective is None else f" (from {written(effective, zone)})"
