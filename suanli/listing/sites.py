"""Sites and pools as listings, as they are and as they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from suanli.answers import iso
from suanli.listing.times import iso_or_none
from suanli.registry.ledger import amount_at
from suanli.registry.timeline import Timeline
from suanli.store.histories import site_facts, stays
from suanli.store.outcomes import Outcomes
from suanli.store.registry import SITE_FACTS, RecordedSite
from suanli.store.sql import Store


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
        "cross_check": site.cross_check.kind if site.cross_check else None,
        "pools": [{"id": pool.pool.id, "model": pool.pool.model, "basis": pool.pool.basis} for pool in item.pools],
        "up": None if last is None else last.result == "ok",
        "last_result": None if last is None else last.result,
        "last_reason": None if last is None else last.reason,
        "last_success": None if success is None else iso(success),
    }


def pool_rows(store: Store, sites: Iterable[RecordedSite]) -> list[dict[str, Any]]:
    """The pools of these sites as they are: since when each is there (None: always), what of it is planned, built."""
    now = store.now
    return [
        {
            "site": item.site.id,
            "pool": pool.pool.id,
            "model": pool.pool.model,
            "basis": pool.pool.basis,
            "match": None if pool.pool.match is None else pool.pool.match.model_dump(),
            "since": iso_or_none(_belongs_since(store.timelines[pool.key], item.site.id, pool.pool.id, now) or None),
            "planned_pflops": amount_at(pool.ledger, "planned", now),
            "built_pflops": amount_at(pool.ledger, "built", now),
        }
        for item in sites
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
        "from": iso_or_none(row["valid_from"] or None),
        "until": iso_or_none(row["valid_until"]),
        "recorded_at": iso(row["recorded_at"]),
        "superseded_at": iso_or_none(row["superseded_at"]),
    }
