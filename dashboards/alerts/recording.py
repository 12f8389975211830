"""Recording rules: sums and ratios of sums by site, province and operator, named level:metric:operation.

For whoever writes queries of their own. No board and no alert of ours reads them: those have to work where these rules
are not loaded. The definitions are those of the boards (`dashboards/parts/query.py`), in every precision basis apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dashboards.alerts.promql import by
from suanli.model.metric import RATIOS, RUNGS, Rung

LEVELS = ("site", "province", "operator")
_RUNGS = {rung.name: rung for rung in RUNGS}
_SUMMED = tuple(rung for rung in RUNGS if rung.name != "planned")
_DIVIDED = tuple(ratio for ratio in RATIOS if ratio.numerator in _RUNGS)

EXPECTED = "pool:suanli_expected:info"
"""1 for each pool that ought to be heard, with all that sums are made by."""


def recording_rules() -> list[dict[str, Any]]:
    """In an order in which each finds what it reads."""
    return [{"record": EXPECTED, "expr": _expected()}, *_sums(), *_ratios()]


def _sums() -> Iterator[dict[str, Any]]:
    for level in LEVELS:
        for rung in _SUMMED:
            yield {"record": f"{level}:suanli_{rung.field}:sum", "expr": _sum(level, rung, None)}


def _ratios() -> Iterator[dict[str, Any]]:
    """Where the denominator is sampled too, only pools that told both are in the ratio."""
    for level in LEVELS:
        for ratio in _DIVIDED:
            above, below = _RUNGS[ratio.numerator], _RUNGS[ratio.denominator]
            both = below.origin == "sample"
            expr = (
                f"{_sum(level, above, below if both else None)} / ({_sum(level, below, above if both else None)} > 0)"
            )
            yield {"record": f"{level}:suanli_{ratio.field}:ratio_of_sums", "expr": expr}


def _sum(level: str, rung: Rung, known: Rung | None) -> str:
    """A site bears the names of its province and operator."""
    told = by(["site", "pool"], rung.site_gauge)
    pools = f"{EXPECTED} * on (site, pool) group_left () {told}"
    if known is not None:
        pools = f"{pools} and on (site, pool) {known.site_gauge}"
    return by(["basis", *(LEVELS if level == "site" else (level,))], pools, "sum")


def _expected() -> str:
    """Operational, and something is built."""
    pools = by(["basis", "pool", "site"], "suanli_pool_info")
    sites = by(LEVELS, 'suanli_site_info{status="operational"}')
    built = by(["site", "pool"], _RUNGS["built"].site_gauge)
    return f"{pools} * on (site) group_left (province, operator) {sites} and on (site, pool) ({built} > 0)"
