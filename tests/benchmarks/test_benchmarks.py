"""The benchmarks run, count what they say they count, and leave nothing behind. Nothing here looks at a wall clock."""

from __future__ import annotations

import gzip
import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import history, telegraf
from tests.benchmarks.__main__ import main
from tests.benchmarks.children import ROOT, BenchError
from tests.benchmarks.endpoints import JSON_PATH, POOLS, address, json_body, text_body
from tests.benchmarks.figures import Figure
from tests.benchmarks.history import differing, history_figures
from tests.benchmarks.kubernetes import kubernetes_figures
from tests.benchmarks.measuring import Load
from tests.benchmarks.slurm import slurm_figures
from tests.benchmarks.victoria import Hours
from tests.benchmarks.year import samples_of, size_of
from tests.servers.missing import need
from tests.servers.prometheus import INSTALL
from tests.servers.victoriametrics import INSTALL as INSTALL_VICTORIA

SITES, SECONDS, INTERVAL, SCALE = 20, 2, 1, 0.01


def figures_of(file: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(file.read_text())["figures"]}


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.server
def test_a_small_run_counts_its_polls_and_writes_the_agreed_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need("prometheus", INSTALL)
    file, before = tmp_path / "build" / "bench.json", children()
    small = [
        f"--sites={SITES}",
        f"--seconds={SECONDS}",
        f"--interval={INTERVAL}",
        "--turns=1",
        f"--scale={SCALE}",
        "--bmcs=4",
    ]
    assert main([*small, f"--output={file}"]) == 0, capsys.readouterr().err
    assert children() == before
    answer, rows = json.loads(file.read_text()), figures_of(file)
    assert set(answer) == {"figures", "machine"}
    assert set(answer["machine"]) == {"cores", "python", "platform"}
    keys = {"name", "value", "unit", "beside", "beside_value", "ratio", "goal", "met"}
    assert all(set(row) == keys for row in rows.values())
    assert len(rows) == len(answer["figures"])
    assert all(row["value"] > 0 for name, row in rows.items() if name != "poll_cpu_us")
    assert rows["poll_cpu_us"]["beside"] == "prometheus_scrape_cpu_us"
    assert rows["poll_cpu_us"]["goal"] == 1.5
    # A window begins and ends in the middle of a round: one round more or less is right.
    rounds = SECONDS // INTERVAL
    assert SITES * (rounds - 1) <= rows["polls_ok"]["value"] <= SITES * (rounds + 1)
    assert SITES * (rounds - 1) <= rows["polls_ok"]["beside_value"] <= SITES * (rounds + 1)
    stored = rows["samples_stored"]
    assert stored["met"] is True
    assert stored["value"] == stored["beside_value"] >= len(POOLS) * SITES * (rounds + 1)
    assert rows["forward_points_held"]["met"] is True
    assert ("poll_beside_telegraf_cpu_us" in rows) == (telegraf.program() is not None)
    assert {"forward_cpu_us_per_point", "forward_beside_a_post_us", "forward_memory_mb"} <= set(rows)
    assert {"year_daily_ms", "rollup_cpu_percent"} <= set(rows)
    assert {"redfish_4_expanded_s", "redfish_4_first_s", "redfish_4_plain_s"} <= set(rows)
    assert {"slurm_5000_nodes_cpu_s", "slurm_5000_parse_cpu_s"} <= set(rows)
    assert {"kubernetes_10000_pods_cpu_s", "kubernetes_10000_pods_memory_mb"} <= set(rows)
    assert "poll_cpu_us" in capsys.readouterr().out


def test_a_site_that_cannot_be_polled_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.benchmarks.polling.JSON_PATH", "/somewhere-else")
    monkeypatch.setattr("tests.benchmarks.measuring._READY_WITHIN", 4.0)
    before = children()
    assert main(["--sites=2", "--seconds=1", "--interval=1", f"--output={tmp_path / 'bench.json'}"]) == 1
    assert "waited 4 s in vain for two polls of every site" in capsys.readouterr().err
    assert children() == before
    assert not (tmp_path / "bench.json").exists()


def test_who_has_no_telegraf_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("tests.benchmarks.__main__._measured", lambda *_: [])
    assert main([f"--output={tmp_path / 'bench.json'}"]) == 0
    assert f"{telegraf.BUILD} builds it" in capsys.readouterr().out
    assert (ROOT / telegraf.BUILD).is_file()


def test_telegraf_asks_every_site_once_an_interval_as_evenly_as_we_do(tmp_path: Path) -> None:
    file = telegraf._write_config(Load(130, 5, 0), tmp_path, port=1, sink=2, listen=3)
    inputs = tomllib.loads(file.read_text())["inputs"]["http"]
    urls = [url for one in inputs for url in one["urls"]]
    assert set(urls) == {f"http://{address(number)}:1{JSON_PATH}" for number in range(130)}
    assert len(urls) == 130
    assert [one["collection_offset"] for one in inputs] == [f"{turn * 100}ms" for turn in range(50)]
    assert {len(one["urls"]) for one in inputs} == {2, 3}


def test_both_answers_of_a_site_hold_the_same_eight_figures() -> None:
    now = 1_795_500_000
    pools = json.loads(json_body(now))["data"]["pools"]
    told = {
        (kind, pool["name"]): pool[f"device{kind.title()}"]
        for pool in pools
        for kind in ("total", "up", "used", "busy")
    }
    lines = [line for line in text_body(now).decode().splitlines() if not line.startswith("#")]
    assert len(told) == len(lines) == 8
    assert {f'device_{kind}{{pool="{pool}"}} {value}' for (kind, pool), value in told.items()} == set(lines)


@pytest.mark.parametrize(
    ("figure", "ratio", "met"),
    [
        (Figure("a", 3.0, "us", "b", 2.0, 1.5), 1.5, True),
        (Figure("a", 3.1, "us", "b", 2.0, 1.5), 1.55, False),
        (Figure("a", 3.0, "us", "b", 2.0), 1.5, None),
        (Figure("a", 3.0, "us", "b", None, 1.5), None, None),
        (Figure("a", 9, "samples", "b", 10, 1.0, exact=True), 0.9, False),
        (Figure("a", 10, "samples", "b", 10, 1.0, exact=True), 1.0, True),
    ],
)
def test_a_goal_is_met_by_the_ratio(figure: Figure, ratio: float | None, met: bool | None) -> None:
    row = figure.as_json()
    assert (row["ratio"], row["met"]) == (ratio, met)


def test_a_count_of_slurms_nodes_that_is_not_theirs_is_no_figure(tmp_path: Path) -> None:
    short = tmp_path / "nodes.json.gz"
    nodes = [{"name": "n", "state": ["IDLE"], "gres": "gpu:a100:7", "gres_used": ""}]
    short.write_bytes(gzip.compress(json.dumps({"nodes": nodes}).encode()))
    with pytest.raises(BenchError, match="35 devices online and 0 not, of 40"):
        slurm_figures(5, short)


def test_a_count_of_pods_devices_that_is_not_theirs_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.benchmarks.kubernetes._HELD", {"larger-init": 3, "queued": 0})
    with pytest.raises(BenchError, match=r"192.0 devices online and 46.0 used, not \(192, 48\)"):
        kubernetes_figures(25, 46)


def history_of(folder: Path) -> dict[str, Figure]:
    return {one.name: one for one in history_figures(folder, SCALE)}


@pytest.mark.server
def test_a_small_history_is_whole_and_the_same_in_both_databases(tmp_path: Path) -> None:
    need("victoria-metrics", INSTALL_VICTORIA)
    before, size, rows = children(), size_of(SCALE), history_of(tmp_path)
    assert children() == before
    samples = sum(1 for site in range(size.sampled_sites) for _ in samples_of(site, size.sampled_from, size.end))
    assert rows["year_samples"].value == rows["year_samples"].beside_value == samples
    assert samples < size.sampled_sites * 2 * size.sampled_days * 1440
    hours = size.sites * 2 * size.days * 24
    assert rows["year_hours"].met
    assert 0.95 * hours < rows["year_hours"].value < hours
    limits = {name: one.beside_value for name, one in rows.items() if one.goal and not one.exact}
    assert limits == {
        "bytes_per_sample": 45,
        "late_sample_ms": 50,
        "year_daily_ms": 300,
        "year_monthly_ms": 300,
        "rollup_cpu_percent": 2,
    }
    beside = [rows[f"year_{width}_rates_ms"] for width in ("daily", "monthly")]
    assert all(one.value > 0 and (one.beside_value or 0) > 0 and one.goal is None for one in beside)
    assert 20 < rows["bytes_per_sample"].value < 100


@pytest.mark.server
def test_a_series_that_is_not_victoriametrics_own_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("victoria-metrics", INSTALL_VICTORIA)
    true = history._hours

    def spoilt(year: Any) -> Iterator[Hours]:
        for name, starts, used, online in true(year):
            yield name, starts, [used[0] + 1.0, *used[1:]], online

    monkeypatch.setattr(history, "_hours", spoilt)
    before = children()
    with pytest.raises(BenchError, match="the daily series is not that of VictoriaMetrics: point 0: 0"):
        history_figures(tmp_path, SCALE)
    assert children() == before


def test_a_history_without_victoriametrics_has_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.benchmarks.victoria.shutil.which", lambda _: None)
    rows = history_of(tmp_path)
    names = {name for name, one in rows.items() if one.beside_value is None}
    assert names == {"year_hours", "year_daily_rates_ms", "year_monthly_rates_ms"}


def test_a_late_sample_that_nothing_sums_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "roll", lambda *_: 1)
    with pytest.raises(BenchError, match="of 2 hours and days, 1 were summed"):
        history_figures(tmp_path, SCALE)


@pytest.mark.parametrize(
    ("ours", "difference"),
    [
        ([0.5, 0.25], None),
        ([0.5, 0.25 + 2e-10], None),
        ([0.5, 0.25 + 3e-10], "point 1: 0.2500000003 beside 0.25"),
        ([None, 0.25], "point 0: None beside 0.5"),
        ([0.5, float("nan")], "point 1: nan beside 0.25"),
        ([0.5], "1 points beside 2"),
    ],
)
def test_two_series_are_the_same_but_for_the_last_digits(ours: list[float | None], difference: str | None) -> None:
    assert differing(ours, [0.5, 0.25]) == difference
