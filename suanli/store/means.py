"""The mean over time of a rate, which is another number than the ratio of PFLOPS-hours, and has its own name: rule 2.

A ratio cannot be added up from rollups: it is followed from sample to sample, as long as these are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum

from sqlalchemy import Connection

from suanli.model.tally import Stretch, Word, stretches
from suanli.registry.timeline import Span, Timeline
from suanli.store.levels import Period
from suanli.store.periods import BLOCK, Group, Name, near
from suanli.store.samples import words_between

_FINE = 2**40
"""Parts of a PFLOPS: whole numbers of them are added and taken away again without any rest."""

Step = tuple[int, ...]
"""What a pool adds while it is so: built, online, used, told_online in parts, and 1 each while heard and while told."""
_NOTHING: Step = (0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Means:
    """Means over the seconds at which the rate is defined; None where it never is."""

    online_ratio_mean: float | None
    usage_ratio_mean: float | None


def means(connection: Connection, timelines: Sequence[Timeline], asked: Period, group: Group) -> dict[Name, Means]:
    """Each group's mean rates over the whole period, from samples alone."""
    held: defaultdict[Name, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    seconds: defaultdict[Name, list[int]] = defaultdict(lambda: [0, 0])
    for lo in range(asked.lo // BLOCK * BLOCK, asked.hi, BLOCK):
        block = max(lo, asked.lo), min(lo + BLOCK, asked.hi)
        for name, steps in _steps(connection, timelines, asked, group, *block).items():
            for length, rates in _followed(steps):
                for place, rate in enumerate(rates):
                    if rate is not None:
                        held[name][place].append(rate * length)
                        seconds[name][place] += length
    return {name: Means(*(_mean(fsum(held[name][n]), seconds[name][n]) for n in (0, 1))) for name in held}


def _steps(
    connection: Connection, timelines: Iterable[Timeline], asked: Period, group: Group, lo: int, hi: int
) -> dict[Name, list[tuple[int, Step]]]:
    """Of each group: what is added and taken away when, within [lo, hi)."""
    words = words_between(connection, lo, hi, None, asked.as_of)
    found: defaultdict[Name, list[tuple[int, Step]]] = defaultdict(list)
    for timeline in timelines:
        for span in timeline.within(lo, hi):
            if span.expected and span.basis == asked.basis:
                told = _told(connection, timeline.key, span, words, asked.as_of)
                found[group(span)] += _of_span(span, told)
    return found


def _told(
    connection: Connection, key: int, span: Span, words: dict[int, list[Word]], as_of: int | None
) -> Iterable[Stretch]:
    """Which word counts when; under maintenance that holds, the one of the second before."""
    if span.held_at is None:
        return stretches(near(words.get(key, []), span.lo, span.hi), span.lo, span.hi)
    at = span.held_at
    before = words_between(connection, at, at + 1, {key}, as_of).get(key, [])
    return [(span.lo, span.hi, word) for _, _, word in stretches(near(before, at, at + 1), at, at + 1)]


def _of_span(span: Span, told: Iterable[Stretch]) -> Iterator[tuple[int, Step]]:
    yield from _for(span.lo, span.hi, (_parts(span.built), 0, 0, 0, 0, 0))
    for lo, hi, word in told:
        if word.online is not None:
            online, used = _parts(word.online), word.used is not None
            yield from _for(lo, hi, (0, online, _parts(word.used), online if used else 0, 1, int(used)))


def _for(lo: int, hi: int, step: Step) -> Iterator[tuple[int, Step]]:
    yield lo, step
    yield hi, tuple(-one for one in step)


def _parts(pflops: float | None) -> int:
    return round((pflops or 0.0) * _FINE)


def _followed(steps: list[tuple[int, Step]]) -> Iterator[tuple[int, tuple[float | None, float | None]]]:
    """Both rates, and for how many seconds they stood."""
    now, since = _NOTHING, 0
    for at, step in sorted(steps):
        if at > since and now != _NOTHING:
            built, online, used, told_online, heard, told = now
            usage = used / told_online if told and told_online else None
            yield at - since, (online / built if heard and built else None, usage)
        now, since = tuple(one + more for one, more in zip(now, step, strict=True)), at


def _mean(total: float, seconds: int) -> float | None:
    return total / seconds if seconds else None
