"""From what is recorded to what was true at an instant: the pools' states that the rates are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from suanli.model.rates import PoolState, flagged
from suanli.model.sample import Sample, worst
from suanli.registry.timeline import Span, Timeline


def pool_states(
    timelines: Mapping[int, Timeline], samples: Mapping[int, Sample], at: int, doubtful: Collection[int] = ()
) -> list[PoolState]:
    """Every pool that belongs to a site at `at` (UTC seconds), in the order of sites and pools, from its last word.

    doubtful: keys of pools of which a finding is open; what they say is `suspect`.
    """
    spans = ((key, span) for key, timeline in timelines.items() if (span := timeline.at(at)) is not None)
    ordered = sorted(spans, key=lambda pair: (pair[1].site, pair[1].pool))
    return [_state(span, samples.get(key), at, key in doubtful) for key, span in ordered]


def _state(span: Span, sample: Sample | None, at: int, doubtful: bool) -> PoolState:
    """A last word older than its `max_age` is unknown: rule 4."""
    age = None if sample is None else max(0, at - sample.source_at)
    fresh = sample if age is not None and sample is not None and age <= sample.max_age else None
    state = PoolState(
        site=span.site,
        pool=span.pool,
        model=span.model,
        province=span.province,
        operator=span.operator,
        basis=span.basis,
        status=span.status,
        planned_pflops=span.planned,
        built_pflops=span.built,
        online_pflops=fresh.online_pflops if fresh else None,
        used_pflops=fresh.used_pflops if fresh else None,
        busy_pflops=fresh.busy_pflops if fresh else None,
        age_seconds=age,
        quality=worst([fresh.quality, "suspect"] if doubtful else [fresh.quality]) if fresh else "ok",
        heard=fresh is not None,
    )
    return _with_quality(state)


def _with_quality(state: PoolState) -> PoolState:
    quality = flagged(state)
    return state if quality == state.quality else replace(state, quality=quality)
