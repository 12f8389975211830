"""Tokens as a listing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from suanli.store.sql import Store
from suanli.store.tokens import RecordedToken, tokens


def token_rows(store: Store) -> list[dict[str, Any]]:
    """Every token that was ever given, the oldest first; never its text."""
    with store.reading() as connection:
        return [_row(one) for one in tokens(connection)]


def _row(one: RecordedToken) -> dict[str, Any]:
    times = ("created_at", "expires_at", "last_used_at", "revoked_at")
    return {
        "id": one.id,
        "owner": one.owner,
        "scopes": [str(scope) for scope in one.scopes],
        "networks": list(one.networks),
        "created_by": one.created_by,
        **{name: _iso(getattr(one, name)) for name in times},
    }


def _iso(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
