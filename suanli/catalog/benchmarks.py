"""Benchmarks: published rates, shipped or added in config.yaml, and whether a rate of ours may be held against one."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from suanli.model.compare import RatioMetric
from suanli.model.message import Message
from suanli.model.units import Basis

Scope = Literal["national", "province", "city"]
Comparability = Literal["yes", "basis-unknown", "basis-differs", "unit-differs"]

_CAUTIONS: dict[Comparability, dict[str, str]] = {
    "yes": {"zh": "", "en": ""},
    "basis-unknown": {
        "zh": "{name} 未说明算力精度，与本处 {basis} 口径的差值仅供参考",
        "en": "{name} does not say its precision; the difference from our {basis} is only an indication",
    },
    "basis-differs": {
        "zh": "{name} 按 {theirs} 计算，本处按 {basis} 计算，差值仅供参考",
        "en": "{name} counts in {theirs} and we count in {basis}; the difference is only an indication",
    },
    "unit-differs": {
        "zh": "{name} 按机架计算（上架率），不是算力，不能比较",
        "en": "{name} counts racks, not computing power; the two cannot be compared",
    },
}


class Benchmark(BaseModel):
    """One published rate.

    until: None where it still stands. unit: what the rate counts. basis: precision of its computing power, None where
    the publication does not say. scope: what it is of, None where nobody said. more_than_pflops: how much computing
    power it is of, where the publication says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    metric: RatioMetric
    value: Annotated[float, Field(ge=0, le=1)]
    since: date = Field(alias="from")
    until: date | None = None
    unit: Literal["pflops", "racks"] = "pflops"
    basis: Basis | None = None
    scope: Scope | None = None
    more_than_pflops: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _racks_have_no_precision(self) -> Benchmark:
        if self.unit == "racks" and self.basis:
            raise ValueError(Message("a rate of racks has no basis; leave basis out"))
        return self


def shipped_benchmarks(scope: Scope = "national") -> tuple[Benchmark, ...]:
    """The benchmarks of this scope that come with Suanli: by default the averages that a fleet is held against."""
    return tuple(one for one in _shipped() if one.scope == scope)


def comparable(benchmark: Benchmark, basis: Basis) -> Comparability:
    """Whether a rate in this basis may be held against the benchmark: `unit-differs` forbids it, the other two warn."""
    if benchmark.unit != "pflops":
        return "unit-differs"
    if benchmark.basis is None:
        return "basis-unknown"
    return "yes" if benchmark.basis == basis else "basis-differs"


def caution(benchmark: Benchmark, basis: Basis, language: Literal["zh", "en"]) -> str:
    """What a reader of the comparison must know, in one sentence without its full stop; empty if nothing."""
    sentence = _CAUTIONS[comparable(benchmark, basis)][language]
    theirs = benchmark.basis.upper() if benchmark.basis else ""
    return sentence.format(name=benchmark.name, basis=basis.upper(), theirs=theirs)


def delta(benchmark: Benchmark, basis: Basis, mine: float | None) -> float | None:
    """How far `mine`, a rate in this basis, is above the benchmark; None if it is unknown or must not be compared."""
    return None if mine is None or comparable(benchmark, basis) == "unit-differs" else mine - benchmark.value


@cache
def _shipped() -> tuple[Benchmark, ...]:
    text = files("suanli.catalog").joinpath("benchmarks.yaml").read_text(encoding="utf-8")
    return tuple(Benchmark.model_validate(row) for row in yaml.safe_load(text))
