"""Tokens as a listing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from suanli.store.sql import Store
from suanli.store.tokens import RecordedToken, tokens


def token_rows(store: Store) -> list[dict[str, Any]]:
    """Every token that was ever given, the oldest first; never its text."""
    with store.reading() as connection:
        return [token_row(one) for one in tokens(connection)]


def token_row(one: RecordedToken) -> dict[str, Any]:
    """One of them; times in ISO 8601, None: never (yet)."""
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
