"""Whether a sink holds what it was sent: counts and sums of each pool, field and hour, beside the record's.

This finds what a database had acknowledged and lost, and one that says 204 to rubbish. What still waits for the sink,
and what it refused (quarantine), is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isclose
from typing import Any

from exporter.lineprotocol import line_of
from exporter.readback.base import Place, Reader, Tallies, Tally, add, names_of
from suanli.answers import iso
from suanli.model.calendar import HOUR
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.metric import INFLUX_RUNGS, INFLUX_TAGS
from suanli.store.samples import counter
from suanli.store.sent import Slots, not_sent, points_between
from suanli.store.sql import Store

_PIECE = 24 * HOUR
"""So much time is compared at once, so that memory stays level."""
_FIELDS = [rung.field for rung in INFLUX_RUNGS]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one pool in one hour: as recorded, and as the sink holds it."""

    place: Place
    recorded: Tally
    held: Tally

    def as_dict(self) -> dict[str, Any]:
        names, name, hour = self.place
        tags = dict(zip(INFLUX_TAGS, names, strict=True))
        told = {"recorded": self.recorded, "held": self.held}
        sums = {key: {"count": one.count, "sum": one.total} for key, one in told.items()}
        return tags | {"field": name, "hour": iso(hour)} | sums


@dataclass(slots=True)
class Verified:
    """points: recorded and compared, each field once. waiting: pools and hours that were left out, as not all of them
    is sent. refused: points that the sink will not take. mend: pools and hours to send again."""

    points: int = 0
    waiting: int = 0
    refused: int = 0
    differences: list[Difference] = field(default_factory=list)
    mend: Slots = field(default_factory=set)


def verify(store: Store, sink: str, reader: Reader, lo: int, hi: int) -> Verified:
    """Compare [lo, hi); Unavailable when the sink or the record cannot be read. An InputError for a time whose samples
    were let go: their points are in the sink, and nowhere else."""
    with store.reading() as connection:
        since = counter(connection, "samples_from")
    if lo < since:
        told = Message("the samples before {since} were let go: there is nothing to compare with", since=iso(since))
        raise InputError(Problem(told, key="--from"))
    refused = {line for _, line, _ in store.rejected(sink)}
    found = Verified()
    for start in range(lo, hi, _PIECE):
        _compare(store, sink, reader, (start, min(start + _PIECE, hi)), refused, found)
    return found


def _compare(
    store: Store, sink: str, reader: Reader, piece: tuple[int, int], refused: set[str], into: Verified
) -> None:
    """What waits is asked before and after the sink was read: what is sent meanwhile may be there or not."""
    waiting = not_sent(store, sink, *piece)
    held = reader.tallies(*piece)
    recorded, keys, passed = _recorded(store, piece, refused)
    waiting |= not_sent(store, sink, *piece)
    into.refused += passed
    into.waiting += len(waiting)
    names_waiting = {(names, hour) for (names, hour), key in keys.items() if (key, hour) in waiting}
    for place in sorted(recorded.keys() | held.keys()):
        names, _, hour = place
        if (names, hour) not in names_waiting:
            mine, its = recorded.get(place, Tally()), held.get(place, Tally())
            into.points += mine.count
            if not _same(mine, its):
                into.differences.append(Difference(place, mine, its))
                if (names, hour) in keys:
                    into.mend.add((keys[names, hour], hour))


def _recorded(
    store: Store, piece: tuple[int, int], refused: set[str]
) -> tuple[Tallies, dict[tuple[tuple[str, ...], int], int], int]:
    """The tallies, the pool's key of each name and hour, and how many points are left out as refused."""
    tallies: Tallies = {}
    keys: dict[tuple[tuple[str, ...], int], int] = {}
    passed = 0
    for key, point in points_between(store, *piece):
        names = names_of(point)
        keys[names, point.at // HOUR * HOUR] = key
        if refused and line_of(point) in refused:
            passed += 1
        else:
            for name, value in _told(point.values):
                add(tallies, names, name, [(point.at, value)])
    return tallies, keys, passed


def _told(values: tuple[float | None, ...]) -> Iterator[tuple[str, float]]:
    return ((name, value) for name, value in zip(_FIELDS, values, strict=True) if value is not None)


def _same(one: Tally, other: Tally) -> bool:
    """Sums may be added in another order there."""
    return one.count == other.count and isclose(one.total, other.total, rel_tol=1e-9, abs_tol=1e-9)
