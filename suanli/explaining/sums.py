"""The sums taken apart into what each pool gives to them, and the ratios that are made of them.

Nothing here computes a rate of its own: what a pool gives is told by the same function that adds everything up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import reduce
from math import fsum
from operator import add
from typing import Any

from suanli.model.rates import PoolState, Rates, Terms, rates_of, terms_of

TERMS = {
    "planned": "planned_count",
    "built": "expected_count",
    "heard": "heard_count",
    "online": "heard_count",
    "used": "told_count",
    "told_online": "told_count",
    "busy": "busy_count",
}
"""The sums, each with the count that says whether a pool gives anything to it."""

RATIOS = {
    "online_ratio": (("online",), ("built",)),
    "usage_ratio": (("used",), ("told_online",)),
    "overall_ratio": (("used",), ("built",)),
    "coverage_ratio": (("heard",), ("built",)),
    "online_ratio_low": (("online",), ("built",)),
    "online_ratio_high": (("online", "silent"), ("built",)),
}
_USAGE_ENDS = (
    (("used",), ("online", "silent")),
    (("used", "silent", "untold"), ("online", "silent")),
)
"""The silent all online and idle, and all online and used: the bounds are of these two and of the ratio itself."""
_UNKNOWN_STAYS = ("online_ratio", "usage_ratio", "overall_ratio")
"""Elsewhere a sum to which nobody gave anything counts as 0."""


def worked_out(states: Sequence[PoolState], excused: Sequence[PoolState]) -> dict[str, Any]:
    """The sums, what bounds are made of, and the ratios; `rates` are the published ones."""
    rates = rates_of(states)
    parts = [(f"{state.site}/{state.pool}", terms_of([state])) for state in states]
    sums = {name: _sum(name, parts) for name in TERMS} | {"excluded": _added([_left_out(one) for one in excused])}
    values = {name: float(one["sum"] or 0.0) for name, one in sums.items()}
    rest = {
        "silent": _rest("silent", "built", "heard", parts),
        "untold": _rest("untold", "online", "told_online", parts),
    }
    values |= {name: one["value"] for name, one in rest.items()}
    return {"sums": sums, "rest": rest, "ratios": _ratios(rates, sums, values), "rates": asdict(rates)}


def _sum(name: str, parts: Sequence[tuple[str, Terms]]) -> dict[str, Any]:
    return _added([(pool, getattr(one, name)) for pool, one in parts if getattr(one, TERMS[name])])


def _left_out(state: PoolState) -> tuple[str, float]:
    return f"{state.site}/{state.pool}", state.built_pflops or 0.0


def _added(addends: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """The sum of nothing is unknown, not 0."""
    return {
        "addends": [{"pool": pool, "pflops": pflops} for pool, pflops in addends],
        "sum": fsum(pflops for _, pflops in addends) if addends else None,
    }


def _rest(name: str, whole: str, part: str, parts: Sequence[tuple[str, Terms]]) -> dict[str, Any]:
    """What pools give to one sum that they do not give to its part, added for itself: a difference loses digits."""
    left = [
        (pool, getattr(one, name))
        for pool, one in parts
        if getattr(one, TERMS[whole]) and not getattr(one, TERMS[part])
    ]
    added = _added(left)
    return {"whole": whole, "part": part, "addends": added["addends"], "value": added["sum"] or 0.0}


def _ratios(rates: Rates, sums: dict[str, Any], values: dict[str, float]) -> list[dict[str, Any]]:
    """A ratio's value is its numerator's by its denominator's; None where one is unknown, or nothing to divide by."""
    unknown = {name for name, one in sums.items() if one["sum"] is None}
    plain = {
        name: _quotient(above, below, values, unknown if name in _UNKNOWN_STAYS else set())
        for name, (above, below) in RATIOS.items()
    }
    ends = [*(_quotient(above, below, values, set()) for above, below in _USAGE_ENDS), plain["usage_ratio"]]
    bounds = [("usage_ratio_low", "lowest_of"), ("usage_ratio_high", "highest_of")]
    return [
        *({"name": name, "value": getattr(rates, name), **parts} for name, parts in plain.items()),
        *({"name": name, "value": getattr(rates, name), how: ends} for name, how in bounds),
    ]


def _quotient(
    above: Sequence[str], below: Sequence[str], values: dict[str, float], unknown: set[str]
) -> dict[str, Any]:
    return {"numerator": _term(above, values, unknown), "denominator": _term(below, values, unknown)}


def _term(names: Sequence[str], values: dict[str, float], unknown: set[str]) -> dict[str, Any]:
    """Sums in PFLOPS, added from left to right."""
    return {"sums": list(names), "value": None if unknown & set(names) else reduce(add, map(values.__getitem__, names))}
