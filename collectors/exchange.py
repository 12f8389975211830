"""What was asked of a site and what came: one line of the trail that `suanli collect` shows, one answer of a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from collectors.answers import Answer


@dataclass(slots=True)
class Exchange:
    """One question and its answer, after redirections and signing in. answer: None where none came, as `fault` tells.

    No header that we sent is kept: there our secrets are. A body is not shown, since it may hold others.
    base: the address that path is below, of the site's own or of another of its hosts.
    """

    method: str
    path: str
    params: dict[str, str]
    content: bytes | None = field(default=None, repr=False)
    answer: Answer | None = None
    fault: str = ""
    base: str = field(default="", repr=False)

    @property
    def items(self) -> int | None:
        """The elements of the longest list in a JSON answer, at its top or one or two steps below; None without one."""
        if self.answer is None:
            return None
        try:
            return _longest(orjson.loads(self.answer.body))
        except orjson.JSONDecodeError:
            return None


Note = Callable[[Exchange], None]


def unnoted(_exchange: Exchange) -> None:
    """Nobody wants to know."""


def _longest(value: Any, steps: int = 2) -> int | None:
    if isinstance(value, list):
        return len(value)
    inner = value.values() if isinstance(value, dict) and steps else ()
    return max((found for one in inner if (found := _longest(one, steps - 1)) is not None), default=None)
