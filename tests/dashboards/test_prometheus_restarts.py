"""A real Prometheus with our rules is killed while an alert fires. tests/test_alerts_travel.py has the whole way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml

from dashboards.alerts.plan import Plan
from dashboards.alerts.prometheus import prometheus_rules
from exporter.exposition import Family, text_of
from suanli.model.alert import ALERTS
from suanli.model.target import Target
from tests.exporter_double import serving
from tests.servers.processes import fresh_folder, wait_until
from tests.servers.prometheus import Scrape, prometheus_server

LOW = Target.model_validate({"metric": "online_ratio", "target": 0.8, "band": 0.02, "for": "20s"})
QUICK = tuple(replace(kind, hold=min(kind.hold, 2), keep=min(kind.keep, 1)) for kind in ALERTS)
RATE = "SuanliRateBelowTarget"
REMEMBER = "--rules.alert.for-grace-period=0s"
"""Else a `for` of less than ten minutes begins anew when Prometheus starts: docs/runbook.md."""
_TARGET = (("basis", "fp16"), ("metric", "online_ratio"), ("scope", "fleet"))


@dataclass
class Source:
    """What stands for Suanli: its exposition's own code over a made-up figure."""

    rate: float = 0.7

    def page(self, _path: str) -> bytes:
        rows: list[Family] = [
            ("suanli_build_info", "x", [((("version", "1"),), 1.0)]),
            ("suanli_target_ratio", "x", [(_TARGET, 0.8)]),
            ("suanli_target_actual_ratio", "x", [(_TARGET, self.rate)]),
        ]
        return text_of(rows)


@pytest.mark.slow
@pytest.mark.server
def test_prometheus_is_killed_and_remembers() -> None:
    """Within its band, where only what was before lets it fire: it does again, and does not wait for 20 s anew."""
    source, plan = Source(), Plan((LOW,), QUICK, interval=1)
    firing, pending = (f'ALERTS{{alertname="{RATE}",alertstate="{state}"}}' for state in ("firing", "pending"))
    with serving(source.page) as address, fresh_folder("restart") as folder:
        rules = yaml.safe_dump(prometheus_rules(plan))
        options: dict[str, Any] = {"rules": rules, "folder": folder, "options": [REMEMBER]}
        with prometheus_server(Scrape("suanli", [address]), **options) as first:
            first.wait_for_value(firing, 1, within=90)
            source.rate = 0.81
            first.wait_for_value("suanli_target_actual_ratio", 0.81)
            first.wait_for_value(f"count_over_time({firing}[1m]) > bool 3", 1)
        with prometheus_server(Scrape("suanli", [address]), **options) as second:
            second.wait_for_target(address)
            evaluated = f"count_over_time({firing}[10s]) > bool 7"
            second.wait_for_value(evaluated, 1, within=90)
            waited = second.value(f"count_over_time({pending}[10m])")
            assert waited is not None
            assert 10 < waited < 30, "it was pending once, not twice"
            source.rate = 0.9
            wait_until(lambda: second.value(firing) is None, within=30, what="the end of the alert")
