"""`make run`, as a newcomer sees it: the published figures, out of polling and summing, and then a city that lives."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.processes import free_port, wait_until

ROOT = Path(__file__).parents[1]
KEYS = {
    *(f"{rung}_pflops" for rung in ("planned", "built", "online", "used", "busy")),
    *(f"{ratio}_ratio" for ratio in ("online", "usage", "overall", "coverage")),
    *(f"{ratio}_ratio_{bound}" for ratio in ("online", "usage") for bound in ("low", "high")),
    "sites_expected",
    "sites_heard",
}


def suanli(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "suanli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=True)


def test_once_prints_the_published_figures_in_the_shape_of_the_interface(tmp_path: Path) -> None:
    done = suanli("demo", "--once", "--json", folder=tmp_path)
    answer = json.loads(done.stdout)
    fleet = answer["fleet"]
    assert set(fleet) == KEYS
    assert fleet["built_pflops"] > 2200
    assert fleet["online_ratio"] == pytest.approx(0.880, abs=5e-4)
    assert fleet["usage_ratio"] == pytest.approx(0.598, abs=5e-4)
    assert fleet["coverage_ratio"] == 1.0
    assert fleet["sites_heard"] == fleet["sites_expected"] >= 9
    assert {key for group in answer["groups"] for key in group} == KEYS | {"site", "quality", "age_seconds", "status"}
    national = {one["metric"]: one["value"] for one in answer["benchmarks"] if one["name"] == "national-2024"}
    assert national == {"online_ratio": 0.60, "usage_ratio": 0.38}
    assert [one["state"] for one in answer["targets"]] == ["ok", "ok"]


def test_the_kept_record_gives_the_same_figures_counted_from_the_ledger_and_the_catalogue(tmp_path: Path) -> None:
    shown = json.loads(suanli("demo", "--once", "--json", "--data", "kept", folder=tmp_path).stdout)
    read = json.loads(suanli("--config", "kept/config.yaml", "rates", "--json", folder=tmp_path).stdout)
    assert read["fleet"]["online_pflops"] == shown["fleet"]["online_pflops"]
    ledger = json.loads(suanli("--config", "kept/config.yaml", "capacity", "list", "--json", folder=tmp_path).stdout)
    current = [row for row in ledger["capacity"] if row["stage"] == "built" and row["until"] is None]
    assert shown["fleet"]["built_pflops"] == pytest.approx(_counted(current, tmp_path), rel=1e-12)


def _counted(rows: list[dict[str, Any]], folder: Path) -> float:
    with (ROOT / "suanli" / "catalog" / "accelerators.csv").open(encoding="utf-8", newline="") as lines:
        peaks = {row["id"]: row["fp16"] for row in csv.DictReader(lines)}
    sites = json.loads(suanli("--config", "kept/config.yaml", "site", "list", "--json", folder=folder).stdout)["sites"]
    models = {(site["id"], pool["id"]): pool["model"] for site in sites for pool in site["pools"]}
    devices = [(int(row["devices"]), float(peaks[models[row["site"], row["pool"]]])) for row in rows]
    return sum(count * peak for count, peak in devices) / 1000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """`suanli demo`, running; its address."""
    port = free_port()
    command = [sys.executable, "-m", "suanli", "--lang", "zh", "demo", "--listen", f"127.0.0.1:{port}"]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=20)
        log.close()
    told = (tmp_path / "log").read_text()
    assert code == 0, told
    assert "上线率 88.0 %，使用率 59.8 %，覆盖率 100.0 %" in told.splitlines()[-2]
    assert f"http://127.0.0.1:{port}/" in told.splitlines()[-1]


def test_the_page_and_metrics_show_them_within_a_minute(served: str) -> None:
    def covered() -> bool:
        try:
            return fleet_gauges(served).get("suanli_fleet_coverage_ratio") == 1.0
        except httpx.HTTPError:
            return False

    wait_until(covered, within=60, what="every site to be heard")
    gauges = fleet_gauges(served)
    assert gauges["suanli_fleet_online_ratio"] == pytest.approx(0.880, abs=5e-4)
    assert gauges["suanli_fleet_usage_ratio"] == pytest.approx(0.598, abs=5e-4)
    page = httpx.get(f"{served}/", trust_env=False)
    assert page.headers["content-type"].startswith("text/html")
    rates = httpx.get(f"{served}/api/v1/rates", trust_env=False).json()
    assert rates["fleet"]["online_ratio"] == gauges["suanli_fleet_online_ratio"]
    sites = httpx.get(f"{served}/api/v1/sites", trust_env=False).json()["sites"]
    kinds = {"slurm", "prometheus", "http_json", "kubernetes", "openstack", "modelarts", "pai", "ray", "runai"}
    assert {site["kind"] for site in sites} == kinds
    assert {site["cross_check"] for site in sites} == {None, "http_json", "redfish", "exec", "file"}
    assert all(site["up"] for site in sites)
    _two_signals_agree(served, {site["id"] for site in sites if site["cross_check"]})


def _two_signals_agree(served: str, sites: set[str]) -> None:
    """The same city asked by PromQL and by its portals; at two moments, so that a few devices may have moved."""

    def told() -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = httpx.get(f"{served}/api/v1/disagreements", trust_env=False).json()[
            "disagreements"
        ]
        return answer

    wait_until(lambda: {one["site"] for one in told()} == sites, within=60, what="every second signal to be heard")
    assert sites
    assert {one["rung"] for one in told()} == {"online", "used", "busy"}
    assert all(one["disagreement_ratio"] < 0.2 for one in told())
    text = httpx.get(f"{served}/metrics", trust_env=False).text
    assert all(f'suanli_site_cross_check_up{{site="{site}"}} 1.0' in text for site in sites)


def test_a_taken_address_is_told_and_not_a_traceback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "suanli", "--lang", "en", "demo", "--listen", address]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 3
    assert f"cannot listen on {address}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("store: sqlite:///x.db\n", "added.yaml:1: store: belongs to the demonstration itself"),
        ("targets: []\npoll: {}\n", "added.yaml:2: poll: belongs to the demonstration itself"),
        ("- a list\n", "added.yaml:1: expected a mapping of keys to values"),
        ("sinks: [{name: x, kind: nothing, url: http://x}]\n", "sinks[0].kind"),
        ("read_token: {env: SUANLI_NOT_SET}\n", "secret missing: environment variable SUANLI_NOT_SET"),
    ],
)
def test_wrong_settings_for_the_demonstration_end_it_with_2(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "added.yaml").write_text(text)
    command = [sys.executable, "-m", "suanli", "demo", "--once", "--settings", "added.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def fleet_gauges(address: str) -> dict[str, float]:
    text = httpx.get(f"{address}/metrics", trust_env=False).raise_for_status().text
    families = text_string_to_metric_families(text)
    return {one.name: one.value for family in families for one in family.samples if one.name.startswith("suanli_fleet")}
