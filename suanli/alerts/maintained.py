"""What approved maintenance does at this instant: which sites are worked on, and what is left to be judged. Rule 7."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from suanli.answers import Asked
from suanli.instant_answers import under_policy
from suanli.model.rates import PoolState
from suanli.registry.timeline import Span, Timeline
from suanli.store.maintenance import under_maintenance
from suanli.store.windows import RecordedWindow, windows


def windows_on(connection: Connection, zone: ZoneInfo, now: int) -> list[RecordedWindow]:
    """The approved windows that are on at this second, whatever their policy: there is work going on."""
    return [one for one in windows(connection) if one.approved_at is not None and one.stretches(now, now + 1, zone)]


def maintained_sites(states: Iterable[PoolState], on: Collection[RecordedWindow]) -> frozenset[str]:
    """The sites of which every pool is worked on; those of one of two pools are expected to be heard."""
    whole, parts = {one.site for one in on if one.pool is None}, defaultdict(set)
    for one in on:
        if one.pool is not None:
            parts[one.site].add(one.pool)
    pools: defaultdict[str, set[str]] = defaultdict(set)
    for state in states:
        if state.site in parts:
            pools[state.site].add(state.pool)
    return frozenset(whole | {site for site, found in pools.items() if found <= parts[site]})


def judged_states(
    connection: Connection,
    timelines: Iterable[Timeline],
    states: Sequence[PoolState],
    on: Iterable[RecordedWindow],
    now: int,
    zone: ZoneInfo,
) -> Sequence[PoolState]:
    """The same pools in the same order, as the windows that are on leave them: those that targets are judged by."""
    counting = [one for one in on if one.counts]
    if not counting:
        return states
    concerned = _concerned(timelines, counting, now)
    spans: dict[tuple[str, str], tuple[int, Span]] = {}
    for timeline in under_maintenance(connection, concerned, now, now + 1, zone):
        if (span := timeline.at(now)) is not None:
            spans[span.site, span.pool] = (timeline.key, span)
    return under_policy(connection, states, spans, Asked(now, now))


def _concerned(timelines: Iterable[Timeline], on: Iterable[RecordedWindow], now: int) -> list[Timeline]:
    """The pools that the windows are about: only their spans are cut, be there thousands of others."""
    sites, keys = {one.site for one in on if one.pool_key is None}, {one.pool_key for one in on}
    return [one for one in timelines if one.key in keys or ((span := one.at(now)) is not None and span.site in sites)]
