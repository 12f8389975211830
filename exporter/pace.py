"""How often one token may ask for something other than reading."""

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

    def __init__(self, per_minute: int) -> None:
        self._most = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def keep(self, principal: Principal) -> None:
        """Count one more of theirs; TooMany tells when the next would be heard. What is refused does not count."""
        who = principal.token_id or principal.owner
        if self._limiter.hit(self._most, who):
            return
        wait = max(1, math.ceil(self._limiter.get_window_stats(self._most, who).reset_time - time.time()))
        told = f"{principal.owner} asks for more than {self._most.amount} changes a minute: wait {wait} s"
        raise TooMany(told, wait)
