"""Alerts as a listing."""

from __future__ import annotations

from typing import Any

from suanli.listing.times import iso_or_none
from suanli.model.alert import Alert
from suanli.model.alert_text import what


def alert_row(alert: Alert) -> dict[str, Any]:
    """One alert as it stands. text: what it says, in both languages."""
    return {
        "kind": alert.kind.name,
        "subject": dict(alert.subject),
        "severity": alert.severity,
        "state": alert.state,
        "since": iso_or_none(alert.since),
        "fired_at": iso_or_none(alert.fired_at),
        "held": alert.held,
        "value": alert.value,
        "threshold": alert.threshold,
        "stake_pflops": alert.stake,
        "acknowledged_by": alert.acknowledged_by or None,
        "acknowledged_why": alert.acknowledged_why or None,
        "text": {"zh": what(alert, "zh"), "en": what(alert, "en")},
    }
