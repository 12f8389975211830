"""The shapes of answers about the fleet's figures; PFLOPS, times in ISO 8601 in UTC, and null for what is unknown.

The answers are made as plain data, fast; these models describe them, and the tests hold one against the other.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from suanli.answers import GroupBy, View
from suanli.model.compare import RatioMetric
from suanli.model.sample import Quality
from suanli.model.units import Basis

Ratio = float | None
Pflops = float | None


class Exact(BaseModel):
    """Nothing else is in the answer."""

    model_config = ConfigDict(extra="forbid")


class Amounts(Exact):
    """Sums of PFLOPS, and the ratios that are made of them."""

    planned_pflops: Pflops
    built_pflops: Pflops
    online_pflops: Pflops
    used_pflops: Pflops
    busy_pflops: Pflops
    online_ratio: Ratio
    usage_ratio: Ratio
    overall_ratio: Ratio
    coverage_ratio: Ratio
    online_ratio_low: Ratio
    online_ratio_high: Ratio
    usage_ratio_low: Ratio
    usage_ratio_high: Ratio


class Hours(Amounts):
    """Of a period, also PFLOPS-hours and how much of the time was heard."""

    planned_pflops_hours: Pflops
    built_pflops_hours: Pflops
    online_pflops_hours: Pflops
    used_pflops_hours: Pflops
    busy_pflops_hours: Pflops
    time_coverage_ratio: Ratio
    excluded_pflops_hours: float
    excluded_ratio: Ratio


class Counted(Amounts):
    """Also of how many sites."""

    sites_expected: int
    sites_heard: int


class AtInstant(Counted):
    """With `maintenance=policy`, also what maintenance leaves out."""

    excluded_pflops: float | None = None
    excluded_ratio: Ratio = None


class OverPeriod(Hours):
    """With `mean`, also the means of the rates."""

    sites_expected: int
    sites_heard: int
    online_ratio_mean: Ratio = None
    usage_ratio_mean: Ratio = None


class Named(Exact):
    """The name of a group, under what it was asked by: only one of these is there."""

    site: str | None = None
    pool: str | None = None
    province: str | None = None
    operator: str | None = None
    model: str | None = None
    vendor: str | None = None


class GroupAtInstant(Named, AtInstant):
    """age_seconds: of its oldest word; status: `mixed` where its sites are not in one state."""

    quality: Quality | None
    age_seconds: int | None
    status: str


class GroupOverPeriod(Named, OverPeriod):
    """A group over a period."""


class InBoth(Exact):
    """In Chinese and in English."""

    zh: str
    en: str


class BenchmarkBeside(Exact):
    """A published rate; delta: ours less it, null where they cannot be compared."""

    name: str
    metric: RatioMetric
    value: float
    delta: float | None
    source: str
    basis: Basis | None
    unit: str
    comparable: str
    caution: InBoth | None


class TargetState(Exact):
    """How a configured target stands."""

    scope: str
    metric: RatioMetric
    basis: Basis
    target: float
    state: Literal["ok", "below", "unknown"]


class RatesAtInstant(Exact):
    """Of `at`, by what was known at `as_of`."""

    at: str
    as_of: str
    basis: Basis
    maintenance: View | None = None
    operators: list[str] | None = None
    fleet: AtInstant
    groups: list[GroupAtInstant]
    benchmarks: list[BenchmarkBeside]
    targets: list[TargetState]


class RatesOverPeriod(Exact):
    """Ratios of PFLOPS-hours over [from, to)."""

    since: str = Field(alias="from")
    to: str
    as_of: str
    basis: Basis
    maintenance: View
    operators: list[str] | None = None
    fleet: OverPeriod
    groups: list[GroupOverPeriod]
    benchmarks: list[BenchmarkBeside]
    targets: list[TargetState]


class Point(Hours):
    """One piece of a series."""

    since: str = Field(alias="from")
    to: str


class Series(Exact):
    """group: null for the fleet."""

    group: str | None
    points: list[Point]


class History(Exact):
    """Series over [from, to), in pieces as wide as `every`."""

    since: str = Field(alias="from")
    to: str
    every: str
    as_of: str
    basis: Basis
    maintenance: View
    operators: list[str] | None = None
    by: GroupBy | None
    series: list[Series]
