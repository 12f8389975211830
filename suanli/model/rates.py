"""Rates as ratios of sums, at an instant and over a period, with coverage and bounds: the one place that computes them.

Rules 1 to 5 of docs/definitions.md; why a silent site stays in the denominator: docs/decisions/0003-silent-sites.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
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


@dataclass(frozen=True, slots=True)
class Terms:
    """What rates are made of, for pools of one basis: sums in PFLOPS, or over a period in PFLOPS-seconds.

    heard: built of those whose online is known. told_online: online of those whose used is known too. busy_used: used
    of those whose busy is known too. excluded: built of those that maintenance leaves out. The counts are of pools, or
    over a period of pool-seconds: a sum to which nobody contributed is unknown, not 0. silent is built less heard, and
    untold online less told_online, summed for themselves: a difference of two large sums has lost its small digits.
    """

    planned: float = 0.0
    built: float = 0.0
    heard: float = 0.0
    online: float = 0.0
    used: float = 0.0
    told_online: float = 0.0
    busy: float = 0.0
    busy_used: float = 0.0
    excluded: float = 0.0
    silent: float = 0.0
    untold: float = 0.0
    planned_count: int = 0
    expected_count: int = 0
    heard_count: int = 0
    told_count: int = 0
    busy_count: int = 0
    excluded_count: int = 0


_SUMS = tuple(field.name for field in fields(Terms) if not field.name.endswith("_count"))
_COUNTS = tuple(field.name for field in fields(Terms) if field.name.endswith("_count"))


def total(parts: Sequence[Terms]) -> Terms:
    """The sum of these terms: of groups, or of stretches of time."""
    if len(parts) == 1:
        return parts[0]
    sums = (fsum(getattr(part, name) for part in parts) for name in _SUMS)
    counts = (sum(getattr(part, name) for part in parts) for name in _COUNTS)
    return Terms(*sums, *counts)  # type: ignore[arg-type] # the sums come first, in the order of the fields


def terms_of(states: Iterable[PoolState]) -> Terms:
    """The terms of these pools at one instant."""
    everyone = [state for state in states if state.status != "retired"]
    planned = [state.planned_pflops for state in everyone if state.planned_pflops is not None]
    expected = [state for state in everyone if state.expected]
    heard = [state for state in expected if state.online_pflops is not None]
    told = [state for state in heard if state.used_pflops is not None]
    busy = [state for state in told if state.busy_pflops is not None]
    return Terms(
        planned=fsum(planned),
        built=fsum(state.built_pflops or 0.0 for state in expected),
        heard=fsum(state.built_pflops or 0.0 for state in heard),
        online=fsum(state.online_pflops or 0.0 for state in heard),
        used=fsum(state.used_pflops or 0.0 for state in told),
        told_online=fsum(state.online_pflops or 0.0 for state in told),
        busy=fsum(state.busy_pflops or 0.0 for state in busy),
        busy_used=fsum(state.used_pflops or 0.0 for state in busy),
        silent=fsum(state.built_pflops or 0.0 for state in expected if state.online_pflops is None),
        untold=fsum(state.online_pflops or 0.0 for state in heard if state.used_pflops is None),
        planned_count=len(planned),
        expected_count=len(expected),
        heard_count=len(heard),
        told_count=len(told),
        busy_count=len(busy),
    )


def rates_of(states: Iterable[PoolState]) -> Rates:
    """The rates of these pools, which share one basis: sums over the expected pools, never a mean of rates."""
    everyone = list(states)
    expected = [state for state in everyone if state.expected]
    sites = {state.site for state in expected}, {state.site for state in expected if state.online_pflops is not None}
    return rates_from(terms_of(everyone), len(sites[0]), len(sites[1]))


def rates_from(terms: Terms, sites_expected: int, sites_heard: int, seconds: int = 1) -> Rates:
    """The ratios of these sums, and the sums as PFLOPS: of one instant, or their mean over so many seconds."""
    built = terms.built if terms.expected_count else None
    online = terms.online if terms.heard_count else None
    used = terms.used if terms.told_count else None
    usage = _ratio(used, terms.told_online)
    usage_low, usage_high = _usage_bounds(terms, usage)
    return Rates(
        planned_pflops=_mean(terms.planned if terms.planned_count else None, seconds),
        built_pflops=_mean(built, seconds),
        online_pflops=_mean(online, seconds),
        used_pflops=_mean(used, seconds),
        # Beside the whole of `used`, a part of `busy` would read as computing power that is held and left idle.
        busy_pflops=_mean(terms.busy if 0 < terms.busy_count == terms.told_count else None, seconds),
        online_ratio=_ratio(online, built),
        usage_ratio=usage,
        overall_ratio=_ratio(used, built),
        coverage_ratio=_ratio(terms.heard, built),
        online_ratio_low=_ratio(terms.online, built),
        online_ratio_high=_ratio(terms.online + _silent(terms), built),
        usage_ratio_low=usage_low,
        usage_ratio_high=usage_high,
        sites_expected=sites_expected,
        sites_heard=sites_heard,
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


def _silent(terms: Terms) -> float:
    """Built of those nobody heard: each could be at 0, or full."""
    return 0.0 if terms.heard_count == terms.expected_count else max(0.0, terms.silent)


def _usage_bounds(terms: Terms, usage: float | None) -> tuple[float | None, float | None]:
    """A silent pool could be all online with nothing or with everything used; one whose use is unknown likewise."""
    silent = _silent(terms)
    untold = 0.0 if terms.told_count == terms.heard_count else terms.untold
    most = terms.online + silent
    ends = (_ratio(terms.used, most), _ratio(terms.used + silent + untold, most), usage)
    known = [end for end in ends if end is not None]
    return (min(known), max(known)) if known else (None, None)


def _mean(total: float | None, seconds: int) -> float | None:
    return total if total is None or seconds == 1 else total / seconds


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Undefined (None) for an unknown term or a zero denominator: rule 5."""
    return None if numerator is None or not denominator else numerator / denominator
