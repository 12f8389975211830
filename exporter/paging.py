"""Listings in pages: `limit` rows, and `next`, the cursor behind which the following page begins.

A cursor holds the place of the last row in the order of the listing, not how many came before: rows that are added or
taken away meanwhile neither repeat another row nor hide one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from suanli.model.errors import InputError, Problem

DEFAULT, MOST = 200, 1000
_LARGEST = 2**63 - 1
_MARK = 12
Key = tuple[int | str, ...]
Row = dict[str, Any]
_Limit = Annotated[int, Query(ge=1, le=MOST, description="at most so many rows")]
_Cursor = Annotated[
    str | None,
    Query(min_length=1, max_length=4096, description="the `next` of the page before; the question stays the same"),
]


@dataclass(frozen=True, slots=True)
class Page:
    """limit: rows of it; after: the key behind which it begins, None: the first page; mark: of the whole question."""

    limit: int
    after: Key | None
    mark: str

    def answer(self, name: str, rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[str, Any]:
        """This page of all rows, in the order of their keys; two of the same key come in one page."""
        try:
            later = [(key(row), row) for row in rows if self.after is None or key(row) > self.after]
        except TypeError:
            raise wrong_cursor() from None
        later.sort(key=lambda one: one[0])
        end = self.limit
        while end < len(later) and later[end][0] == later[end - 1][0]:
            end += 1
        last = later[end - 1][0] if end < len(later) else None
        return {name: [row for _, row in later[:end]], "next": None if last is None else self._cursor(last)}

    def number(self, place: int = 0) -> int | None:
        """A number of the key behind which the page begins, for the database; None on the first page."""
        if self.after is None:
            return None
        found = self.after[place] if place < len(self.after) else None
        if not isinstance(found, int) or not -_LARGEST <= found <= _LARGEST:
            raise wrong_cursor()
        return found

    def _cursor(self, key: Key) -> str:
        text = json.dumps([self.mark, *key], ensure_ascii=True, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page(request: Request, limit: _Limit = DEFAULT, cursor: _Cursor = None) -> Page:
    """The page that is asked for; an InputError for a cursor that is none, or one of another question."""
    mark = _mark(request)
    if cursor is None:
        return Page(limit, None, mark)
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        first, *key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise wrong_cursor() from None
    if first != mark or not all(type(part) in (int, str) for part in key):
        raise wrong_cursor()
    return Page(limit, tuple(key), mark)


Paged = Annotated[Page, Depends(page)]


def wrong_cursor() -> InputError:
    """What is said of a cursor that nobody gave, or gave for another question."""
    return InputError(Problem("is no cursor of this question: ask for its first page again", key="cursor"))


def _mark(request: Request) -> str:
    asked = sorted(one for one in request.query_params.multi_items() if one[0] not in ("cursor", "limit"))
    return hashlib.sha256(json.dumps([request.url.path, asked]).encode()).hexdigest()[:_MARK]
