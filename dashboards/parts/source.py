"""The data sources: their ids, the variable that a reader chooses one with, and the reference that panels carry."""

from __future__ import annotations

from typing import Any

from dashboards.parts.language import Say

# Name and uid are the same word on purpose: a variable's `current` is a name in some versions of Grafana and a uid in
# others. Letters and digits only: a "-" breaks /api/datasources/proxy/uid/... in 9.4.
PROMETHEUS = "suanliprom"
INFLUX = "suanliinflux"

VARIABLE = "DS_PROM"
REFERENCE = {"type": "prometheus", "uid": f"${{{VARIABLE}}}"}


def source_variable(say: Say) -> dict[str, Any]:
    """Chooses the Prometheus; without `current` Grafana would take the alphabetically first one."""
    return {
        "name": VARIABLE,
        "label": say("数据源", "Data source"),
        "type": "datasource",
        "query": "prometheus",
        "current": {"selected": True, "text": PROMETHEUS, "value": PROMETHEUS},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }
