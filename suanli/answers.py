"""The rates as a program reads them: one shape for `suanli rates --json`, the API and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from suanli.catalog.benchmarks import Benchmark, shipped_benchmarks
from suanli.config import Config, TargetConfig
from suanli.model.rates import PoolState, Rates, rates_by, rates_of
from suanli.model.sample import worst
from suanli.model.units import CANONICAL_BASIS, Basis

GroupBy = Literal["site", "pool", "province", "operator", "model"]
GROUPINGS: tuple[GroupBy, ...] = get_args(GroupBy)

_KEYS: dict[GroupBy, Callable[[PoolState], str]] = {
    "site": lambda state: state.site,
    "pool": lambda state: f"{state.site}/{state.pool}",
    "province": lambda state: state.province,
    "operator": lambda state: state.operator,
    "model": lambda state: state.model,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rates are asked for. at, as_of: UTC seconds."""

    at: int
    as_of: int
    by: GroupBy = "site"
    basis: Basis = CANONICAL_BASIS


def rates_answer(states: Iterable[PoolState], asked: Asked, config: Config) -> dict[str, Any]:
    """The answer of docs/definitions.md in the shape of the interface; unknown and undefined are None."""
    states = [state for state in states if state.basis == asked.basis]
    fleet = rates_of(states)
    groups = rates_by(states, _KEYS[asked.by])
    return {
        "at": iso(asked.at),
        "as_of": iso(asked.as_of),
        "basis": asked.basis,
        "fleet": asdict(fleet),
        "groups": [_group(asked.by, name, members) for name, members in groups.items()],
        "benchmarks": [_benchmark(benchmark, fleet) for benchmark in benchmarks_at(config, asked.at)],
        "targets": [_target(target, fleet) for target in config.targets],
    }


def benchmarks_at(config: Config, at: int) -> list[Benchmark]:
    """Shipped and configured benchmarks that stand at `at`; days are those of the configured zone."""
    day = datetime.fromtimestamp(at, config.zone).date()
    everything = (*shipped_benchmarks(), *config.benchmarks)
    return [one for one in everything if one.since <= day and (one.until is None or day < one.until)]


def iso(at: int) -> str:
    """UTC in ISO 8601: 2026-11-24T03:00:00Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _group(by: GroupBy, name: str, members: list[PoolState]) -> dict[str, Any]:
    ages = [state.age_seconds for state in members if state.age_seconds is not None]
    statuses = sorted({state.status for state in members})
    heard = [state.quality for state in members if state.heard]
    return {
        by: name,
        **asdict(rates_of(members)),
        "quality": worst(heard) if heard else None,
        "age_seconds": max(ages, default=None),
        "status": statuses[0] if len(statuses) == 1 else "mixed",
    }


def _benchmark(benchmark: Benchmark, fleet: Rates) -> dict[str, Any]:
    mine = getattr(fleet, benchmark.metric)
    return {
        "name": benchmark.name,
        "metric": benchmark.metric,
        "value": benchmark.value,
        "delta": None if mine is None else mine - benchmark.value,
        "source": benchmark.source,
        "basis": benchmark.basis,
    }


def _target(target: TargetConfig, fleet: Rates) -> dict[str, Any]:
    mine = getattr(fleet, target.metric)
    state = "unknown" if mine is None else "ok" if mine >= target.target else "below"
    return {"scope": target.scope, "metric": target.metric, "target": target.target, "state": state}
