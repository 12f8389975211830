"""When each site is asked: spread over its interval, on a grid, backing off while it fails."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass, field
from math import ceil

from collectors.base import CollectError, Collector
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample

FIRST_POLLS_WITHIN = 5.0
_CLOCK_AHEAD_ALLOWED = 300
_LONGEST_BACK_OFF = 300.0


@dataclass(slots=True)
class Turn:
    """One site's place in the schedule. due: monotonic seconds; slot: the grid slot of its last poll.

    phase: seconds into its interval at which this site is asked, the same at every start and different for each site.
    """

    site: PolledSite
    collector: Collector
    due: float
    slot: int = -1
    failures: int = 0
    phase: float = field(init=False)

    def __post_init__(self) -> None:
        self.phase = zlib.crc32(self.site.id.encode()) / 2**32 * self.site.interval


def first_turn(site: PolledSite, collector: Collector, monotonic: float) -> Turn:
    """A newly started site is asked within a few seconds, not all at once."""
    turn = Turn(site, collector, due=monotonic)
    turn.due += turn.phase / site.interval * min(FIRST_POLLS_WITHIN, site.interval)
    return turn


def slot_of(turn: Turn, at: float) -> int:
    """Start of the grid slot that a moment belongs to; a poll that is late by less than its interval keeps its slot.

    The slot changes on the whole second before the site's turn: a time without fractions falls where it belongs.
    """
    interval = turn.site.interval
    return int((at - int(turn.phase)) // interval) * interval


def schedule_next(turn: Turn, wall: float, monotonic: float, error: CollectError | None) -> None:
    """Put the next poll on the site's own grid, later when it failed or asked us to wait."""
    interval = turn.site.interval
    turn.failures = 0 if error is None else turn.failures + 1
    delay = interval - (wall - turn.phase) % interval
    if slot_of(turn, wall + delay) == turn.slot:
        delay += interval
    if error is not None:
        delay = max(delay, wait_after(turn, error))
    turn.due = monotonic + delay


def wait_after(turn: Turn, error: CollectError) -> float:
    """Seconds to leave a source alone that has failed `turn.failures` times, and may have said for how long."""
    return max(_back_off(turn), min(error.retry_after or 0.0, _LONGEST_BACK_OFF))


def stamped(turn: Turn, samples: list[Sample], now: int) -> list[Sample]:
    """The samples in their slots. A source's clock that runs ahead must not keep a figure fresh, and is flagged."""
    return [_stamped(turn, sample, now) for sample in samples]


def _stamped(turn: Turn, sample: Sample, now: int) -> Sample:
    # The answer is made while we wait for it, so a source's clock may rightly be past the moment at which we asked.
    within = min(sample.source_at, now + ceil(turn.site.timeout))
    update: dict[str, object] = {
        "at": max(0, slot_of(turn, within)),
        "source_at": min(sample.source_at, now),
        "fetched_at": now,
        "max_age": turn.site.max_age,
    }
    if sample.source_at > now + _CLOCK_AHEAD_ALLOWED:
        told = f"the source's clock is {sample.source_at - now} s ahead"
        update |= {"quality": "suspect", "reason": "; ".join(filter(None, (sample.reason, told)))}
    return sample.model_copy(update=update)


def _back_off(turn: Turn) -> float:
    """Full jitter over a doubling span: a fleet that failed together does not come back together."""
    span = min(turn.site.interval * 2.0 ** min(turn.failures - 1, 3), max(turn.site.interval, _LONGEST_BACK_OFF))
    return random.uniform(0, span)  # noqa: S311 - spreads load, guards nothing
