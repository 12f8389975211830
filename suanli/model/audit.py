"""The audit trail: who changed what, when and why, each row bound to the one before it by a hash.

What the chain proves and what it does not: docs/decisions/0011-access.md.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.text import PLAIN

GENESIS = "0" * 64
"""What the first row follows on."""
_FORM = "suanli audit 1"
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=PLAIN)]
"""One line for a person: no control characters, none that turn the direction of writing."""


class Author(BaseModel):
    """Who changes something, why, and in which request (None where there is none)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    actor: Line
    reason: Line | None = None
    request_id: Line | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is changed. action: such as `site.register`; subject: SITE or SITE/POOL, or a token's id.

    before, after: plain data, only of what changes; None where there was or will be nothing.
    """

    action: str
    subject: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the trail. at: UTC seconds; before, after: canonical JSON; hash, previous: SHA-256 in hexadecimal."""

    seq: int
    at: int
    actor: str
    action: str
    subject: str
    before: str | None
    after: str | None
    reason: str | None
    request_id: str | None
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last row, to be noted outside of the store: what was cut off later is missed by it."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parsed(cls, text: str) -> Head:
        """As it was printed, or its hash alone (seq 0); a ValueError says what was expected."""
        number, colon, hashed = text.partition(":")
        hashed = hashed if colon else number
        if len(hashed) != len(GENESIS) or (colon and not number.isdecimal()):
            raise ValueError(Message("expected NUMBER:HASH, as --verify prints it"))
        return cls(int(number) if colon else 0, hashed)


Kind = Literal["edited", "unchained", "missing", "disordered", "unreadable", "cut", "unlike"]


@dataclass(frozen=True, slots=True)
class Fault:
    """The first row at which the trail is not as it was written.

    edited: its content; unchained: it or the row before; missing: it is not there; disordered: a number comes again;
    unreadable; cut: nothing from it on, though it was counted or noted; unlike: no row is the one that was noted.
    """

    seq: int
    kind: Kind


def local_author(reason: str | None = None) -> Author:
    """The user as whom this process runs: of the operating system, as environment variables can say anything."""
    try:
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        name = str(os.getuid()) if hasattr(os, "getuid") else os.getlogin()
    author = Author(actor=f"local:{name}")
    return author if reason is None else author_of(author, reason)


def author_of(author: Author, reason: str) -> Author:
    """The same one with this reason; an InputError where it is not one line of at most 500 characters."""
    try:
        return Author(actor=author.actor, reason=reason, request_id=author.request_id)
    except ValidationError:
        raise InputError(Problem(Message("expected one line of at most 500 characters"), key="reason")) from None


def canonical(value: Any) -> str | None:
    """The one way to write this data as JSON; None stays None."""
    if value is None:
        return None
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def chained(entries: Iterable[Entry], author: Author, at: int, head: Head) -> list[Row]:
    """The rows of these entries, following on this head."""
    rows: list[Row] = []
    for entry in entries:
        seq, before, after = head.seq + 1, canonical(entry.before), canonical(entry.after)
        who = (author.reason, author.request_id, head.hash)
        told = (seq, at, author.actor, entry.action, entry.subject, before, after, *who)
        head = Head(seq, _hash(told))
        rows.append(Row(*told, hash=head.hash))
    return rows


def verify(rows: Iterable[Row | None], noted: Head | None = None, counted: int | None = None) -> Fault | None:
    """The first fault of the trail, whose rows come in the order of their numbers (None: one that cannot be read).

    noted: a head that was printed once (seq 0 when only its hash is known); counted: how many rows were ever appended.
    """
    last, met = Head(0, GENESIS), noted is None or noted.hash == GENESIS
    for row in rows:
        fault = _fault(row, last)
        if fault is not None or row is None:
            return fault
        last = Head(row.seq, row.hash)
        if noted is not None and last.seq == noted.seq and last.hash != noted.hash:
            return Fault(last.seq, "unlike")
        met = met or (noted is not None and noted.hash == last.hash)
    if last.seq < max(counted or 0, noted.seq if noted else 0):
        return Fault(last.seq + 1, "cut")
    return None if met else Fault(last.seq, "unlike")


def _fault(row: Row | None, last: Head) -> Fault | None:
    """What is wrong with the row that follows on `last`."""
    expected = last.seq + 1
    if row is None:
        return Fault(expected, "unreadable")
    if row.seq != expected:
        return Fault(expected, "missing") if row.seq > expected else Fault(row.seq, "disordered")
    if not _unedited(row):
        return Fault(expected, "edited")
    return None if row.previous == last.hash else Fault(expected, "unchained")


def _unedited(row: Row) -> bool:
    told = (row.seq, row.at, row.actor, row.action, row.subject, row.before, row.after, row.reason, row.request_id)
    try:
        return _hash((*told, row.previous)) == row.hash
    except (TypeError, ValueError):  # bytes where there was text, a lone half of a character: not what we wrote
        return False


def _hash(told: tuple[int | str | None, ...]) -> str:
    """Of a JSON list: where one field ends and the next begins, and what is a number, text or nothing, is plain."""
    return hashlib.sha256(json.dumps([_FORM, *told], separators=(",", ":")).encode("ascii")).hexdigest()
