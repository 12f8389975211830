"""The commissioning funnel of the record: planned, built, online, used, and how long each step takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from suanli.answers import iso
from suanli.instant_answers import check_kept
from suanli.model.capacity import Stage
from suanli.model.funnel import Commissioning, funnel
from suanli.model.rates import PoolState, rates_of
from suanli.model.units import CANONICAL_BASIS, Basis
from suanli.store.online_since import BEFORE_THE_RECORD, online_since
from suanli.store.registry import RecordedPool, RecordedSite, read_record
from suanli.store.sql import Store


def funnel_answer(store: Store, at: int, basis: Basis = CANONICAL_BASIS) -> dict[str, Any]:
    """How far the pools of this basis have come at `at` (UTC seconds). Retired sites are left out.

    The sums are those of the rates: built, online and used of expected pools. `online_since` is None of a pool that is
    not online yet, and of one that was so before the record began (`online_before_record`). Raises SuanliError
    for a time of which no sample is kept.
    """
    check_kept(store, at)
    states = {(one.site, one.pool): one for one in store.states(at) if one.basis == basis and one.status != "retired"}
    with store.reading() as connection:
        pools = [
            (site, pool)
            for site in read_record(connection, at).sites
            for pool in site.pools
            if (site.site.id, pool.pool.id) in states
        ]
        built = {pool.key: _first(pool, "built") for _, pool in pools}
        online = online_since(connection, built, built)
    rows = [_commissioning(site, pool, states[site.site.id, pool.pool.id], online) for site, pool in pools]
    return {
        "at": iso(at),
        "basis": basis,
        "coverage_ratio": rates_of(states.values()).coverage_ratio,
        **asdict(funnel(rows, at)),
        "pools": [_row(row, at) for row in rows],
    }


def _first(pool: RecordedPool, stage: Stage) -> int | None:
    """When the first entry of this stage that is not of nothing begins."""
    return min((line.valid_from for line in pool.ledger if line.stage == stage and line.pflops != 0), default=None)


def _commissioning(
    site: RecordedSite, pool: RecordedPool, state: PoolState, online: Mapping[int, int]
) -> Commissioning:
    counted = state.expected
    return Commissioning(
        site=site.site.id,
        pool=pool.pool.id,
        planned_since=_first(pool, "planned"),
        built_since=_first(pool, "built"),
        online_since=online.get(pool.key),
        planned_pflops=state.planned_pflops,
        built_pflops=state.built_pflops if counted else None,
        online_pflops=state.online_pflops if counted else None,
        # As in the rates: used of those whose online is known.
        used_pflops=state.used_pflops if counted and state.online_pflops is not None else None,
    )


def _row(row: Commissioning, at: int) -> dict[str, Any]:
    return {
        "site": row.site,
        "pool": row.pool,
        "planned_since": _told(row.planned_since, at),
        "built_since": _told(row.built_since, at),
        "online_since": None if row.online_since == BEFORE_THE_RECORD else _told(row.online_since, at),
        "online_before_record": row.online_since == BEFORE_THE_RECORD,
    }


def _told(since: int | None, at: int) -> str | None:
    return None if since is None or since > at else iso(since)
