"""What the built-in evaluator says, as gauges: how targets stand, who is worked on, which alerts fire.

The numbers are those of its last round, so that /metrics and the alerts never disagree: docs/decisions/0016-alerts.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from exporter.exposition import Family, Labels
from suanli.alerts.evaluator import Evaluator
from suanli.alerts.targets import Standing
from suanli.model.alert import SEVERITIES, Alert, AlertState, Label
from suanli.model.target import Target

_SUBJECT: tuple[Label, ...] = get_args(Label)


def judged(evaluator: Evaluator, now: int) -> Iterator[Family]:
    """What cannot be judged has no row; nothing has, but the alerts, which are held, once the last round is too old."""
    if now <= evaluator.found.known_until:
        yield from _targets(evaluator.found.standings)
        maintained = [((("site", site),), 1.0) for site in sorted(evaluator.found.maintained)]
        yield "suanli_site_maintenance", "1 for a site of which every pool is in an approved window.", maintained
    yield from _alerts(evaluator.alerts.values())


def _targets(standings: Sequence[Standing]) -> Iterator[Family]:
    keyed = [(_target_labels(one.target), one) for one in standings]
    rates = [(labels, one.ratio) for labels, one in keyed if one.ratio is not None]
    yield "suanli_target_actual_ratio", "A target's rate as it is judged: less approved maintenance.", rates
    missing = [(labels, one.missing) for labels, one in keyed if one.missing is not None]
    yield "suanli_target_shortfall_pflops", "PFLOPS that a target's rate lacks, 0 where it is reached.", missing
    excused = [(labels, 1.0) for labels, one in keyed if one.excused]
    yield "suanli_target_excused", "1 for a target whose whole scope approved maintenance excuses.", excused


def _target_labels(target: Target) -> Labels:
    return ("basis", target.basis), ("metric", target.metric), ("scope", target.scope)


def _alerts(alerts: Iterable[Alert]) -> Iterator[Family]:
    """One by one only those that fire: of ten thousand sites there are tens of thousands that do not.

    Without the dead man's switch, which says nothing where it is held.
    """
    known = [alert for alert in alerts if alert.kind.name != "dead_man"]
    fires = sorted((_alert_labels(alert), 1.0) for alert in known if alert.fires)
    yield "suanli_alert_firing", "1 for an alert that fires, also while it recovers.", fires
    counts = Counter((alert.severity, alert.state) for alert in known)
    keys = [(severity, state) for severity in SEVERITIES for state in get_args(AlertState)]
    rows = [((("severity", severity), ("state", state)), float(counts[severity, state])) for severity, state in keys]
    yield "suanli_alerts", "Alerts by severity and state.", rows if known else []


def _alert_labels(alert: Alert) -> Labels:
    named: dict[str, str] = {**dict.fromkeys(_SUBJECT, ""), **dict(alert.subject)}
    return tuple(sorted({**named, "alert": alert.kind.name, "severity": alert.severity}.items()))
