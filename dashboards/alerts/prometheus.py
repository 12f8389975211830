"""Prometheus's rules: an alerting rule for each rule, two for what only somebody outside can see, and the sums.

Nothing that changes is in a label: an alert with another label is another alert, and its `for` begins anew.
"""

from __future__ import annotations

import json
from typing import Any

from dashboards.alerts.plan import Plan
from dashboards.alerts.promql import by, selector
from dashboards.alerts.recording import recording_rules
from dashboards.alerts.rules import Rule, firing, rules
from dashboards.alerts.texts import Manner, description, spoken, suffix, summary, unknown
from dashboards.parts.language import Language
from suanli.model.units import duration_text

JOB = "suanli"
"""The name of the job that scrapes Suanli."""
ABSENT = "SuanliAbsent"
DOWN = "SuanliDown"

# A number that is not a number is not equal to itself.
_MANNER = Manner(label="$labels.{}", value="$value", known="eq $value $value")
_STAKES = {
    "shortfall": (
        'printf "max(suanli_target_shortfall_pflops{basis=%q,metric=%q,scope=%q})"'
        " $labels.basis $labels.metric $labels.scope"
    ),
    "site_built": (
        'printf "sum by (basis) (max by (basis, pool) (suanli_pool_info{site=%q}) * on (pool) group_left ()'
        ' max by (pool) (suanli_site_built_pflops{site=%q}))" $labels.site $labels.site'
    ),
    "fleet_built": 'printf "max by (basis) (suanli_fleet_built_pflops{basis=%q})" $labels.basis',
}


def prometheus_rules(plan: Plan) -> dict[str, Any]:
    """suanli.rules.yml"""
    interval = duration_text(plan.interval)
    alerting = [alerting_rule(rule, plan) for rule in rules(plan)] + _seen_from_outside(plan)
    groups = [("suanli-alerts", alerting), ("suanli-sums", recording_rules())]
    return {"groups": [{"name": name, "interval": interval, "rules": made} for name, made in groups]}


def alerting_rule(rule: Rule, plan: Plan) -> dict[str, Any]:
    """One rule, with labels that stay as they are while it fires."""
    kept = {"keep_firing_for": duration_text(rule.kind.keep)} if rule.kind.keep else {}
    return {
        "alert": rule.kind.alertname,
        "expr": expression(rule),
        **({"for": duration_text(rule.hold)} if rule.hold else {}),
        **kept,
        "labels": {"severity": rule.kind.severity, **{name: literal(text) for name, text in _labels(rule).items()}},
        "annotations": _annotations(rule, plan),
    }


def expression(rule: Rule) -> str:
    """A target of one site bears that site's label, by which the site's silence inhibits it."""
    fired = selector("ALERTS", [("alertname", rule.kind.alertname), ("alertstate", "firing"), *rule.fixed])
    expr = firing(rule, by(rule.kind.subject, fired))
    if rule.kind.name == "no_target_data":
        return f'label_replace({expr}, "site", "$1", "scope", "site:(.+)")'
    return expr


def literal(text: str) -> str:
    """As a template that prints the text: labels are templates, and a name may hold what looks like one."""
    return "{{ " + json.dumps(text, ensure_ascii=False) + " }}" if "{{" in text else text


def _labels(rule: Rule) -> dict[str, str]:
    """What tells two rules of one kind apart, beside the site that a target is about."""
    fixed = dict(rule.fixed)
    kind, _, name = fixed.get("scope", "").partition(":")
    return fixed | ({"site": name} if kind == "site" else {})


def _annotations(rule: Rule, plan: Plan) -> dict[str, str]:
    texts = {
        f"{name}{suffix(language)}": text
        for language in spoken()
        for name, text in (
            ("summary", summary(rule, _MANNER, language)),
            ("description", description(rule, _stake(rule, language), language)),
        )
    }
    return texts | {"runbook_url": plan.runbook_of(rule.kind.anchor), "dashboard": plan.board}


def _stake(rule: Rule, language: Language) -> str:
    """A template that asks how much is concerned at that moment. Bases are listed, never added."""
    if not rule.kind.stake:
        return ""
    if rule.kind.stake == "shortfall":
        each = '{{ . | first | value | printf "%.1f" }} PFLOPS'
    else:
        each = '{{ range $i, $one := . }}{{ if $i }}, {{ end }}{{ $one | value | printf "%.1f" }} PFLOPS '
        each += '{{ $one | label "basis" }}{{ end }}'
    return "{{ with " + _STAKES[rule.kind.stake] + " | query }}" + each + "{{ else }}" + unknown(language) + "{{ end }}"


def _seen_from_outside(plan: Plan) -> list[dict[str, Any]]:
    absent = ("No Suanli is heard: nothing can be judged", "未收到任何 Suanli 的数据，无法判定")
    down = ("Suanli at {{ $labels.instance }} does not answer", "{{ $labels.instance }} 上的 Suanli 无应答")
    return [
        _outside(ABSENT, "absent(suanli_build_info)", absent, plan),
        _outside(DOWN, f'up{{job="{JOB}"}} == 0', down, plan),
    ]


def _outside(name: str, expr: str, texts: tuple[str, str], plan: Plan) -> dict[str, Any]:
    """What Suanli cannot say of itself."""
    en, zh = texts
    return {
        "alert": name,
        "expr": expr,
        "for": duration_text(plan.absent_for),
        "labels": {"severity": "critical"},
        "annotations": {
            "summary": en,
            "description": "Every alert that fired is held; no other can begin.",
            "summary_zh": zh,
            "description_zh": "已触发的告警全部保持，新的告警无法产生。",
            "runbook_url": plan.runbook_of("alert-suanli-down"),
            "dashboard": plan.board,
        },
    }
