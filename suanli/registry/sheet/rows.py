"""The rows of the sheet under their headings: every cell read, what is no row of data left out and counted."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from suanli.model.message import Message, message_of
from suanli.registry.sheet.cells import is_id, read, shown
from suanli.registry.sheet.columns import Column
from suanli.registry.sheet.grid import Cell, Grid
from suanli.registry.sheet.headings import Fault, Headings

_REMARKS = ("#", "例", "示例", "注", "备注", "说明")
"""No id begins so."""
_AMOUNTS = {"devices", "pflops"}


@dataclass(frozen=True, slots=True)
class Row:
    """values: by the key of their column, without empty cells. wrong: the columns whose cells could not be read."""

    number: int
    values: dict[str, Any]
    wrong: frozenset[str] = frozenset()

    def has(self, columns: Iterable[Column]) -> bool:
        """Whether it says anything under these columns, rightly or wrongly."""
        return any(column.key in self.values or column.key in self.wrong for column in columns)


@dataclass(slots=True)
class Rows:
    """What stands under the headings. remarks: the numbers of rows that were not read."""

    data: list[Row] = field(default_factory=list)
    remarks: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


Check = Callable[[Column, Any], None]
"""Raises ValueError for a value that is none of its column's."""


def rows_of(grid: Grid, headings: Headings, check: Check) -> Rows:
    """The rows under the headings, and what is wrong with their cells."""
    found = Rows()
    below = {number: cells for number, cells in grid.rows.items() if number > headings.last}
    last = max((number for number, cells in below.items() if len(cells) > 1), default=0)
    unheaded: set[int] = set()
    for number, cells in below.items():
        if _is_remark(cells, headings) or (number > last and _is_note(cells, headings)):
            found.remarks.append(number)
            continue
        for place in sorted(cells.keys() - headings.columns.keys() - unheaded):
            unheaded.add(place)
            found.faults.append((grid.place(number, place), "this column has no heading: 备注 (note) is for remarks"))
        found.data.append(_row(grid, number, cells, headings, check, found.faults))
    return found


def _row(grid: Grid, number: int, cells: dict[int, Cell], headings: Headings, check: Check, faults: list[Fault]) -> Row:
    values: dict[str, Any] = {}
    wrong: set[str] = set()
    for place, column in headings.columns.items():
        if place not in cells or column.of == "note":
            continue
        try:
            values[column.key] = _value(column, cells[place], check)
        except ValueError as fault:
            wrong.add(column.key)
            faults.append((grid.place(number, place), message_of(fault)))
    return Row(number, values, frozenset(wrong))


def _value(column: Column, cell: Cell, check: Check) -> Any:
    if cell.fault:
        raise ValueError(cell.fault)
    if cell.shared and column.key in _AMOUNTS:
        raise ValueError(
            Message(
                "{value} is merged over several rows: each row's amount, or their sum? Split it",
                value=shown(cell.value),
            )
        )
    value = read(column, cell.value)
    check(column, value)
    return value


def _is_remark(cells: dict[int, Cell], headings: Headings) -> bool:
    return unicodedata.normalize("NFKC", _site_id(cells, headings)).strip().startswith(_REMARKS)


def _is_note(cells: dict[int, Cell], headings: Headings) -> bool:
    """A single text under the table; a single number or id may belong to a row that lost the rest."""
    texts = [cell.value for cell in cells.values() if isinstance(cell.value, str)]
    return len(cells) == len(texts) == 1 and not is_id(_site_id(cells, headings))


def _site_id(cells: dict[int, Cell], headings: Headings) -> str:
    ids = (cells.get(place) for place, column in headings.columns.items() if column.key == "site_id")
    return next((cell.value for cell in ids if cell is not None and isinstance(cell.value, str)), "")
