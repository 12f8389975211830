"""Timelines of one number, and when the built-in evaluator fires on them: what a real Prometheus is held against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from suanli.alerts.state import Reading, Rule, step
from suanli.model.alert import KINDS, Alert, AlertKind

Timeline = list[tuple[int, float | None]]
"""Rounds: UTC seconds in order, and the number then; None: nobody knows it."""
Interval = tuple[int, int | None]
"""[the first round that fires, the first that does not any more); None: it fires to the end."""
SUBJECT = (("scope", "fleet"), ("metric", "online_ratio"), ("basis", "fp16"))


@dataclass(frozen=True)
class Below:
    """Wrong below the target, near below target + band; hold and keep in seconds."""

    target: float = 0.8
    clear: float = 0.82
    hold: int = 600
    keep: int = 300
    kind: AlertKind = KINDS["rate_below_target"]

    def reading(self, x: float | None) -> Reading:
        rule = Rule(self.kind, self.kind.severity, self.hold, self.keep, self.target)
        if x is None:
            return Reading(rule, SUBJECT, None)  # type: ignore[arg-type] # literals of labels
        return Reading(rule, SUBJECT, x < self.target, x, None, x < self.clear)  # type: ignore[arg-type] # as above


def states(below: Below, timeline: Timeline) -> Iterator[Alert]:
    """The alert after each round, as the evaluator steps through it."""
    alert: Alert | None = None
    for at, x in timeline:
        alert = step(alert, below.reading(x), at)
        yield alert


def firing_intervals(below: Below, timeline: Timeline) -> list[Interval]:
    """When the built-in evaluator fires on this timeline."""
    return intervals((at, alert.fires) for (at, _), alert in zip(timeline, states(below, timeline), strict=True))


def intervals(rounds: Iterable[tuple[int, bool]]) -> list[Interval]:
    """The stretches of rounds that fire, from whether each of them does."""
    found: list[Interval] = []
    fires = False
    for at, now in rounds:
        if now and not fires:
            found.append((at, None))
        elif fires and not now:
            found[-1] = (found[-1][0], at)
        fires = now
    return found
