"""Alertmanager's configuration: who is told of what, how often, and what need not be told because of something else.

No secret is in it: the address is the operator's own relay, and a token for it stays in a file of Alertmanager's.
"""

from __future__ import annotations

from typing import Any

from dashboards.alerts.plan import Plan
from dashboards.alerts.prometheus import ABSENT
from suanli.model.alert import KINDS, SEVERITIES, Severity

REPEAT: dict[Severity, str] = {"critical": "1h", "warning": "4h", "info": "24h"}
DEAD_MAN = "suanli-dead-man"
_OURS = 'alertname=~"Suanli.+"'
_DEAD_MAN = KINDS["dead_man"].alertname
_SUBJECT = ("alertname", "scope", "metric", "basis", "site", "sink")


def receiver_of(severity: Severity) -> str:
    return f"suanli-{severity}"


def alertmanager(plan: Plan) -> dict[str, Any]:
    """alertmanager.yml"""
    return {
        "route": _route(),
        "inhibit_rules": inhibitions(),
        "receivers": [
            *({"name": receiver_of(one), "webhook_configs": [_webhook(plan.webhook, plan)]} for one in _worst_first()),
            {"name": DEAD_MAN, "webhook_configs": [_webhook(plan.dead_man, plan) | {"send_resolved": False}]},
        ],
    }


def inhibitions() -> list[dict[str, Any]]:
    """Suanli absent: everything else is held, so that nothing of it is news. A site silent: so are its rates."""
    silent = f"{KINDS['site_silent'].alertname}|{KINDS['site_never_heard'].alertname}"
    of_site = "|".join(KINDS[name].alertname for name in ("rate_below_target", "no_target_data", "used_above_online"))
    return [
        _inhibits(f'alertname="{ABSENT}"', [_OURS, f'alertname!~"{ABSENT}|{_DEAD_MAN}"'], []),
        _inhibits(f'alertname=~"{silent}"', [f'alertname=~"{of_site}"', 'site!=""'], ["site"]),
        *(_inhibits(f'severity="{SEVERITIES[i]}"', [_OURS, _weaker(i)], list(_SUBJECT)) for i in (2, 1)),
    ]


def _route() -> dict[str, Any]:
    """Sites that fall silent together are one message: grouped by what, not by where."""
    dead_man = {
        "matchers": [f'alertname="{_DEAD_MAN}"'],
        "receiver": DEAD_MAN,
        "group_wait": "0s",
        "group_interval": "1m",
        "repeat_interval": "5m",
    }
    by_severity = [
        {"matchers": [f'severity="{one}"'], "receiver": receiver_of(one), "repeat_interval": REPEAT[one]}
        for one in _worst_first()
    ]
    return {
        "receiver": receiver_of("warning"),
        "group_by": ["alertname", "severity"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": REPEAT["warning"],
        "routes": [dead_man, *by_severity],
    }


def _worst_first() -> tuple[Severity, ...]:
    return tuple(reversed(SEVERITIES))


def _weaker(place: int) -> str:
    return f'severity=~"{"|".join(SEVERITIES[:place])}"'


def _inhibits(source: str, targets: list[str], equal: list[str]) -> dict[str, Any]:
    same = {"equal": equal} if equal else {}
    return {"source_matchers": [_OURS, source], "target_matchers": targets, **same}


def _webhook(url: str, plan: Plan) -> dict[str, Any]:
    token = {"authorization": {"credentials_file": plan.token_file}} if plan.token_file else {}
    return {"url": url, "send_resolved": True, **({"http_config": token} if token else {})}
