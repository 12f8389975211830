"""Files of history, CSV or JSON, as rows.

Which of the two a file is shows its first character: `[` is a JSON list of objects, `{` one JSON object a line,
anything else CSV with a header. All are UTF-8; a byte-order mark is skipped.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from suanli.importing.rows import COLUMNS, Problems, Row, Spot, right_columns
from suanli.model.errors import Problem
from suanli.model.message import Message, message_of

MAX_BYTES = 256 * 2**20  # a row becomes some 1.6 kB in memory, and all of an import is one transaction


def read_rows(path: Path, problems: Problems) -> Iterator[Row]:
    """The rows of this file whose columns are right; what is wrong with the others, or with the file, is added."""
    name = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            problems.add(Problem(Message("larger than {most} MiB: import it in parts", most=MAX_BYTES >> 20), name))
            return
        yield from _reader(path)(path, problems)
    except OSError as error:
        problems.add(Problem(Message("cannot be read: {why}", why=error.strerror), name))
    except UnicodeDecodeError:
        problems.add(Problem(Message("is not UTF-8: save it as CSV UTF-8"), name))


def _reader(path: Path) -> Callable[[Path, Problems], Iterator[Row]]:
    with path.open("rb") as file:
        first = file.read(4096).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return {b"[": _of_list, b"{": _of_lines}.get(first, _of_csv)


def _of_csv(path: Path, problems: Problems) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        columns: list[str] = []
        line = 0
        try:
            for cells in reader:
                spot, line = Spot(str(path), line + 1), reader.line_num
                if not cells:
                    continue
                if columns:
                    yield from _csv_row(spot, columns, cells, problems)
                    continue
                columns = [cell.strip() for cell in cells]
                if not right_columns(spot, columns, problems):
                    return
        except csv.Error as error:
            problems.add(
                Problem(Message("is no CSV here: {error}", error=message_of(error)), str(path), reader.line_num)
            )
        if not columns:
            problems.add(
                Problem(Message("is empty: expected a header of {known}", known=", ".join(COLUMNS)), str(path))
            )


def _csv_row(spot: Spot, columns: list[str], cells: list[str], problems: Problems) -> Iterator[Row]:
    if len(cells) == len(columns):
        yield Row(spot, {name: cell.strip() for name, cell in zip(columns, cells, strict=True)})
    else:
        problems.add(
            spot.problem(Message("has {cells} cells under {columns} columns", cells=len(cells), columns=len(columns)))
        )


def _of_list(path: Path, problems: Problems) -> Iterator[Row]:
    try:
        objects = orjson.loads(path.read_bytes().removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        problems.add(Problem(Message("is no JSON here: {msg}", msg=error.msg), str(path), error.lineno))
        return
    for index, value in enumerate(objects):
        objects[index] = None  # a long file is not held as objects and as samples at once
        yield from _json_row(Spot(str(path), None, index), value, problems)


def _of_lines(path: Path, problems: Problems) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if not text.strip():
                continue
            spot = Spot(str(path), number)
            try:
                yield from _json_row(spot, orjson.loads(text), problems)
            except orjson.JSONDecodeError as error:
                problems.add(spot.problem(Message("is no JSON object in one line: {msg}", msg=error.msg)))


def _json_row(spot: Spot, value: Any, problems: Problems) -> Iterator[Row]:
    if not isinstance(value, dict):
        problems.add(spot.problem(Message("expected an object of columns and values")))
    elif right_columns(spot, list(value), problems):
        yield Row(spot, value)
