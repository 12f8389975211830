"""What waits for a decision, as lines of the ledger: built is planned until somebody has decided."""

from __future__ import annotations

from typing import Any

from suanli.answers import iso
from suanli.config import Config
from suanli.model.capacity import written
from suanli.model.errors import InputError
from suanli.registering.amounts import said_anew
from suanli.registering.requests import planned_request
from suanli.store.sql import Store
from suanli.store.submissions import Submission


def pending_rows(store: Store, one: Submission, config: Config, at: int | None = None) -> list[dict[str, Any]]:
    """The lines that approving it would add, in the shape of `ledger_rows`; none if it does not fit any more.

    at: only those that would hold at this second.
    """
    try:
        changes = planned_request(store, one.request, config)
    except InputError:
        return []
    return [_row(one, where, line, config) for where, line in said_anew(changes) if at is None or _holds(line, at)]


def _holds(line: dict[str, Any], at: int) -> bool:
    return line["valid_from"] <= at and (line["valid_until"] is None or at < line["valid_until"])


def _row(one: Submission, where: str, line: dict[str, Any], config: Config) -> dict[str, Any]:
    site, _, pool = where.partition("/")
    until = line["valid_until"]
    return {
        "id": None,
        "site": site,
        "pool": pool,
        "stage": "planned" if line["stage"] == "built" else line["stage"],
        "from": str(written(line["valid_from"], config.zone)),
        "until": None if until is None else str(written(until, config.zone)),
        "devices": line["devices"],
        "pflops": line["pflops"],
        "basis": line["basis"],
        "reason": line["reason"],
        "source": line["source"],
        "recorded_at": iso(one.submitted_at),
        "superseded_at": None,
        "submission": one.id,
    }
