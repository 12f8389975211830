"""Grafana's own alerting, provisioned: rules, contact points, policies. Why so: docs/decisions/0017-rules.md.

A rule asks one vector that is 1 for each subject that is to fire and 0 for each that is known not to, so that there is
always a row where there is something to judge; its two companions (number, computing power concerned) have a row
wherever it has one, because one query without rows makes the whole rule "no data".
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from dashboards.alerts.conditions import stake
from dashboards.alerts.plan import Plan
from dashboards.alerts.promql import HEARD, by, on, selector
from dashboards.alerts.rules import Rule, rules
from dashboards.alerts.texts import Manner, description, spoken, suffix, summary, unknown
from dashboards.parts.language import Language
from dashboards.parts.source import PROMETHEUS
from suanli.model.units import CANONICAL_BASIS

FOLDER = "算力告警 Suanli alerts"
GROUP = "suanli-alerts"
RECEIVER = "suanli-webhook"
DEAD_MAN = "suanli-dead-man"
REMEMBERED = "1d"
"""How far back Suanli's last word on an alert counts while Suanli itself is not heard."""
ABSENT_UID = "suanli-absent"

# A number that is not a number is not equal to itself.
_VALUE, _STAKE = ".Values.V.Value", ".Values.S.Value"
_MANNER = Manner(label=".Labels.{}", value=_VALUE, known=f"eq {_VALUE} {_VALUE}")


def grafana_rules(plan: Plan, gone: Iterable[str] = ()) -> dict[str, Any]:
    """alerting/rules.yaml. gone: uids provisioned before; Grafana keeps a rule until it is told to delete it."""
    made = [_rule(rule, plan) for rule in rules(plan)] + [_absent(plan)]
    group = {"orgId": 1, "name": GROUP, "folder": FOLDER, "interval": f"{_whole_tens(plan.interval)}s", "rules": made}
    deleted = sorted(set(gone) - {one["uid"] for one in made})
    removed = {"deleteRules": [{"orgId": 1, "uid": uid} for uid in deleted]} if deleted else {}
    return {"apiVersion": 1, "groups": [group], **removed}


def contact_points() -> dict[str, Any]:
    """alerting/contactpoints.yaml. An empty url would keep Grafana from starting; what follows # is never sent."""
    return {
        "apiVersion": 1,
        "contactPoints": [
            _webhook(RECEIVER, "suanliwebhook", "${SUANLI_ALERT_WEBHOOK_URL}#suanli"),
            _webhook(DEAD_MAN, "suanlideadman", "${SUANLI_DEAD_MAN_URL}#suanli"),
        ],
    }


def policies() -> dict[str, Any]:
    """alerting/policies.yaml. It replaces the whole tree of the organisation: leave it out where there is one."""
    routes = [
        _route(DEAD_MAN, ["alertname", "=", "SuanliDeadMan"], "5m"),
        _route(RECEIVER, ["severity", "=", "critical"], "1h"),
        _route(RECEIVER, ["severity", "=", "warning"], "4h"),
        _route(RECEIVER, ["severity", "=", "info"], "1d"),
    ]
    root = {"orgId": 1, "receiver": RECEIVER, "group_by": ["alertname"], "group_wait": "30s", "group_interval": "5m"}
    return {"apiVersion": 1, "policies": [{**root, "repeat_interval": "4h", "routes": routes}]}


def active(rule: Rule) -> str:
    """1 for each subject that is to fire, 0 for each that is known not to."""
    one, names = rule.condition, rule.kind.subject
    before = fired_before(rule)
    gone = f" unless {on(names)} (({before}) and on () {HEARD} unless {on(names)} ({one.exists}))" if one.exists else ""
    held = f" or ({before}){gone}" if rule.kind.name != "dead_man" else ""
    return f"{by(names, f'({one.wrong}){held}', 'group')} or 0 * ({one.known})"


def fired_before(rule: Rule) -> str:
    """The subjects that Suanli's own evaluator says fire, or said so when it was last heard."""
    said = selector("suanli_alert_firing", [("alert", rule.kind.name), *rule.fixed])
    names = rule.kind.subject
    last = by(names, f"last_over_time({said}[{REMEMBERED}])")
    return f"({by(names, said)} or {last}) == 1"


def uid_of(rule: Rule) -> str:
    """The same for ever, and at most 40 characters: Grafana knows a rule by it."""
    name = "suanli-" + rule.kind.name.replace("_", "-")
    if not rule.fixed:
        return name
    told = "\n".join(f"{label}={text}" for label, text in rule.fixed)
    return f"{name}-{sha256(told.encode()).hexdigest()[:10]}"


def _whole_tens(seconds: int) -> int:
    """Grafana evaluates at multiples of ten seconds."""
    return -(-seconds // 10) * 10


def _rule(rule: Rule, plan: Plan) -> dict[str, Any]:
    named = " ".join(text for _, text in rule.fixed)
    title = f"{rule.kind.alertname} {named}".strip()
    queries = {"A": active(rule)}
    if rule.condition.value:
        queries["V"] = f"({rule.condition.value}) or NaN * ({queries['A']})"
    if concerned := stake(rule.kind, rule.fixed):
        queries["S"] = f"{concerned} or NaN * ({queries['A']})"
    state = "NoData" if rule.kind.name == "dead_man" else "OK"
    labels = {"alert": rule.kind.name, "severity": rule.kind.severity}
    texts = _texts(rule) | {"runbook_url": plan.runbook_of(rule.kind.anchor)}
    return _provisioned(uid_of(rule), title, queries, rule.hold, state, labels, texts)


def _absent(plan: Plan) -> dict[str, Any]:
    texts = {
        "summary": "No Suanli is heard: nothing can be judged",
        "summary_zh": "未收到任何 Suanli 的数据，无法判定",
        "runbook_url": plan.runbook_of("alert-suanli-down"),
    }
    expr = f"absent(suanli_build_info) or 0 * {HEARD}"
    labels = {"alert": "suanli_absent", "severity": "critical"}
    return _provisioned(ABSENT_UID, "SuanliAbsent", {"A": expr}, plan.absent_for, "NoData", labels, texts)


def _provisioned(
    uid: str,
    title: str,
    queries: dict[str, str],
    hold: int,
    no_data: str,
    labels: dict[str, str],
    texts: dict[str, str],
) -> dict[str, Any]:
    """A rule in the words of a provisioning file. Annotations are left as they are, labels and titles are expanded."""
    asked = [item for ref, expr in queries.items() for item in _asked(ref, expr)]
    above = {"evaluator": {"type": "gt", "params": [0.5]}}
    model = {"refId": "C", "type": "threshold", "expression": "B", "conditions": [above]}
    return {
        "uid": uid,
        "title": title.replace("$", "$$"),
        "condition": "C",
        "for": f"{hold}s",
        "noDataState": no_data,
        "execErrState": "Error",
        "labels": labels,
        "annotations": texts | {"__dashboardUid__": "suanli-overview"},
        "data": [*asked, _computed("C", model)],
    }


def _asked(ref: str, expr: str) -> list[dict[str, Any]]:
    """A query for now, and its one point reduced to a number: the rule's own, A, to B; V0 and S0 to V and S."""
    query_ref, reduced = (ref, "B") if ref == "A" else (f"{ref}0", ref)
    query = {
        "refId": query_ref,
        "expr": expr,
        "instant": True,
        "range": False,
        "intervalMs": 1000,
        "maxDataPoints": 43200,
    }
    reduce = {"refId": reduced, "type": "reduce", "expression": query_ref, "reducer": "last"}
    source = {
        "refId": query_ref,
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": PROMETHEUS,
        "model": query,
    }
    return [source, _computed(reduced, reduce)]


def _computed(ref: str, model: dict[str, Any]) -> dict[str, Any]:
    return {"refId": ref, "relativeTimeRange": {"from": 600, "to": 0}, "datasourceUid": "__expr__", "model": model}


def _texts(rule: Rule) -> dict[str, str]:
    return {
        f"{name}{suffix(language)}": text
        for language in spoken()
        for name, text in (
            ("summary", summary(rule, _MANNER, language)),
            ("description", description(rule, _stake(rule, language), language)),
        )
    }


def _stake(rule: Rule, language: Language) -> str:
    if not rule.kind.stake:
        return ""
    basis = f" {CANONICAL_BASIS}" if rule.kind.stake == "site_built" else ""
    known = f'{{{{ {_STAKE} | printf "%.1f" }}}} PFLOPS{basis}'
    return f"{{{{ if eq {_STAKE} {_STAKE} }}}}{known}{{{{ else }}}}{unknown(language)}{{{{ end }}}}"


def _webhook(name: str, uid: str, url: str) -> dict[str, Any]:
    receiver = {"uid": uid, "type": "webhook", "settings": {"url": url, "httpMethod": "POST"}}
    return {"orgId": 1, "name": name, "receivers": [receiver]}


def _route(receiver: str, matcher: list[str], repeat: str) -> dict[str, Any]:
    return {"receiver": receiver, "object_matchers": [matcher], "repeat_interval": repeat}
