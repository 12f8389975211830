"""The table of docs/performance.md: the figures that are kept in docs/performance.json, as `make bench` wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.benchmarks.children import ROOT

KEPT, PAGE = ROOT / "docs" / "performance.json", ROOT / "docs" / "performance.md"
_HEAD = "| figure | value | beside | its value | ratio | goal | met |\n|---|---|---|---|---|---|---|\n"


def table_of(file: Path) -> str:
    """Each figure as a row."""
    return _HEAD + "".join(_row(one) for one in json.loads(file.read_text())["figures"])


def _row(one: dict[str, Any]) -> str:
    met = {True: "yes", False: "no", None: ""}[one["met"]]
    value = f"{_number(one['value'])} {one['unit']}".rstrip()
    cells = one["name"], value, one["beside"] or "", *(_number(one[key]) for key in ("beside_value", "ratio", "goal"))
    return f"| {' | '.join((*cells, met))} |\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
