"""A workbook's sheet of capacity as filled cells by row and column, read from a file that is not trusted."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message, message_of
from suanli.registry.sheet.cells import shown
from suanli.registry.sheet.columns import folded
from suanli.registry.sheet.guard import contents
from suanli.registry.sheet.layout import Layout, TooMuch, layout_of

TITLE = "容量"
_TITLES = {TITLE, "capacity", f"{TITLE}_capacity", f"capacity_{TITLE}"}
_Choice = Callable[[list[Any], str], Any]
_NO_VALUE = "is a formula without a value: open the file in the spreadsheet program and save it once"


@dataclass(frozen=True, slots=True)
class Cell:
    """A filled cell. fault: why its value cannot be read, or nothing; shared: it is merged over several rows."""

    value: object
    fault: str = ""
    shared: bool = False


@dataclass(slots=True)
class Grid:
    """Filled cells by row and column, both from 1; rows in order. hidden: what is not seen, though it is read."""

    title: str
    rows: dict[int, dict[int, Cell]]
    hidden: bool = False
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)

    def place(self, row: int, column: int) -> str:
        """容量!H7"""
        return f"{self.title}!{get_column_letter(column)}{row}"


def read_grid(path: Path) -> Grid:
    """The sheet of capacity of this workbook; an InputError for a file that is no workbook, or not a safe one."""
    return _read(contents(path), str(path), _capacity)


def grid_in(data: IO[bytes], name: str, title: str | None) -> Grid:
    """The sheet of this title, or the only one, of a workbook that is known to be safe to open; name: as it is told."""
    return _read(data, name, partial(_titled, title))


def _read(data: IO[bytes], name: str, chosen: _Choice) -> Grid:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what we do not read: drawings, extensions, headers
            return _grid(data, name, chosen)
    except InputError:
        raise
    except TooMuch as fault:
        raise InputError(Problem(message_of(fault), name)) from None
    except Exception as fault:  # what a damaged file raises, in three libraries, nobody has listed
        message = Message(
            "cannot be read as .xlsx ({why}): open it in the spreadsheet program and save it anew",
            why=type(fault).__name__,
        )
        raise InputError(Problem(message, name)) from None


def _grid(data: IO[bytes], name: str, chosen: _Choice) -> Grid:
    # read_only: neither merged ranges nor links are spread over cells, which could be very many
    book = load_workbook(data, read_only=True, data_only=True, keep_links=False)
    sheet: Any = chosen(book.worksheets, name)
    with zipfile.ZipFile(data) as archive, archive.open(sheet._worksheet_path) as xml:
        layout = layout_of(xml)
    title = sheet.title if sheet.title.isprintable() else shown(sheet.title)
    rows = dict(_rows(sheet, layout))
    _spread(layout, rows)
    seen = sheet.sheet_state == "visible"
    return Grid(title, rows, not seen, sorted(layout.hidden_rows & rows.keys()), sorted(layout.hidden_columns))


def _capacity(sheets: list[Any], name: str) -> Any:
    """The sheet that is called so; or the only one."""
    named = [sheet for sheet in sheets if folded(sheet.title) in _TITLES] or (sheets if len(sheets) == 1 else [])
    if len(named) == 1:
        return named[0]
    wanted = Message("expected one sheet called {title} or capacity", title=TITLE)
    raise InputError(
        Problem(
            Message(
                "{wanted}; sheets in it: {titles} (suanli apply --template writes a form)",
                wanted=wanted,
                titles=_listed(sheets),
            ),
            name,
        )
    )


def _titled(title: str | None, sheets: list[Any], name: str) -> Any:
    named = [sheet for sheet in sheets if title in (None, sheet.title)]
    if len(named) == 1:
        return named[0]
    wanted = Message("expected one sheet") if title is None else Message("expected a sheet called {title}", title=title)
    raise InputError(Problem(Message("{wanted}; sheets in it: {titles}", wanted=wanted, titles=_listed(sheets)), name))


def _listed(sheets: list[Any]) -> str:
    return ", ".join(shown(sheet.title) for sheet in sheets[:5]) or Message("none")


def _rows(sheet: Any, layout: Layout) -> Iterator[tuple[int, dict[int, Cell]]]:
    if not layout.filled:
        return
    lines = sheet.iter_rows(max_row=max(layout.filled), max_col=layout.last_column)
    for number, line in enumerate(lines, 1):
        if number not in layout.filled:
            continue
        cells = {place: _cell(cell, (number, place) in layout.formulas) for place, cell in enumerate(line, 1)}
        if filled := {place: cell for place, cell in cells.items() if cell is not None}:
            yield number, filled


def _cell(cell: Any, formula: bool) -> Cell | None:
    value = cell.value
    if value is None or (isinstance(value, str) and not value.strip()):
        return Cell(None, _NO_VALUE) if formula and value is None else None
    if cell.data_type == "e":
        return Cell(value, f"is the error {shown(value)}: mend the formula, or write the value")
    return Cell(value)


def _spread(layout: Layout, rows: dict[int, dict[int, Cell]]) -> None:
    """A cell merged over several rows of one column speaks of each of them; one over several columns of none."""
    for left, top, right, bottom in layout.merged:
        cell = rows.get(top, {}).get(left)
        if cell is None:
            continue
        if right > left:
            rows[top][left] = Cell(cell.value, "is merged over several columns: split it", cell.shared)
            continue
        for number in range(top, bottom + 1):
            if number in rows:
                rows[number][left] = Cell(cell.value, cell.fault, bottom > top)
