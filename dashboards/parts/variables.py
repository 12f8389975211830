"""What a reader chooses at the top of a board: a province, an operator, a site, hours or days."""

from __future__ import annotations

from typing import Any

from dashboards.parts.form import Form
from dashboards.parts.influxql import TAG_VALUES
from dashboards.parts.promql import label_values


def province(form: Form) -> dict[str, Any]:
    return _asked("province", form.say("省份", "Province"), form, everyone=True)


def operator(form: Form) -> dict[str, Any]:
    return _asked("operator", form.say("运营方", "Operator"), form, everyone=True)


def site(form: Form) -> dict[str, Any]:
    """One site at a time. Grafana takes the first until one is chosen, and a link chooses one."""
    return _asked("site", form.say("站点", "Site"), form, everyone=False)


def grain(form: Form) -> dict[str, Any]:
    """Which roll-up an InfluxQL board reads."""
    hours, days = form.say("小时", "hours"), form.say("日", "days")
    return {
        "name": "rollup",
        "label": form.say("粒度", "Summed by"),
        "type": "custom",
        "query": f"{hours} : compute_1h, {days} : compute_1d",
        "current": {"selected": True, "text": hours, "value": "compute_1h"},
        "options": [
            {"selected": True, "text": hours, "value": "compute_1h"},
            {"selected": False, "text": days, "value": "compute_1d"},
        ],
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "skipUrlSync": False,
    }


def _asked(name: str, label: str, form: Form, *, everyone: bool) -> dict[str, Any]:
    chosen = {"selected": True, "text": form.say("全部", "All"), "value": "$__all"} if everyone else {}
    query = label_values(name)
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": form.source.reference,
        "query": {"query": query, "refId": name} if form.prometheus else TAG_VALUES.format(name),
        "definition": query if form.prometheus else TAG_VALUES.format(name),
        "current": chosen,
        "allValue": ".*" if everyone else None,
        "includeAll": everyone,
        "multi": False,
        "hide": 0,
        "options": [],
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
    }
