"""How a worksheet is laid out, read straight from its XML: what the reader of values does not tell, and its bounds.

It is looked at before any value is read, as a few bytes of XML can claim a table of many thousand million cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from defusedxml.ElementTree import iterparse
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

from suanli.model.message import Message

MAX_ROWS = 100_000
LAST_ROW = 1_048_576
MAX_COLUMN = 200
MAX_MERGED = 200_000
"""Cells in all merged ranges together."""
_FILLED = {"v", "f", "is"}


class TooMuch(Exception):
    """The sheet has more than anyone would type, or in no order; says what."""


@dataclass(slots=True)
class Layout:
    """Rows and columns are counted from 1. merged: (first column, first row, last column, last row)."""

    filled: set[int] = field(default_factory=set)
    """Rows in which a cell says something."""
    last_column: int = 1
    formulas: set[tuple[int, int]] = field(default_factory=set)
    """Rows and columns; without those whose value is a text, which may be empty."""
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    merged_cells: int = 0


def layout_of(xml: IO[bytes]) -> Layout:
    """The layout of this worksheet; TooMuch where it goes beyond its bounds."""
    layout, number = Layout(), 0
    for _, element in iterparse(xml, forbid_dtd=True):
        tag = _name(element)
        if tag == "row":
            number = _next(element, number)
            _look_at(element, number, layout)
            element.clear()
        elif tag == "col" and _true(element.get("hidden")):
            first, last = max(int(element.get("min", 1)), 1), min(int(element.get("max", 0)), MAX_COLUMN)
            layout.hidden_columns |= set(range(first, last + 1))
        elif tag == "mergeCell":
            _merge(element, layout)
    return layout


def _next(row: Any, before: int) -> int:
    """The row's number. The reader of values leaves out a row that comes after a later one."""
    number = int(row.get("r") or before + 1)
    if not before < number <= LAST_ROW:
        raise TooMuch(
            Message(
                "has row {number} after row {before}: open it in the spreadsheet program and save it anew",
                number=number,
                before=before,
            )
        )
    return number


def _look_at(row: Any, number: int, layout: Layout) -> None:
    if _true(row.get("hidden")):
        layout.hidden_rows.add(number)
    for column, cell in _cells(row):
        parts = {_name(part) for part in cell}
        if not parts & _FILLED:
            continue
        if column > MAX_COLUMN:
            raise TooMuch(
                Message(
                    "has values beyond its column {last}: clear the columns that are not part of the table",
                    last=MAX_COLUMN,
                )
            )
        layout.filled.add(number)
        layout.last_column = max(layout.last_column, column)
        if "f" in parts and not ("v" in parts and cell.get("t") == "str"):
            layout.formulas.add((number, column))
    if len(layout.filled) > MAX_ROWS:
        raise TooMuch(Message("has more than {most:,} rows: apply it in parts", most=MAX_ROWS))


def _cells(row: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    column = 0
    for cell in row:
        place = cell.get("r")
        column = coordinate_to_tuple(place)[1] if place else column + 1
        yield column, cell


def _merge(element: Any, layout: Layout) -> None:
    left, top, right, bottom = range_boundaries(element.get("ref", ""))
    if left is None or top is None or right is None or bottom is None:
        raise TooMuch(Message("has a merged range {range!r}: split merged cells", range=element.get("ref")))
    layout.merged.append((left, top, right, bottom))
    layout.merged_cells += (abs(right - left) + 1) * (abs(bottom - top) + 1)
    if layout.merged_cells > MAX_MERGED:
        raise TooMuch(Message("has more than {most:,} merged cells: split them", most=MAX_MERGED))


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _true(text: str | None) -> bool:
    return text in {"1", "true"}
