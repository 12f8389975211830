"""Our rates at an instant beside every published one, whether or not the two may be compared."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, get_args

from suanli.answers import benchmark_row, iso, stands
from suanli.catalog.benchmarks import Benchmark, Scope, shipped_benchmarks
from suanli.comparing.pace import Pace, pace_row, paced, shortfall_row
from suanli.config import Config
from suanli.instant_answers import check_kept
from suanli.model.compare import shortfall
from suanli.model.rates import Rates, Terms, rates_of, terms_of
from suanli.model.units import CANONICAL_BASIS, Basis
from suanli.store.sql import Store


def benchmarks_answer(store: Store, config: Config, at: int, basis: Basis = CANONICAL_BASIS) -> dict[str, Any]:
    """Shipped and configured benchmarks, our rate at `at` (UTC seconds) in this basis, and what lies between.

    Raises SuanliError for a time of which no sample is kept.
    """
    check_kept(store, at)
    states = [state for state in store.states(at) if state.basis == basis]
    fleet, terms = rates_of(states), terms_of(states)
    pace = paced(store, config, basis, at, "include").pace(lambda _: True)
    return {
        "at": iso(at),
        "basis": basis,
        "fleet": asdict(fleet),
        "pace": pace_row(pace),
        "benchmarks": [
            _row(one, fleet, basis) | _lack(one, terms, pace, held_against=stands(one, at, config.zone))
            for one in _every(config)
        ],
    }


def _every(config: Config) -> list[Benchmark]:
    shipped = [one for scope in get_args(Scope) for one in shipped_benchmarks(scope)]
    return [*shipped, *config.benchmarks]


def _row(one: Benchmark, fleet: Rates, basis: Basis) -> dict[str, Any]:
    return benchmark_row(one, fleet, basis) | {
        "scope": one.scope,
        "from": str(one.since),
        "until": None if one.until is None else str(one.until),
        "more_than_pflops": one.more_than_pflops,
        "ours": getattr(fleet, one.metric),
    }


def _lack(one: Benchmark, terms: Terms, pace: Pace, *, held_against: bool) -> dict[str, Any]:
    """What does not stand at that time, or counts something else than computing power, is not held against us."""
    if not held_against:
        return {"stands": False, "delta": None} | shortfall_row(None, one.metric, pace)
    lack = None if one.unit == "racks" else shortfall(terms, one.metric, one.value)
    return {"stands": True} | shortfall_row(lack, one.metric, pace)
