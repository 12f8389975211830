"""The poller: wakes up on a grid for all sites that are due, asks each within its deadline, has the answers recorded.

One bad site delays no other, and a site is never asked twice at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from pydantic import ValidationError

from collectors.base import CollectError, Collector, Unreachable, Unreadable
from collectors.schedule import Turn, first_turn, schedule_next, slot_of, stamped
from suanli.model.errors import Unavailable
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.rounds import Rounds
from suanli.model.sample import Sample

GRID = 0.1
_PAUSE_AFTER_STORE_FAULT = 5.0
_log = logging.getLogger("suanli.poller")

Append = Callable[[list[Sample]], Awaitable[None]]
Told = Callable[[PollOutcome], None]


class Poller:
    """Polls the sites of its plan until `stop`.

    append: durable when it returns. told: hears how every poll ended. concurrency: polls of failing sites at once, so
    that thousands of dead sites cannot take all sockets; a site that answers never waits.
    """

    def __init__(
        self, append: Append, told: Told, *, concurrency: int = 200, clock: Callable[[], float] = time.time
    ) -> None:
        self._append, self._told, self._clock = append, told, clock
        self._failing = asyncio.Semaphore(concurrency)
        self._turns: dict[str, Turn] = {}
        self._under_way: set[str] = set()  # by id: a site that `plan` has changed meanwhile is still the same site
        self._tasks: set[asyncio.Task[None]] = set()
        self.rounds = Rounds()
        self._paused_until = 0.0
        self.fault: str | None = None
        """Why nothing can be recorded now; polling pauses on purpose, so that nothing is asked and then lost."""

    def plan(self, sites: Iterable[tuple[PolledSite, Collector]]) -> None:
        """Take over these sites; one that has not changed keeps its turn, one that is gone is asked no more."""
        now = time.monotonic()
        self._turns = {site.id: self._kept(site) or first_turn(site, collector, now) for site, collector in sites}

    async def run(self) -> None:
        """Poll until `stop`; then wait for the polls under way."""
        while not self.rounds.stopped:
            self._start_due(time.monotonic())
            await self.rounds.pause(GRID - time.monotonic() % GRID)
        if self._tasks:
            await asyncio.gather(*self._tasks)

    def stop(self) -> None:
        self.rounds.stop()

    async def poll(self, turn: Turn) -> PollOutcome:
        """One poll of one site: the only place where time is taken."""
        started, wall = time.monotonic(), self._clock()
        turn.slot = slot_of(turn, wall)
        error: CollectError | None = None
        samples: list[Sample] = []
        try:
            samples = stamped(turn, await self._collect(turn, int(wall)), int(wall))
            await self._append(samples)
        except CollectError as caught:
            error = caught
        finally:
            schedule_next(turn, self._clock(), time.monotonic(), error)
        result = "ok" if error is None else type(error).__name__.lower()
        seconds = time.monotonic() - started
        return PollOutcome(turn.site.id, int(wall), result, seconds, str(error or ""), tuple(samples))

    async def _collect(self, turn: Turn, now: int) -> list[Sample]:
        try:
            async with asyncio.timeout(turn.site.timeout):
                return await turn.collector.collect(now)
        except TimeoutError:
            raise Unreachable(f"no complete answer within {turn.site.timeout:g} s") from None
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise Unreadable(f"a figure that cannot be: {first['loc'][0]}: {first['msg']}") from None

    def _kept(self, site: PolledSite) -> Turn | None:
        turn = self._turns.get(site.id)
        return turn if turn is not None and turn.site == site else None

    def _start_due(self, now: float) -> None:
        if now < self._paused_until:
            return
        for turn in self._turns.values():
            if turn.due <= now and turn.site.id not in self._under_way:
                self._under_way.add(turn.site.id)
                task = asyncio.create_task(self._take(turn))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _take(self, turn: Turn) -> None:
        """A poll as a task: whatever goes wrong in it is told, and ends with it."""
        try:
            if turn.failures:
                async with self._failing:
                    outcome = await self.poll(turn)
            else:
                outcome = await self.poll(turn)
            if outcome.result == "ok":  # a poll that gave nothing to record proves nothing about the record
                self.fault = None
            self._told(outcome)
        except Unavailable as error:
            self.fault = str(error)
            self._paused_until = time.monotonic() + _PAUSE_AFTER_STORE_FAULT
            _log.error("nothing can be recorded, polling pauses: %s", error)
        except Exception:  # a fault of a collector's code must not end the polling of the others
            _log.exception("polling %s failed in a way that no collector should", turn.site.id)
            self._told(PollOutcome(turn.site.id, int(self._clock()), "bug", 0.0, "fault in the collector: see the log"))
        finally:
            self._under_way.discard(turn.site.id)
