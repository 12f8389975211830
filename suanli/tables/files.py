"""Tables as rows: CSV, JSON or Excel.

Which of them a file is shows its first bytes: those of a zip are Excel's, `[` begins a JSON list of objects, `{` one
JSON object a line, anything else CSV with a header. Text is UTF-8 (a byte-order mark is skipped), else GB18030, as
spreadsheet programs in China save CSV.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from suanli.model.errors import Problem
from suanli.model.message import Message, message_of
from suanli.tables.rows import HISTORY, Columns, Problems, Row, Spot, right_columns

MAX_BYTES = 256 * 2**20  # a row becomes some 1.6 kB in memory, and all of an import is one transaction
_ENCODINGS = ("utf-8-sig", "gb18030")
_CHUNK = 1 << 20
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_Reader = Callable[[str, BinaryIO, Problems, Columns], Iterator[Row]]


def read_rows(path: Path, problems: Problems) -> Iterator[Row]:
    """The rows of this file whose columns are right; what is wrong with the others, or with the file, is added."""
    name = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            problems.add(Problem(Message("larger than {most} MiB: import it in parts", most=MAX_BYTES >> 20), name))
            return
        with path.open("rb") as file:
            yield from rows_in(name, file, problems)
    except OSError as error:
        problems.add(Problem(Message("cannot be read: {why}", why=error.strerror), name))


def rows_in(
    name: str, file: BinaryIO, problems: Problems, columns: Columns = HISTORY, sheet: str | None = None
) -> Iterator[Row]:
    """The same of an open file that can be read again from its start; name: as it is told.

    sheet: which of a workbook's is meant, where it has several.
    """
    first = file.read(4096)
    file.seek(0)
    if first.startswith(_WORKBOOKS):
        # Only who gives a workbook waits for its libraries.
        from suanli.tables.workbook import rows_of_workbook

        yield from rows_of_workbook(name, file.read(), problems, columns, sheet)
        return
    kinds: dict[bytes, _Reader] = {b"[": _of_list, b"{": _of_lines}
    try:
        yield from kinds.get(first.removeprefix(codecs.BOM_UTF8).lstrip()[:1], _of_csv)(name, file, problems, columns)
    except UnicodeDecodeError:
        problems.add(Problem(Message("is neither UTF-8 nor GB18030: save it as CSV UTF-8"), name))


def _text(file: BinaryIO, newline: str) -> io.TextIOWrapper:
    """The file as text from its start on, in the first encoding in which all of it can be read."""
    for encoding in _ENCODINGS[:-1]:
        if _decodes(file, encoding):
            return io.TextIOWrapper(file, encoding=encoding, newline=newline)
    return io.TextIOWrapper(file, encoding=_ENCODINGS[-1], newline=newline)


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _of_csv(name: str, file: BinaryIO, problems: Problems, columns: Columns) -> Iterator[Row]:
    reader = csv.reader(_text(file, newline=""), strict=True)
    header: list[str] = []
    line = 0
    try:
        for cells in reader:
            spot, line = Spot(name, line + 1), reader.line_num
            if not cells:
                continue
            if header:
                yield from _csv_row(spot, header, cells, problems, columns)
                continue
            header = columns.ours([cell.strip() for cell in cells])
            if not right_columns(spot, header, problems, columns):
                return
    except csv.Error as error:
        problems.add(Problem(Message("is no CSV here: {error}", error=message_of(error)), name, reader.line_num))
    if not header:
        problems.add(Problem(Message("is empty: expected a header of {known}", known=", ".join(columns.known)), name))


def _csv_row(spot: Spot, header: list[str], cells: list[str], problems: Problems, columns: Columns) -> Iterator[Row]:
    if len(cells) == len(header):
        named = zip(header, cells, strict=True)
        yield Row(spot, {column: cell.strip() for column, cell in named if column not in columns.ignored})
    else:
        problems.add(
            spot.problem(Message("has {cells} cells under {columns} columns", cells=len(cells), columns=len(header)))
        )


def _of_list(name: str, file: BinaryIO, problems: Problems, columns: Columns) -> Iterator[Row]:
    try:
        objects = orjson.loads(_text(file, newline="\n").read())
    except orjson.JSONDecodeError as error:
        problems.add(Problem(Message("is no JSON here: {msg}", msg=error.msg), name, error.lineno))
        return
    for index, value in enumerate(objects):
        objects[index] = None  # a long file is not held as objects and as samples at once
        yield from _json_row(Spot(name, None, index), value, problems, columns)


def _of_lines(name: str, file: BinaryIO, problems: Problems, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(_text(file, newline="\n"), 1):
        if not line.strip():
            continue
        spot = Spot(name, number)
        try:
            yield from _json_row(spot, orjson.loads(line), problems, columns)
        except orjson.JSONDecodeError as error:
            problems.add(spot.problem(Message("is no JSON object in one line: {msg}", msg=error.msg)))


def _json_row(spot: Spot, value: Any, problems: Problems, columns: Columns) -> Iterator[Row]:
    if not isinstance(value, dict):
        problems.add(spot.problem(Message("expected an object of columns and values")))
        return
    names = columns.ours(list(value))
    if right_columns(spot, names, problems, columns):
        named = zip(names, value.values(), strict=True)
        yield Row(spot, {column: cell for column, cell in named if column not in columns.ignored})
