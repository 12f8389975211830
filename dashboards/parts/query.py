"""The PromQL of the boards, from the table of metrics.

There is no way here to write a mean of ratios: a ratio is a gauge of our own fleet, or a sum divided by a sum.
The sums are those of `suanli.model.rates`: of one precision basis, and for rates over the expected pools only
(operational site, built > 0). `max by` counts a pool once when two instances expose it.
"""

from __future__ import annotations

from typing import Literal

from suanli.model.metric import RATIOS, RUNGS, Rung
from suanli.model.units import Basis

BASIS: Basis = "fp16"
BENCHMARK = "national-2024"

Bound = Literal["low", "high"]

_RUNGS = {rung.name: rung for rung in RUNGS}
_RATIOS = {ratio.name: ratio for ratio in RATIOS}

_OF_BASIS = f'suanli_pool_info{{basis="{BASIS}"}}'
_OPERATIONAL = 'suanli_site_info{status="operational"}'
_EXPECTED = f"{_RUNGS['built'].site_gauge} > 0 and on (site, pool) {_OF_BASIS} and on (site) {_OPERATIONAL}"


def fleet(rung: str) -> str:
    """A rung of the whole fleet, in PFLOPS."""
    return f'{_RUNGS[rung].fleet_gauge}{{basis="{BASIS}"}}'


def fleet_ratio(ratio: str, bound: Bound | None = None) -> str:
    """A rate of the whole fleet, or what it would be with every silent site at 0 (low) or full (high)."""
    known = _RATIOS[ratio]
    if bound and not known.bounded:
        raise ValueError(f"the ratio {ratio} has no bounds")
    name = f"{known.fleet_gauge}_{bound}" if bound else known.fleet_gauge
    return f'{name}{{basis="{BASIS}"}}'


def benchmark(ratio: str) -> str:
    """The published national value of a rate."""
    return f'suanli_benchmark_ratio{{benchmark="{BENCHMARK}",metric="{_RATIOS[ratio].field}"}}'


def points_above_benchmark(ratio: str) -> str:
    """By how many percentage points the fleet is above the national value."""
    return f"100 * ({fleet_ratio(ratio)} - ignoring (basis, benchmark, metric) {benchmark(ratio)})"


def site_sum(rung: str) -> str:
    """A rung of each site, in PFLOPS; a site of which nothing is known is absent."""
    return f"sum by (site) ({_by_pool(_RUNGS[rung])} and on (site, pool) {_OF_BASIS})"


def site_ratio(ratio: str) -> str:
    """A rate of each expected site; absent when unknown or when the denominator is 0."""
    above, below = _RUNGS[_RATIOS[ratio].numerator], _RUNGS[_RATIOS[ratio].denominator]
    # What is built counts in full; where the denominator is sampled too, only pools that told both are in the ratio.
    both = below.origin == "sample"
    numerator, denominator = _of_expected(above, below if both else None), _of_expected(below, above if both else None)
    return f"sum by (site) ({numerator}) / (sum by (site) ({denominator}) > 0)"


def sites_expected() -> str:
    """How many sites ought to be heard."""
    return f"count(count by (site) ({_EXPECTED}))"


def sites_up() -> str:
    """How many of them answered last time. A sum of ones, because `count(x == 1)` is nothing, not 0, when none did."""
    return f"sum(max by (site) (suanli_site_up) and on (site) ({_EXPECTED}))"


def site_names() -> str:
    """Each site with what is known about it as labels."""
    return "max by (site, name, province, operator, status) (suanli_site_info)"


def site_up() -> str:
    """1 when the last poll of the site succeeded, else 0."""
    return "max by (site) (suanli_site_up)"


def site_age() -> str:
    """Seconds since the site was last heard; absent for one that never was."""
    return "time() - max by (site) (suanli_site_last_success_timestamp_seconds)"


def _by_pool(rung: Rung) -> str:
    return f"max by (site, pool) ({rung.site_gauge})"


def _of_expected(rung: Rung, known: Rung | None) -> str:
    """A rung of each expected pool; of those where `known` is there too, if that is given."""
    too = f" and on (site, pool) {known.site_gauge}" if known else ""
    return f"{_by_pool(rung)} and on (site, pool) ({_EXPECTED}){too}"
