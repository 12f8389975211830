"""What a cell says: a value of a spreadsheet in, text, a day, a number or a word out; ValueError says what is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any

from openpyxl.utils.escape import unescape

from suanli.model.message import Message
from suanli.registry.sheet.columns import Column, folded

LONGEST = 32_767
"""Characters in one cell: more than that no spreadsheet holds."""
YEARS = range(1970, 2200)
_MOST = 1e15  # an int of a thousand digits is no float
# The same as suanli.model.site.Name refuses: they could break a label, a tag, a CSV cell or a terminal.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUMS = re.compile(r"[总合小]\s*计|(sub)?total", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?(e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
_DAY = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})[日号])"
)
_MONTH = re.compile(r"(\d{4})(?:-(\d{1,2})|年(\d{1,2})月)")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def read(column: Column, value: object) -> Any:
    """The value of a filled cell under this column."""
    if isinstance(value, bool):
        raise ValueError(
            Message("is {value}; expected {expected}", value=str(value).upper(), expected=_EXPECTED[column.kind])
        )
    if isinstance(value, str):
        value = safe(value)
    return _READERS[column.kind](column, value)


@lru_cache(maxsize=4096)
def safe(text: str) -> str:
    """The text without spaces at its ends; none with control or bidirectional characters."""
    if len(text) > LONGEST:
        raise ValueError(Message("has {count} characters; a cell holds at most {most}", count=len(text), most=LONGEST))
    plain = unescape(text).strip()
    if found := _UNSAFE.search(plain):
        raise ValueError(
            Message(
                "has a line break, control or bidirectional character (U+{code:04X}): {plain}",
                code=ord(found[0]),
                plain=shown(plain),
            )
        )
    return plain


def shown(value: object) -> str:
    """A value as a message shows it: short, and nothing in it can turn the line around."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def is_id(text: str) -> bool:
    """Whether a site or a pool can have this id."""
    return _ID.fullmatch(text.strip()) is not None


def _text(_column: Column, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    made = Message("the number") if isinstance(value, float) else Message("a date:")
    raise ValueError(
        Message(
            "the spreadsheet made {made} {value} of it; format the cell as text and write it again",
            made=made,
            value=value,
        )
    )


def _id(column: Column, value: object) -> str:
    text = _text(column, value)
    if _SUMS.search(text):
        raise ValueError(
            Message("{text} looks like a row of sums; sums are worked out, remove the row", text=shown(text))
        )
    if not is_id(text):
        raise ValueError(
            Message("an id is 1 to 63 lower-case letters, digits and hyphens, not {text}", text=shown(text))
        )
    return text


def _word(column: Column, value: object) -> str:
    word = _words(column).get(folded(value)) if isinstance(value, str) else None
    if word is None:
        raise ValueError(
            Message("expected one of {known}, not {value}", known=", ".join(column.labels()), value=shown(value))
        )
    return word


@cache
def _words(column: Column) -> dict[str, str]:
    names = {word: (word, zh, f"{word} {zh}") for word, zh in column.words.items()}
    return {folded(name): word for word, several in names.items() for name in several}


def _day(column: Column, value: object) -> date | datetime:
    if isinstance(value, datetime):
        moment = (value + timedelta(milliseconds=500)).replace(microsecond=0)
        return _in_range(moment.date() if moment.time() == time() else moment)
    if isinstance(value, date):
        return _in_range(value)
    if isinstance(value, str):
        return _in_range(_written_day(column, unicodedata.normalize("NFKC", value)))
    if isinstance(value, int | float):
        raise ValueError(
            Message("is the number {value}, not a date; format the cell as a date, or write 2026-10-01", value=value)
        )
    raise ValueError(Message("is the time {value} without a day; write 2026-10-01", value=value))


def _written_day(column: Column, text: str) -> date | datetime:
    parts = _DAY.fullmatch(text)
    whole = _MONTH.fullmatch(text)
    try:
        if parts:
            year, month, day = (int(part) for part in parts.groups() if part)
            return date(year, month, day)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
        first = date(int(whole[1]), int(whole[2] or whole[3]), 1) if whole else None
    except ValueError:
        raise ValueError(Message("{text} is no day that there is", text=shown(text))) from None
    if first is None:
        raise ValueError(Message("expected a day such as 2026-10-01 or 2026年10月1日, not {text}", text=shown(text)))
    if column.key == "until":
        raise ValueError(
            Message("{text}: its first day or its end? Write the first day that no longer counts", text=shown(text))
        )
    return first


def _in_range(day: date | datetime) -> date | datetime:
    if day.year not in YEARS:
        raise ValueError(
            Message(
                "the year is {year}; expected {first} to {last}",
                year=day.year,
                first=YEARS[0],
                last=YEARS[-1],
            )
        )
    return day


def _number(_column: Column, value: object) -> float:
    if isinstance(value, int | float) and abs(value) <= _MOST:
        return float(value)
    text = unicodedata.normalize("NFKC", value) if isinstance(value, str) else ""
    if not _NUMBER.fullmatch(text):
        raise ValueError(
            Message("expected a number such as 1024 or 12.5, without a unit, not {value}", value=shown(value))
        )
    return float(text.replace(",", ""))


def _count(column: Column, value: object) -> int:
    number = _number(column, value)
    if not number.is_integer():
        raise ValueError(Message("expected a whole number of devices, not {value}", value=shown(value)))
    return int(number)


_READERS: dict[str, Callable[[Column, object], Any]] = {
    "id": _id, "text": _text, "word": _word, "day": _day, "count": _count, "number": _number,
}  # fmt: skip
_EXPECTED = {
    "id": Message("an id"),
    "text": Message("text"),
    "word": Message("a word"),
    "day": Message("a day"),
    "count": Message("a whole number"),
    "number": Message("a number"),
}
