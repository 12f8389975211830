"""Checks of a sample's own figures: marks for "no value", the ladder, and jumps."""

from __future__ import annotations

from itertools import pairwise

from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.sample import Sample
from suanli.quality.base import Known
from suanli.quality.marks import marked_pflops, no_amount

LADDER_TOLERANCE = 1e-9
"""Relative: sums of the same devices in another order differ by less."""
JUMP_SHARE = 0.5
"""Of what is built: a failing switch or a night's maintenance takes less, a unit or a match that went wrong more."""

_DEVICES = (("online", "online_devices"), ("used", "used_devices"))
_PFLOPS = tuple((rung.name, rung.field) for rung in SAMPLE_RUNGS)


def sentinel(sample: Sample, known: Known) -> str | None:
    """A count that is no amount, or a figure that is a mark times a unit's factor or the peak."""
    for name, count in _told(sample, _DEVICES):
        if fault := no_amount(count):
            return f"{name} is {count:.17g} devices: {fault}"
    for name, pflops in _told(sample, _PFLOPS):
        if (mark := marked_pflops(pflops, known.peak_pflops)) is not None:
            return f'{name} is {pflops:g} PFLOPS, which is {mark:.17g}, a mark for "no value", in another unit'
    return None


def ladder(sample: Sample, _known: Known) -> str | None:
    """More used than online, or more busy than used (than online where nobody tells what is used)."""
    for unit, fields in (("PFLOPS", _PFLOPS), ("devices", _DEVICES)):
        for (below, most), (name, value) in pairwise(_told(sample, fields)):
            if value > most * (1 + LADDER_TOLERANCE):
                return f"{name} {value:.6g} is more than {below} {most:.6g} {unit}"
    return None


def jump(sample: Sample, known: Known) -> str | None:
    """Online changed by more than half of what is built since a word that still held.

    To or from 0 too: a site that goes down honestly does jump, and a flag costs it nothing. The next sample at the new
    level is compared with this one and passes.
    """
    before = known.before
    if before is None or before.online_pflops is None or sample.online_pflops is None:
        return None
    seconds = sample.source_at - before.source_at
    was, is_ = before.online_pflops, sample.online_pflops
    whole = known.built_pflops or max(was, is_)
    if not 0 <= seconds <= before.max_age or abs(is_ - was) <= JUMP_SHARE * whole * (1 + LADDER_TOLERANCE):
        return None
    of = "built" if known.built_pflops else "the larger of both"
    return f"online went from {was:.6g} to {is_:.6g} PFLOPS within {seconds} s; half of {of} is {whole / 2:.6g}"


def _told(sample: Sample, fields: tuple[tuple[str, str], ...]) -> list[tuple[str, float]]:
    """Name and value of those that are known, in the ladder's order."""
    return [(name, value) for name, field in fields if (value := getattr(sample, field)) is not None]
