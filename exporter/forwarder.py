"""The forwarder: one durable record, and a cursor for each sink. Write, then advance.

A crash between the two repeats points, and a repeated point is the same point; nothing is ever skipped unless the sink
refused it by itself and it is in quarantine.

A sink that breaks over one batch again and again (500) may be down, or may break over one point. A witness tells: a
point that it takes. Each further failure counts only beside a success of the witness, and a point goes to quarantine
after two failures with a success after each. As long as no witness is found the sink is down, and nothing is skipped.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import Protocol

from exporter.apart import apart
from exporter.base import Broken, Rejected, Retry, Shut, Sink
from suanli.model.errors import Unavailable
from suanli.model.rounds import Rounds
from suanli.store.sql import Batch, Point

BATCH = 5000
_BROKEN_OFTEN = 5  # times in a row, before a witness is asked for
_PROBES = 3
_IDLE = 0.5
_LONGEST_WAIT = 60.0
_PATIENCE = 600.0  # a batch in which many points are refused is written in many parts
_LONGEST_ASKED = 600.0  # a sink that asks for a day must not be believed
_log = logging.getLogger("suanli.forwarder")


@dataclass(slots=True)
class SinkHealth:
    """What `/metrics` tells of a sink. refused: points quarantined since start; error: its last words, if down.

    shut: it does not let us in, until a write succeeds or fails in another way.
    """

    error: str = ""
    shut: bool = False
    refused: int = 0
    failures: int = 0


class Feed(Protocol):
    """What a sink is to get, in order, and how far it is: the samples (the store itself), or hours and days."""

    def cursor(self, sink: str) -> int: ...
    def after(self, cursor: int, limit: int) -> Batch: ...
    def advance(self, sink: str, seq: int) -> None: ...
    def reject(self, sink: str, seq: int, line: str, reason: str) -> None: ...


class Forwarder:
    """Keeps one sink up to date with the store until `stop`."""

    def __init__(self, store: Feed, sink: Sink, pace: float = 0.0) -> None:
        """pace: seconds between two full batches."""
        self._store, self.sink, self._pace = store, sink, pace
        self._more, self._broken = False, 0
        self.health = SinkHealth()
        self.rounds = Rounds(_PATIENCE)

    def stop(self) -> None:
        self.rounds.stop()

    async def run(self) -> None:
        """Forward until `stop`, then once more what is there, unless the sink is down."""
        while not self.rounds.stopped:
            self.rounds.alive()
            if wait := await self._step():
                await self.rounds.pause(wait)
        if not self.health.failures:
            await self._step()
        self.sink.close()

    async def _step(self) -> float:
        """One round; seconds to wait before the next."""
        try:
            moved = await apart(self.forward)
        except Retry as error:
            return self._wait(error)
        except Unavailable as error:  # our own store: the points are in it, and the cursor stays
            return self._wait(Retry(str(error)))
        self.health.error, self.health.shut, self.health.failures = "", False, 0
        return self._pace if moved == BATCH or self._more else _IDLE

    def forward(self) -> int:
        """Write the next batch, then advance; how many points that were. Raises Retry, and then the cursor stays."""
        cursor = self._store.cursor(self.sink.name)
        batch = self._store.after(cursor, BATCH)
        if batch.points:
            self._deliver(batch)
        self._more = batch.more
        if batch.last != cursor:
            self._store.advance(self.sink.name, batch.last)
        return len(batch.points)

    def _deliver(self, batch: Batch) -> None:
        """Write it; where the sink has often broken over it, with a witness that the sink works."""
        try:
            self._write(batch, self._witness(batch) if self._broken >= _BROKEN_OFTEN else None)
        except Retry as error:
            self._broken = self._broken + 1 if isinstance(error, Broken) else 0
            raise
        self._broken = 0

    def _witness(self, batch: Batch) -> Point:
        """A point that the sink takes now, of some of this batch and one behind it; Broken when it takes none."""
        some = random.sample(batch.points, min(_PROBES, len(batch.points)))
        words = "the sink takes nothing"
        for point in (*some, *self._store.after(batch.last, 1).points):
            if self.sink.line(_alone(point)):  # else nothing of it is sent, and nothing is shown
                try:
                    self.sink.write(_alone(point))
                except (Broken, Rejected) as error:
                    words = str(error)
                else:
                    return point
        raise Broken(words)

    def _write(self, batch: Batch, witness: Point | None = None) -> None:
        """Halve a refused batch until the points that the sink will not take stand alone: those go to quarantine.

        With a witness that the sink works, a batch over which it breaks is refused too.
        """
        try:
            self._try(batch, witness)
        except Rejected as why:
            if len(batch.points) == 1:
                self._refuse(batch, why)
                return
            middle = len(batch.points) // 2
            for half in (batch.points[:middle], batch.points[middle:]):
                self._write(Batch(half, half[-1].seq), witness)

    def _try(self, batch: Batch, witness: Point | None) -> None:
        """Rejected also where the sink breaks over it and then takes the witness; over a single point, twice."""
        for left in (1, 0) if len(batch.points) == 1 else (0,):
            try:
                self.sink.write(batch)
            except Broken as why:
                if witness is None:
                    raise
                self._testify(witness)
                if not left:
                    raise Rejected(str(why)) from None
            else:
                return

    def _testify(self, witness: Point) -> None:
        """The sink works; Retry when it does not."""
        try:
            self.sink.write(_alone(witness))
        except Rejected as error:
            raise Retry(str(error)) from None
        self.rounds.alive()

    def _refuse(self, batch: Batch, why: Rejected) -> None:
        self._store.reject(self.sink.name, batch.last, self.sink.line(batch), str(why))
        self.health.refused += 1

    def _wait(self, error: Retry) -> float:
        self.health.error, self.health.shut = str(error), isinstance(error, Shut)
        self.health.failures += 1
        _log.warning("sink %s: %s", self.sink.name, error)
        if error.after is not None:
            return min(error.after, _LONGEST_ASKED)
        return random.uniform(0, min(2.0 ** min(self.health.failures, 10), _LONGEST_WAIT))  # noqa: S311 - spreads load


def _alone(point: Point) -> Batch:
    return Batch((point,), point.seq)
