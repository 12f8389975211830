"""A JSON answer -> samples, by compiled JMESPath expressions. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jmespath

from collectors.amounts import Amounts, number_of, samples_of_amounts
from collectors.base import Unreadable
from collectors.matching import pool_of
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.model.units import Unit

Search = Callable[[Any], Any]
_PLAIN_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_MILLISECONDS_FROM = 1e11  # as seconds, that is the year 5138


@dataclass(frozen=True, slots=True)
class Expressions:
    """What to look up where."""

    pools: Search | None
    pool: Search | None
    rungs: tuple[tuple[str, Search], ...]
    time: Search | None

    @classmethod
    def compiled(cls, pools: str | None, fields: Mapping[str, str], time: str | None) -> Expressions:
        rungs = tuple((name, search_of(text)) for name, text in fields.items() if name != "pool")
        return cls(_optional(pools), _optional(fields.get("pool")), rungs, _optional(time))


def parse(payload: object, site: PolledSite, now: int, expressions: Expressions, unit: Unit) -> list[Sample]:
    """Samples at the source's time where an expression names it, else at `now`."""
    source_at = now if expressions.time is None else instant_of(_find(expressions.time, payload))
    amounts = Amounts()
    for item in _pools(payload, expressions.pools):
        _add(amounts, item, site, expressions)
    return samples_of_amounts(site, amounts, unit, source_at, now)


def search_of(text: str) -> Search:
    """The expression as a function. A plain dotted path, which most are, needs none of JMESPath's interpreter."""
    if not _PLAIN_PATH.fullmatch(text):
        return jmespath.compile(text).search
    keys = text.split(".")

    def search(data: Any) -> Any:
        for key in keys:
            data = data.get(key) if isinstance(data, dict) else None
        return data

    return search


def instant_of(value: object) -> int:
    """UTC seconds of seconds, milliseconds or an ISO 8601 text that says its zone; anything else is Unreadable."""
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        seconds: float | None = _iso(value)
    else:
        seconds = number_of(value)
        if seconds is not None and seconds >= _MILLISECONDS_FROM:
            seconds /= 1000
    if seconds is None or not 0 < seconds < _MILLISECONDS_FROM:
        raise Unreadable("the answer's time is missing or no time")
    return int(seconds)


def _iso(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"the answer's time {text[:40]!r} is no ISO 8601 time") from None
    if moment.tzinfo is None:
        raise Unreadable(f"the answer's time {text[:40]!r} does not say its zone")
    return moment.timestamp()


def _pools(payload: object, pools: Search | None) -> list[Any]:
    if pools is None:
        return [payload]
    found = _find(pools, payload)
    if not isinstance(found, list):
        raise Unreadable("the answer has no list of pools where `pools` points")
    return found


def _add(amounts: Amounts, item: Any, site: PolledSite, expressions: Expressions) -> None:
    name = "" if expressions.pool is None else str(_find(expressions.pool, item) or "")
    pool = pool_of(site, "pool", name)
    if pool is None:
        amounts.strangers.add(name[:60] or "a pool without a name")
        return
    for rung, search in expressions.rungs:
        amounts.add(pool.id, rung, number_of(_find(search, item)))


def _find(search: Search, data: object) -> Any:
    try:
        return search(data)
    except (ValueError, TypeError, ArithmeticError) as error:  # its own errors, and Python's, e.g. of ceil(nan)
        raise Unreadable(f"an expression does not fit the answer: {str(error)[:120]}") from None


def _optional(text: str | None) -> Search | None:
    return None if text is None else search_of(text)
