"""What is asked of a site's past: checked before anything is asked, then asked through the site's own collector."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from collectors.base import CollectError, Historian
from collectors.client import ClientPool
from collectors.registry import REGISTRY, build
from collectors.schedule import Turn, first_turn
from suanli.config import Config
from suanli.importing.backfill import CHUNK, Backfill, Done, Told, Waiting, moments_of, spaced
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.polled import PolledSite
from suanli.model.units import duration_text
from suanli.store.sql import Store


@dataclass(frozen=True, slots=True)
class Wanted:
    """The moments of [lo, hi) of one site, UTC seconds. every: seconds; chunk: seconds, None: as many as are usual."""

    site: PolledSite
    lo: int
    hi: int
    every: int
    chunk: int | None

    @property
    def moments(self) -> int:
        """How many there are."""
        return len(range(self.lo, self.hi, self.every))


def wanted(
    sites: Iterable[PolledSite], site: str, lo: int, hi: int, every: int | None = None, chunk: int | None = None
) -> Wanted:
    """What is asked for; an InputError where it cannot be."""
    polled = {one.id: one for one in sites}
    if site not in polled:
        told = Message("no site {site!r} to ask; sites with a source: {polled}", site=site, polled=", ".join(polled))
        raise InputError(Problem(told))
    found = polled[site]
    _must_have_history(found)
    step = found.interval if every is None else every
    if step % found.interval:
        told = Message("not a multiple of the site's interval, {interval}", interval=duration_text(found.interval))
        raise InputError(Problem(told, key="--every"))
    if lo >= hi:
        raise InputError(Problem(Message("must be before --to, and in the past"), key="--from"))
    return Wanted(found, lo, hi, step, chunk)


def _must_have_history(site: PolledSite) -> None:
    kind = REGISTRY.get(site.source.kind)
    if kind is None or not issubclass(kind, Historian):
        raise InputError(
            Problem(
                Message(
                    "{site} is of kind {kind}, which tells nothing of the past; these do: {kinds}. "
                    "What is written down elsewhere comes by suanli import",
                    site=site.id,
                    kind=site.source.kind,
                    kinds=", ".join(sorted(_historians())),
                )
            )
        )


def _historians() -> list[str]:
    return [name for name in REGISTRY if (kind := REGISTRY.get(name)) is not None and issubclass(kind, Historian)]


async def backfill(
    store: Store, config: Config, asked: Wanted, *, record: bool, told: Told, waiting: Waiting
) -> tuple[Done, CollectError | None]:
    """How far it came, and why no farther. An InputError: the site's settings tell nothing of the past."""
    pool = ClientPool(config.reach.of)
    try:
        site = spaced(asked.site, asked.every)
        turn = first_turn(site, build(site, pool.site(site)), time.monotonic())
        filling = Backfill(store, turn, record=record, told=told, waiting=waiting)
        try:
            await filling.run(moments_of(turn, asked.lo, asked.hi, asked.every), _size(turn, asked))
        except CollectError as error:
            return filling.done, error
        return filling.done, None
    finally:
        await pool.aclose()


def _size(turn: Turn, asked: Wanted) -> int:
    """Moments of a chunk, at most as many as the source answers at once."""
    collector = turn.collector
    if not isinstance(collector, Historian):  # one that could not be set up: its first answer says why
        return 1
    if fault := collector.history_fault():
        raise InputError(Problem(Message("{site} tells nothing of the past: {fault}", site=asked.site.id, fault=fault)))
    return min(CHUNK if asked.chunk is None else max(1, asked.chunk // asked.every), collector.most)
