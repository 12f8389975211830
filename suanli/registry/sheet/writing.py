"""The form as a file: empty, or filled with what is registered."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from suanli.catalog.accelerators import Accelerators
from suanli.model.capacity import CapacityEntry
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.site import Pool, Site
from suanli.registry.sheet.cells import read
from suanli.registry.sheet.columns import COLUMNS, Column
from suanli.registry.sheet.form import FIRST, FORMATS, add_example, new_book, put
from suanli.registry.sheet.guard import fault_of
from suanli.registry.sheet.layout import MAX_ROWS

_TEXT = "@"
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_NOT_XML = re.compile(r"[\ud800-\udfff\ufffe\uffff]")


def write_template(path: Path, catalogue: Accelerators) -> None:
    """The empty form with an example; an InputError where there is a file already, or it cannot be written."""
    book, sheet = new_book(catalogue)
    add_example(sheet)
    _save(book, path)


def write_sheet(path: Path, sites: Iterable[Site], catalogue: Accelerators) -> int:
    """The form with these sites, which `read_sites` reads back to the same but for their sources; how many rows.

    An InputError where there is a file already, it cannot be written, or a text is none that a cell can hold.
    """
    rows = [(site.id, row) for site in sites for row in _rows(site)]
    if len(rows) + FIRST > MAX_ROWS:
        raise InputError(
            Problem(Message("{count:,} rows are too many for a sheet: `suanli export` writes YAML", count=len(rows)))
        )
    problems = [Problem(told, key=site) for site, row in rows for told in _not_for_cells(row)]
    if problems:
        raise InputError(problems)
    book, sheet = new_book(catalogue)
    for number, (_, row) in enumerate(rows, FIRST):
        for place, column in enumerate(COLUMNS, 1):
            if (value := row.get(column.key)) is not None:
                _fill(sheet.cell(number, place), column, value)
    _save(book, path)
    return len(rows)


def _rows(site: Site) -> Iterator[dict[str, Any]]:
    """Every row says all of its site and pool, so that the rows can be sorted."""
    facts: dict[str, Any] = {
        "site_id": site.id,
        "site_name": site.name,
        "province": site.province,
        "operator": site.operator,
    }
    facts |= {"status": site.status, "since": site.since}
    for pool in site.pools:
        yield from ({**facts, **_pool(pool), **_entry(entry)} for entry in pool.capacity)
        if not pool.capacity:
            yield {**facts, **_pool(pool)}
    if not site.pools:
        yield facts


def _pool(pool: Pool) -> dict[str, Any]:
    match = {} if pool.match is None else {"match_label": pool.match.label, "match_value": pool.match.value}
    return {"pool_id": pool.id, "model": pool.model, "basis": pool.basis, **match}


def _entry(entry: CapacityEntry) -> dict[str, Any]:
    return entry.model_dump(by_alias=True)


def _not_for_cells(row: dict[str, Any]) -> Iterator[str]:
    """What would be read back as something else: texts with line breaks, with spaces at their ends, far-off years."""
    for column in COLUMNS:
        value = row.get(column.key)
        if column.kind in {"text", "day"} and value is not None:
            told = Message(
                "{key} {value!r} cannot stand in a cell as it is; `suanli export` writes YAML",
                key=column.key,
                value=str(value),
            )
            try:
                if read(column, _escaped(value) if isinstance(value, str) else value.isoformat()) != value:
                    yield told
            except ValueError:
                yield told


def _fill(cell: Any, column: Column, value: Any) -> None:
    plain = FORMATS.get(column.kind, _TEXT)
    if column.words:
        put(cell, f"{value} {column.words[value]}", _TEXT)
    elif isinstance(value, datetime):
        put(cell, value.isoformat(), _TEXT)  # a cell knows neither offsets nor that midnight was meant as a time
    elif isinstance(value, float) and float(f"{value:.16g}") != value:
        put(cell, repr(value), _TEXT)  # openpyxl writes sixteen digits
    else:
        put(cell, _escaped(value) if isinstance(value, str) else value, plain)


def _escaped(text: str) -> str:
    """As spreadsheets write what XML cannot hold, and what looks like such an escape."""
    return _NOT_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", _ESCAPED.sub("_x005F_", text))


def _save(book: Workbook, path: Path) -> None:
    if path.suffix.lower() != ".xlsx":
        raise InputError(Problem(Message("its name must end in .xlsx"), str(path)))
    made = io.BytesIO()
    book.save(made)
    if fault_of(made.getvalue()):
        raise InputError(
            Problem(Message("would be too large to be read again; `suanli export` writes YAML"), str(path))
        )
    try:
        with path.open("xb") as file:
            _write_whole(file, made.getvalue(), path)
    except FileExistsError:
        raise InputError(
            Problem(Message("is there already: give another name, or remove it first"), str(path))
        ) from None
    except OSError as error:
        raise InputError(Problem(Message("cannot be written: {why}", why=error.strerror), str(path))) from None


def _write_whole(file: Any, data: bytes, path: Path) -> None:
    """A file of ours that did not get whole is taken away again."""
    try:
        file.write(data)
        file.flush()
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
