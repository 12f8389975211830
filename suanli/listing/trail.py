"""The audit trail as a listing."""

from __future__ import annotations

import json
from typing import Any

from suanli.answers import iso
from suanli.model.audit import Row


def trail_row(row: Row) -> dict[str, Any]:
    """One row; before and after as data, or as they stand there where somebody made them unreadable."""
    return {
        "seq": row.seq,
        "at": iso(row.at),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "before": _data(row.before),
        "after": _data(row.after),
        "reason": row.reason,
        "request_id": row.request_id,
        "hash": row.hash,
    }


def _data(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
