"""The shape of `/rates/explain`: words, ledger entries, addends and ratios."""

from __future__ import annotations

from pydantic import Field

from exporter.figure_models import Counted, Exact, Named, Pflops
from suanli.answers import View
from suanli.model.maintenance import Policy
from suanli.model.sample import Quality
from suanli.model.units import Basis


class LedgerEntry(Exact):
    """What the ledger says of one stage."""

    pflops: Pflops
    devices: int | None
    peak_pflops: Pflops
    source: str
    reason: str
    since: str = Field(alias="from")
    until: str | None
    recorded_at: str


class Ledger(Exact):
    """By stage; null where it says nothing."""

    planned: LedgerEntry | None
    built: LedgerEntry | None


class SourceWord(Exact):
    """What a source said last; silent_since: the first second at which it no longer holds."""

    slot: str
    source_at: str
    fetched_at: str
    age_seconds: int
    max_age: int
    silent_since: str | None
    quality: Quality
    reason: str
    online_pflops: Pflops
    used_pflops: Pflops
    busy_pflops: Pflops
    online_devices: int | None
    used_devices: int | None
    busy_devices: int | None


class SecondWord(Exact):
    """What a site's second signal says; no figure is made of it."""

    source_at: str
    online_pflops: Pflops
    used_pflops: Pflops
    busy_pflops: Pflops


class StopOver(Exact):
    """A maintenance window that reaches over the instant."""

    id: int
    policy: Policy
    reason: str
    since: str = Field(alias="from")
    to: str
    approved_by: str | None
    counts: bool


class ExplainedPool(Exact):
    """why: for what reason it does not count, or not whole; null where it does."""

    site: str
    pool: str
    status: str
    province: str
    operator: str
    model: str
    peak_pflops: Pflops
    ledger: Ledger
    word: SourceWord | None
    second_signal: SecondWord | None
    maintenance: list[StopOver]
    held_at: str | None
    expected: bool
    why: str | None


class Addend(Exact):
    """What one pool gives to a sum."""

    pool: str
    pflops: float


class Sum(Exact):
    """The sum of nothing is unknown."""

    addends: list[Addend]
    sum: Pflops


class Rest(Exact):
    """What pools give to the whole that they do not give to its part."""

    whole: str
    part: str
    addends: list[Addend]
    value: float


class Term(Exact):
    """Named sums, added."""

    sums: list[str]
    value: Pflops


class Quotient(Exact):
    """One of the ratios of which a bound is the lowest or the highest."""

    numerator: Term
    denominator: Term


class WorkedOutRatio(Exact):
    """A numerator and a denominator, or the ratios among which it is the lowest or highest."""

    name: str
    value: float | None
    numerator: Term | None = None
    denominator: Term | None = None
    lowest_of: list[Quotient] | None = None
    highest_of: list[Quotient] | None = None


class WorkedOut(Exact):
    """The sums with their addends, and the ratios; `rates` are the published ones."""

    sums: dict[str, Sum]
    rest: dict[str, Rest]
    ratios: list[WorkedOutRatio]
    rates: Counted


class WorkedOutGroup(Named, WorkedOut):
    """Of one group."""


class Explained(Exact):
    """Why the rates are what they are."""

    at: str
    as_of: str
    basis: Basis
    maintenance: View
    operators: list[str] | None = None
    pools: list[ExplainedPool]
    fleet: WorkedOut
    groups: list[WorkedOutGroup]
