"""What is asked for, as a query says it."""

from __future__ import annotations

from typing import Any


def said(asked: dict[str, Any]) -> dict[str, Any]:
    """What is asked for as a query: None and False are left out."""
    return {name: value for name, value in asked.items() if value is not None and value is not False}
