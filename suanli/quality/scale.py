"""Checks of a figure's size: another unit, the sparse peak, another precision.

A pool whose devices were counted is measured by its PFLOPS a device, any other by the ledger. More online than built
is no check of these: a late entry of the ledger can put it right, so it is judged when somebody asks (model/rates).
"""

from __future__ import annotations

from suanli.model.sample import Sample
from suanli.quality.base import Known

ABSURD_TIMES = 100.0
"""No ledger is behind by this much; 1000 is TFLOPS written as PFLOPS."""
THOUSAND = (900.0, 1100.0)
"""As many times less than built: PFLOPS written as EFLOPS, of a pool that is nearly all online."""
SPARSE = (1.9, 2.1)
"""Every vendor that states a sparse peak doubles the dense one."""
PRECISIONS = (("FP8 or INT8 with sparsity", 3.8, 4.2), ("FP4 with sparsity", 7.5, 8.5))
"""What vendors print beside dense FP16, in its multiples."""


def unit(sample: Sample, known: Known) -> str | None:
    """Far more than built, or about a thousandth of it; one device of a thousand that were counted is no mistake."""
    online, built = sample.online_pflops, known.built_pflops
    if not online or not built:
        return None
    compared = f"online {online:.6g} PFLOPS is {online / built:.3g} times the {built:.6g} built"
    if online / built > ABSURD_TIMES:
        return f"{compared}: its unit is wrong, or an entry of the ledger is missing"
    if THOUSAND[0] <= built / online <= THOUSAND[1] and sample.online_devices is None:
        return f"{compared}: one of the two is probably in another unit"
    return None


def sparse(sample: Sample, known: Known) -> str | None:
    """About twice the dense peak."""
    times, compared = _times(sample, known)
    return f"{compared}: probably the sparse peak" if SPARSE[0] <= times <= SPARSE[1] else None


def precision(sample: Sample, known: Known) -> str | None:
    """About four or eight times the dense peak of FP16."""
    times, compared = _times(sample, known)
    found = next((name for name, least, most in PRECISIONS if least <= times <= most), None)
    return f"{compared}: probably the peak of another precision, such as {found}" if found else None


def _times(sample: Sample, known: Known) -> tuple[float, str]:
    """How many times the size it should have, in numbers and in words; 0 where that is unknown."""
    online, devices = sample.online_pflops, sample.online_devices
    peak, built = known.peak_pflops, known.built_pflops
    if online and devices and peak:
        each = online / devices
        return each / peak, f"{each:.6g} PFLOPS a device is {each / peak:.3g} times the dense peak {peak:.6g}"
    if online and built:
        return online / built, f"online {online:.6g} PFLOPS is {online / built:.3g} times the {built:.6g} built"
    return 0.0, ""
