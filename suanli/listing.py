"""Listings of the registry, in one shape for the command line and the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from suanli.answers import iso
from suanli.model.capacity import written
from suanli.store.outcomes import Outcomes
from suanli.store.registry import RecordedSite


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


def ledger_rows(registry: Iterable[RecordedSite], zone: ZoneInfo, site: str | None = None) -> list[dict[str, Any]]:
    """The current entries of the ledger; days are those of `zone`, `pflops` is None where the peak is unknown."""
    return [
        {
            "site": item.site.id,
            "pool": pool.pool.id,
            "stage": line.stage,
            "from": str(written(line.valid_from, zone)),
            "until": None if line.valid_until is None else str(written(line.valid_until, zone)),
            "devices": line.devices,
            "pflops": line.pflops,
            "basis": line.basis,
            "reason": line.reason,
            "source": line.source,
        }
        for item in registry
        if site in (None, item.site.id)
        for pool in item.pools
        for line in pool.ledger
    ]
