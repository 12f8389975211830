"""The rates as a program reads them: one shape for `suanli rates --json`, the API and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from math import fsum
from typing import Any, Literal, Protocol, get_args
from zoneinfo import ZoneInfo

from suanli.catalog.accelerators import load_accelerators
from suanli.catalog.benchmarks import Benchmark, caution, comparable, delta, shipped_benchmarks
from suanli.config import Config
from suanli.model.rates import PoolState, Rates, rates_by, rates_of
from suanli.model.sample import worst
from suanli.model.target import Placed, Target
from suanli.model.units import CANONICAL_BASIS, Basis

GroupBy = Literal["site", "pool", "province", "operator", "model", "vendor"]
GROUPINGS: tuple[GroupBy, ...] = get_args(GroupBy)
View = Literal["include", "policy"]
"""include: maintenance changes nothing, as published. policy: as each approved window says, as targets are judged."""
VIEWS: tuple[View, ...] = get_args(View)
_LANGUAGES: tuple[Literal["zh", "en"], ...] = ("zh", "en")


class Belonging(Protocol):
    """What a pool's figures can be grouped by, at an instant or over a span."""

    @property
    def site(self) -> str: ...
    @property
    def pool(self) -> str: ...
    @property
    def province(self) -> str: ...
    @property
    def operator(self) -> str: ...
    @property
    def model(self) -> str: ...


@cache
def _vendor(model: str) -> str:
    row = load_accelerators().find(model)
    return row.vendor if row else model


KEYS: dict[GroupBy, Callable[[Belonging], str]] = {
    "site": lambda one: one.site,
    "pool": lambda one: f"{one.site}/{one.pool}",
    "province": lambda one: one.province,
    "operator": lambda one: one.operator,
    "model": lambda one: one.model,
    "vendor": lambda one: _vendor(one.model),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rates are asked for. at, as_of: UTC seconds; as_of is what the answer says of itself.

    known: only what was recorded by then counts; None: all of it. operators: only what these operate then; None: all.
    """

    at: int
    as_of: int
    by: GroupBy = "site"
    basis: Basis = CANONICAL_BASIS
    maintenance: View = "include"
    known: int | None = None
    operators: frozenset[str] | None = None


def rates_answer(
    states: Iterable[PoolState], asked: Asked, config: Config, judged: Iterable[PoolState] | None = None
) -> dict[str, Any]:
    """The answer of docs/definitions.md in the shape of the interface; unknown and undefined are None.

    judged: the same pools in the same order as maintenance leaves them; the states themselves where there is none. Of
    both, only those of `asked.operators` are looked at: they are its fleet.
    """
    everyone = _run_by(states, asked.operators)
    judged = everyone if judged is None else _run_by(judged, asked.operators)
    policy = asked.maintenance == "policy"
    shown = [state for state in (judged if policy else everyone) if state.basis == asked.basis]
    excused = excused_states(everyone, judged, asked.basis)
    key = KEYS[asked.by]

    def row(rates: Rates, excluded: list[PoolState]) -> dict[str, Any]:
        return asdict(rates) | (_excused_row(rates, excluded) if policy else {})

    fleet = rates_of(shown)
    return {
        "at": iso(asked.at),
        "as_of": iso(asked.as_of),
        "basis": asked.basis,
        **({"maintenance": "policy"} if policy else {}),
        **named_operators(asked.operators),
        "fleet": row(fleet, excused),
        "groups": [
            {asked.by: name, **row(rates_of(members), [one for one in excused if key(one) == name]), **_state(members)}
            for name, members in rates_by(shown, key).items()
        ],
        "benchmarks": [benchmark_row(benchmark, fleet, asked.basis) for benchmark in benchmarks_at(config, asked.at)],
        "targets": [
            target_row(target, rates_of(filter(target.covers, judged)))
            for target in targets_of(config, asked.operators, everyone)
        ],
    }


def _run_by(states: Iterable[PoolState], operators: frozenset[str] | None) -> list[PoolState]:
    return [state for state in states if operators is None or state.operator in operators]


def named_operators(operators: frozenset[str] | None) -> dict[str, list[str]]:
    """What an answer says of whose figures it has: nothing where it is everybody's."""
    return {} if operators is None else {"operators": sorted(operators)}


def targets_of(
    config: Config, operators: frozenset[str] | None, places: Iterable[Placed]
) -> list[Target] | tuple[Target, ...]:
    """The targets that an answer judges: beside some operators' figures, only those set for them and their sites.

    places: all that the answer is of. A target of the fleet or a province is of others' figures too.
    """
    if operators is None:
        return config.targets
    own = {f"operator:{name}" for name in operators} | {f"site:{place.site}" for place in places}
    return [target for target in config.targets if target.scope in own]


def excused_states(states: Iterable[PoolState], judged: Iterable[PoolState], basis: Basis) -> list[PoolState]:
    """The pools that would be expected if maintenance did not leave them out."""
    pairs = zip(states, judged, strict=True)
    return [before for before, after in pairs if before.basis == basis and before.expected and not after.expected]


def benchmarks_at(config: Config, at: int) -> list[Benchmark]:
    """Shipped and configured benchmarks that stand at `at`; days are those of the configured zone."""
    return [one for one in (*shipped_benchmarks(), *config.benchmarks) if stands(one, at, config.zone)]


def stands(benchmark: Benchmark, at: int, zone: ZoneInfo) -> bool:
    """Whether the benchmark is one of that day: `until` is the first day on which it is not."""
    day = datetime.fromtimestamp(at, zone).date()
    return benchmark.since <= day and (benchmark.until is None or day < benchmark.until)


def iso(at: int) -> str:
    """UTC in ISO 8601: 2026-11-24T03:00:00Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _excused_row(rates: Rates, excluded: list[PoolState]) -> dict[str, Any]:
    """What maintenance leaves out, and its share of what would be expected without it: rule 7."""
    left_out = fsum(state.built_pflops or 0.0 for state in excluded)
    whole = (rates.built_pflops or 0.0) + left_out
    return {"excluded_pflops": left_out, "excluded_ratio": left_out / whole if whole else None}


def _state(members: list[PoolState]) -> dict[str, Any]:
    """What is not a figure of a group."""
    ages = [state.age_seconds for state in members if state.age_seconds is not None]
    statuses = sorted({state.status for state in members})
    heard = [state.quality for state in members if state.heard]
    return {
        "quality": worst(heard) if heard else None,
        "age_seconds": max(ages, default=None),
        "status": statuses[0] if len(statuses) == 1 else "mixed",
    }


def benchmark_row(benchmark: Benchmark, fleet: Rates, basis: Basis = CANONICAL_BASIS) -> dict[str, Any]:
    """The fleet's rate in this basis beside a published one; caution: what a reader must know, None where nothing."""
    told = {language: caution(benchmark, basis, language) for language in _LANGUAGES}
    return {
        "name": benchmark.name,
        "metric": benchmark.metric,
        "value": benchmark.value,
        "delta": delta(benchmark, basis, getattr(fleet, benchmark.metric)),
        "source": benchmark.source,
        "basis": benchmark.basis,
        "unit": benchmark.unit,
        "comparable": comparable(benchmark, basis),
        "caution": told if any(told.values()) else None,
    }


def target_row(target: Target, rates: Rates) -> dict[str, Any]:
    """How a target stands; `rates` are those of its own scope and basis."""
    mine = getattr(rates, target.metric)
    state = "unknown" if mine is None else "ok" if mine >= target.target else "below"
    scope = {"scope": target.scope, "metric": target.metric, "basis": target.basis}
    return scope | {"target": target.target, "state": state}
