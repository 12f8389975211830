"""A spreadsheet of sites, beside suanli.model.yamlfile: its data, and the cell of everything in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from suanli.catalog.accelerators import Accelerators
from suanli.model.errors import Problem
from suanli.model.findings import plain
from suanli.model.message import Message
from suanli.model.site import Site
from suanli.model.yamlfile import Loc
from suanli.registry.sheet.cells import shown
from suanli.registry.sheet.columns import Column
from suanli.registry.sheet.gathering import Gathered
from suanli.registry.sheet.grid import Grid, read_grid
from suanli.registry.sheet.headings import headings_of
from suanli.registry.sheet.rows import Check, Rows, rows_of

_LONGEST_MODEL = 120
MOST = 200
"""So many problems are told, others are counted."""


class SheetFile:
    """One sheet, read: `data` as a YAML file would say it, without sources. told: what a person should know of it."""

    def __init__(self, name: str, grid: Grid, catalogue: Accelerators) -> None:
        self.name = name
        self._grid = grid
        headings = headings_of(grid)
        self._columns = {column.key: place for place, column in headings.columns.items()}
        rows = rows_of(grid, headings, _known_model(catalogue)) if headings.complete else Rows()
        self._gathered = Gathered(rows.data)
        faults = headings.faults + rows.faults
        faults += [(self._place(row, key), message) for row, key, message in self._gathered.faults]
        self._problems = [Problem(message, name, None, place) for place, message in faults]
        self.told = (
            [Message("{file}: {sheet}: {told}", file=name, sheet=grid.title, told=line) for line in _told(grid, rows)]
            if headings.complete
            else []
        )

    @classmethod
    def read(cls, path: Path, catalogue: Accelerators) -> SheetFile:
        """The sheet of capacity of this workbook; an InputError where it cannot be opened, or not safely."""
        return cls(str(path), read_grid(path), catalogue)

    @property
    def data(self) -> dict[str, Any]:
        return self._gathered.data

    def problem(self, loc: Loc, message: str) -> Problem:
        """What is wrong at this place of the data, with its cell: that of the deepest part that a cell says."""
        known = (loc[:end] for end in range(len(loc), 0, -1))
        place = next((self._gathered.places[part] for part in known if part in self._gathered.places), None)
        return Problem(message, self.name, None, self._place(*place) if place else self._grid.title)

    def sites(self) -> tuple[dict[int, Site], list[Problem]]:
        """The sites that are right by themselves, by their place in the data; and everything wrong with the others."""
        found: dict[int, Site] = {}
        problems = list(self._problems)
        for index, written in enumerate(self.data["sites"]):
            try:
                site = Site.model_validate(written)
            except ValidationError as error:
                problems += self._faults(error, ("sites", index))
                continue
            if ("sites", index) not in self._gathered.faulty:
                found[index] = site
        more = (
            [Problem(Message("and {count} more problems", count=len(problems) - MOST), self.name)]
            if len(problems) > MOST
            else []
        )
        return found, problems[:MOST] + more

    def _faults(self, error: ValidationError, at: Loc) -> list[Problem]:
        """What the model finds and the cells did not; what is wrong with a cell may be why a whole is."""
        details = {(*at, *detail["loc"]): plain(detail) for detail in error.errors(include_url=False)}
        told = {loc: message for loc, message in details.items() if loc not in self._gathered.faulty}
        return [self.problem(loc, message) for loc, message in told.items()]

    def _place(self, row: int, key: str) -> str:
        return self._grid.place(row, self._columns.get(key, self._columns["site_id"]))


def _known_model(catalogue: Accelerators) -> Check:
    @cache  # the same slip in a thousand rows is looked up once
    def fault(model: str) -> str | None:
        if catalogue.find(model) is not None:
            return None
        nearest = ", ".join(catalogue.nearest(model[:_LONGEST_MODEL]))
        hint = (
            Message("nearest: {nearest}", nearest=nearest)
            if nearest
            else Message("the catalogue stands in the form (suanli apply --template)")
        )
        return Message("model {model} is not in the catalogue; {hint}", model=shown(model), hint=hint)

    def check(column: Column, value: Any) -> None:
        if column.key == "model" and (told := fault(value)):
            raise ValueError(told)

    return check


def _told(grid: Grid, rows: Rows) -> list[str]:
    told: list[str] = []
    if not rows.data:
        told.append(Message("no rows of data yet: fill them in under the headings"))
    if grid.hidden:
        told.append(Message("this sheet is hidden, but was read"))
    if rows.remarks:
        told.append(Message("remarks, not read: {rows}", rows=_listed(rows.remarks)))
    if grid.hidden_rows:
        told.append(Message("hidden, but read too: {rows}", rows=_listed(grid.hidden_rows)))
    if grid.hidden_columns:
        told.append(Message("hidden columns, read too: {count}", count=len(grid.hidden_columns)))
    return told


def _listed(numbers: list[int]) -> str:
    """2 rows (3, 4)"""
    count = Message("1 row") if len(numbers) == 1 else Message("{count:,} rows", count=len(numbers))
    return Message(
        "{count} ({numbers}{more})",
        count=count,
        numbers=", ".join(map(str, numbers[:10])),
        more=", ..." if len(numbers) > 10 else "",
    )
