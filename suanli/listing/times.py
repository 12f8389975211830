"""Times in listings."""

from __future__ import annotations

from suanli.answers import iso


def iso_or_none(at: int | None) -> str | None:
    """UTC in ISO 8601; None of nothing."""
    return None if at is None else iso(at)
