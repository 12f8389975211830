"""`python -m dashboards`: what is committed is what would be built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dashboards.__main__ import main
from dashboards.build import DOCUMENT, PROVISIONING, boards, files, problems

ROOT = PROVISIONING.parent.parent
BOARD = "dashboards/suanli-overview.json"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(PROVISIONING, tmp_path / "provisioning")


def test_committed_files_are_as_generated() -> None:
    done = subprocess.run([sys.executable, "-m", "dashboards", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_files_are_those_promised() -> None:
    words = ("overview", "province", "site", "commissioning", "quality", "itself")
    assert set(files()) >= {
        *(f"dashboards/suanli-{word}{language}.json" for word in words for language in ("", "-en")),
        "alerting/contactpoints.yaml",
        "alerting/policies.yaml",
        "alerting/rules.yaml",
        "dashboards/dashboards.yaml",
        "datasources/datasources.yaml",
        "prometheus/alertmanager.yml",
        "prometheus/suanli.rules.yml",
    }


@pytest.mark.parametrize("name", files())
def test_check_names_a_changed_file(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / name).write_text((copy / name).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert main(["--check"], copy) == 1
    assert f"stale: {name}" in capsys.readouterr().err


@pytest.mark.parametrize("name", files())
def test_check_names_a_missing_file(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / name).unlink()
    assert main(["--check"], copy) == 1
    assert f"missing: {name}" in capsys.readouterr().err


def test_check_names_an_extra_file(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "dashboards" / "old.json").write_text("{}")
    assert main(["--check"], copy) == 1
    assert "extra: dashboards/old.json" in capsys.readouterr().err


def test_check_writes_nothing(tmp_path: Path) -> None:
    assert main(["--check"], tmp_path, tmp_path / "boards.md") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_page_tells_every_panel_with_its_definition_and_queries() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    for board in boards():
        if board["uid"].endswith("-en"):
            for panel in board["panels"]:
                assert f"### {panel['title']} (" in page
                assert panel["description"] in page
                assert [one for one in panel["targets"] if (one.get("expr") or one["query"]) not in page] == []


@pytest.mark.parametrize("spoilt", ["stale", "missing"])
def test_check_names_the_page(tmp_path: Path, spoilt: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "boards.md"
    if spoilt == "stale":
        page.write_text("old")
    assert main(["--check"], PROVISIONING, page) == 1
    assert f"{spoilt}: boards.md" in capsys.readouterr().err
    assert main([], PROVISIONING, page) == 0
    assert f"wrote {page}" in capsys.readouterr().out
    assert main(["--check"], PROVISIONING, page) == 0


def test_build_repairs_and_then_changes_nothing(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / BOARD).write_text("{}")
    assert main([], copy) == 0
    assert BOARD in capsys.readouterr().out
    assert problems(copy) == []
    assert main([], copy) == 0
    assert capsys.readouterr().out == ""


def test_two_builds_are_the_same_bytes() -> None:
    program = "from dashboards.build import files; print(repr(files()))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_data_sources() -> None:
    """What was seen on a real Grafana 9.4 to be needed, and no secret in the file."""
    content = yaml.safe_load(files()["datasources/datasources.yaml"])
    sources = {source["uid"]: source for source in content["datasources"]}
    assert {uid: source["type"] for uid, source in sources.items()} == {
        "suanliprom": "prometheus",
        "suanliinflux": "influxdb",
    }
    assert [source["uid"] for source in content["datasources"] if source.get("isDefault")] == ["suanliprom"]
    influx = sources["suanliinflux"]
    assert influx["database"] == influx["jsonData"]["dbName"] != ""
    assert influx["jsonData"]["httpHeaderName1"] == "Authorization"
    assert influx["secureJsonData"] == {"httpHeaderValue1": "Token $SUANLI_INFLUX_TOKEN"}


def test_provider_shows_the_folder_of_the_boards() -> None:
    (provider,) = yaml.safe_load(files()["dashboards/dashboards.yaml"])["providers"]
    assert provider["options"]["path"] == "${GF_PATHS_PROVISIONING}/dashboards"
    assert provider["folderUid"]
