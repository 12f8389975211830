"""What `suanli apply` would change, in words, and how: all of it in one transaction or nothing."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import Connection

from suanli.catalog.accelerators import Accelerators
from suanli.model.audit import Author, Entry
from suanli.model.capacity import written
from suanli.model.errors import Conflict, InputError, Problem
from suanli.model.message import Message, message_of
from suanli.model.site import Pool, Site
from suanli.registry.file import first_second
from suanli.registry.ledger import LedgerError, entries_of
from suanli.store import audit, schema
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
                problems.append(located(site.id, pool.id, fault.index, message_of(fault)))
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
    from_ = Message(" (from {day})", day=since) if since else ""
    told = Message(
        "~ pool {site}/{pool} -> {to_site}/{as_id}{since}",
        site=site,
        pool=pool,
        to_site=to_site,
        as_id=as_id,
        since=from_,
    )
    after = {"site": to_site, "pool": as_id, "valid_from": effective}
    entry = Entry("pool.move", f"{site}/{pool}", {"site": site, "pool": pool}, after)
    return Change(told, moving(site, pool, to_site, as_id, effective), entry)


def carry_out(
    connection: Connection, changes: list[Change], author: Author, now: int, planned_on: int | None = None
) -> None:
    """All of the plan and its audit entries, in the caller's transaction; running instances see the new version.

    planned_on: the registry's version that the plan was made from. A Conflict when it has another one by now.
    """
    if planned_on is not None and counter(connection, "registry_version") != planned_on:
        raise Conflict(
            Message("the registry was changed meanwhile by someone else; nothing of yours was recorded: look again")
        )
    for change in changes:
        change.do(connection, now)
    audit.append(connection, author, [change.entry for change in changes], now)
    tell_others(connection)


def _changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if value != before[name]}


def _told_changes(before: dict[str, Any], after: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {before[name]} -> {value}" for name, value in _changed(before, after).items())


def _site_facts(site: Site) -> dict[str, str]:
    return {name: getattr(site, name) for name in SITE_FACTS}


def _sources(site: Site) -> dict[str, Any]:
    return {"source": _data(site.source), "cross_check": _data(site.cross_check)}


def _data(model: BaseModel | None) -> Any:
    return None if model is None else model.model_dump(mode="json", exclude_defaults=True)


def _json(data: Any) -> str | None:
    return None if data is None else json.dumps(data, ensure_ascii=False, sort_keys=True)


def _entry_of_facts(
    action: str, subject: str, before: dict[str, Any], changed: dict[str, Any], effective: int | None
) -> Entry:
    """valid_from is left out where the facts are true since they are recorded."""
    since = {} if effective is None else {"valid_from": effective}
    return Entry(action, subject, {name: before[name] for name in changed}, changed | since)


def _site_changes(recorded: RecordedSite | None, site: Site, zone: ZoneInfo, effective: int | None) -> list[Change]:
    facts, sources, since = _site_facts(site), _sources(site), first_second(site, zone)
    if recorded is None:
        entry = Entry("site.register", site.id, after={**facts, "since": since, **sources})
        do = new_site(site.id, {name: _json(data) for name, data in sources.items()}, facts, since)
        return [Change(Message("+ site {site} ({name})", site=site.id, name=site.name), do, entry)]
    before = _site_facts(recorded.site)
    changes = []
    if since != recorded.since:
        told = Message(
            "~ site {site}: since: {before} -> {after}",
            site=site.id,
            before=_day(recorded.since, zone),
            after=_day(since, zone),
        )
        entry = Entry("site.update", site.id, {"since": recorded.since}, {"since": since})
        changes.append(Change(told, new_beginning(recorded.key, since), entry))
    if changed := _changed(before, facts):
        told = Message(
            "~ site {site}: {changes}{since}",
            site=site.id,
            changes=_told_changes(before, facts),
            since=_from(effective, zone),
        )
        do = new_facts(schema.site_facts, {"site_key": recorded.key}, changed, effective)
        changes.append(Change(told, do, _entry_of_facts("site.update", site.id, before, changed, effective)))
    for name, was in _sources(recorded.site).items():
        if (data := sources[name]) != was:
            told = Message(
                "~ site {site}: {name}: {before} -> {after}",
                site=site.id,
                name=name,
                before=_json(was),
                after=_json(data),
            )
            do = setting(schema.sites, recorded.key, {name: _json(data)})
            changes.append(Change(told, do, Entry("site.update", site.id, {name: was}, {name: data})))
    return changes


def _pool_changes(
    recorded: RecordedPool | None, site: Site, pool: Pool, zone: ZoneInfo, effective: int | None
) -> list[Change]:
    facts, match, where = {"model": pool.model, "basis": pool.basis}, _data(pool.match), f"{site.id}/{pool.id}"
    if recorded is None:
        entry = Entry("pool.register", where, after={**facts, "match": match})
        return [
            Change(
                Message("+ pool {where} ({model})", where=where, model=pool.model),
                new_pool(site.id, pool.id, _json(match), facts),
                entry,
            )
        ]
    before = {"model": recorded.pool.model, "basis": recorded.pool.basis}
    match_before = _data(recorded.pool.match)
    changes = []
    if changed := _changed(before, facts):
        told = Message(
            "~ pool {where}: {changes}{since}",
            where=where,
            changes=_told_changes(before, facts),
            since=_from(effective, zone),
        )
        do = new_pool_facts(site.id, pool.id, changed, effective)
        changes.append(Change(told, do, _entry_of_facts("pool.update", where, before, changed, effective)))
    if match != match_before:
        told = Message(
            "~ pool {where}: match: {before} -> {after}", where=where, before=_json(match_before), after=_json(match)
        )
        do = setting(schema.pools, recorded.key, {"match": _json(match)})
        changes.append(Change(told, do, Entry("pool.update", where, {"match": match_before}, {"match": match})))
    return changes


def _day(since: int, zone: ZoneInfo) -> object:
    return written(since, zone) if since else Message("always")


def _from(effective: int | None, zone: ZoneInfo) -> str:
    return "" if effective is None else Message(" (from {day})", day=written(effective, zone))
