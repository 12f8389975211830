"""Which column of the sheet is which: found by name, in Chinese or English, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from suanli.model.message import Message, message_of
from suanli.model.yamlfile import key_hint
from suanli.registry.sheet.cells import safe, shown
from suanli.registry.sheet.columns import COLUMNS, Column, column_named
from suanli.registry.sheet.grid import Cell, Grid

_WITHIN = 30
"""The headings stand within this many filled rows; titles may stand above them."""
Fault = tuple[str, str]
"""A place (容量!H7, or the sheet's title) and a message."""


@dataclass(frozen=True, slots=True)
class Headings:
    """columns: by their number from 1. last: the last row of headings. complete: no column is missing that must be."""

    columns: dict[int, Column]
    last: int
    faults: list[Fault]
    complete: bool


def headings_of(grid: Grid) -> Headings:
    """The sheet's headings, and what is wrong with them."""
    numbers = list(grid.rows)[:_WITHIN]
    first = max(numbers, key=lambda number: len(_known(grid.rows[number])), default=None)
    if first is None or len(_known(grid.rows[first])) < 2:
        wanted = Message(
            "no row of headings such as 站点编号, 型号 or site_id, model; `suanli apply --template` writes a form"
        )
        return Headings({}, 0, [(grid.title, wanted)], complete=False)
    second = next((number for number in grid.rows if number > first), None)
    lines = [first] if second is None or not _all_known(grid.rows[second]) else [first, second]
    faults = [*_unknown(grid, lines), *_different(grid, lines)]
    columns = {place: column for number in reversed(lines) for place, column in _known(grid.rows[number]).items()}
    missing = [*_missing(grid, lines[-1], columns)]
    return Headings(columns, lines[-1], [*faults, *_twice(grid, lines[-1], columns), *missing], complete=not missing)


def _known(cells: dict[int, Cell]) -> dict[int, Column]:
    found = {place: column_named(cell.value) for place, cell in cells.items() if isinstance(cell.value, str)}
    return {place: column for place, column in found.items() if column is not None}


def _all_known(cells: dict[int, Cell]) -> bool:
    return len(_known(cells)) == len(cells) > 1


def _unknown(grid: Grid, lines: list[int]) -> Iterator[Fault]:
    known = {place for number in lines for place in _known(grid.rows[number])}
    for place, cell in grid.rows[lines[0]].items():
        if place not in known:
            yield grid.place(lines[0], place), cell.fault or _told_unknown(cell.value)


def _told_unknown(value: object) -> str:
    try:
        text = safe(str(value))
    except ValueError as fault:
        return message_of(fault)
    names = [column.key if text.isascii() else column.zh for column in COLUMNS]
    hint = key_hint(text.lower(), names)
    return Message(
        "unknown heading {heading}; {hint} (what nobody is to read goes under 备注 or note)",
        heading=shown(text),
        hint=hint,
    )


def _different(grid: Grid, lines: list[int]) -> Iterator[Fault]:
    """Two rows of headings that name one column differently."""
    above = _known(grid.rows[lines[0]])
    for place, column in _known(grid.rows[lines[-1]]).items():
        if above.get(place, column) is not column:
            yield (
                grid.place(lines[-1], place),
                Message(
                    "{key} stands under the heading {heading}: which is it?", key=column.key, heading=above[place].zh
                ),
            )


def _twice(grid: Grid, line: int, columns: dict[int, Column]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for place, column in sorted(columns.items()):
        if column.of != "note" and column.key in seen:
            yield (
                grid.place(line, place),
                Message(
                    "{heading} ({key}) is also {place}",
                    heading=column.zh,
                    key=column.key,
                    place=grid.place(line, seen[column.key]),
                ),
            )
        seen.setdefault(column.key, place)


def _missing(grid: Grid, line: int, columns: dict[int, Column]) -> Iterator[Fault]:
    here = {column.key for column in columns.values()}
    missing = [f"{column.zh} ({column.key})" for column in COLUMNS if column.required and column.key not in here]
    if missing:
        yield (
            grid.place(line, 1),
            Message("no column {known}; `suanli apply --template` writes a form", known=", ".join(missing)),
        )
    if not here & {"devices", "pflops"}:
        yield grid.place(line, 1), Message("no column of amounts: 设备数 (devices) or 算力(PFLOPS) (pflops)")
