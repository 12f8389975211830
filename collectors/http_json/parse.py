"""Decoded answers -> samples, by compiled JMESPath expressions. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jmespath

from collectors.amounts import Amounts, number_of, samples_of_amounts
from collectors.base import CollectError, Unreadable
from collectors.matching import briefly, pool_of
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


@dataclass(frozen=True, slots=True)
class Part:
    """What one question gave: the pages of its answer, or why there is none."""

    expressions: Expressions
    pages: list[Any]
    fault: CollectError | None = None

    @property
    def lost(self) -> str:
        """Which rungs, and why."""
        return f"{', '.join(name for name, _ in self.expressions.rungs)}: {self.fault}"


def parse(parts: Sequence[Part], site: PolledSite, now: int, unit: Unit) -> list[Sample]:
    """Samples at the oldest of the times that the answers name, else at `now`.

    A rung of which a part is missing is unknown in every pool: which pools were in it, nobody knows.
    """
    faults = [part.fault for part in parts if part.fault is not None]
    if len(faults) == len(parts):
        raise faults[0]
    amounts, times = Amounts(), list[int]()
    for part in parts:
        for page in part.pages:
            times += _times(part.expressions, page)
            for item in _pools(page, part.expressions.pools):
                _add(amounts, item, site, part.expressions)
    missing = [part for part in parts if part.fault is not None]
    for part in missing:
        _lose(amounts, part)
    found = samples_of_amounts(site, amounts, unit, min(times, default=now), now)
    return [_with_faults(sample, missing) for sample in found] if missing else found


def _times(expressions: Expressions, page: object) -> list[int]:
    return [] if expressions.time is None else [instant_of(find(expressions.time, page))]


def _lose(amounts: Amounts, part: Part) -> None:
    lost = {name for name, _ in part.expressions.rungs}
    for key in [key for key in amounts.found if key[1] in lost]:
        del amounts.found[key]


def _with_faults(sample: Sample, missing: Sequence[Part]) -> Sample:
    """Why a part is unknown stands before what else is to be said."""
    told = briefly(part.lost[:300] for part in missing[:2])
    reason = "; ".join(filter(None, (*told, sample.reason)))
    return sample.model_copy(update={"reason": reason[:900], "quality": "partial"})


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
    found = find(pools, payload)
    if not isinstance(found, list):
        raise Unreadable("the answer has no list of pools where `pools` points")
    return found


def _add(amounts: Amounts, item: Any, site: PolledSite, expressions: Expressions) -> None:
    name = "" if expressions.pool is None else str(find(expressions.pool, item) or "")
    pool = pool_of(site, "pool", name)
    if pool is None:
        amounts.strangers.add(name[:60] or "a pool without a name")
        return
    for rung, search in expressions.rungs:
        amounts.add(pool.id, rung, number_of(find(search, item)))


def find(search: Search, data: object) -> Any:
    """What an expression finds; Unreadable where it does not fit."""
    try:
        return search(data)
    except (ValueError, TypeError, ArithmeticError) as error:  # its own errors, and Python's, e.g. of ceil(nan)
        raise Unreadable(f"an expression does not fit the answer: {str(error)[:120]}") from None


def _optional(text: str | None) -> Search | None:
    return None if text is None else search_of(text)
