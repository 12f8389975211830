"""One poll of what waits: whether it shows what is declared, and where not, why."""

from __future__ import annotations

from collections.abc import Iterator

from suanli.model.polled import PollOutcome
from suanli.model.sample import Sample
from suanli.registering.provable import Declared, ProvableSite


def why_not(site: ProvableSite, outcome: PollOutcome, tolerance: float) -> str | None:
    """Why this poll proves nothing; None where in every pool that declares something that is found, and now.

    tolerance: relative to what is declared.
    """
    if outcome.result != "ok":
        return f"{site.polled.id}: {outcome.result}: {outcome.reason}"
    found = {sample.pool: sample for sample in outcome.samples}
    faults = (
        f"{site.polled.id}/{pool}: {fault}"
        for pool, declared in site.declared.items()
        if (fault := _fault(declared, found.get(pool), outcome.at, tolerance))
    )
    return next(faults, None)


def told_figures(site: ProvableSite, outcome: PollOutcome) -> Iterator[str]:
    """Each pool with what is declared of it and what was found there, in words."""
    found = {sample.pool: sample for sample in outcome.samples}
    for pool, declared in site.declared.items():
        yield f"{site.polled.id}/{pool} declares {_amounts(declared)}, found {_found(declared, found[pool])}"


def _fault(declared: Declared, sample: Sample | None, at: int, tolerance: float) -> str | None:
    if sample is None:
        return "the answer has no such pool: check its match"
    if at - sample.source_at > sample.max_age:
        return f"what it says is {at - sample.source_at:,} s old"
    if sample.quality == "suspect" or sample.refused:
        return "; ".join(filter(None, (sample.reason, *map(str, sample.refused)))) or "what it says is in doubt"
    pairs = list(_pairs(declared, sample))
    if not pairs:
        return f"{_amounts(declared)} are declared, and how much is there was not told"
    if all(abs(one - other) <= tolerance * one for one, other in pairs):
        return None
    return f"{_amounts(declared)} are declared, {_found(declared, sample)} found"


def _pairs(declared: Declared, sample: Sample) -> Iterator[tuple[float, float]]:
    """Declared and found, in each unit in which both are known: right devices at a wrong peak are not right."""
    if declared.devices is not None and sample.online_devices is not None:
        yield declared.devices, sample.online_devices
    if declared.pflops is not None and sample.online_pflops is not None:
        yield declared.pflops, sample.online_pflops


def _amounts(declared: Declared) -> str:
    return _told(declared.devices, declared.pflops)


def _found(declared: Declared, sample: Sample) -> str:
    return _told(None if declared.devices is None else sample.online_devices, sample.online_pflops)


def _told(devices: float | None, pflops: float | None) -> str:
    parts = [] if devices is None else [f"{devices:,.10g} devices"]
    parts += [] if pflops is None else [f"{pflops:,.10g} PFLOPS"]
    return " = ".join(parts) or "nothing that can be counted"
