"""When alerts are looked at, and where an installation differs from the table of suanli/model/alert.py."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo, field_validator

from suanli.config.base import STRICT
from suanli.model.alert import KINDS, AlertKind, Severity
from suanli.model.units import Duration, duration_text, seconds_of


def _wait_of(text: object) -> object:
    return 0 if text == "0s" else seconds_of(text)


def _wait_text(seconds: int) -> str:
    return duration_text(seconds) if seconds else "0s"


Wait = Annotated[int, BeforeValidator(_wait_of), PlainSerializer(_wait_text, return_type=str)]
"""Whole seconds, written with a unit; 0s is none."""
_RANGES = {"ratio": (0.0, 1.0), "seconds": (0.0, 100 * 365 * 86400.0), "bytes": (0.0, 1e18), "samples": (0.0, 1e12)}


class KindConfig(BaseModel):
    """What is said of one kind of alert; what is left out is as in the table. for: how long it must be active."""

    model_config = ConfigDict(**STRICT, populate_by_name=True)
    enabled: bool = True
    severity: Severity | None = None
    for_: Wait | None = Field(default=None, alias="for")
    keep: Wait | None = None
    threshold: float | None = None

    def hold_of(self, kind: AlertKind) -> int:
        return kind.hold if self.for_ is None else self.for_

    def keep_of(self, kind: AlertKind) -> int:
        return kind.keep if self.keep is None else self.keep

    def severity_of(self, kind: AlertKind) -> Severity:
        return self.severity or kind.severity

    def threshold_of(self, kind: AlertKind) -> float | None:
        return kind.threshold if self.threshold is None else self.threshold


class AlertsConfig(BaseModel):
    """interval: between two rounds. The rest are the kinds of alert, under their names in the table."""

    model_config = STRICT
    interval: Duration = 30
    rate_below_target: KindConfig = KindConfig()
    no_target_data: KindConfig = KindConfig()
    site_silent: KindConfig = KindConfig()
    site_never_heard: KindConfig = KindConfig()
    coverage_low: KindConfig = KindConfig()
    used_above_online: KindConfig = KindConfig()
    capacity_jump: KindConfig = KindConfig()
    sink_lagging: KindConfig = KindConfig()
    sink_shut: KindConfig = KindConfig()
    quarantine_growing: KindConfig = KindConfig()
    disk_low: KindConfig = KindConfig()
    dead_man: KindConfig = KindConfig()

    @field_validator("interval")
    @classmethod
    def _often_enough(cls, seconds: int) -> int:
        if seconds > 300:
            raise ValueError("expected at most 5m: an alert can be no quicker than its rounds")
        return seconds

    @field_validator(*KINDS)
    @classmethod
    def _fits(cls, said: KindConfig, info: ValidationInfo) -> KindConfig:
        kind = KINDS[str(info.field_name)]
        if kind.name == "rate_below_target" and said.for_ is not None:
            raise ValueError("expected no for: each target says its own, beside its band")
        if said.threshold is not None:
            _check_threshold(kind, said.threshold)
        return said

    def of(self, kind: AlertKind) -> KindConfig:
        """What is said of this kind."""
        said: KindConfig = getattr(self, kind.name)
        return said


def _check_threshold(kind: AlertKind, threshold: float) -> None:
    if kind.threshold is None:
        told = "each target is its own" if kind.name == "rate_below_target" else "it is not about an amount"
        raise ValueError(f"expected no threshold: {told}")
    low, high = _RANGES[kind.unit]
    if not low < threshold <= high:
        raise ValueError(f"expected a threshold above {low:g} and at most {high:g}, in {kind.unit}")
