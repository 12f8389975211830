"""Going round until asked to stop, and being seen to."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Protocol

PATIENCE = 120.0


class Rounds:
    """What a loop goes round by until `stop`; whoever looks from outside sees one that is stuck.

    patience: seconds that a round may take before it is overdue.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience, self._due = patience, math.inf
        self._stopped = asyncio.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """To be called in the event loop. A round that is under way is not torn off."""
        self._due = math.inf
        self._stopped.set()

    async def ended(self) -> None:
        """Wait until `stop`."""
        await self._stopped.wait()

    def alive(self) -> None:
        """A round begins, or goes on well. May be called from any thread."""
        self._due = time.monotonic() + self._patience

    async def pause(self, seconds: float) -> None:
        """Wait for so long, or until `stop`."""
        self._due = time.monotonic() + seconds + self._patience
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    async def every(self, seconds: float) -> AsyncIterator[None]:
        """Once now, and again so many seconds after the end of each round, until `stop`."""
        while not self.stopped:
            self.alive()
            yield
            await self.pause(seconds)

    def overdue(self) -> float:
        """Seconds since this loop should have come round; 0 while it does, and before it has begun."""
        return max(0.0, time.monotonic() - self._due)


class Loop(Protocol):
    """What a running instance does again and again."""

    @property
    def rounds(self) -> Rounds: ...
    async def run(self) -> None: ...
    def stop(self) -> object: ...
