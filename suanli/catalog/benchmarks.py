"""Benchmarks: published rates, shipped or added in config.yaml."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from suanli.model.units import Basis


class Benchmark(BaseModel):
    """One published rate; `basis` is None where the publication does not say, `until` where it still stands."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    metric: Literal["online_ratio", "usage_ratio", "overall_ratio"]
    value: Annotated[float, Field(ge=0, le=1)]
    since: date = Field(alias="from")
    until: date | None = None
    basis: Basis | None = None
    source: str = Field(min_length=1)


@cache
def shipped_benchmarks() -> tuple[Benchmark, ...]:
    """The benchmarks that come with Suanli."""
    text = files("suanli.catalog").joinpath("benchmarks.yaml").read_text(encoding="utf-8")
    return tuple(Benchmark.model_validate(row) for row in yaml.safe_load(text))
