"""How far a rate is from a target or a published rate, in computing power and in days.

Rules 12 and 13 of the definitions. The terms are those that `suanli.model.rates` makes its ratios of.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Literal, NamedTuple

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.rates import Terms

RatioMetric = Literal["online_ratio", "usage_ratio", "overall_ratio"]
"""The ratios that can have a target or a published value."""


class Part(NamedTuple):
    """Numerator and denominator of a ratio of sums, in the unit of the sums; None is unknown."""

    numerator: float | None
    denominator: float | None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What is missing to reach a value of a ratio, and what there is above it; at least one of the two is 0.

    Both in the unit of the terms: PFLOPS of an instant, PFLOPS-seconds of a period. Of online_ratio it is computing
    power that must come online, of usage_ratio and overall_ratio computing power that must be used.
    """

    missing: float
    surplus: float


def part_of(terms: Terms, metric: RatioMetric) -> Part:
    """The two terms of this ratio; one to which nobody contributed is unknown."""
    built = terms.built if terms.expected_count else None
    used = terms.used if terms.told_count else None
    if metric == "online_ratio":
        return Part(terms.online if terms.heard_count else None, built)
    if metric == "overall_ratio":
        return Part(used, built)
    return Part(used, terms.told_online if terms.told_count else None)


def shortfall(terms: Terms, metric: RatioMetric, value: float) -> Shortfall | None:
    """What these terms lack of `value`, their denominator staying as it is; None where the ratio itself is undefined.

    The silent count as the rates count them, as not online. Whether the value is reached is asked of the ratio that is
    published, so that something is missing exactly where a target's state says `below`.
    """
    numerator, denominator = part_of(terms, metric)
    if numerator is None or not denominator:
        return None
    # A value is the decimal that somebody wrote: 60 of 100 is no hair above 0.6.
    above = float(Fraction(numerator) - Fraction(str(value)) * Fraction(denominator))
    return Shortfall(0.0, max(0.0, above)) if numerator / denominator >= value else Shortfall(-above, 0.0)


def days_at_pace(missing: float | None, gained: float | None, over_days: float) -> float | Literal["never"] | None:
    """Days until `missing` is made up at the pace of `gained` in the last `over_days`, both in the same unit.

    0.0 where nothing is missing. "never" where that pace does not lead there: it stands still, goes back, or takes more
    days than a float can say. None where one of the two is unknown. Raises InputError for no days.
    """
    if not 0 < over_days < float("inf"):
        raise InputError(Problem(Message("expected more than 0 days to take the pace from"), key="over_days"))
    if missing is None:
        return None
    if missing <= 0:
        return 0.0
    if gained is None:
        return None
    days = missing * over_days / gained if gained > 0 else float("inf")
    return days if isfinite(days) else "never"
