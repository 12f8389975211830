"""The shapes of comparisons: benchmarks, targets, changes, the funnel, second signals."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from exporter.figure_models import BenchmarkBeside, Counted, Exact, Named, Pflops, Ratio, TargetState
from suanli.answers import GroupBy
from suanli.catalog.benchmarks import Scope
from suanli.model.compare import RatioMetric
from suanli.model.units import Basis

Days = float | Literal["never"] | None


class Gain(Exact):
    """What came online, and came to be used, in the days before."""

    since: str = Field(alias="from")
    to: str
    days: int
    online_pflops: Pflops
    used_pflops: Pflops
    pools: int
    pools_unheard: int


class HeldAgainst(BenchmarkBeside):
    """ours: our rate; missing: what lacks to reach it, in PFLOPS, and how long that takes at the pace of late."""

    scope: Scope | None
    since: str = Field(alias="from")
    until: str | None
    more_than_pflops: Pflops
    ours: Ratio
    stands: bool
    missing_pflops: Pflops
    surplus_pflops: Pflops
    days_at_pace: Days


class Benchmarks(Exact):
    """Published rates beside ours."""

    at: str
    basis: Basis
    fleet: Counted
    pace: Gain
    benchmarks: list[HeldAgainst]


class JudgedTarget(TargetState):
    """low, high: if all that is silent were nothing, or full; certain: either way the state would be the same."""

    ours: Ratio
    why: Literal["nobody", "maintenance", "silent", "undefined"] | None
    low: Ratio
    high: Ratio
    certain: bool
    missing_pflops: Pflops
    surplus_pflops: Pflops
    days_at_pace: Days
    coverage_ratio: Ratio
    excluded_ratio: Ratio
    pace: Gain


class Targets(Exact):
    """judged_to: where what has passed of the period ends."""

    since: str = Field(alias="from")
    to: str
    judged_to: str
    maintenance: Literal["policy"]
    targets: list[JudgedTarget]


class Side(Exact):
    """One side of a change."""

    since: str = Field(alias="from")
    to: str
    ratio: Ratio
    built_pflops: Pflops
    online_pflops: Pflops
    used_pflops: Pflops
    coverage_ratio: Ratio


class GroupsPart(Named):
    """What a group did: its own rate changed (rate_effect), or its share of the whole (mix_effect)."""

    rate_effect: float
    mix_effect: float
    total: float
    presence: Literal["both", "entered", "left", "began to tell", "fell silent"]
    before_ratio: Ratio
    before_share: float
    before_coverage_ratio: Ratio
    after_ratio: Ratio
    after_share: float
    after_coverage_ratio: Ratio


class Change(Exact):
    """The parts of the groups add up to the change."""

    metric: RatioMetric
    by: GroupBy
    basis: Basis
    before: Side
    after: Side
    change: float | None
    groups: list[GroupsPart]


class Wait(Exact):
    """How long a step took: of those that made it, and of those that still wait."""

    median_days: float | None
    longest_days: float | None
    finished: int
    still: int
    unknown: int


class StuckPool(Exact):
    """One that waits longer than is usual."""

    site: str
    pool: str
    stage: Literal["planned", "built"]
    days: float
    pflops: Pflops


class Commissioned(Exact):
    """Since when a pool is planned, built and online; null where it is not, or nobody knows."""

    site: str
    pool: str
    planned_since: str | None
    built_since: str | None
    online_since: str | None
    online_before_record: bool


class Funnel(Exact):
    """Planned, built, online, used."""

    at: str
    basis: Basis
    coverage_ratio: Ratio
    planned_pflops: Pflops
    built_pflops: Pflops
    online_pflops: Pflops
    used_pflops: Pflops
    to_built: Wait
    to_online: Wait
    stuck: list[StuckPool]
    pools: list[Commissioned]


class SignalsApart(Exact):
    """One rung that two signals told; ratio: how far apart they are, of the larger one."""

    site: str
    pool: str
    rung: str
    source_pflops: float
    second_pflops: float
    disagreement_pflops: float
    disagreement_ratio: float | None


class Disagreements(Exact):
    """How far second signals lie from sources."""

    at: str
    disagreements: list[SignalsApart]
