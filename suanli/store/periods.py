"""Sums over a period: each pool's spans, filled from days, hours and samples, the coarsest that give the same answer.

What comes of the ledger (built, planned, who is expected) is worked out here for every query; what comes of samples is
summed before where it could be. A rollup that does not hold, because something came later than it was made or than is
asked for, is passed over for the next finer one. docs/decisions/0007-rollups.md
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, text

from suanli.model.calendar import HOUR, piece_of
from suanli.model.rates import Terms, total
from suanli.model.tally import SECONDS, SUMS, Tally, Word, tally
from suanli.registry.timeline import Span, Timeline
from suanli.store import schema
from suanli.store.dialect import given
from suanli.store.levels import Period, Stretch, cut, levels
from suanli.store.samples import words_between

BLOCK = 6 * HOUR
"""So much time of samples is held in memory at once."""


Name = tuple[str, ...]
Group = Callable[[Span], Name]
Sums = dict[tuple[int, Name], Terms]
"""By the number of the piece and the group's name, in PFLOPS-seconds."""


def sums(connection: Connection, timelines: Iterable[Timeline], asked: Period, group: Group) -> Sums:
    """The terms of every piece and group. Timelines carry the maintenance that is to count (`timeline.maintained`)."""
    spans = [
        (timeline.key, span)
        for timeline in timelines
        for span in timeline.within(asked.lo, asked.hi)
        if span.basis == asked.basis
    ]
    parts: defaultdict[tuple[int, Name], list[Terms]] = defaultdict(list)
    for piece, name, terms in _by_ledger([span for _, span in spans], asked.edges, group):
        parts[piece, name].append(terms)
    expected = [(key, span) for key, span in spans if span.expected]
    free = [Stretch(key, s.lo, s.hi, s.built or 0.0, group(s)) for key, s in expected if s.held_at is None]
    for piece, name, terms in _by_samples(connection, free, asked):
        parts[piece, name].append(terms)
    for key, span in expected:
        if span.held_at is not None:
            for piece, name, terms in _by_holding(connection, key, span, asked, group(span)):
                parts[piece, name].append(terms)
    return {place: total(terms) for place, terms in parts.items()}


def _by_ledger(spans: Iterable[Span], edges: list[int], group: Group) -> Iterator[tuple[int, Name, Terms]]:
    """Planned, built and left out. Spans of one group and stretch are added first: most have the same."""
    alike: defaultdict[tuple[Name, int, int], list[Terms]] = defaultdict(list)
    for span in spans:
        alike[group(span), span.lo, span.hi].append(_of_span(span))
    for (name, lo, hi), terms in alike.items():
        one = total(terms)
        for piece, start, end in _pieces(lo, hi, edges):
            yield piece, name, _over(one, end - start)


def _of_span(span: Span) -> Terms:
    """Of one second. What is built is silent until a sample takes it away."""
    planned = None if span.status == "retired" else span.planned
    built = span.built or 0.0 if span.expected else 0.0
    return Terms(
        planned=planned or 0.0,
        built=built,
        excluded=span.built or 0.0 if span.operational and span.excluded else 0.0,
        silent=built,
        planned_count=int(planned is not None),
        expected_count=int(span.expected),
        excluded_count=int(span.operational and span.excluded),
    )


def _over(one: Terms, seconds: int) -> Terms:
    return Terms(
        planned=one.planned * seconds,
        built=one.built * seconds,
        excluded=one.excluded * seconds,
        silent=one.silent * seconds,
        planned_count=one.planned_count * seconds,
        expected_count=one.expected_count * seconds,
        excluded_count=one.excluded_count * seconds,
    )


def _told(built: float, one: Tally) -> Terms:
    """What an expected pool told, as terms."""
    sums = (one.online, one.used, one.told_online, one.busy, one.busy_used)
    return _summed([built * one.heard, *sums, one.heard, one.told, one.busy_told])


def _summed(row: Sequence[Any]) -> Terms:
    heard, online, used, told_online, busy, busy_used, heard_count, told_count, busy_count = row
    return Terms(
        heard=heard,
        online=online,
        used=used,
        told_online=told_online,
        busy=busy,
        busy_used=busy_used,
        silent=-heard,
        untold=online - told_online,
        heard_count=heard_count,
        told_count=told_count,
        busy_count=busy_count,
    )


def _pieces(lo: int, hi: int, edges: list[int]) -> Iterator[tuple[int, int, int]]:
    """The number of each piece that [lo, hi) reaches into, and where."""
    for piece in range(piece_of(edges, lo), bisect_left(edges, hi)):
        yield piece, max(lo, edges[piece]), min(hi, edges[piece + 1])


def _by_samples(
    connection: Connection, stretches: Sequence[Stretch], asked: Period
) -> Iterator[tuple[int, Name, Terms]]:
    days, hours, fine = levels(connection, stretches, asked)
    yield from _by_rollup(connection, schema.days, days, asked)
    yield from _by_rollup(connection, schema.hours, hours, asked)
    yield from _by_words(connection, fine, asked)


_ASKED = {"pool_key": "BIGINT", "lo": "BIGINT", "hi": "BIGINT", "built": "FLOAT", "name": "BIGINT"}
_SUMMED = (
    "SELECT a.name, MIN(r.start), SUM(a.built * r.heard), SUM(r.online), SUM(r.used), SUM(r.told_online), SUM(r.busy), "
    "SUM(r.busy_used), CAST(SUM(r.heard) AS BIGINT), CAST(SUM(r.told) AS BIGINT), CAST(SUM(r.busy_told) AS BIGINT) "
    "FROM {asked} CROSS JOIN {table} r "
    "WHERE r.pool_key = a.pool_key AND r.start >= a.lo AND r.start < a.hi {zone} GROUP BY a.name{piece}"
)
"""CROSS JOIN, as SQLite begins with its left side then."""


def _by_rollup(
    connection: Connection, table: Table, stretches: Sequence[Stretch], asked: Period
) -> Iterator[tuple[int, Name, Terms]]:
    """Rollup rows added up by the database: by group, and by cell, of which each lies in one piece."""
    if not stretches:
        return
    names = sorted({one.group for one in stretches})
    number = {name: place for place, name in enumerate(names)}
    rows = [(one.key, one.lo, one.hi, float(one.built), number[one.group]) for one in stretches]
    source, values = given(connection, "a", _ASKED, rows)
    of_zone, zone = ("AND r.zone = :zone", {"zone": asked.zone.key}) if table is schema.days else ("", {})
    by_piece = ", r.start" if len(asked.edges) > 2 else ""
    statement = _SUMMED.format(asked=source, table=table.name, zone=of_zone, piece=by_piece)
    for name, start, *row in connection.execute(text(statement), values | zone):
        yield piece_of(asked.edges, start), names[name], _summed(row)


def _by_words(connection: Connection, stretches: Sequence[Stretch], asked: Period) -> Iterator[tuple[int, Name, Terms]]:
    """Straight from samples, a block of time after another."""
    blocks: defaultdict[int, list[tuple[int, Stretch]]] = defaultdict(list)
    for one in stretches:
        for piece, start, end in _pieces(one.lo, one.hi, asked.edges):
            for block in range(start // BLOCK, (end - 1) // BLOCK + 1):
                part = cut(one, max(start, block * BLOCK), min(end, (block + 1) * BLOCK))
                blocks[block].append((piece, part))
    for _, parts in sorted(blocks.items()):
        lo, hi = min(part.lo for _, part in parts), max(part.hi for _, part in parts)
        words = words_between(connection, lo, hi, {part.key for _, part in parts}, asked.as_of)
        for piece, part in parts:
            told = tally(near(words.get(part.key, []), part.lo, part.hi), part.lo, part.hi)
            yield piece, part.group, _told(part.built, told)


def near(words: Sequence[Word], lo: int, hi: int) -> Sequence[Word]:
    """Those of [lo, hi), and the last before."""
    first = bisect_right(words, lo, key=lambda word: word.source_at)
    return words[max(0, first - 1) : bisect_left(words, hi, key=lambda word: word.source_at)]


def _by_holding(
    connection: Connection, key: int, span: Span, asked: Period, name: Name
) -> Iterator[tuple[int, Name, Terms]]:
    """Maintenance that holds: the figures of the second before it, for as long as it lasts."""
    at = span.held_at or 0
    words = words_between(connection, at, at + 1, {key}, asked.as_of).get(key, [])
    one = tally(near(words, at, at + 1), at, at + 1)
    for piece, start, end in _pieces(span.lo, span.hi, asked.edges):
        yield piece, name, _told(span.built or 0.0, _longer(one, end - start))


def _longer(one: Tally, seconds: int) -> Tally:
    counts = (getattr(one, name) * seconds for name in SECONDS)
    figures = (getattr(one, name) * seconds for name in SUMS)
    return Tally(*counts, *figures)
