"""The time of day of a long-running process, which may be corrected, and may not leap."""

from __future__ import annotations

import time
from collections.abc import Callable

from suanli.model.errors import Unavailable
from suanli.model.message import Message

BACK = 3_600.0
FORWARD = 86_400.0
"""Seconds that the time of day may be set by at once. Rightly it goes forward only, where the machine was paused."""


def since_boot() -> float:
    """Seconds that nobody can set, a suspended machine's included where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Clock:
    """Called, the time of day in UTC seconds; where that leapt, what it would be without the leap.

    wall: the time of day; passed: seconds that only ever pass. May be called from any thread.
    """

    def __init__(self, wall: Callable[[], float] = time.time, passed: Callable[[], float] = since_boot) -> None:
        self._wall, self._passed = wall, passed
        self._apart = wall() - passed()

    def __call__(self) -> float:
        return self._wall() if _corrected(self.leap()) else self._passed() + self._apart

    def leap(self) -> float:
        """Seconds by which the time of day was set since it was last believed."""
        return self._wall() - self._passed() - self._apart

    def check(self) -> None:
        """Believe a correction. Raises Unavailable for a leap, until the clock is set back or the process started anew.

        What was recorded under a wrong date would stand for good, and what is kept for a month would be let go.
        """
        leap = self.leap()
        if not _corrected(leap):
            raise Unavailable(
                Message(
                    "this machine's clock was set by {seconds} s at once, and nothing is recorded; "
                    "set it right, or start again if it is right now",
                    seconds=f"{leap:+.0f}",
                )
            )
        self._apart += leap


def _corrected(leap: float) -> bool:
    return -BACK < leap < FORWARD
