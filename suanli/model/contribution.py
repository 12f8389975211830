"""What each group did to a change of a ratio of sums: by its own rate, and by its share of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from suanli.model.compare import Part


@dataclass(frozen=True, slots=True)
class Contribution:
    """One group's part in the change of a ratio, as a difference of ratios: 0.01 is one percentage point.

    rate_effect: its own rate changed. mix_effect: its share of the denominator changed, or it entered or left.
    total: both together.
    """

    group: str
    rate_effect: float
    mix_effect: float
    total: float


def contributions(before: Mapping[str, Part], after: Mapping[str, Part]) -> tuple[Contribution, ...] | None:
    """How R = sum n / sum d came from its value before to its value after: one item a group, the largest total first.

    With D the sum of all d, and of a group r = n / d, a = n / D, w = d / D, each change being after less before and
    each mean the middle of the two:

        total = change of a - mean(R) x change of w
        rate  = mean(w) x change of r
        mix   = total - rate = (mean(r) - mean(R)) x change of w

    These are midpoint weights, after Bennet (1920) and Marshall and Edgeworth: exact, and the same backwards with the
    other sign. The shares w add up to 1 on both sides, so the totals add up to the change of R with nothing left over.
    A group that enters or leaves (d = 0 on one side) has no rate there to change from: all that it did is mix, as if
    its rate had always been what it is where it has one.

    An unknown numerator counts as in the ratio of sums, for nothing: a site that fell silent lowers the online-rate by
    its rate effect. Periods of different lengths may be compared. None where R is undefined on a side.
    """
    first, last = _shares(before), _shares(after)
    if first is None or last is None:
        return None
    middle = sum((share.ratio for share in (*first.values(), *last.values())), Fraction(0)) / 2
    found = [
        _contribution(group, first.get(group, _ABSENT), last.get(group, _ABSENT), middle)
        for group in sorted(first.keys() | last.keys())
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.total)))


class _Share(NamedTuple):
    """One group's a and w, exact."""

    ratio: Fraction
    weight: Fraction


_ABSENT = _Share(Fraction(0), Fraction(0))


def _shares(parts: Mapping[str, Part]) -> dict[str, _Share] | None:
    """Each group's share; None where the ratio of the sums is undefined."""
    below = sum((Fraction(part.denominator or 0.0) for part in parts.values()), Fraction(0))
    if not below or all(part.numerator is None for part in parts.values()):
        return None
    return {
        group: _Share(Fraction(part.numerator or 0.0) / below, Fraction(part.denominator or 0.0) / below)
        for group, part in parts.items()
    }


def _contribution(group: str, old: _Share, new: _Share, middle: Fraction) -> Contribution:
    total = new.ratio - old.ratio - middle * (new.weight - old.weight)
    rate = Fraction(0)
    if old.weight and new.weight:
        rate = (old.weight + new.weight) / 2 * (new.ratio / new.weight - old.ratio / old.weight)
    return Contribution(group, float(rate), float(total - rate), float(total))
