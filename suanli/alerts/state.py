"""How an alert's state follows from what is known of its number, round by round: pure, and just as Prometheus does it.

docs/definitions.md tells it in words, docs/decisions/0016-alerts.md why. A round counts for the time up to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from suanli.model.alert import Alert, AlertKind, AlertState, Severity, Subject


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of a kind's numbers here: the table, and what the configuration or a target says instead.

    hold, keep: seconds. threshold: in the kind's unit.
    """

    kind: AlertKind
    severity: Severity
    hold: int
    keep: int
    threshold: float | None = None


class Reading(NamedTuple):
    """What is known now of one subject.

    wrong: its number is on the wrong side; None: nobody knows it. near: it is not, but within the band in which an
    alert that fires stays on. value, stake: as in `Alert`.
    """

    rule: Rule
    subject: Subject
    wrong: bool | None
    value: float | None = None
    stake: float | None = None
    near: bool = False


def step(previous: Alert | None, reading: Reading, now: int) -> Alert:
    """The alert after a round at `now`, UTC seconds. previous: as the last round left it; None where there was none.

    Times of `previous` that lie ahead (a clock was set back) count as now.
    """
    state, since = _next(previous, reading, now)
    fires = state in ("firing", "recovering")
    fired_at = (previous.fired_at if previous and previous.fires else now) if fires else None
    return Alert(
        kind=reading.rule.kind,
        subject=reading.subject,
        severity=reading.rule.severity,
        state=state,
        since=since,
        value=reading.value,
        threshold=reading.rule.threshold,
        stake=reading.stake,
        held=fires and reading.wrong is None,
        acknowledged_by=previous.acknowledged_by if previous and fires else "",
        acknowledged_why=previous.acknowledged_why if previous and fires else "",
        fired_at=fired_at,
    )


def ended(alert: Alert, now: int) -> Alert:
    """The alert of a subject that is no more."""
    return replace(alert, state="ok", since=now, held=False, fired_at=None, gone=True)


def _next(previous: Alert | None, reading: Reading, now: int) -> tuple[AlertState, int]:
    """The state, and since when it lasts."""
    state = _state(previous, reading, now)
    since = min(previous.since, now) if previous is not None and previous.state == state else now
    return state, since


def _state(previous: Alert | None, reading: Reading, now: int) -> AlertState:
    fires = previous is not None and previous.fires
    if reading.wrong or (fires and (reading.near or reading.wrong is None)):
        return "firing" if fires or _lasted(previous, "pending", now) >= reading.rule.hold else "pending"
    if fires and _lasted(previous, "recovering", now) < reading.rule.keep:
        return "recovering"
    return "unknown" if reading.wrong is None else "ok"


def _lasted(previous: Alert | None, state: AlertState, now: int) -> int:
    """For how long it has been in this state; 0 where it only comes into it."""
    return max(0, now - previous.since) if previous is not None and previous.state == state else 0
