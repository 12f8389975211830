"""How often one token may ask, for changes and for reading."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from exporter.problems import TooMany
from suanli.model.access import Principal


class Pace:
    """Counts what each token asked for within the last minute; kept in memory, so anew after a start."""

    def __init__(self, writes: int, reads: int) -> None:
        self._most = {"changes": RateLimitItemPerMinute(writes), "reads": RateLimitItemPerMinute(reads)}
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def keep(self, principal: Principal, *, reads: bool) -> None:
        """Count one more of theirs; TooMany tells when the next would be heard. What is refused does not count."""
        kind = "reads" if reads else "changes"
        most, who = self._most[kind], (kind, principal.token_id or principal.owner)
        if self._limiter.hit(most, *who):
            return
        wait = max(1, math.ceil(self._limiter.get_window_stats(most, *who).reset_time - time.time()))
        raise TooMany(f"{principal.owner} asks for more than {most.amount} {kind} a minute: wait {wait} s", wait)
