"""A figure beside another one, as a row of the table and of build/bench.json."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured. ratio: value over beside_value; goal: what the ratio may be at most, None where none is set.

    exact: the ratio must be the goal itself.
    """

    name: str
    value: float
    unit: str
    beside: str | None = None
    beside_value: float | None = None
    goal: float | None = None
    exact: bool = False

    @property
    def ratio(self) -> float | None:
        return self.value / self.beside_value if self.beside_value else None

    @property
    def met(self) -> bool | None:
        if self.goal is None or self.ratio is None:
            return None
        return self.ratio == self.goal if self.exact else self.ratio <= self.goal

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "beside": self.beside,
            "beside_value": _rounded(self.beside_value),
            "ratio": _rounded(self.ratio),
            "goal": self.goal,
            "met": self.met,
        }


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def write(figures: Iterable[Figure], file: Path) -> None:
    """As `build/bench.json` is written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    answer = {"figures": [figure.as_json() for figure in figures], "machine": machine()}
    file.write_text(json.dumps(answer, indent=1) + "\n")


def show(figures: Iterable[Figure], console: Console) -> None:
    """As a table."""
    table = Table(box=box.SIMPLE)
    for heading in ("figure", "value ", "unit", "beside", "its value ", "ratio ", "goal ", "met"):
        table.add_column(heading.strip(), justify="right" if heading.endswith(" ") else "left", no_wrap=True)
    for one in figures:
        numbers = _number(one.value), _number(one.beside_value), _number(one.ratio), _number(one.goal)
        value, beside, ratio, goal = numbers
        met = "" if one.met is None else "yes" if one.met else "no"
        cells = (one.name, value, one.unit, one.beside or "", beside, ratio, goal, met)
        table.add_row(*(Text(cell, style="red" if one.met is False else "") for cell in cells))
    console.print(table)


def _rounded(value: float | None) -> float | None:
    """Four digits say all that such a measurement knows; a count stays whole."""
    return value if value is None or value == int(value) else float(f"{value:.4g}")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
