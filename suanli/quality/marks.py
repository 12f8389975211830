"""Numbers that are no amounts: negative ones, NaN, and the marks that programs write for "no value"."""

from __future__ import annotations

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
    return next((mark for mark, product in _products(peak) if isclose(product, pflops, rel_tol=_NEARLY)), None)


@lru_cache(maxsize=1024)
def _products(peak: float | None) -> tuple[tuple[float, float], ...]:
    """Each mark with the figure that it becomes, of those that can be a figure at all."""
    factors = [*PFLOPS_PER.values(), *([] if peak is None else [peak])]
    products = ((mark, mark * factor) for factor in factors for mark in sorted(NO_VALUE))
    return tuple((mark, product) for mark, product in products if 0 < product <= MOST_PFLOPS)
