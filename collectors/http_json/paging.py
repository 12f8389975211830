"""Asks one question, page by page, to the end: a list that may be incomplete is an error and never a smaller sum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import orjson

from collectors.answers import Answer
from collectors.base import Http, Refused, Unreadable
from collectors.http_json.decoding import ACCEPTED, decoded
from collectors.http_json.parse import find, search_of
from collectors.http_json.settings import Pages, Question
from collectors.http_json.templates import Times


@dataclass(frozen=True, slots=True)
class _Page:
    """What is asked: a path, parameters, and a body where it is a POST."""

    path: str
    params: dict[str, str] | None
    body: Any

    def with_param(self, name: str, value: str | int) -> _Page:
        """In the body where there is one, else in the query."""
        if isinstance(self.body, dict):
            return _Page(self.path, self.params, {**self.body, name: value})
        return _Page(self.path, {**(self.params or {}), name: str(value)}, None)


async def pages_of(http: Http, url: str, question: Question, times: Times) -> list[Any]:
    """Every page, decoded. url: the site's, which the addresses of further pages must lie below."""
    page: _Page | None = _first(question, times)
    seen: set[bytes] = set()
    found: list[Any] = []
    counted = 0
    while page is not None:
        if question.pages and len(found) >= question.pages.most:
            raise Unreadable(
                f"there are more than {question.pages.most} pages: raise pages.most, or ask for larger ones"
            )
        answer = await _asked(http, page, question)
        payload = decoded(answer.body, question)
        found.append(payload)
        if question.pages is None:
            return found
        items = _items(payload, question)
        counted += len(items or ())
        _not_again(seen, answer.body, items if question.pages.by in ("number", "offset") else None)
        page = _next(page, question.pages, payload, answer, items, counted, url)
    _complete(found, question, counted)
    return found


def _first(question: Question, times: Times) -> _Page:
    body = None if question.body is None else times.body(question.body)
    page = _Page(question.path, times.params(question.params) or None, body)
    pages = question.pages
    if pages and pages.param and pages.by in ("number", "offset"):
        return page.with_param(pages.param, _start(pages))
    return page


def _start(pages: Pages) -> int:
    return pages.first if pages.first is not None else 1 if pages.by == "number" else 0


async def _asked(http: Http, page: _Page, question: Question) -> Answer:
    headers = {"Accept": ACCEPTED[question.format]}
    if page.body is None:
        return await http.ask(page.path, page.params, headers)
    headers["Content-Type"] = "application/json"
    return await http.ask(page.path, page.params, headers, orjson.dumps(page.body))


def _items(payload: Any, question: Question) -> list[Any] | None:
    """The elements of this page; None where nobody said which list is counted."""
    text = (question.pages.items if question.pages else None) or question.pools
    if text is None:
        return None
    items = find(search_of(text), payload)
    if not isinstance(items, list):
        raise Unreadable("a page of the answer has no list where `items` or `pools` points")
    return items


def _not_again(seen: set[bytes], body: bytes, items: list[Any] | None) -> None:
    """An API that does not know the parameter sends its first page for ever."""
    digests = [sha256(body).digest()] if items is None else [sha256(orjson.dumps(items)).digest()] if items else []
    if not seen.isdisjoint(digests):
        raise Unreadable("a page of the answer comes again: does the API know the parameter that `pages` names?")
    seen.update(digests)


def _next(
    page: _Page, pages: Pages, payload: Any, answer: Answer, items: list[Any] | None, counted: int, url: str
) -> _Page | None:
    match pages.by:
        case "number" | "offset":
            return _counted(page, pages, payload, items or [], counted)
        case "link":
            found = _link(answer.headers.get_list("link"))
        case _:
            found = _word(find(search_of(pages.at or ""), payload))
    if found is None:
        return None
    if pages.by == "cursor":
        return page.with_param(pages.param or "", found)
    return _Page(_below(url, page.path, found), None, page.body)


def _counted(page: _Page, pages: Pages, payload: Any, items: list[Any], counted: int) -> _Page | None:
    """The end is an empty page, or the total."""
    if not items or (pages.total is not None and counted >= _total(pages, payload)):
        return None
    name = pages.param or ""
    held = page.body[name] if isinstance(page.body, dict) else (page.params or {})[name]
    return page.with_param(name, int(held) + 1 if pages.by == "number" else _start(pages) + counted)


def _word(value: Any) -> str | None:
    """An address or a cursor; nothing in one of the usual ways is the end."""
    if value is None or value is False or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unreadable("where `pages.at` points is neither a text nor nothing")
    return str(value)


def _link(headers: Iterable[str]) -> str | None:
    """The address of rel=next (RFC 8288)."""
    response = httpx.Response(200, headers=[("link", text) for text in headers])
    return response.links.get("next", {}).get("url")


def _below(url: str, path: str, address: str) -> str:
    """The path below the site's url of a further page; what lies elsewhere must not get our credentials."""
    base = url.rstrip("/")
    whole = urljoin(f"{base}/{path.lstrip('/')}" if path else url, address)
    parts, own = urlsplit(whole), urlsplit(base)
    if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
        raise Refused(
            f"the next page is said to be at {parts.scheme}://{parts.netloc[:100]}: the site's url is elsewhere"
        )
    rest = whole.split("#")[0].removeprefix(base)
    if not whole.startswith(base) or not rest.startswith(("/", "?")):
        raise Refused(f"the next page ({parts.path[:100]}) is not below the site's url: make that shorter")
    return rest if rest.startswith("/") else f"/{rest}"


def _complete(found: list[Any], question: Question, counted: int) -> None:
    if question.pages is None or question.pages.total is None:
        return
    total = _total(question.pages, found[-1])
    if counted != total:
        raise Unreadable(f"the list is incomplete: {counted} elements came of {total}")


def _total(pages: Pages, payload: Any) -> int:
    value = find(search_of(pages.total or ""), payload)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:19])
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unreadable("where `pages.total` points is no number of elements")
    return value
