"""Listings of the registry, in one shape for the command line and the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

from suanli.answers import iso
from suanli.model.calendar import DAY
from suanli.model.capacity import written
from suanli.registry.ledger import amount_at
from suanli.registry.timeline import Timeline
from suanli.store.histories import RecordedLine, ledger_lines, site_facts, stays
from suanli.store.outcomes import Outcomes
from suanli.store.registry import SITE_FACTS, RecordedSite, read_record
from suanli.store.sql import Store
from suanli.store.windows import RecordedWindow, windows

_NEXT = 3
_LOOKED_AHEAD = 5 * 366 * DAY


def site_row(item: RecordedSite, outcomes: Outcomes | None = None) -> dict[str, Any]:
    """One site for a listing; how it was last polled is None where this process has not polled it."""
    site = item.site
    last = outcomes.last.get(site.id) if outcomes else None
    success = outcomes.last_success.get(site.id) if outcomes else None
    return {
        "id": site.id,
        "name": site.name,
        "province": site.province,
        "operator": site.operator,
        "status": site.status,
        "kind": site.source.kind if site.source else None,
        "pools": [{"id": pool.pool.id, "model": pool.pool.model, "basis": pool.pool.basis} for pool in item.pools],
        "up": None if last is None else last.result == "ok",
        "last_result": None if last is None else last.result,
        "last_reason": None if last is None else last.reason,
        "last_success": None if success is None else iso(success),
    }


def ledger_rows(
    store: Store,
    zone: ZoneInfo,
    site: str | None = None,
    *,
    at: int | None = None,
    as_of: int | None = None,
    everything: bool = False,
) -> list[dict[str, Any]]:
    """The lines of the ledger that count; days are those of `zone`, `pflops` is None where the peak is unknown.

    at: only those that hold at this second. as_of: as they were known then. everything: also those superseded.
    """
    with store.reading() as connection:
        record = read_record(connection, store.now if at is None else at, as_of)
        lines = ledger_lines(connection, as_of, everything=everything)
    places = {pool.key: (item.site.id, pool.pool.id) for item in record.sites for pool in item.pools}
    rows = [
        _ledger_row(places[line.pool_key], line, zone)
        for line in lines
        if line.pool_key in places and site in (None, places[line.pool_key][0]) and (at is None or line.entry.holds(at))
    ]
    return sorted(rows, key=lambda row: (row["site"], row["pool"]))


def _ledger_row(place: tuple[str, str], line: RecordedLine, zone: ZoneInfo) -> dict[str, Any]:
    entry = line.entry
    return {
        "id": line.id,
        "site": place[0],
        "pool": place[1],
        "stage": entry.stage,
        "from": str(written(entry.valid_from, zone)),
        "until": None if entry.valid_until is None else str(written(entry.valid_until, zone)),
        "devices": entry.devices,
        "pflops": entry.pflops,
        "basis": entry.basis,
        "reason": entry.reason,
        "source": entry.source,
        "recorded_at": iso(line.recorded_at),
        "superseded_at": _iso(line.superseded_at),
    }


def pool_rows(store: Store) -> list[dict[str, Any]]:
    """Every pool as it is now: where it belongs and since when (None: always), and what of it is planned and built."""
    now = store.now
    return [
        {
            "site": item.site.id,
            "pool": pool.pool.id,
            "model": pool.pool.model,
            "basis": pool.pool.basis,
            "match": None if pool.pool.match is None else pool.pool.match.model_dump(),
            "since": _iso(_belongs_since(store.timelines[pool.key], item.site.id, pool.pool.id, now) or None),
            "planned_pflops": amount_at(pool.ledger, "planned", now),
            "built_pflops": amount_at(pool.ledger, "built", now),
        }
        for item in store.registry
        for pool in item.pools
    ]


def _belongs_since(timeline: Timeline, site: str, pool: str, now: int) -> int:
    """The first second of the stay that reaches to `now`; 0 where there never was another."""
    since = 0
    for span in timeline.spans:
        if span.lo <= now and (span.site, span.pool) != (site, pool):
            since = span.hi
    return since


def site_history(store: Store, id_: str) -> dict[str, Any]:
    """What was ever said of a registered site and its pools, in the order of time; superseded_at None: it counts."""
    (key,) = [item.key for item in store.registry if item.site.id == id_]
    with store.reading() as connection:
        facts, pools = site_facts(connection, key), stays(connection, key)
    return {
        "site": id_,
        "facts": [_times(dict(row)) | {name: row[name] for name in SITE_FACTS} for row in facts],
        "pools": [
            _times(asdict(one))
            | {name: getattr(one, name) for name in ("pool", "model", "basis", "came_from", "went_to")}
            for one in pools
        ],
    }


def _times(row: dict[str, Any]) -> dict[str, Any]:
    """The four times of a fact; `from` is None for what was always so."""
    return {
        "from": _iso(row["valid_from"] or None),
        "until": _iso(row["valid_until"]),
        "recorded_at": iso(row["recorded_at"]),
        "superseded_at": _iso(row["superseded_at"]),
    }


def _iso(at: int | None) -> str | None:
    return None if at is None else iso(at)


def window_rows(
    store: Store,
    zone: ZoneInfo,
    lo: int,
    hi: int,
    *,
    as_of: int | None = None,
    everything: bool = False,
    reaching: bool = False,
) -> list[dict[str, Any]]:
    """Maintenance windows; `excluded_ratio` is the share of the seconds of [lo, hi) that a window takes out.

    reaching: only those with an occurrence in [lo, hi). everything: also what was said of them before.
    """
    with store.reading() as connection:
        found = windows(connection, as_of, everything=everything)
    now = store.now
    return [_window_row(one, zone, lo, hi, now) for one in found if not reaching or one.stretches(lo, hi, zone)]


def _window_row(one: RecordedWindow, zone: ZoneInfo, lo: int, hi: int, now: int) -> dict[str, Any]:
    excludes = one.counts and one.policy == "exclude"
    taken = sum(min(end, hi) - max(start, lo) for start, end in one.stretches(lo, hi, zone)) if excludes else 0
    return {
        "id": one.id,
        "site": one.site,
        "pool": one.pool,
        "from": iso(one.start),
        "until": iso(one.end),
        "rule": one.rule,
        "policy": one.policy,
        "reason": one.reason,
        "approved_at": _iso(one.approved_at),
        "approved_by": one.approved_by,
        "ended_at": _iso(one.cut_at),
        "next": [{"from": iso(start), "until": iso(end)} for start, end in _next(one, zone, now)],
        "excluded_ratio": taken / (hi - lo),
        "recorded_at": iso(one.recorded_at),
        "superseded_at": _iso(one.superseded_at),
    }


def _next(one: RecordedWindow, zone: ZoneInfo, now: int) -> list[tuple[int, int]]:
    """The three occurrences that are on or to come first. Of frequent ones a few days are enough to look through."""
    since = max(now, one.start)
    near = one.stretches(since, since + 4 * DAY, zone)
    return (near if len(near) >= _NEXT else one.stretches(since, since + _LOOKED_AHEAD, zone))[:_NEXT]
