"""A firing alert travels for real: our exposition, Prometheus with our rules, Alertmanager with our configuration, a
webhook. Then the source stops, and nothing is resolved; a rule that anybody would write is, in the same minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import yaml

from dashboards.alerts.alertmanager import alertmanager
from dashboards.alerts.plan import Plan
from dashboards.alerts.prometheus import prometheus_rules
from exporter.exposition import Family, text_of
from suanli.model.alert import ALERTS
from suanli.model.target import Target
from tests.servers.alertmanager import Alertmanager, Told, told_server
from tests.servers.processes import fresh_folder, wait_until
from tests.servers.prometheus import Prometheus, Scrape, prometheus_server

LOW = Target.model_validate({"metric": "online_ratio", "target": 0.8, "band": 0.02, "for": "2s"})
QUICK = tuple(replace(kind, hold=min(kind.hold, 2), keep=min(kind.keep, 1)) for kind in ALERTS)
NAIVE = {"alert": "NaiveRate", "expr": "suanli_target_actual_ratio < 0.8", "labels": {"severity": "warning"}}
RATE, SILENT = "SuanliRateBelowTarget", "SuanliSiteSilent"
REMEMBER = "--rules.alert.for-grace-period=0s"
"""Else a `for` of less than ten minutes begins anew when Prometheus starts: docs/runbook.md."""
_TARGET = (("basis", "fp16"), ("metric", "online_ratio"), ("scope", "fleet"))


@dataclass
class Source:
    """What stands for Suanli: its exposition's own code over made-up figures."""

    address: str = ""
    rate: float | None = 0.7
    up: float = 0.0
    missing: float = 221.1

    def page(self) -> bytes:
        site = (("kind", "slurm"), ("site", "a"), ("status", "operational"))
        pool = (("basis", "fp16"), ("pool", "p"), ("site", "a"))
        rows: list[Family] = [
            ("suanli_build_info", "x", [((("version", "1"),), 1.0)]),
            ("suanli_site_info", "x", [(site, 1.0)]),
            ("suanli_pool_info", "x", [(pool, 1.0)]),
            ("suanli_site_built_pflops", "x", [((("pool", "p"), ("site", "a")), 64.0)]),
            ("suanli_site_up", "x", [((("site", "a"),), self.up)]),
            ("suanli_site_last_success_timestamp_seconds", "x", [((("site", "a"),), 5.0)]),
            ("suanli_target_ratio", "x", [(_TARGET, 0.8)]),
            ("suanli_target_actual_ratio", "x", [] if self.rate is None else [(_TARGET, self.rate)]),
            ("suanli_target_shortfall_pflops", "x", [(_TARGET, self.missing)]),
        ]
        return text_of(rows)


@contextmanager
def serving(source: Source, port: int = 0) -> Iterator[Source]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = source.page()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        source.address = f"127.0.0.1:{server.server_port}"
        yield source
        server.shutdown()


def quick_plan(told: Told) -> Plan:
    return Plan((LOW,), QUICK, interval=1, absent_for=2, webhook=told.url, dead_man=told.url)


def quick_rules(plan: Plan) -> str:
    """Ours, and beside them the rule that anybody would write."""
    made = prometheus_rules(plan)
    made["groups"].append({"name": "naive", "interval": "1s", "rules": [NAIVE]})
    return yaml.safe_dump(made)


def quick_alertmanager(plan: Plan) -> dict[str, Any]:
    """The generated configuration with shorter waits, nothing else."""
    config = alertmanager(plan)
    quick = {"group_wait": "0s", "group_interval": "1s"}
    config["route"] |= quick
    for route in config["route"]["routes"]:
        route.update(quick)
    return config


def told_of(told: Told, alertname: str, status: str, within: float = 60) -> dict[str, Any]:
    """The last alert of that name with that status, when it has come."""

    def found() -> list[dict[str, Any]]:
        alerts = [alert for message in list(told.messages) for alert in message["alerts"]]
        return [one for one in alerts if one["labels"]["alertname"] == alertname and one["status"] == status]

    return wait_until(found, within=within, what=f"{alertname} to be {status}")[-1]


@pytest.mark.slow
def test_an_alert_reaches_the_webhook_and_silence_resolves_nothing(
    start_alertmanager: Callable[..., Alertmanager], start_prometheus: Callable[..., Prometheus]
) -> None:
    source = Source()
    with told_server() as told:
        plan = quick_plan(told)
        manager = start_alertmanager(quick_alertmanager(plan))
        with serving(source):
            port = int(source.address.rpartition(":")[2])
            scrape = Scrape("suanli", [source.address])
            prometheus = start_prometheus(scrape, rules=quick_rules(plan), alertmanager=manager.address)
            rate, silent = told_of(told, RATE, "firing"), told_of(told, SILENT, "firing")
            told_of(told, "NaiveRate", "firing")
            told_of(told, "SuanliDeadMan", "firing")
        _assert_words(rate, silent)
        told_of(told, "SuanliAbsent", "firing")
        told_of(told, "NaiveRate", "resolved")
        assert prometheus.value(f'ALERTS{{alertname="{RATE}",alertstate="firing"}}') == 1
        ours = [name for name in (RATE, SILENT, "SuanliAbsent") if "resolved" in told.statuses(name)]
        assert ours == []
        source.rate, source.up = 0.9, 1.0
        with serving(source, port):
            for name in (RATE, SILENT, "SuanliAbsent"):
                told_of(told, name, "resolved")


def _assert_words(rate: dict[str, Any], silent: dict[str, Any]) -> None:
    said = rate["annotations"]
    assert said["summary"] == "fleet: online_ratio is 70%, below its target of 80 %"
    assert said["summary_zh"] == "fleet：online_ratio 为 70%，低于目标 80 %"
    assert "221.1 PFLOPS" in said["description"]
    assert "涉及算力：221.1 PFLOPS" in said["description_zh"]
    assert said["runbook_url"].endswith("#alert-rate-below-target")
    assert silent["annotations"]["summary"] == "a has fallen silent: its polls fail"
    assert "64.0 PFLOPS fp16" in silent["annotations"]["description"]


@pytest.mark.slow
@pytest.mark.server
def test_prometheus_is_killed_and_remembers() -> None:
    """Within its band, where only what was before lets it fire: it does again, and does not wait for 20 s anew."""
    source, target = Source(), LOW.model_copy(update={"for_": 20})
    plan, scrape = Plan((target,), QUICK, interval=1), "suanli"
    firing, pending = (f'ALERTS{{alertname="{RATE}",alertstate="{state}"}}' for state in ("firing", "pending"))
    with serving(source), fresh_folder("restart") as folder:
        options: dict[str, Any] = {"rules": quick_rules(plan), "folder": folder, "options": [REMEMBER]}
        with prometheus_server(Scrape(scrape, [source.address]), **options) as first:
            first.wait_for_value(firing, 1, within=90)
            source.rate = 0.81
            first.wait_for_value("suanli_target_actual_ratio", 0.81)
            first.wait_for_value(f"count_over_time({firing}[1m]) > bool 3", 1)
        with prometheus_server(Scrape(scrape, [source.address]), **options) as second:
            second.wait_for_target(source.address)
            evaluated = f"count_over_time({firing}[10s]) > bool 7"
            second.wait_for_value(evaluated, 1, within=90)
            waited = second.value(f"count_over_time({pending}[10m])")
            assert waited is not None
            assert 10 < waited < 30, "it was pending once, not twice"
            source.rate = 0.9
            wait_until(lambda: second.value(firing) is None, within=30, what="the end of the alert")
