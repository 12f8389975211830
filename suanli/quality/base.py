"""The contract of an entrance check: one sample, and what may be known beside it -> nothing, or a reason.

A check never changes a figure and never drops a sample: it flags it (`suspect`) or holds it (quarantine).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from suanli.model.sample import Sample

Action = Literal["flag", "hold"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a check may know beside the sample.

    now: our clock, UTC seconds. built_pflops: the ledger's at the sample's source_at; None unknown.
    peak_pflops: of one device in the pool's basis; None unpublished. before: the pool's last accepted sample.
    """

    now: int
    built_pflops: float | None = None
    peak_pflops: float | None = None
    before: Sample | None = None


Judge = Callable[[Sample, Known], str | None]
"""The reason with its figures; None for a sample that passes, and for all that is unknown."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check under its name. why, zh: what it looks for, a sentence for people in either language."""

    name: str
    action: Action
    why: str
    zh: str
    judge: Judge


@dataclass(frozen=True, slots=True)
class Held:
    """A sample that is kept out of the figures, whole, with the check that held it and its reason."""

    sample: Sample
    check: str
    reason: str
