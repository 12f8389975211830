"""A sheet of an Excel workbook as rows: the first filled row is the header, and a row's line is its number there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.registry.sheet.grid import Cell, Grid, grid_in
from suanli.registry.sheet.guard import fault_of
from suanli.tables.rows import Columns, Problems, Row, Spot, right_columns

MAX_BYTES = 20 * 2**20


def rows_of_workbook(name: str, data: bytes, problems: Problems, columns: Columns, sheet: str | None) -> Iterator[Row]:
    """The rows of its only sheet, or of the one of this name; what is wrong is added."""
    fault = fault_of(data) if len(data) <= MAX_BYTES else Message("larger than {most} MiB", most=MAX_BYTES >> 20)
    if fault is not None:
        problems.add(Problem(fault, name))
        return
    try:
        grid = grid_in(io.BytesIO(data), name, sheet)
    except InputError as error:
        for problem in error.problems:
            problems.add(problem)
        return
    yield from _rows(name, grid, problems, columns)


def _rows(name: str, grid: Grid, problems: Problems, columns: Columns) -> Iterator[Row]:
    lines = iter(grid.rows.items())
    number, first = next(lines, (0, {}))
    if not first:
        problems.add(Problem(Message("is empty: expected a header of {known}", known=", ".join(columns.known)), name))
        return
    header = dict(zip(first, columns.ours([str(cell.value).strip() for cell in first.values()]), strict=True))
    if right_columns(Spot(name, number), list(header.values()), problems, columns):
        for number, cells in lines:
            yield from _row(Spot(name, number), header, cells, problems, columns)


def _row(
    spot: Spot, header: dict[int, str], cells: dict[int, Cell], problems: Problems, columns: Columns
) -> Iterator[Row]:
    named = {header.get(place, ""): cell for place, cell in cells.items()}
    if "" in named:
        problems.add(spot.problem(Message("has cells beside the columns of the header")))
        return
    read = {column: cell for column, cell in named.items() if column not in columns.ignored}
    faults = [(column, cell.fault) for column, cell in read.items() if cell.fault]
    for column, fault in faults:
        problems.add(spot.problem(fault, column))
    if not faults:
        yield Row(
            spot, dict.fromkeys(columns.known, "") | {column: _plain(cell.value) for column, cell in read.items()}
        )


def _plain(value: object) -> Any:
    """As CSV or JSON would say it. A spreadsheet's times are off by parts of a second."""
    if isinstance(value, datetime):
        return (value + timedelta(milliseconds=500)).replace(microsecond=0).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value.strip() if isinstance(value, str) else value
