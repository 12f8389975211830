"""From what is recorded to what was true at an instant: the pools' states that the rates are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from suanli.model.rates import PoolState, flagged
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.registry.ledger import amount_at
from suanli.store.registry import RecordedPool, RecordedSite


def pool_states(
    registry: Iterable[RecordedSite], samples: Mapping[tuple[str, str], Sample], at: int, max_age: Callable[[Site], int]
) -> list[PoolState]:
    """Every registered pool at `at` (UTC seconds). A last word older than the site's max_age is unknown: rule 4."""
    return [
        _state(recorded.site, pool, samples.get((recorded.site.id, pool.pool.id)), at, max_age(recorded.site))
        for recorded in registry
        for pool in recorded.pools
    ]


def _state(site: Site, pool: RecordedPool, sample: Sample | None, at: int, max_age: int) -> PoolState:
    age = None if sample is None else max(0, at - sample.source_at)
    fresh = sample if age is not None and age <= max_age else None
    state = PoolState(
        site=site.id,
        pool=pool.pool.id,
        model=pool.pool.model,
        province=site.province,
        operator=site.operator,
        basis=pool.pool.basis,
        status=site.status,
        planned_pflops=amount_at(pool.ledger, "planned", at),
        built_pflops=amount_at(pool.ledger, "built", at),
        online_pflops=fresh.online_pflops if fresh else None,
        used_pflops=fresh.used_pflops if fresh else None,
        busy_pflops=fresh.busy_pflops if fresh else None,
        age_seconds=age,
        quality=fresh.quality if fresh else "ok",
        heard=fresh is not None,
    )
    return _with_quality(state)


def _with_quality(state: PoolState) -> PoolState:
    quality = flagged(state)
    return state if quality == state.quality else replace(state, quality=quality)
