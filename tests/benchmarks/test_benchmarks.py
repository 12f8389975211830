"""The benchmarks run, count what they say they count, and leave nothing behind. Nothing here looks at a wall clock."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.endpoints import POOLS, json_body, text_body
from tests.benchmarks.figures import Figure
from tests.servers.missing import need
from tests.servers.prometheus import INSTALL

SITES, SECONDS, INTERVAL = 20, 2, 1


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
    options = [f"--sites={SITES}", f"--seconds={SECONDS}", f"--interval={INTERVAL}", "--turns=1", f"--output={file}"]
    assert main(options) == 0, capsys.readouterr().err
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
    assert "poll_cpu_us" in capsys.readouterr().out


def test_a_site_that_cannot_be_polled_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.benchmarks.polling.JSON_PATH", "/somewhere-else")
    monkeypatch.setattr("tests.benchmarks.polling._READY_WITHIN", 4.0)
    before = children()
    assert main(["--sites=2", "--seconds=1", "--interval=1", f"--output={tmp_path / 'bench.json'}"]) == 1
    assert "waited 4 s in vain for two polls of every site" in capsys.readouterr().err
    assert children() == before
    assert not (tmp_path / "bench.json").exists()


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
