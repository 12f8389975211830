"""A wheel, installed into an empty environment, runs the demonstration with nothing else there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_alone_runs_the_demonstration(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    _run(build, tmp_path)
    (wheel,) = tmp_path.glob("suanli-*.whl")
    _contains_its_data(wheel)
    python = tmp_path / "empty" / "bin" / "python"
    _run([sys.executable, "-m", "venv", str(tmp_path / "empty")], tmp_path)
    pins = ROOT / "requirements" / "run.txt"
    _run([str(python), "-m", "pip", "install", "-q", "-c", str(pins), str(wheel)], tmp_path)
    done = _run([str(python.with_name("suanli")), "demo", "--once", "--json"], tmp_path)
    assert "用法：" in _run([str(python.with_name("suanli")), "--lang", "zh", "--help"], tmp_path).stdout
    fleet = json.loads(done.stdout)["fleet"]
    assert fleet["online_ratio"] == pytest.approx(0.880, abs=5e-4)
    assert fleet["usage_ratio"] == pytest.approx(0.598, abs=5e-4)


def _contains_its_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        "suanli/catalog/accelerators.csv",
        "suanli/locale/zh/LC_MESSAGES/suanli.mo",
        "suanli/py.typed",
        "exporter/page/index.html",
        "exporter/page/page.js",
    }
    assert expected <= names
    assert any(name.startswith("dashboards/provisioning/") for name in names)
    assert not any(name.startswith("tests/") for name in names)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return done
