"""The house is as its plan says: the walk's functions are where docs/walk.md names them, and imports run one way."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("suanli", "collectors", "exporter", "dashboards")
NAMED = re.findall(r"`([a-z_.]+):([A-Za-z_.]+)`", (ROOT / "docs" / "walk.md").read_text(encoding="utf-8"))
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_the_walk_names_nine_functions_in_order() -> None:
    steps = ["poll", "collect", "parse", "append", "forward", "after", "write", "advance", "page"]
    assert [name.rpartition(".")[2] for _, name in NAMED] == steps


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_a_step_of_the_walk_is_where_it_is_named(module: str, name: str) -> None:
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    assert (found.__module__, found.__qualname__) == (module, name)
    assert found.__doc__ or name.endswith(("collect", "write")), "a step says what it promises (or its contract does)"


def test_every_room_has_modules_of_a_readable_size() -> None:
    assert len(MODULES) > 60
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {path: lines for path, lines in lengths.items() if lines > 400} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path) for path in MODULES if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_starting_the_command_line_imports_nothing_heavy() -> None:
    heavy = (
        "asyncio",
        "pydantic",
        "sqlalchemy",
        "psycopg",
        "alembic",
        "fastapi",
        "aiohttp",
        "httpx",
        "influxdb_client",
        "uvicorn",
        "openpyxl",
        "apprise",
        "requests",
    )
    code = f"import sys, suanli.cli.main; print([one for one in {heavy} if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout == "[]\n"


def test_the_wheel_lists_its_packages_one_by_one_and_no_other_distribution_has_their_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert tuple(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == ROOMS
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]
    owners = packages_distributions()
    assert {room: set(owners.get(room, [])) - {"suanli"} for room in ROOMS} == {room: set() for room in ROOMS}


def test_pins_hold_no_index_address() -> None:
    pins = list((ROOT / "requirements").glob("*.txt"))
    assert len(pins) == 3
    assert [
        line for file in pins for line in file.read_text().splitlines() if "://" in line or line.startswith("-")
    ] == []
