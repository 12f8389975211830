"""A pool through time: facts and ledger cut into spans in which nothing changes. Pure; the store reads the parts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from suanli.model.units import Basis
from suanli.registry.ledger import LedgerEntry, amount_at

FOR_EVER = 2**62
"""An open end, as a number that can be compared."""


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What is true of a site over [lo, hi)."""

    lo: int
    hi: int
    name: str
    province: str
    operator: str
    status: str


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """Where a pool belongs and what it is over [lo, hi)."""

    lo: int
    hi: int
    site: str
    pool: str
    model: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch [lo, hi) of UTC seconds in which a pool's facts and capacity stay as they are. PFLOPS; None: unknown.

    excluded: approved maintenance takes the pool out of the sums. held_at: it holds the figures of this second.
    """

    lo: int
    hi: int
    site: str
    pool: str
    model: str
    basis: Basis
    province: str
    operator: str
    status: str
    planned: float | None
    built: float | None
    excluded: bool = False
    held_at: int | None = None

    @property
    def operational(self) -> bool:
        """Whether its site runs and something is built there: it ought to be heard, maintenance or not."""
        return self.status == "operational" and (self.built or 0.0) > 0.0

    @property
    def expected(self) -> bool:
        """Whether it counts in the denominators: rule 3."""
        return self.operational and not self.excluded


@dataclass(frozen=True, slots=True)
class Timeline:
    """One pool's spans in order of time; where it did not belong to any site there is none."""

    key: int
    spans: tuple[Span, ...]

    def at(self, second: int) -> Span | None:
        """The span that holds at this second."""
        place = bisect_right(self.spans, second, key=lambda span: span.lo) - 1
        return self.spans[place] if place >= 0 and second < self.spans[place].hi else None

    def within(self, lo: int, hi: int) -> Iterator[Span]:
        """The spans that reach into [lo, hi), cut to it."""
        for span in self.spans:
            start, end = max(span.lo, lo), min(span.hi, hi)
            if start < end:
                yield span if (start, end) == (span.lo, span.hi) else replace(span, lo=start, hi=end)


def run_by(timelines: Iterable[Timeline], operators: frozenset[str] | None) -> list[Timeline]:
    """The pools in the seconds in which their site has one of these operators; None: all of them, as they are.

    Maintenance comes first (`maintained`): what it holds may be of a second of which nothing is left here.
    """
    if operators is None:
        return list(timelines)
    parts = [Timeline(one.key, tuple(span for span in one.spans if span.operator in operators)) for one in timelines]
    return [part for part in parts if part.spans]


def timeline_of(
    key: int, places: Iterable[PoolFacts], sites: dict[str, Sequence[SiteFacts]], ledger: Sequence[LedgerEntry]
) -> Timeline:
    """The pool's spans: its places in order, each cut wherever its site's facts or its capacity change."""
    spans = [
        span
        for place in sorted(places, key=lambda one: one.lo)
        for facts in sites.get(place.site, ())
        for span in _spans(place, facts, ledger)
    ]
    return Timeline(key, tuple(sorted(spans, key=lambda span: span.lo)))


def _spans(place: PoolFacts, facts: SiteFacts, ledger: Sequence[LedgerEntry]) -> Iterator[Span]:
    lo, hi = max(place.lo, facts.lo), min(place.hi, facts.hi)
    ends = {end for line in ledger for end in (line.valid_from, line.valid_until) if end is not None and lo < end < hi}
    if lo < hi:
        for start, end in pairwise([lo, *sorted(ends), hi]):
            yield Span(
                lo=start,
                hi=end,
                site=place.site,
                pool=place.pool,
                model=place.model,
                basis=place.basis,
                province=facts.province,
                operator=facts.operator,
                status=facts.status,
                planned=amount_at(ledger, "planned", start),
                built=amount_at(ledger, "built", start),
            )


@dataclass(frozen=True, slots=True)
class Stop:
    """A stretch [lo, hi) of approved maintenance. hold: keep the figures of the second before, else leave the pool out.

    site: only while the pool belongs to it; None: wherever the pool belongs.
    """

    lo: int
    hi: int
    hold: bool
    site: str | None = None


def maintained(timeline: Timeline, stops: Sequence[Stop]) -> Timeline:
    """The same pool with its spans cut by maintenance. Where stops overlap, leaving out goes before holding."""
    edges = sorted({edge for stop in stops for edge in (stop.lo, stop.hi)})
    return Timeline(timeline.key, tuple(_stopped(part, timeline, stops) for part in _parts(timeline.spans, edges)))


def _parts(spans: Iterable[Span], edges: Sequence[int]) -> Iterator[Span]:
    for span in spans:
        for lo, hi in pairwise([span.lo, *(edge for edge in edges if span.lo < edge < span.hi), span.hi]):
            yield replace(span, lo=lo, hi=hi)


def _stopped(part: Span, timeline: Timeline, stops: Sequence[Stop]) -> Span:
    """`part` has no edge of a stop within."""
    under = _under(part.lo, part, stops)
    if any(not stop.hold for stop in under):
        return replace(part, excluded=True)
    return replace(part, held_at=_held_at(part.lo, timeline, stops)) if under else part


def _under(second: int, span: Span | None, stops: Sequence[Stop]) -> list[Stop]:
    site = span.site if span else None
    return [stop for stop in stops if stop.lo <= second < stop.hi and stop.site in (None, site)]


def _held_at(second: int, timeline: Timeline, stops: Sequence[Stop]) -> int:
    """The second whose figures are held: the last before those stops that, touching or overlapping, lead back to it."""
    while holds := [stop.lo for stop in _under(second, timeline.at(second), stops) if stop.hold]:
        second = max(holds) - 1
    return second
