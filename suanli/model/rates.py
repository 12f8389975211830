"""Rates as ratios of sums, with coverage and bounds: the one place where they are computed.

Rules 1 to 5 of docs/definitions.md; why a silent site stays in the denominator: docs/decisions/0003-silent-sites.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import fsum
from operator import attrgetter

from suanli.model.metric import RUNGS
from suanli.model.sample import Quality, worst
from suanli.model.units import Basis


@dataclass(frozen=True, slots=True)
class PoolState:
    """One pool at one instant. None is unknown. heard: its last word is not too old, whatever it said.

    expected: its site is operational and it has built > 0.
    """

    site: str
    pool: str
    model: str
    province: str
    operator: str
    basis: Basis
    status: str
    planned_pflops: float | None = None
    built_pflops: float | None = None
    online_pflops: float | None = None
    used_pflops: float | None = None
    busy_pflops: float | None = None
    age_seconds: int | None = None
    quality: Quality = "ok"
    heard: bool = False

    @property
    def expected(self) -> bool:
        return self.status == "operational" and (self.built_pflops or 0.0) > 0.0


_ladder = attrgetter(*(rung.field for rung in RUNGS[1:]))
"""built, online, used, busy"""


@dataclass(frozen=True, slots=True)
class Rates:
    """Sums in PFLOPS and the ratios made of them; None is undefined or unknown. Field names are those of `--json`."""

    planned_pflops: float | None
    built_pflops: float | None
    online_pflops: float | None
    used_pflops: float | None
    busy_pflops: float | None
    online_ratio: float | None
    usage_ratio: float | None
    overall_ratio: float | None
    coverage_ratio: float | None
    online_ratio_low: float | None
    online_ratio_high: float | None
    usage_ratio_low: float | None
    usage_ratio_high: float | None
    sites_expected: int
    sites_heard: int


def rates_of(states: Iterable[PoolState]) -> Rates:
    """The rates of these pools, which share one basis: sums over the expected pools, never a mean of rates."""
    everyone = [state for state in states if state.status != "retired"]
    expected = [state for state in everyone if state.expected]
    heard = [state for state in expected if state.online_pflops is not None]
    used = [state for state in heard if state.used_pflops is not None]
    built = _sum(state.built_pflops for state in expected)
    online = _sum(state.online_pflops for state in heard)
    used_sum = _sum(state.used_pflops for state in used)
    online_low, online_high = _online_bounds(expected, built)
    usage = _ratio(used_sum, _sum(state.online_pflops for state in used))
    usage_low, usage_high = _usage_bounds(expected, usage)
    return Rates(
        planned_pflops=_sum(state.planned_pflops for state in everyone),
        built_pflops=built,
        online_pflops=online,
        used_pflops=used_sum,
        busy_pflops=_whole_sum([state.busy_pflops for state in used]),
        online_ratio=_ratio(online, built),
        usage_ratio=usage,
        overall_ratio=_ratio(used_sum, built),
        coverage_ratio=_ratio(_sum(state.built_pflops for state in heard) or 0.0, built),
        online_ratio_low=online_low,
        online_ratio_high=online_high,
        usage_ratio_low=usage_low,
        usage_ratio_high=usage_high,
        sites_expected=len({state.site for state in expected}),
        sites_heard=len({state.site for state in heard}),
    )


def rates_by(states: Iterable[PoolState], key: Callable[[PoolState], str]) -> dict[str, list[PoolState]]:
    """The pools in groups, in the order of the groups' names; `rates_of` gives each group's rates."""
    groups: dict[str, list[PoolState]] = {}
    for state in states:
        groups.setdefault(key(state), []).append(state)
    return dict(sorted(groups.items()))


def flagged(state: PoolState) -> Quality:
    """The quality of a pool's ladder: `suspect` where a rung is higher than the one below it (kept, never clamped)."""
    known = [value for value in _ladder(state) if value is not None]
    broken = any(upper > lower * (1 + 1e-9) for lower, upper in pairwise(known))
    return worst([state.quality, "suspect"]) if broken else state.quality


def _online_bounds(expected: list[PoolState], built: float | None) -> tuple[float | None, float | None]:
    """Every silent pool at 0, and every silent pool full."""
    low = fsum(state.online_pflops or 0.0 for state in expected)
    silent = fsum(state.built_pflops or 0.0 for state in expected if state.online_pflops is None)
    return _ratio(low, built), _ratio(low + silent, built)


def _usage_bounds(expected: list[PoolState], usage: float | None) -> tuple[float | None, float | None]:
    """A silent pool could be all online with nothing or with everything used; one whose use is unknown likewise."""
    online = fsum(_most_online(state) for state in expected)
    used = fsum(state.used_pflops or 0.0 for state in expected if state.online_pflops is not None)
    open_ = fsum(_most_online(state) for state in expected if None in (state.online_pflops, state.used_pflops))
    ends = [end for end in (_ratio(used, online), _ratio(used + open_, online), usage) if end is not None]
    return (min(ends), max(ends)) if ends else (None, None)


def _most_online(state: PoolState) -> float:
    return (state.built_pflops or 0.0) if state.online_pflops is None else state.online_pflops


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return fsum(known) if known else None


def _whole_sum(values: list[float | None]) -> float | None:
    """The sum, if all is known: beside `used`, a part of `busy` would read as computing power held and left idle."""
    return None if None in values else _sum(values)


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Undefined (None) for an unknown term or a zero denominator: rule 5."""
    return None if numerator is None or not denominator else numerator / denominator
