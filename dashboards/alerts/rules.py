"""Every alert rule in words that Prometheus and Grafana share: which, on what, for how long.

`firing` is the one place where band and silence are put into PromQL. What it needs to know is whether the alert fired
in the round before: Prometheus keeps that itself (ALERTS), Grafana does not (docs/decisions/0017-rules.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboards.alerts.conditions import Condition, condition, target_condition
from dashboards.alerts.plan import Plan
from dashboards.alerts.promql import HEARD, on
from suanli.model.alert import AlertKind
from suanli.model.target import Target


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. target: the one that it judges, None for every other kind. threshold: in the kind's unit."""

    kind: AlertKind
    condition: Condition
    hold: int
    threshold: float | None
    target: Target | None = None

    @property
    def fixed(self) -> tuple[tuple[str, str], ...]:
        """Labels of the subject that the rule itself fixes: those of its target."""
        one = self.target
        return (("scope", one.scope), ("metric", one.metric), ("basis", one.basis)) if one else ()


def rules(plan: Plan) -> list[Rule]:
    """In the order of the table; rates in the order of their targets."""
    return [rule for kind in plan.kinds for rule in _of(kind, plan)]


def firing(rule: Rule, before: str) -> str:
    """Has a row for each subject that is wrong, or that fired before and is within the band or not known.

    before: a vector of the subjects that fired in the round before. What is held has no number, so that it is NaN.
    A subject that Suanli, being heard, no longer tells of is gone, and holds nothing.
    """
    one, same = rule.condition, on(rule.kind.subject)
    if one.wrong == one.known:
        return one.wrong
    near = f" or (({one.near}) and {same} {before})" if one.near else ""
    gone = f" unless {same} ({before} and on () {HEARD} unless {same} ({one.exists}))" if one.exists else ""
    return f"({one.wrong}){near} or (NaN * {before} unless {same} ({one.known}){gone})"


def _of(kind: AlertKind, plan: Plan) -> Iterator[Rule]:
    if kind.name != "rate_below_target":
        yield Rule(kind, condition(kind), kind.hold, kind.threshold)
        return
    for target in plan.targets:
        yield Rule(kind, target_condition(target), target.for_, target.target, target)
