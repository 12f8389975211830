"""Alertmanager's configuration, judged by the real amtool and Alertmanager: who is told, and what is not news."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.alerts.alertmanager import alertmanager
from dashboards.alerts.plan import WEBHOOK
from dashboards.alerts.prometheus import prometheus_rules
from dashboards.build import PROVISIONING
from suanli.model.alert import SEVERITIES
from tests.dashboards.alerting import PLAN
from tests.servers.alertmanager import INSTALL, Alertmanager
from tests.servers.missing import need
from tests.servers.processes import wait_until

COMMITTED = PROVISIONING / "prometheus" / "alertmanager.yml"
SILENT = {"alertname": "SuanliSiteSilent", "site": "a", "severity": "warning"}
RATE = {"alertname": "SuanliRateBelowTarget", "severity": "warning", "metric": "online_ratio", "basis": "fp16"}
OF_SITE = RATE | {"scope": "site:a", "site": "a"}
OF_FLEET = RATE | {"scope": "fleet"}
USED_A = {"alertname": "SuanliUsedAboveOnline", "site": "a", "severity": "warning"}
DEAD_MAN = {"alertname": "SuanliDeadMan", "severity": "info"}
ABSENT = {"alertname": "SuanliAbsent", "severity": "critical"}
FOREIGN = {"alertname": "NodeDown", "severity": "warning", "site": "a"}


def amtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("amtool") or need("amtool", INSTALL)
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=240)


def test_amtool_finds_nothing_wrong() -> None:
    done = amtool("check-config", COMMITTED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 receivers" in done.stdout


def test_amtool_would_refuse_a_receiver_that_is_not_there(tmp_path: Path) -> None:
    config = alertmanager(PLAN)
    config["route"]["routes"][1]["receiver"] = "nobody"
    (tmp_path / "bad.yml").write_text(yaml.safe_dump(config))
    assert amtool("check-config", tmp_path / "bad.yml").returncode != 0


def routed(labels: dict[str, str]) -> str:
    told = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={COMMITTED}", *told).stdout.strip()


@pytest.mark.parametrize("severity", SEVERITIES)
def test_each_severity_has_its_receiver(severity: str) -> None:
    assert routed({"alertname": "SuanliDiskLow", "severity": severity}) == f"suanli-{severity}"


def test_each_alert_has_a_receiver() -> None:
    for rule in prometheus_rules(PLAN)["groups"][0]["rules"]:
        severity = rule["labels"]["severity"]
        expected = "suanli-dead-man" if rule["alert"] == "SuanliDeadMan" else f"suanli-{severity}"
        assert routed({"alertname": rule["alert"], "severity": severity}) == expected


def test_whoever_has_no_severity_is_not_lost() -> None:
    assert routed({"alertname": "Other"}) == "suanli-warning"


def test_the_dead_man_repeats_soon_and_is_never_over() -> None:
    config = alertmanager(PLAN)
    (route,) = [one for one in config["route"]["routes"] if one["receiver"] == "suanli-dead-man"]
    (hook,) = [one for one in config["receivers"] if one["name"] == "suanli-dead-man"]
    assert (route["repeat_interval"], hook["webhook_configs"][0]["send_resolved"]) == ("5m", False)


def test_who_is_told_is_said_and_no_secret_is_in_the_file() -> None:
    plan = replace(PLAN, webhook="https://relay.example/a", dead_man="https://relay.example/b", token_file="/run/t")
    hooks = {one["name"]: one["webhook_configs"][0] for one in alertmanager(plan)["receivers"]}
    assert hooks["suanli-critical"]["url"] == "https://relay.example/a"
    assert hooks["suanli-dead-man"]["url"] == "https://relay.example/b"
    assert all(hook["http_config"] == {"authorization": {"credentials_file": "/run/t"}} for hook in hooks.values())
    committed = yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))
    assert {one["webhook_configs"][0]["url"] for one in committed["receivers"]} == {WEBHOOK}
    assert "credentials" not in COMMITTED.read_text(encoding="utf-8")


@pytest.fixture
def server(start_alertmanager: Callable[..., Alertmanager]) -> Alertmanager:
    found: Alertmanager = start_alertmanager(alertmanager(PLAN))
    return found


def suppressed(server: Alertmanager, *alerts: dict[str, str]) -> list[dict[str, Any]]:
    """Of these alerts, all of which fire, those of which nobody is told."""
    server.post(*alerts)
    keys = {tuple(value for _, value in sorted(labels.items())): labels for labels in alerts}

    def judged() -> dict[tuple[str, ...], str] | None:
        states = server.states()
        return states if keys.keys() <= states.keys() and "unprocessed" not in states.values() else None

    states = wait_until(judged, within=60, what="every alert to be judged")
    return [labels for key, labels in keys.items() if states[key] == "suppressed"]


def test_a_silent_site_inhibits_what_is_said_of_that_site(server: Alertmanager) -> None:
    others = [OF_SITE | {"site": "b", "scope": "site:b"}, USED_A | {"site": "b"}, OF_FLEET, FOREIGN, DEAD_MAN]
    disk = {"alertname": "SuanliDiskLow", "severity": "critical"}
    jump = {"alertname": "SuanliCapacityJump", "severity": "info", "site": "a"}
    server.post(SILENT)
    assert suppressed(server, SILENT, OF_SITE, USED_A, *others, disk, jump) == [OF_SITE, USED_A]


def test_the_absence_of_suanli_inhibits_all_of_it_but_the_dead_man(server: Alertmanager) -> None:
    server.post(ABSENT)
    assert suppressed(server, ABSENT, SILENT, OF_FLEET, DEAD_MAN, FOREIGN) == [SILENT, OF_FLEET]


def test_what_is_critical_inhibits_the_warning_of_the_same(server: Alertmanager) -> None:
    critical = OF_FLEET | {"severity": "critical"}
    other = OF_FLEET | {"metric": "usage_ratio"}
    server.post(critical)
    assert suppressed(server, critical, OF_FLEET, OF_FLEET | {"severity": "info"}, other) == [
        OF_FLEET,
        OF_FLEET | {"severity": "info"},
    ]
