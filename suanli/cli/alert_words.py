"""The words of `suanli alerts list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from suanli.cli.language import _, of, spoken
from suanli.cli.moments import local
from suanli.cli.output import pflops

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def columns() -> list[str]:
    return [_("severity"), _("state"), _("since"), of("an alert", "what"), _("at stake "), _("known to")]


def row_of(row: dict[str, Any], zone: ZoneInfo) -> list[str]:
    """One alert of the listing, in a row of the table."""
    state = _state(row["state"])
    held = of("an alert", "held")
    shown = f"{state} ({held})" if row["held"] else state
    stake = "" if row["stake_pflops"] is None else pflops(row["stake_pflops"])
    told = row["text"]["zh" if spoken() == "zh" else "en"]
    return [_severity(row["severity"]), shown, local(row["since"], zone), told, stake, row["acknowledged_by"] or ""]


def _severity(severity: str) -> str:
    return {
        "critical": of("an alert", "critical"),
        "warning": of("an alert", "warning"),
        "info": of("an alert", "info"),
    }[severity]


def _state(state: str) -> str:
    return {
        "ok": of("an alert", "ok"),
        "pending": of("an alert", "pending"),
        "firing": of("an alert", "firing"),
        "recovering": of("an alert", "recovering"),
        "unknown": of("an alert", "unknown"),
    }[state]
