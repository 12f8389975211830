"""Tokens that are given for the site's secret and hold for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_urlsafe

LIFE = 3600
"""Seconds."""


@dataclass(slots=True)
class Tokens:
    """Those that were given and still hold, with their ends."""

    _ends: dict[str, float] = field(default_factory=dict, repr=False)

    def new(self, now: float) -> str:
        self._ends = {token: end for token, end in self._ends.items() if end > now}
        token = token_urlsafe(24)
        self._ends[token] = now + LIFE
        return token

    def hold(self, token: str, now: float) -> bool:
        return self._ends.get(token, 0.0) > now
