"""Puts panels on Grafana's grid of 24 columns, row by row from the left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side: one height, and each panel with its width."""

    height: int
    panels: Sequence[tuple[int, dict[str, Any]]]


def lay_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """All panels with their positions, in reading order."""
    tops = accumulate((row.height for row in rows), initial=0)
    return [panel for top, row in zip(tops, rows, strict=False) for panel in _across(row, top)]


def _across(row: Row, top: int) -> list[dict[str, Any]]:
    lefts = list(accumulate((width for width, _ in row.panels), initial=0))
    if lefts[-1] > COLUMNS:
        raise ValueError(f"a row is {lefts[-1]} columns wide, {COLUMNS} fit: {[p['title'] for _, p in row.panels]}")
    return [
        {**panel, "gridPos": {"x": left, "y": top, "w": width, "h": row.height}}
        for left, (width, panel) in zip(lefts, row.panels, strict=False)
    ]
