"""For every alert of Prometheus: what must make it fire, and what comes close and must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dashboards.alerts.plan import Plan
from tests.dashboards.alerting import PLAN

Lines = Mapping[str, float | Sequence[float | None]]

INFO = 'suanli_site_info{kind="slurm",site="a",status="operational"}'
HEARD = 'suanli_site_last_success_timestamp_seconds{site="a"}'
UP = 'suanli_site_up{site="a"}'
EXCUSED = 'suanli_site_maintenance{site="a"}'
BUILD = 'suanli_build_info{version="1"}'
RATE = 'suanli_target_actual_ratio{basis="fp16",metric="online_ratio",scope="fleet"}'
TARGET = 'suanli_target_ratio{basis="fp16",metric="online_ratio",scope="fleet"}'
OF_SITE = '{basis="fp16",metric="online_ratio",scope="site:a"}'
FLEET = {"basis": "fp16", "metric": "online_ratio", "scope": "fleet", "severity": "warning"}


@dataclass(frozen=True)
class Case:
    """name, the metrics (a number holds throughout, a list minute by minute and then as at its end), and what fires
    at the minute `at`: the labels of the one alert, or None."""

    name: str
    lines: Lines
    at: int
    fires: Mapping[str, str] | None = None
    plan: Plan = field(default=PLAN)
    alone: bool = False
    """Whether Suanli itself is not heard either."""


def _pool(rung: str, pool: str = "p") -> str:
    return f'suanli_site_{rung}_pflops{{pool="{pool}",site="a"}}'


def _quarantined(reason: str) -> str:
    return f'suanli_quarantined_samples_total{{reason="{reason}"}}'


WARNING_A = {"severity": "warning", "site": "a"}
_LONG = 130
CASES: dict[str, tuple[Case, ...]] = {
    "SuanliRateBelowTarget": (
        Case("below for ten minutes", {RATE: 0.7999, TARGET: 0.8}, 10, FLEET),
        Case("not yet for ten minutes", {RATE: 0.7, TARGET: 0.8}, 9),
        Case("reached exactly", {RATE: 0.8, TARGET: 0.8}, _LONG),
        Case("reached once in between", {RATE: [0.7] * 9 + [0.81] + [0.7], TARGET: 0.8}, 18),
        Case("within the band without having fired", {RATE: 0.81, TARGET: 0.8}, _LONG),
        Case("unknown while pending begins anew", {RATE: [0.7] * 9 + [None] + [0.7], TARGET: 0.8}, 18),
        Case("the rate of another metric", {RATE.replace("online", "usage"): 0.54}, 29),
        Case("of another basis", {RATE.replace("fp16", "fp64"): 0.1}, _LONG),
    ),
    "SuanliNoTargetData": (
        Case("a target without a rate", {TARGET: 0.8}, 30, FLEET),
        Case(
            "of one site, whose label it bears",
            {f"suanli_target_ratio{OF_SITE}": 0.8},
            30,
            FLEET | {"scope": "site:a", "site": "a"},
        ),
        Case("not yet", {TARGET: 0.8}, 29),
        Case("a rate is known", {TARGET: 0.8, RATE: 0.1}, _LONG),
        Case("maintenance excuses all of it", {TARGET: 0.8, RATE.replace("actual_ratio", "excused"): 1}, _LONG),
    ),
    "SuanliSiteSilent": (
        Case("its polls fail", {INFO: 1, UP: 0, HEARD: 5}, 15, WARNING_A),
        Case("not yet", {INFO: 1, UP: 0, HEARD: 5}, 14),
        Case("it answers", {INFO: 1, UP: 1, HEARD: 5}, _LONG),
        Case("in maintenance", {INFO: 1, UP: 0, HEARD: 5, EXCUSED: 1}, _LONG),
        Case("never heard is another alert", {INFO: 1, UP: 0}, _LONG),
        Case("one answer in between", {INFO: 1, UP: [0.0] * 10 + [1] + [0], HEARD: 5}, 24),
    ),
    "SuanliSiteNeverHeard": (
        Case("registered for an hour", {INFO: 1, _pool("built"): 5}, 60, WARNING_A),
        Case("not yet", {INFO: 1, _pool("built"): 5}, 59),
        Case("heard once", {INFO: 1, _pool("built"): 5, UP: 0, HEARD: 5}, _LONG),
        Case("nothing is built there", {INFO: 1, _pool("built"): 0}, _LONG),
        Case("not operational", {INFO.replace("operational", "building"): 1, _pool("built"): 5}, _LONG),
        Case("in maintenance", {INFO: 1, _pool("built"): 5, EXCUSED: 1}, _LONG),
        Case("nobody is asked", {INFO.replace("slurm", ""): 1, _pool("built"): 5}, _LONG),
    ),
    "SuanliCoverageLow": (
        Case(
            "below", {'suanli_fleet_coverage_ratio{basis="fp16"}': 0.89}, 15, {"basis": "fp16", "severity": "warning"}
        ),
        Case("not yet", {'suanli_fleet_coverage_ratio{basis="fp16"}': 0.89}, 14),
        Case("as expected", {'suanli_fleet_coverage_ratio{basis="fp16"}': 0.9}, _LONG),
    ),
    "SuanliUsedAboveOnline": (
        Case("more used than online", {INFO: 1, _pool("used"): 10, _pool("online"): 9}, 10, WARNING_A),
        Case("not yet", {INFO: 1, _pool("used"): 10, _pool("online"): 9}, 9),
        Case("all used", {INFO: 1, _pool("used"): 9, _pool("online"): 9}, _LONG),
        Case("a hair of rounding", {INFO: 1, _pool("used"): 0.1 + 0.2, _pool("online"): 0.3}, _LONG),
        Case("online unknown", {INFO: 1, _pool("used"): 10}, _LONG),
        Case(
            "online of another pool unknown",
            {INFO: 1, _pool("used"): 9, _pool("online"): 9, _pool("used", "q"): 7},
            _LONG,
        ),
        Case(
            "a pool that another makes up for",
            {_pool("used"): 10, _pool("online"): 9, _pool("used", "q"): 1, _pool("online", "q"): 2},
            10,
            WARNING_A,
        ),
    ),
    "SuanliCapacityJump": (
        Case("a quarter more", {INFO: 1, _pool("built"): [100.0] * 70 + [125]}, 70, {"severity": "info", "site": "a"}),
        Case(
            "of one pool of two",
            {_pool("built"): [100.0] * 70 + [125], _pool("built", "q"): 1000},
            70,
            {"severity": "info", "site": "a"},
        ),
        Case("a quarter less", {INFO: 1, _pool("built"): [100.0] * 70 + [75]}, 129, {"severity": "info", "site": "a"}),
        Case("an hour ago", {INFO: 1, _pool("built"): [100.0] * 70 + [125]}, 131),
        Case("a fifth", {INFO: 1, _pool("built"): [100.0] * 70 + [120]}, 70),
        Case("a new site", {INFO: 1, _pool("built"): [None] * 70 + [125]}, 71),
        Case("the first that is built there", {INFO: 1, _pool("built"): [0.0] * 70 + [125]}, 71),
    ),
    "SuanliSinkLagging": (
        Case("behind", {'suanli_sink_lag_seconds{sink="influx"}': 901}, 5, {"severity": "warning", "sink": "influx"}),
        Case("not yet", {'suanli_sink_lag_seconds{sink="influx"}': 901}, 4),
        Case("not far behind", {'suanli_sink_lag_seconds{sink="influx"}': 900}, _LONG),
    ),
    "SuanliSinkShut": (
        Case("not let in", {'suanli_sink_shut{sink="influx"}': 1}, 2, {"severity": "warning", "sink": "influx"}),
        Case("not yet", {'suanli_sink_shut{sink="influx"}': 1}, 1),
        Case("let in", {'suanli_sink_shut{sink="influx"}': 0}, _LONG),
    ),
    "SuanliQuarantineGrowing": (
        Case("eleven within the hour", {_quarantined("x"): [0.0] * 61 + [11]}, 61, {"severity": "warning"}),
        Case("found by a check that had no row", {_quarantined("x"): [None] * 61 + [11]}, 61, {"severity": "warning"}),
        Case(
            "of two checks together",
            {_quarantined("x"): [5.0] * 61 + [11], _quarantined("y"): [None] * 61 + [5]},
            61,
            {"severity": "warning"},
        ),
        Case("ten", {_quarantined("x"): [0.0] * 61 + [10]}, _LONG),
        Case("many, long ago", {_quarantined("x"): 5000}, _LONG),
        Case("before Prometheus came", {_quarantined("x"): 5000}, 59),
    ),
    "SuanliDiskLow": (
        Case("less than 1 GB", {"suanli_store_free_bytes": 9e8}, 5, {"severity": "critical"}),
        Case("not yet", {"suanli_store_free_bytes": 9e8}, 4),
        Case("1 GB", {"suanli_store_free_bytes": 1e9}, _LONG),
    ),
    "SuanliDeadMan": (
        Case("always", {}, 0, {"severity": "info"}, alone=True),
        Case("also while all is well", {UP: 1}, _LONG, {"severity": "info"}),
        Case("switched off", {}, 5, plan=replace(PLAN, kinds=PLAN.kinds[:-1])),
    ),
    "SuanliAbsent": (
        Case("nothing of Suanli", {'up{job="suanli"}': 0}, 3, {"severity": "critical"}, alone=True),
        Case("not yet", {'up{job="suanli"}': 0}, 2, alone=True),
        Case("one instance is heard", {'up{job="suanli"}': 0}, _LONG),
    ),
    "SuanliDown": (
        Case(
            "one of two",
            {'up{job="suanli",instance="x"}': 0, 'up{job="suanli",instance="y"}': 1},
            3,
            {"severity": "critical", "job": "suanli", "instance": "x"},
        ),
        Case("somebody else's", {'up{job="node"}': 0}, _LONG),
        Case("not for long", {'up{job="suanli"}': [0.0, 0, 0, 1, 0]}, 6),
    ),
}
