"""An answer's bytes -> what expressions are applied to: JSON as it is, XML and CSV as the JSON they amount to. Pure."""

from __future__ import annotations

import csv
import io
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from collectors.base import Unreadable
from collectors.http_json.settings import Question

ACCEPTED = {
    "json": "application/json",
    "xml": "application/xml, text/xml;q=0.9",
    "csv": "text/csv, application/csv;q=0.9, text/plain;q=0.5",
}
_DEEPEST = 60


def decoded(body: bytes, question: Question) -> Any:
    """Unreadable for what is not of the question's format and encoding."""
    match question.format:
        case "json":
            return _json(body, question.encoding)
        case "xml":
            return _xml(body, question.encoding)
        case "csv":
            return _csv(_text(body, question.encoding), question.delimiter)


def _json(body: bytes, encoding: str | None) -> Any:
    try:
        return orjson.loads(_text(body, encoding) if encoding else body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise Unreadable("the answer is not JSON: check path, auth and format") from None


def _xml(body: bytes, encoding: str | None) -> Any:
    """An encoding that was set stands over the one that the document names; a DTD is refused, and with it entities."""
    try:
        root = fromstring(_text(body, encoding) if encoding else body, forbid_dtd=True)
    except DefusedXmlException:
        raise Unreadable(
            "the answer is XML with a DTD, which is not read: its entities could fill any memory"
        ) from None
    except (ParseError, ValueError, LookupError):  # ValueError: an encoding of many bytes, which expat cannot read
        raise Unreadable("the answer is not XML, or in another encoding: check path, auth, format, encoding") from None
    return _element(root, 0)


def _element(element: Element, depth: int) -> Any:
    """A text where there is nothing else; else attributes as `_name`, children as lists, even of one, and `_text`.

    Lists always: a list of one that looked like none of a list is how the last device of a site is lost.
    """
    if depth > _DEEPEST:
        raise Unreadable(f"the answer is XML of more than {_DEEPEST} levels")
    text = (element.text or "").strip()
    if not len(element) and not element.attrib:
        return text
    found: dict[str, Any] = {f"_{_local(name)}": value for name, value in element.attrib.items()}
    if text:
        found["_text"] = text
    for child in element:
        found.setdefault(_local(child.tag), []).append(_element(child, depth + 1))
    return found


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _csv(text: str, delimiter: str) -> list[dict[str, str]]:
    """A mapping for each row, by the first row's names; a row of another length was cut or is no row.

    Columns without a name are dropped: some servers put an empty one first.
    """
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(lines.line_num, [cell.strip() for cell in row]) for row in lines if any(map(str.strip, row))]
    except csv.Error as error:
        raise Unreadable(f"the answer is not CSV: line {lines.line_num}: {error}") from None
    named = [name for name in rows[0][1] if name] if rows else []
    if not named or len(set(named)) < len(named):
        raise Unreadable("the answer's first line does not name its columns, each once: check format and delimiter")
    names = rows[0][1]
    for line, row in rows[1:]:
        if len(row) != len(names):
            raise Unreadable(f"line {line} of the answer has {len(row)} cells, and there are {len(names)} columns")
    return [{name: cell for name, cell in zip(names, row, strict=True) if name} for _, row in rows[1:]]


def _text(body: bytes, encoding: str | None) -> str:
    try:
        return body.decode(encoding or "utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the answer is not {error.encoding} (byte {error.start}): check the encoding") from None
