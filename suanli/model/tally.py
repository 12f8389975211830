"""What sources told of one pool over a stretch of time, in sums that can be added again.

A word holds from its source's time until the next word, for `max_age` seconds at most (rule 4): no gap is bridged.
Nothing here knows the ledger, so that a correction of the ledger never spoils a tally. docs/decisions/0007-rollups.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple

SECONDS = ("fresh", "heard", "told", "busy_told", "flagged")
SUMS = ("online", "used", "told_online", "busy", "busy_used")
EXTREMES = ("online_min", "online_max", "used_min", "used_max", "busy_min", "busy_max")


class Word(NamedTuple):
    """One sample as it is summed. Times in UTC seconds, figures in PFLOPS, None is unknown; flagged: quality not ok."""

    source_at: int
    at: int
    max_age: int
    online: float | None
    used: float | None
    busy: float | None
    flagged: bool
    known_at: int


@dataclass(frozen=True, slots=True)
class Tally:
    """fresh: seconds in which a word held; heard: with online known; told: with used too; busy_told: with busy too.

    online over the seconds heard, used and told_online over those told, busy and busy_used over those busy_told: all in
    PFLOPS-seconds. The extremes are in PFLOPS and None where the figure was never known. known_at: when the last of it
    was recorded.
    """

    fresh: int = 0
    heard: int = 0
    told: int = 0
    busy_told: int = 0
    flagged: int = 0
    online: float = 0.0
    used: float = 0.0
    told_online: float = 0.0
    busy: float = 0.0
    busy_used: float = 0.0
    online_min: float | None = None
    online_max: float | None = None
    used_min: float | None = None
    used_max: float | None = None
    busy_min: float | None = None
    busy_max: float | None = None
    known_at: int = 0


Stretch = tuple[int, int, Word]
"""Half-open seconds in which this word holds."""


def in_order(words: Iterable[Word]) -> list[Word]:
    """By the source's time; of two with the same, the one of the later slot is the last word."""
    return sorted(words, key=lambda word: word[:2])


def stretches(words: Sequence[Word], lo: int, hi: int) -> Iterator[Stretch]:
    """Where in [lo, hi) each of these words holds; `words` are `in_order` and begin before `lo` where any does."""
    for place, word in enumerate(words):
        until = word.source_at + word.max_age + 1
        if place + 1 < len(words):
            until = min(until, words[place + 1].source_at)
        start, end = max(word.source_at, lo), min(until, hi)
        if start < end:
            yield start, end, word


def tally(words: Sequence[Word], lo: int, hi: int) -> Tally:
    """What these words told over [lo, hi)."""
    held = [(end - start, word) for start, end, word in stretches(words, lo, hi)]
    heard = [(seconds, word) for seconds, word in held if word.online is not None]
    told = [(seconds, word) for seconds, word in heard if word.used is not None]
    busy = [(seconds, word) for seconds, word in told if word.busy is not None]
    return Tally(
        sum(seconds for seconds, _ in held),
        sum(seconds for seconds, _ in heard),
        sum(seconds for seconds, _ in told),
        sum(seconds for seconds, _ in busy),
        sum(seconds for seconds, word in held if word.flagged),
        fsum(seconds * (word.online or 0.0) for seconds, word in heard),
        fsum(seconds * (word.used or 0.0) for seconds, word in told),
        fsum(seconds * (word.online or 0.0) for seconds, word in told),
        fsum(seconds * (word.busy or 0.0) for seconds, word in busy),
        fsum(seconds * (word.used or 0.0) for seconds, word in busy),
        *_ends(word.online for _, word in held),
        *_ends(word.used for _, word in held),
        *_ends(word.busy for _, word in held),
        max((word.known_at for word in words), default=0),
    )


def added(tallies: Sequence[Tally]) -> Tally:
    """The tally of all these stretches together."""
    seconds = (sum(getattr(one, name) for one in tallies) for name in SECONDS)
    sums = (fsum(getattr(one, name) for one in tallies) for name in SUMS)
    ends = (end for rung in ("online", "used", "busy") for end in _ends_of(tallies, rung))
    known_at = max((one.known_at for one in tallies), default=0)
    return Tally(*seconds, *sums, *ends, known_at)  # type: ignore[call-arg] # in the order of the fields


def _ends_of(tallies: Sequence[Tally], rung: str) -> tuple[float | None, float | None]:
    both = [getattr(one, f"{rung}_{end}") for one in tallies for end in ("min", "max")]
    return _ends(both)


def _ends(values: Iterable[float | None]) -> tuple[float | None, float | None]:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else (None, None)
