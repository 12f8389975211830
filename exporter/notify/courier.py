"""The courier of one channel: takes its messages from the queue, in order, and tries each until it is delivered.

Each channel has a courier of its own, so that one that hangs keeps no other waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from exporter.notify.letter import Letter
from exporter.notify.sending import sent
from suanli.config import ChannelConfig
from suanli.model.delivery import Delivery
from suanli.model.errors import Unavailable
from suanli.model.rounds import Rounds
from suanli.model.secret import SecretRef
from suanli.store.notifications import claim, settle
from suanli.store.sql import Store

_IDLE = 1.0
_log = logging.getLogger("suanli.notify")
Send = Callable[[SecretRef, str, Letter], Awaitable[Delivery]]


@dataclass(slots=True)
class ChannelHealth:
    """up: whether the last try was delivered; None before the first. failures: tries that were not, since the start."""

    up: bool | None = None
    failures: int = 0


class Courier:
    """Keeps the queue of one channel short until `stop`; a try that then lasts is ended, and comes again."""

    def __init__(self, store: Store, channel: ChannelConfig, send: Send = sent, grace: float = 5.0) -> None:
        """grace: seconds that a try which is under way at the end may still take."""
        self._store, self._send, self._grace, self.channel = store, send, grace, channel
        self.health = ChannelHealth()
        self.rounds = Rounds()

    def stop(self) -> None:
        self.rounds.stop()

    async def run(self) -> None:
        """One message after the other."""
        stopped = asyncio.create_task(self.rounds.ended())
        while not self.rounds.stopped:
            self.rounds.alive()
            turn = asyncio.create_task(self._turn())
            await asyncio.wait({turn, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({turn}, timeout=self._grace)
            turn.cancel()
            await asyncio.gather(turn, return_exceptions=self.rounds.stopped)

    async def _turn(self) -> None:
        """One message, or a pause where there is none."""
        try:
            if not await self.deliver():
                await self.rounds.pause(_IDLE)
        except Unavailable as error:  # our own store: what waits is in it, and comes again
            _log.warning("channel %s: %s", self.channel.name, error)
            await self.rounds.pause(_IDLE)

    async def deliver(self) -> bool:
        """Try the message that is due; False where there is none."""
        queued = await asyncio.to_thread(claim, self._store, self.channel.name)
        if queued is None:
            return False
        outcome = await self._send(self.channel.url, queued.key, Letter.model_validate_json(queued.letter))
        self._note(outcome)
        await asyncio.to_thread(settle, self._store, queued, outcome)
        return True

    def _note(self, outcome: Delivery) -> None:
        self.health.up = outcome.delivered
        if not outcome.delivered:
            self.health.failures += 1
            _log.warning("channel %s: %s", self.channel.name, outcome.words)
