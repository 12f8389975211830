"""History from a source that has it, in chunks: each is recorded before the next is asked for.

1  the moments are those at which the poller asks this site, every interval or every so many of them
2  a chunk whose moments are on record for every pool is not asked for: so a backfill that was ended goes on
3  a sample goes where a poll of its moment would have put it, through the same checks, counted as fetched then
4  what is on record stands: only a moment of which nothing was heard is filled, and no later word is replaced
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from pydantic import ValidationError
from sqlalchemy import Connection

from collectors.base import CollectError, Collector, Historian, Refused, Unreachable, Unreadable
from collectors.schedule import Turn, stamped, wait_after
from suanli.answers import iso
from suanli.model.audit import Entry, local_author
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.quality.clocks import AHEAD_ALLOWED
from suanli.store import audit
from suanli.store.heard import heard_at, without_older
from suanli.store.sql import Store

ACTION = "samples.backfill"
CHUNK = 360
"""Moments asked for at once, if nothing is said: six hours of minutes, a few MB where every device has a series."""
TRIES = 4
WITHIN = 120.0
"""Seconds for one answer, which holds many times what a poll's does."""


@dataclass(slots=True)
class Done:
    """How far it came. on_record: moments that were there already; silent: those of which the source tells nothing.

    samples: recorded now (or would be); held: put into quarantine instead; until: all before it is done.
    """

    moments: int = 0
    on_record: int = 0
    silent: int = 0
    samples: int = 0
    held: int = 0
    until: int | None = None


Told = Callable[[Done], None]
Waiting = Callable[[float, CollectError], None]
Pause = Callable[[float], Awaitable[None]]


def spaced(site: PolledSite, every: int) -> PolledSite:
    """The site as it is asked every so many seconds of the past: its word holds as much longer as the step is."""
    return replace(site, max_age=site.max_age + every - site.interval)


def moments_of(turn: Turn, lo: int, hi: int, every: int) -> range:
    """When the poller would have asked this site within [lo, hi), at every step of this many seconds."""
    phase = int(turn.phase)
    return range(lo + (phase - lo) % every, hi, every)


def chunks_of(moments: range, size: int) -> Iterator[range]:
    for start in range(0, len(moments), size):
        yield moments[start : start + size]


class Backfill:
    """One site's history into one store. turn: of the site as `spaced` makes it.

    told: hears how far it came, after each chunk; waiting: hears for how long and why a failing source is left alone.
    """

    def __init__(
        self, store: Store, turn: Turn, *, record: bool, told: Told, waiting: Waiting, pause: Pause = asyncio.sleep
    ) -> None:
        self._store, self._turn, self._record = store, turn, record
        self._told, self._waiting, self._pause = told, waiting, pause
        (site,) = (one for one in store.registry if one.site.id == turn.site.id)
        self._keys = {pool.pool.id: pool.key for pool in site.pools}
        self.done = Done()

    async def run(self, moments: range, size: int) -> None:
        """All of these moments, so many at once; a CollectError when the source fails for good."""
        for part in chunks_of(moments, size):
            await self._fill(part, moments)
            self.done.moments += len(part)
            self.done.until = part[-1] + part.step
            self._told(self.done)

    async def _fill(self, part: range, whole: range) -> None:
        missing = self._missing(part)
        open_moments = {moment for _, moment in missing}
        self.done.on_record += len(part) - len(open_moments)
        if not missing:
            return
        samples = await self._asked(part)
        self.done.silent += len(open_moments - {one.fetched_at for one in samples})
        self._keep([one for one in samples if (one.pool, one.fetched_at) in missing], whole)

    def _missing(self, part: range) -> set[tuple[str, int]]:
        """Pools and moments of which nothing is on record: the poller asks again only after an interval."""
        interval = self._turn.site.interval
        with self._store.reading() as connection:
            heard = heard_at(connection, self._keys.values(), part[0], part[-1] + interval)
        found = {
            (pool, moment)
            for pool, key in self._keys.items()
            for moment in _moments_before(heard.get(key, ()), part, interval)
        }
        return {(pool, moment) for pool in self._keys for moment in part} - found

    def _keep(self, samples: list[Sample], whole: range) -> None:
        # The latest word of a slot, and of one that is repeated the first hearing, before it had grown old.
        ordered = sorted(samples, key=lambda one: (one.source_at, -one.fetched_at))
        last = {(self._keys[one.pool], one.at): one for one in ordered}
        with self._store.reading() as connection:
            new = [one for _, one in without_older(connection, [(key, one) for (key, _), one in last.items()])]
        if not self._record or not new:
            self.done.samples += len(new)
            return
        taken = self._store.take(new, lambda connection: self._note(connection, whole))
        self.done.samples += len(taken.new)
        self.done.held += len(taken.held)

    def _note(self, connection: Connection, whole: range) -> None:
        """One row in the audit trail for what one person asked for, also when it was asked for in several goes."""
        author, site = local_author(), self._turn.site.id
        entry = Entry(ACTION, site, after={"from": iso(whole[0]), "to": iso(whole[-1]), "every": whole.step})
        if not audit.told(connection, author, entry):
            audit.append(connection, author, [entry], self._store.now)

    async def _asked(self, part: range) -> list[Sample]:
        """In their slots. A source that fails is asked again as the poller would, a few times."""
        while True:
            try:
                samples = await _history(self._turn.collector, part)
                found = [_at_its_moment(self._turn, one) for one in samples]
            except CollectError as error:
                self._turn.failures += 1
                if self._turn.failures >= TRIES or (isinstance(error, Refused) and error.retry_after is None):
                    raise
                seconds = wait_after(self._turn, error)
                self._waiting(seconds, error)
                await self._pause(seconds)
            else:
                self._turn.failures = 0
                return found


async def _history(collector: Collector, part: range) -> list[Sample]:
    try:
        async with asyncio.timeout(WITHIN):
            if isinstance(collector, Historian):
                return await collector.history(part)
            return await collector.collect(part[0])  # stands for one that cannot be set up, and says why
    except TimeoutError:
        raise Unreachable(f"no complete answer within {WITHIN:g} s: ask for less at once (--chunk)") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise Unreadable(f"a figure that cannot be: {first['loc'][0]}: {first['msg']}") from None


def _at_its_moment(turn: Turn, sample: Sample) -> Sample:
    """In its slot. An API that does not know the parameter answers about now: that is no history."""
    moment = sample.fetched_at
    if sample.source_at > moment + AHEAD_ALLOWED:
        raise Refused(
            f"asked about {iso(moment)}, it answered about {iso(sample.source_at)}: does it know what names the time?"
        )
    return stamped(turn, [sample], moment)[0]


def _moments_before(heard: list[int] | tuple[int, ...], part: range, interval: int) -> Iterator[int]:
    """The moments after each of which, before the next poll, something was heard."""
    for at in heard:
        moment = part[0] + (at - part[0]) // part.step * part.step
        if moment in part and at < moment + interval:
            yield moment
