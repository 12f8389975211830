"""What kind of file it is, and whether it may be opened: decided by its first bytes and its zip's list of contents."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

MAX_BYTES = 20 * 2**20
"""Of the file, and of all that it unpacks to."""
MAX_PARTS = 2000
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SUFFIXES = {".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".et", ".ods", ".csv", ".tsv"}
_SAVE = Message("open it in the spreadsheet program and save it as .xlsx")
_PARTS = {
    "xl/externalLinks/": Message("has links to other workbooks: break them (Data, Edit links) and save it again"),
    "xl/vbaProject": Message("has macros: {advice}", advice=_SAVE),
    "xl/workbook.bin": Message("is an .xlsb: {advice}", advice=_SAVE),
    "content.xml": Message("is an OpenDocument spreadsheet: {advice}", advice=_SAVE),
}


def is_sheet(path: Path) -> bool:
    """Whether it is meant as a spreadsheet: by its name, or by how it begins."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(8).startswith((_ZIP, _OLE))
    except OSError:
        return False


def contents(path: Path) -> io.BytesIO:
    """The file, in memory, once it is known to be an .xlsx that is safe to open; else an InputError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(_too_large(path))
        data = path.read_bytes()
    except OSError as error:
        raise InputError(Problem(Message("cannot be read: {why}", why=error.strerror), str(path))) from None
    if fault := fault_of(data, path.suffix.lower()):
        raise InputError(Problem(fault, str(path)))
    return io.BytesIO(data)


def fault_of(data: bytes, suffix: str = ".xlsx") -> str | None:
    """Why these bytes are no .xlsx that is opened; None where they are one."""
    if data.startswith(_OLE):
        return Message("is an old .xls, or has a password: {advice}, without a password", advice=_SAVE)
    if not data.startswith(_ZIP):
        return (
            Message("is CSV, which has no types: {advice}", advice=_SAVE)
            if suffix in {".csv", ".tsv"}
            else Message("is no .xlsx: {advice}", advice=_SAVE)
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _zip_fault(archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return Message("is damaged: {advice}", advice=_SAVE)


def _zip_fault(parts: list[zipfile.ZipInfo]) -> str | None:
    names = [part.filename for part in parts]
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_BYTES:
        return Message(
            "unpacks to more than {most} MiB or {parts:,} parts: leave only the sheet of capacity in it",
            most=MAX_BYTES >> 20,
            parts=MAX_PARTS,
        )
    if any(part.flag_bits & 1 for part in parts):
        return Message("is a zip with a password: save it without one")
    for start, fault in _PARTS.items():
        if any(name.startswith(start) for name in names):
            return fault
    return None if "[Content_Types].xml" in names else Message("is a zip, but no .xlsx: {advice}", advice=_SAVE)


def _too_large(path: Path) -> Problem:
    return Problem(
        Message("larger than {most} MiB: leave only the sheet of capacity in it", most=MAX_BYTES >> 20), str(path)
    )
