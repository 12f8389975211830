"""Numbers that are no amounts: negative ones, NaN, and the marks that programs write for "no value"."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import isclose, isfinite, isnan

from suanli.model.sample import MOST_PFLOPS
from suanli.model.units import PFLOPS_PER

_INTEGERS = (-1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64)
# A device monitor's blanks come with three more that tell why there is nothing; the 64-bit ones are 2**63 as floats.
_BLANKS = tuple(blank + why for blank in (2**31 - 16, 2**47) for why in range(4))
NO_VALUE: frozenset[float] = frozenset(float(mark) for mark in (*_INTEGERS, *_BLANKS))
"""As floats, exactly; none of them could be an amount of devices, nor to the last digit one of FLOPS."""

_NEARLY = 1e-12  # a mark that was multiplied once by a unit's factor is off by a last bit at most


def no_amount(value: float) -> str | None:
    """Why this number is no amount, whatever its unit; None if it may be one."""
    if not isfinite(value):
        return "not a number" if isnan(value) else "infinite"
    if value in NO_VALUE:
        return 'a mark for "no value"'
    return "negative" if value < 0 else None


def marked_pflops(pflops: float, peak: float | None) -> float | None:
    """The mark that became this figure by a unit's factor or by the peak of a device; None if none did."""
    products, marks = _products(peak)
    place = bisect_left(products, pflops * (1 - 2 * _NEARLY))
    near = place < len(products) and isclose(products[place], pflops, rel_tol=_NEARLY)
    return marks[place] if near else None


@lru_cache(maxsize=1024)
def _products(peak: float | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The figures that marks become, of those that can be a figure at all, from the least on; and the mark of each."""
    factors = [*PFLOPS_PER.values(), *([] if peak is None else [peak])]
    products = sorted((mark * factor, mark) for factor in factors for mark in NO_VALUE)
    found = [(product, mark) for product, mark in products if 0 < product <= MOST_PFLOPS]
    return tuple(product for product, _ in found), tuple(mark for _, mark in found)
