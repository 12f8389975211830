"""Lists that name each thing once, however many pages they have; written once for every source."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from collectors.base import Unreadable

T = TypeVar("T", bound=Hashable)


def once(seen: set[T], key: T, what: str) -> None:
    """Note that a list names this; Unreadable when it did before: a page came again, or two claim one name, and which
    of them is right nobody knows. what: for the person who looks for it."""
    if key in seen:
        raise Unreadable(f"{what[:120]} is in the list twice")
    seen.add(key)
