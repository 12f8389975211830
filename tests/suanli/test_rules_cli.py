"""`suanli rules`: the rules of an instance's own configuration, written whole or not at all, and checked."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from suanli.cli.rules import kinds_of
from suanli.config import AlertsConfig
from suanli.model.alert import ALERTS
from tests.dashboards.boards import promtool
from tests.dashboards.test_alertmanager import amtool
from tests.suanli.running import suanli

CONFIG = "targets:\n  - {scope: 'province:安徽', metric: online_ratio, target: 0.61, band: 0.05, for: 7m}\n"
FILES = {
    "alerting/contactpoints.yaml",
    "alerting/policies.yaml",
    "alerting/rules.yaml",
    "prometheus/alertmanager.yml",
    "prometheus/suanli.rules.yml",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def lying(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def rates(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "rules" / "prometheus" / "suanli.rules.yml").read_text(encoding="utf-8")
    made = yaml.safe_load(text)["groups"][0]["rules"]
    return [rule for rule in made if rule["alert"] == "SuanliRateBelowTarget"]


def test_the_rules_are_those_of_the_configuration(folder: Path) -> None:
    ended = suanli(folder, "--lang", "en", "rules", "build")
    assert (ended.code, ended.err) == (0, "")
    assert lying(folder / "rules") == FILES
    assert set(ended.out.split("\n")) == {f"wrote rules/{name}" for name in FILES} | {""}
    (rate,) = rates(folder)
    assert (rate["for"], rate["labels"]["scope"]) == ("7m", "province:安徽")
    assert "< 0.61)" in rate["expr"]
    assert "< 0.66)" in rate["expr"]


def test_the_real_programs_take_them(folder: Path) -> None:
    assert suanli(folder, "rules", "build", "--webhook", "https://relay.example/x").code == 0
    made = folder / "rules" / "prometheus"
    done: list[subprocess.CompletedProcess[str]] = [promtool(["check", "rules", made / "suanli.rules.yml"], folder)]
    done.append(amtool("check-config", made / "alertmanager.yml"))
    assert [one.returncode for one in done] == [0, 0], done


def test_a_second_time_there_is_nothing_to_write(folder: Path) -> None:
    assert suanli(folder, "rules", "build").code == 0
    before = {name: (folder / "rules" / name).stat().st_mtime_ns for name in FILES}
    again = suanli(folder, "--lang", "en", "rules", "build")
    assert "nothing to write" in again.out
    assert {name: (folder / "rules" / name).stat().st_mtime_ns for name in FILES} == before
    assert suanli(folder, "rules", "build", "--json").data == {"folder": "rules", "written": [], "differs": []}


def test_a_dry_run_says_what_would_be_and_writes_nothing(folder: Path) -> None:
    ended = suanli(folder, "--lang", "en", "rules", "build", "--dry-run")
    assert ended.code == 0
    assert "would write rules/prometheus/alertmanager.yml" in ended.out
    assert not (folder / "rules").exists()
    assert set(suanli(folder, "rules", "build", "--dry-run", "--json").data["differs"]) == FILES


def test_check_says_what_is_not_as_it_would_be_built(folder: Path) -> None:
    missing = suanli(folder, "rules", "check", "--json")
    assert (missing.code, missing.data["ok"]) == (1, False)
    assert set(missing.data["problems"]) == {f"missing: {name}" for name in FILES}
    assert suanli(folder, "rules", "build").code == 0
    assert suanli(folder, "rules", "check").code == 0
    (folder / "config.yaml").write_text(CONFIG.replace("0.61", "0.62"), encoding="utf-8")
    stale = suanli(folder, "--lang", "en", "rules", "check")
    assert stale.code == 1
    assert stale.out.splitlines() == ["stale: alerting/rules.yaml", "stale: prometheus/suanli.rules.yml"]
    assert "suanli rules build" in stale.err


def test_check_tells_what_grafana_would_not_start_with_also_in_files_of_others(folder: Path) -> None:
    assert suanli(folder, "rules", "build").code == 0
    (folder / "rules" / "alerting" / "mine.yaml").write_text(
        "apiVersion: 1\ncontactPoints:\n  - {orgId: 1, name: x, receivers: [{uid: y, type: feishu, settings: {}}]}\n"
    )
    ended = suanli(folder, "rules", "check")
    assert ended.code == 1
    assert "alerting: Grafana would not start" in ended.out
    (folder / "rules" / "alerting" / "mine.yaml").write_text("a: [")
    assert "Grafana would not start" in suanli(folder, "rules", "check").out


def test_a_target_that_is_removed_is_deleted_in_grafana(folder: Path) -> None:
    assert suanli(folder, "rules", "build").code == 0
    (folder / "config.yaml").write_text("{}", encoding="utf-8")
    assert suanli(folder, "rules", "build").code == 0
    made = yaml.safe_load((folder / "rules" / "alerting" / "rules.yaml").read_text(encoding="utf-8"))
    assert len(made["deleteRules"]) == 1
    assert rates(folder) == []
    assert suanli(folder, "rules", "check").code == 0


def test_links_and_receivers_are_those_that_were_given(folder: Path) -> None:
    words = ["--webhook", "https://relay.example/a", "--dead-man", "https://watch.example/b", "--token-file", "/run/t"]
    words += ["--grafana", "https://grafana.example/", "--runbook", "https://docs.example/runbook"]
    assert suanli(folder, "rules", "build", *words).code == 0
    config = yaml.safe_load((folder / "rules" / "prometheus" / "alertmanager.yml").read_text(encoding="utf-8"))
    hooks = {one["name"]: one["webhook_configs"][0] for one in config["receivers"]}
    assert hooks["suanli-info"]["url"] == "https://relay.example/a"
    assert hooks["suanli-dead-man"]["url"] == "https://watch.example/b"
    (rate,) = rates(folder)
    assert rate["annotations"]["dashboard"] == "https://grafana.example/d/suanli-overview"
    assert rate["annotations"]["runbook_url"] == "https://docs.example/runbook#alert-rate-below-target"
    assert suanli(folder, "rules", "check").code == 1, "other options are another configuration"
    assert suanli(folder, "rules", "check", *words).code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--webhook", "relay"], "--webhook: expected an address"),
        (["--webhook", "ftp://x/"], "--webhook: expected an address"),
        (["--webhook", "http://"], "--webhook: expected an address"),
        (["--dead-man", "http://[x"], "--dead-man: expected an address"),
        (["--webhook", "https://u:secret@relay.example/"], "--webhook: a password is never written"),
        (["--grafana", "grafana"], "--grafana: expected an address"),
    ],
)
def test_an_address_that_cannot_be_is_refused_and_nothing_is_written(folder: Path, words: list[str], told: str) -> None:
    ended = suanli(folder, "rules", "build", *words)
    assert ended.code == 2
    assert told in ended.err
    assert "secret" not in ended.err
    assert not (folder / "rules").exists()


def test_a_file_of_somebody_else_is_not_overwritten_and_nothing_is_half_written(folder: Path) -> None:
    (folder / "rules" / "prometheus").mkdir(parents=True)
    mine = folder / "rules" / "prometheus" / "alertmanager.yml"
    mine.write_text("route: {receiver: me}\n")
    ended = suanli(folder, "rules", "build")
    assert ended.code == 1
    assert "alertmanager.yml: not made by suanli rules build" in ended.err
    assert lying(folder / "rules") == {"prometheus/alertmanager.yml"}
    assert mine.read_text() == "route: {receiver: me}\n"


def test_a_folder_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "rules").write_text("a file")
    ended = suanli(folder, "rules", "build")
    assert ended.code == 3
    assert "rules cannot be used" in ended.err


def test_a_target_that_cannot_be_is_refused_with_its_line(folder: Path) -> None:
    (folder / "config.yaml").write_text(CONFIG.replace("0.61", "1.5"), encoding="utf-8")
    ended = suanli(folder, "rules", "build")
    assert ended.code == 2
    assert "config.yaml:2" in ended.err
    assert os.listdir(folder) == ["config.yaml"]


def test_what_the_configuration_says_of_a_kind_is_in_its_rule() -> None:
    expected = [
        replace(kind, hold=7, severity="info") if kind.name == "disk_low" else kind
        for kind in ALERTS
        if kind.name != "dead_man"
    ]
    said = {"dead_man": {"enabled": False}, "disk_low": {"for": "7s", "severity": "info"}}

    assert list(kinds_of(AlertsConfig.model_validate(said))) == expected
