"""Rates at an instant, from the store, with what maintenance does to them then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from suanli.answers import Asked, iso, rates_answer
from suanli.config import Config
from suanli.model.errors import SuanliError
from suanli.model.message import Message
from suanli.model.rates import PoolState, flagged
from suanli.model.sample import Sample
from suanli.registry.timeline import Span, run_by
from suanli.store.maintenance import under_maintenance, windows
from suanli.store.registry import read_record
from suanli.store.samples import counter, last_samples
from suanli.store.sql import Store


def instant_answer(
    store: Store, asked: Asked, config: Config, states: Sequence[PoolState] | None = None
) -> dict[str, Any]:
    """The rates at `asked.at`; targets are judged as maintenance leaves them, whichever view is asked for: rule 7.

    states: what the caller has in memory already. Raises SuanliError for a time of which no sample is kept.
    """
    if states is None:
        check_kept(store, asked.at)
        states = store.states(asked.at, asked.known)
    judged = states
    if config.targets or asked.maintenance == "policy":
        judged = _judged(store, states, asked, config.zone)
    return rates_answer(states, asked, config, judged)


def check_kept(store: Store, at: int) -> None:
    """Refuse a time so long ago that its samples are gone: nobody heard would be said of pools that were heard."""
    with store.reading() as connection:
        since = counter(connection, "samples_from")
    if at < since:
        raise SuanliError(
            Message(
                "no sample from before {since} is kept, so nothing can be said of the single instant {at}; ask for "
                "a period of whole hours or days (from, to), which are summed and kept for longer",
                since=iso(since),
                at=iso(at),
            )
        )


def _judged(store: Store, states: Sequence[PoolState], asked: Asked, zone: ZoneInfo) -> Sequence[PoolState]:
    with store.reading() as connection:
        if not any(window.counts for window in windows(connection, asked.known)):
            return states
        return under_policy(connection, states, spans_at(connection, asked, zone), asked)


def spans_at(connection: Connection, asked: Asked, zone: ZoneInfo) -> dict[tuple[str, str], tuple[int, Span]]:
    """The key and span at `asked.at` of every pool that is asked for, by site and name, maintenance marked on it."""
    timelines = read_record(connection, asked.at, asked.known).timelines.values()
    found = under_maintenance(connection, timelines, asked.at, asked.at + 1, zone, asked.known)
    own = run_by(found, asked.operators)
    spans = [(timeline.key, span) for timeline in own if (span := timeline.at(asked.at)) is not None]
    return {(span.site, span.pool): (key, span) for key, span in spans}


def under_policy(
    connection: Connection, states: Sequence[PoolState], spans: dict[tuple[str, str], tuple[int, Span]], asked: Asked
) -> list[PoolState]:
    """The same pools, as approved maintenance leaves each of them."""
    pairs = [(state, spans.get((state.site, state.pool))) for state in states]
    return [_left(connection, state, *found, asked) if found else state for state, found in pairs]


def _left(connection: Connection, state: PoolState, key: int, span: Span, asked: Asked) -> PoolState:
    if span.excluded:
        return replace(state, status="maintenance") if state.expected else state
    if span.held_at is None:
        return state
    sample = held_sample(connection, key, span, asked)
    fresh = sample if sample is not None and span.held_at - sample.source_at <= sample.max_age else None
    held = replace(
        state,
        online_pflops=fresh.online_pflops if fresh else None,
        used_pflops=fresh.used_pflops if fresh else None,
        busy_pflops=fresh.busy_pflops if fresh else None,
        age_seconds=None if sample is None else asked.at - sample.source_at,
        quality=fresh.quality if fresh else "ok",
        heard=fresh is not None,
    )
    return replace(held, quality=flagged(held))


def held_sample(connection: Connection, key: int, span: Span, asked: Asked) -> Sample | None:
    """The last word at the second whose figures are held."""
    return last_samples(connection, {key: (span.site, span.pool)}, span.held_at, asked.known).get(key)
