"""The data sources: their ids, the variable that a reader chooses one with, and the reference that panels carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from dashboards.parts.language import Say

# Name and uid are the same word on purpose: a variable's `current` is a name in some versions of Grafana and a uid in
# others. Letters and digits only: a "-" breaks /api/datasources/proxy/uid/... in 9.4.
PROMETHEUS = "suanliprom"
INFLUX = "suanliinflux"


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of data source. variable: by which boards refer to it; default: the provisioned one's name and uid."""

    kind: Literal["prometheus", "influxdb"]
    variable: str
    default: str

    @property
    def reference(self) -> dict[str, str]:
        return {"type": self.kind, "uid": f"${{{self.variable}}}"}


PROMETHEUS_SOURCE = Source("prometheus", "DS_PROM", PROMETHEUS)
INFLUX_SOURCE = Source("influxdb", "DS_INFLUX", INFLUX)


def source_variable(source: Source, say: Say) -> dict[str, Any]:
    """Chooses the data source; without `current` Grafana would take the alphabetically first one."""
    return {
        "name": source.variable,
        "label": say("数据源", "Data source"),
        "type": "datasource",
        "query": source.kind,
        "current": {"selected": True, "text": source.default, "value": source.default},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }
