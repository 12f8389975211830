"""What a ratio is made of, for every builder of queries: two sums over the same pools, never a mean of ratios.

The terms are those of `suanli.model.rates.Terms`: built over the expected pools, online over those that were heard,
used over those that told both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from suanli.model.metric import RATIOS, RUNGS, Ratio, Rung
from suanli.model.units import CANONICAL_BASIS, Basis

BASIS: Basis = CANONICAL_BASIS
BENCHMARK = "national-2024"

Term = Literal["built", "heard", "online", "used", "told_online", "busy", "busy_used"]
Bound = Literal["low", "high"]
Group = Literal["", "site", "province", "operator"]

RUNG_OF: dict[str, Rung] = {rung.name: rung for rung in RUNGS}
RATIO_OF: dict[str, Ratio] = {ratio.name: ratio for ratio in RATIOS}

RATIO_TERMS: dict[str, tuple[Term, Term]] = {
    "online": ("online", "built"),
    "usage": ("used", "told_online"),
    "overall": ("used", "built"),
    "coverage": ("heard", "built"),
}
"""Above and below the line."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which sites count: those whose labels match the board's variables of these names."""

    variables: tuple[Literal["province", "operator", "site"], ...] = ()


FLEET = Scope()
CHOSEN = Scope(("province", "operator"))
ONE_SITE = Scope(("site",))
