"""THE table of alerts: from it come the built-in evaluator, the rules for Prometheus and Grafana, and their documents.

Each kind compares one number that Suanli exposes with a threshold, for one subject. An alert is active while the number
is on the wrong side; while it fires, also until the number has left the band, and as long as nobody knows it: silence
resolves nothing. docs/definitions.md says how the state follows, docs/runbook.md what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From the least to the most severe."""

AlertState = Literal["ok", "pending", "firing", "recovering", "unknown"]
"""pending: active, but not yet for as long as it must be. recovering: no longer active, and firing until that has
lasted. unknown: not firing, and the number is not known."""
STATES: tuple[AlertState, ...] = get_args(AlertState)

Label = Literal["scope", "metric", "basis", "site", "sink"]
"""What tells the subjects of a kind apart; the names are those of the metrics' labels."""


Subject = tuple[tuple[Label, str], ...]
"""The labels of one subject with their values, in the order of its kind's."""


@dataclass(frozen=True, slots=True)
class AlertKind:
    """One kind of alert.

    threshold: the default, in `unit`; None where the subject brings its own (a target) or none is needed (a state).
    hold: for how many seconds the alert must be active before it fires; keep: how many it must be inactive before it
    is over, which damps flapping. stake: the metric that says how much computing power is concerned, if one does.
    """

    name: str
    subject: tuple[Label, ...]
    severity: Severity
    threshold: float | None
    unit: Literal["ratio", "seconds", "bytes", "samples", ""]
    hold: int
    keep: int
    en: str
    zh: str
    stake: Literal["shortfall", "site_built", "fleet_built", ""] = ""

    @property
    def alertname(self) -> str:
        """SuanliSiteSilent: its name in Prometheus and Grafana."""
        return "Suanli" + self.name.title().replace("_", "")

    @property
    def anchor(self) -> str:
        """Where docs/runbook.md tells what to do."""
        return "alert-" + self.name.replace("_", "-")


ALERTS: tuple[AlertKind, ...] = (
    AlertKind(
        "rate_below_target",
        ("scope", "metric", "basis"),
        "warning",
        None,
        "ratio",
        600,
        300,
        "{scope}: {metric} is {value}, below its target of {threshold}",
        "{scope}：{metric} 为 {value}，低于目标 {threshold}",
        "shortfall",
    ),
    AlertKind(
        "no_target_data",
        ("scope", "metric", "basis"),
        "warning",
        None,
        "",
        1800,
        0,
        "{scope}: {metric} has a target and cannot be judged: nothing is known of it",
        "{scope}：{metric} 设有目标，但没有数据，无法判定",
    ),
    AlertKind(
        "site_silent",
        ("site",),
        "warning",
        None,
        "",
        900,
        0,
        "{site} has fallen silent: its polls fail",
        "站点 {site} 失联：轮询失败",
        "site_built",
    ),
    AlertKind(
        "site_never_heard",
        ("site",),
        "warning",
        None,
        "",
        3600,
        0,
        "{site} is registered and was never heard",
        "站点 {site} 已登记，但从未收到数据",
        "site_built",
    ),
    AlertKind(
        "coverage_low",
        ("basis",),
        "warning",
        0.9,
        "ratio",
        900,
        300,
        "only {value} of the fleet's computing power ({basis}) is heard; {threshold} is expected",
        "全域算力（{basis}）覆盖率仅 {value}，应不低于 {threshold}",
        "fleet_built",
    ),
    AlertKind(
        "used_above_online",
        ("site",),
        "warning",
        None,
        "",
        600,
        300,
        "{site} tells more computing power used than online",
        "站点 {site} 上报的使用算力高于上线算力",
        "site_built",
    ),
    AlertKind(
        "capacity_jump",
        ("site",),
        "info",
        0.2,
        "ratio",
        0,
        0,
        "{site}: what is built changed by {value} within an hour; is the entry right?",
        "站点 {site}：已建成算力一小时内变动 {value}，请核对台账",
        "site_built",
    ),
    AlertKind(
        "sink_lagging",
        ("sink",),
        "warning",
        900.0,
        "seconds",
        300,
        0,
        "{sink} lags {value} behind; nothing is lost",
        "推送目标 {sink} 滞后 {value}；数据未丢失",
    ),
    AlertKind(
        "sink_shut",
        ("sink",),
        "warning",
        None,
        "",
        120,
        0,
        "{sink} does not let us in: token, permission or name; nothing is lost",
        "推送目标 {sink} 拒绝访问：请检查令牌、权限或名称；数据未丢失",
    ),
    AlertKind(
        "quarantine_growing",
        (),
        "warning",
        10.0,
        "samples",
        0,
        600,
        "{value} samples went to quarantine within an hour",
        "一小时内有 {value} 条样本进入隔离区",
    ),
    AlertKind(
        "disk_low",
        (),
        "critical",
        1e9,
        "bytes",
        300,
        300,
        "only {value} are free where the record is kept",
        "数据存储所在磁盘仅剩 {value}",
    ),
    AlertKind(
        "dead_man",
        (),
        "info",
        None,
        "",
        0,
        0,
        "always on: when this stops arriving, Suanli or its alerting is down",
        "常开信号：若不再收到，说明 Suanli 或其告警已停止",
    ),
)

KINDS: dict[str, AlertKind] = {kind.name: kind for kind in ALERTS}


def kind_named(name: str) -> AlertKind:
    """The kind of this name; an InputError for one that there is not."""
    if name not in KINDS:
        told = Message("there is no alert {name}; known: {known}", name=name, known=", ".join(KINDS))
        raise InputError(Problem(told, key="kind"))
    return KINDS[name]


def subject_said(kind: AlertKind, said: Mapping[str, str]) -> Subject:
    """The subject that has these labels; an InputError for others than the kind's, or an empty one."""
    if set(said) != set(kind.subject) or not all(said.values()):
        expected = " ".join(f"{label}=..." for label in kind.subject) or Message("nothing")
        told = Message("expected {expected} behind {kind}", expected=expected, kind=kind.name)
        raise InputError(Problem(told, key="subject"))
    return tuple((label, said[label]) for label in kind.subject)


@dataclass(frozen=True, slots=True)
class Alert:
    """One kind of alert for one subject, as it stands. Times are UTC seconds.

    since: when it came into this state. value, threshold: in the kind's unit; value is None where it is unknown. stake:
    PFLOPS concerned, None where unknown. held: it fires although nobody knows its number now. acknowledged_by: who said
    that they know of it, and why; empty where nobody did. fired_at: when it began to fire; None while it does not.
    gone: its subject is no more (a site retired, a target removed), so that it ends without a word to anybody.
    """

    kind: AlertKind
    subject: Subject
    severity: Severity
    state: AlertState
    since: int
    value: float | None
    threshold: float | None
    stake: float | None
    held: bool = False
    acknowledged_by: str = ""
    acknowledged_why: str = ""
    fired_at: int | None = None
    gone: bool = False

    @property
    def fires(self) -> bool:
        """What a gauge and Prometheus call firing: also while it recovers."""
        return self.state in ("firing", "recovering")
