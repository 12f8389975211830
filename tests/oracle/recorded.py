"""What was recorded, as plain rows, and what it says of one pool at one second. Shares no code with the product.

All times are whole UTC seconds, all figures PFLOPS; None is unknown (a figure) or open (an end).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar

View = Literal["include", "policy"]
Policy = Literal["exclude", "include", "hold"]


class SampleEvent(NamedTuple):
    """`pool` is, here and below, a name that never changes; what people call it is in its facts."""

    pool: str
    at: int
    source_at: int
    recorded_at: int
    superseded_at: int | None
    max_age: int
    online: float | None
    used: float | None
    busy: float | None
    quality: str


class EntryEvent(NamedTuple):
    pool: str
    stage: str
    valid_from: int
    valid_until: int | None
    pflops: float | None
    recorded_at: int
    superseded_at: int | None


class PoolFacts(NamedTuple):
    pool: str
    site: str
    id: str
    model: str
    basis: str
    valid_from: int
    valid_until: int | None
    recorded_at: int
    superseded_at: int | None


class SiteFacts(NamedTuple):
    site: str
    name: str
    province: str
    operator: str
    status: str
    valid_from: int
    valid_until: int | None
    recorded_at: int
    superseded_at: int | None


class WindowEvent(NamedTuple):
    """pool None: all pools that are in the site at that second. A window of a pool goes with it wherever it moves."""

    site: str
    pool: str | None
    stretches: tuple[tuple[int, int], ...]
    policy: Policy
    recorded_at: int
    approved_at: int | None


@dataclass
class World:
    """All that was ever recorded, in any order."""

    samples: list[SampleEvent] = field(default_factory=list)
    entries: list[EntryEvent] = field(default_factory=list)
    pools: list[PoolFacts] = field(default_factory=list)
    sites: list[SiteFacts] = field(default_factory=list)
    windows: list[WindowEvent] = field(default_factory=list)


class State(NamedTuple):
    """One pool at one second. online, used, busy and quality: what its fresh word says, or the word that is held.

    excluded: it would be expected but for maintenance.
    """

    pool: str
    site: str
    id: str
    model: str
    basis: str
    province: str
    operator: str
    status: str
    planned: float | None
    built: float | None
    online: float | None
    used: float | None
    busy: float | None
    quality: str | None
    expected: bool
    excluded: bool


class Known(NamedTuple):
    """What is recorded as of a moment, by owner; each pool's samples from the last word to the first."""

    samples: dict[str, list[SampleEvent]]
    planned: dict[str, list[EntryEvent]]
    built: dict[str, list[EntryEvent]]
    pools: dict[str, list[PoolFacts]]
    sites: dict[str, list[SiteFacts]]
    windows: list[WindowEvent]


Row = TypeVar("Row", SampleEvent, EntryEvent, PoolFacts, SiteFacts)
Lasting = TypeVar("Lasting", EntryEvent, PoolFacts, SiteFacts)


def known(world: World, as_of: int | None) -> Known:
    """as_of None: what is current, whenever it was recorded."""
    words = sorted(world.samples, key=lambda one: (one.source_at, one.at), reverse=True)
    return Known(
        samples=_by_owner(words, as_of),
        planned=_by_owner([entry for entry in world.entries if entry.stage == "planned"], as_of),
        built=_by_owner([entry for entry in world.entries if entry.stage == "built"], as_of),
        pools=_by_owner(world.pools, as_of),
        sites=_by_owner(world.sites, as_of),
        windows=[window for window in world.windows if _approved(window, as_of)],
    )


def state(world: World, pool: str, t: int, as_of: int | None, view: View) -> State | None:
    """None: the pool or its site is not registered for that second, so that there is nothing to count."""
    return state_of(known(world, as_of), pool, t, view)


def state_of(seen: Known, pool: str, t: int, view: View) -> State | None:
    facts = _holding(seen.pools.get(pool, []), t)
    site = _holding(seen.sites.get(facts.site, []), t) if facts else None
    if facts is None or site is None:
        return None
    word = word_of(seen, pool, t, view)
    planned = _holding(seen.planned.get(pool, []), t)
    built = _holding(seen.built.get(pool, []), t)
    due = site.status == "operational" and built is not None and built.pflops is not None and built.pflops > 0
    excluded = due and any(policy == "exclude" for policy, _ in _maintenance(seen, pool, t, view))
    return State(
        pool=pool,
        site=facts.site,
        id=facts.id,
        model=facts.model,
        basis=facts.basis,
        province=site.province,
        operator=site.operator,
        status=site.status,
        planned=planned.pflops if planned else None,
        built=built.pflops if built else None,
        online=word.online if word else None,
        used=word.used if word else None,
        busy=word.busy if word else None,
        quality=word.quality if word else None,
        expected=due and not excluded,
        excluded=excluded,
    )


def word_of(seen: Known, pool: str, t: int, view: View) -> SampleEvent | None:
    """The pool's word if it is fresh at t; during a hold, the word it had at the second before the hold.

    Where that second lies in another hold, it is that one's word: holds that touch or overlap are as one.
    """
    holds = [start for policy, start in _maintenance(seen, pool, t, view) if policy == "hold"]
    if holds:
        return word_of(seen, pool, max(holds) - 1, view)
    for word in seen.samples.get(pool, []):
        if word.source_at <= t:
            return word if t - word.source_at <= word.max_age else None
    return None


def _maintenance(seen: Known, pool: str, t: int, view: View) -> list[tuple[Policy, int]]:
    """The policies under which the pool is at t, each with its stretch's first second."""
    if view == "include" or not seen.windows:
        return []
    facts = _holding(seen.pools.get(pool, []), t)
    site = facts.site if facts else None
    windows = [one for one in seen.windows if (one.site == site if one.pool is None else one.pool == pool)]
    return [(one.policy, start) for one in windows for start, end in one.stretches if start <= t < end]


def _by_owner(rows: Iterable[Row], as_of: int | None) -> dict[str, list[Row]]:
    """The rows that are current, by the pool or the site (their first field) they are of."""
    owned: dict[str, list[Row]] = {}
    for row in rows:
        if _current(row.recorded_at, row.superseded_at, as_of):
            owned.setdefault(row[0], []).append(row)
    return owned


def _current(recorded_at: int, superseded_at: int | None, as_of: int | None) -> bool:
    if as_of is None:
        return superseded_at is None
    return recorded_at <= as_of and (superseded_at is None or superseded_at > as_of)


def _approved(window: WindowEvent, as_of: int | None) -> bool:
    if window.approved_at is None:
        return False
    return as_of is None or (window.recorded_at <= as_of and window.approved_at <= as_of)


def _holding(rows: Iterable[Lasting], t: int) -> Lasting | None:
    """The row that is true at t; two of them are a world that could not have been recorded."""
    found = [row for row in rows if row.valid_from <= t and (row.valid_until is None or t < row.valid_until)]
    assert len(found) < 2, found
    return found[0] if found else None
