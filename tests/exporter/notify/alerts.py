"""Alerts and channels made up for tests."""

from __future__ import annotations

from typing import Any

from suanli.config import ChannelConfig
from suanli.model.alert import KINDS, Alert


def an_alert(site: str = "a", *, kind: str = "site_silent", severity: Any = "warning", **more: Any) -> Alert:
    """One that fires since its `fired_at`."""
    plain: dict[str, Any] = {
        "state": "firing",
        "since": 0,
        "value": None,
        "threshold": None,
        "stake": 12.5,
        "fired_at": 0,
    }
    labels = KINDS[kind].subject
    subject = tuple((label, site) for label in labels)
    return Alert(kind=KINDS[kind], subject=subject, severity=severity, **plain | more)


def a_channel(name: str = "duty", **more: Any) -> ChannelConfig:
    return ChannelConfig.model_validate({"name": name, "url": {"env": "SUANLI_NOTIFY_DUTY"}} | more)
