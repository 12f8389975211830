"""THE table of metrics: from it come store columns, Prometheus names, Influx fields and the boards' queries.

Definitions and rules: docs/definitions.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of the ladder, an absolute in PFLOPS of one pool at one instant."""

    name: str
    origin: Literal["ledger", "sample"]
    influx: bool
    help: str
    zh: str

    @property
    def field(self) -> str:
        """The one word for this metric: sample field, store column, Influx field, JSON key."""
        return f"{self.name}_pflops"

    @property
    def site_gauge(self) -> str:
        """The Prometheus name with labels site, pool."""
        return f"suanli_site_{self.field}"

    @property
    def fleet_gauge(self) -> str:
        """The Prometheus name with label basis."""
        return f"suanli_fleet_{self.field}"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of sums of two rungs; `coverage` is the built PFLOPS heard over the built PFLOPS expected."""

    name: str
    numerator: str
    denominator: str
    bounded: bool
    help: str
    zh: str

    @property
    def field(self) -> str:
        return f"{self.name}_ratio"

    @property
    def fleet_gauge(self) -> str:
        return f"suanli_fleet_{self.field}"


RUNGS: tuple[Rung, ...] = (
    Rung("planned", "ledger", False, "Computing power announced and not yet built, in PFLOPS.", "规划"),
    Rung("built", "ledger", True, "Computing power built and accepted, in PFLOPS.", "已建成"),
    Rung("online", "sample", True, "Computing power powered, healthy and schedulable, in PFLOPS.", "上线"),
    Rung("used", "sample", True, "Computing power assigned to a workload, in PFLOPS.", "使用"),
    Rung("busy", "sample", True, "Computing power really computing, in PFLOPS.", "忙碌"),
)

RATIOS: tuple[Ratio, ...] = (
    Ratio("online", "online", "built", True, "Sum of online over sum of built.", "上线率"),
    Ratio("usage", "used", "online", True, "Sum of used over sum of online.", "使用率"),
    Ratio("overall", "used", "built", False, "Sum of used over sum of built.", "总体利用率"),
    Ratio("coverage", "heard", "built", False, "Built PFLOPS heard over built PFLOPS expected.", "覆盖率"),
)

LEDGER_RUNGS = tuple(rung for rung in RUNGS if rung.origin == "ledger")
SAMPLE_RUNGS = tuple(rung for rung in RUNGS if rung.origin == "sample")
INFLUX_RUNGS = tuple(rung for rung in RUNGS if rung.influx)

INFLUX_MEASUREMENT = "compute"
INFLUX_TAGS = ("operator", "pool", "province", "site")

INFLUX_ROLLUPS = {"hour": "compute_1h", "day": "compute_1d"}
INFLUX_ROLLUP_TAGS = ("basis", *INFLUX_TAGS)
ROLLUP_TERMS = ("built", "heard", "online", "used", "told_online", "busy", "busy_used")
"""The sums of `model.rates.Terms` that a roll-up point carries, as PFLOPS-hours."""
ROLLUP_HEARD, ROLLUP_TOLD, ROLLUP_BUSY = "heard_hours", "told_hours", "busy_hours"
"""For how many hours its figures were known: what tells 0 from unknown."""


def rollup_sum(term: str) -> str:
    """The field of a sum in PFLOPS-hours."""
    return f"{term}_pflops_hours"
