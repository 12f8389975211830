"""Figures over a period worked out second by second with exact fractions, from plain recorded rows.

Deliberately naive: it shares no code with the product. Every whole second is looked at by itself; seconds that turn out
to be equal are only added up together, as so many times the same fraction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from tests.oracle.recorded import (
    EntryEvent,
    PoolFacts,
    SampleEvent,
    SiteFacts,
    State,
    View,
    WindowEvent,
    World,
    known,
    state,
    state_of,
    word_of,
)

__all__ = [
    "Answer",
    "EntryEvent",
    "Extremes",
    "PoolFacts",
    "Question",
    "SampleEvent",
    "SiteFacts",
    "State",
    "Terms",
    "WindowEvent",
    "World",
    "extremes",
    "instant",
    "period",
    "rates",
    "series",
    "state",
    "terms",
]

Group = Literal["fleet", "province", "operator", "site", "pool", "model", "vendor"]
Seconds = Counter[tuple[State, ...]]
"""What a group's pools were at each second, and how many seconds were just so."""


class Question(NamedTuple):
    """as_of None: what is current. vendors: from a model to its vendor, needed for the group `vendor` only."""

    as_of: int | None = None
    view: View = "include"
    basis: str = "fp16"
    group: Group = "fleet"
    vendors: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Terms:
    """Sums over pools and seconds, in PFLOPS-seconds; None where nobody contributes. The counts are pool-seconds."""

    planned: Fraction | None = None
    built: Fraction | None = None
    heard: Fraction | None = None
    online: Fraction | None = None
    used: Fraction | None = None
    told_online: Fraction | None = None
    busy: Fraction | None = None
    busy_used: Fraction | None = None
    excluded: Fraction | None = None
    count_expected: int = 0
    count_heard: int = 0
    count_used: int = 0
    count_busy: int = 0

    def __add__(self, other: Terms) -> Terms:
        return Terms(*(_plus(one, more) for one, more in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, seconds: int) -> Terms:
        return Terms(*(_times(one, seconds) for one in astuple(self)))


class Answer(NamedTuple):
    """busy: only where every pool-second that has `used` has `busy`; what is known of it is in terms.busy.

    rates: see `rates`. The means are over the seconds at which the group's rate is defined.
    """

    terms: Terms
    rates: dict[str, Fraction | None]
    busy: Fraction | None
    excluded: Fraction | None
    time_coverage: Fraction | None
    online_ratio_mean: Fraction | None
    usage_ratio_mean: Fraction | None
    sites_expected: int
    sites_heard: int


class Extremes(NamedTuple):
    """Least and greatest figure of a pool while its word was fresh; None when it was never known."""

    online: tuple[float, float] | None
    used: tuple[float, float] | None
    busy: tuple[float, float] | None


def terms(world: World, lo: int, hi: int, question: Question) -> dict[str, Terms]:
    """The terms over the seconds lo, lo + 1, ... hi - 1 of every group that had a registered pool in one of them.

    The group `fleet` is named so and always there; that of a pool is `site/id`.
    """
    return {name: _added(seconds) for name, seconds in _seconds(world, lo, hi, question).items()}


def rates(sums: Terms) -> dict[str, Fraction | None]:
    """Ratios of sums and their bounds, of an instant or of a period; None is undefined or unknown."""
    built, heard, online, told, used = (
        one or Fraction(0) for one in (sums.built, sums.heard, sums.online, sums.told_online, sums.used)
    )
    silent = built - heard
    unsure = silent + online - told
    usage = _ratio(sums.used, sums.told_online)
    ends = [_ratio(used, online + silent), _ratio(used + unsure, online + silent), usage]
    usages = [one for one in ends if one is not None]
    return {
        "online_ratio": _ratio(sums.online, sums.built),
        "usage_ratio": usage,
        "overall_ratio": _ratio(sums.used, sums.built),
        "coverage_ratio": _ratio(heard, sums.built),
        "online_ratio_low": _ratio(online, sums.built),
        "online_ratio_high": _ratio(online + silent, sums.built),
        "usage_ratio_low": min(usages, default=None),
        "usage_ratio_high": max(usages, default=None),
    }


def period(world: World, lo: int, hi: int, question: Question) -> dict[str, Answer]:
    """An answer for each group, over the seconds lo to hi - 1."""
    return {name: _answer(seconds) for name, seconds in _seconds(world, lo, hi, question).items()}


def instant(world: World, t: int, question: Question) -> dict[str, Answer]:
    """One second: its PFLOPS-seconds are PFLOPS."""
    return period(world, t, t + 1, question)


def series(world: World, cuts: Sequence[int], question: Question) -> list[dict[str, Answer]]:
    """One period for each two neighbouring cuts."""
    return [period(world, lo, hi, question) for lo, hi in pairwise(cuts)]


def extremes(world: World, pool: str, lo: int, hi: int, as_of: int | None) -> Extremes:
    """Whatever is registered, expected or under maintenance: only what the pool's own fresh words say."""
    seen = known(world, as_of)
    fresh = [word for t in range(lo, hi) if (word := word_of(seen, pool, t, "include")) is not None]
    return Extremes(
        _ends([word.online for word in fresh]),
        _ends([word.used for word in fresh]),
        _ends([word.busy for word in fresh]),
    )


def _seconds(world: World, lo: int, hi: int, question: Question) -> dict[str, Seconds]:
    seen = known(world, question.as_of)
    result: dict[str, Seconds] = {"fleet": Counter()} if question.group == "fleet" else {}
    for t in range(lo, hi):
        groups: dict[str, list[State]] = {}
        for pool in sorted(seen.pools):
            one = state_of(seen, pool, t, question.view)
            if one is not None and one.basis == question.basis:
                groups.setdefault(_group(one, question), []).append(one)
        for name, states in groups.items():
            result.setdefault(name, Counter())[tuple(states)] += 1
    return result


def _group(one: State, question: Question) -> str:
    if question.group == "fleet":
        return "fleet"
    if question.group == "pool":
        return f"{one.site}/{one.id}"
    if question.group == "vendor":
        return question.vendors[one.model]
    return str(getattr(one, question.group))


def _added(seconds: Seconds) -> Terms:
    return sum((_terms_of(states) * count for states, count in seconds.items()), Terms())


def _terms_of(states: Sequence[State]) -> Terms:
    """The terms of these pools at one second."""
    expected = [one for one in states if one.expected]
    heard = [one for one in expected if one.online is not None]
    told = [one for one in heard if one.used is not None]
    busy = [one for one in told if one.busy is not None]
    return Terms(
        planned=_sum(one.planned for one in states if one.status != "retired"),
        built=_sum(one.built for one in expected),
        heard=_sum(one.built for one in heard),
        online=_sum(one.online for one in heard),
        used=_sum(one.used for one in told),
        told_online=_sum(one.online for one in told),
        busy=_sum(one.busy for one in busy),
        busy_used=_sum(one.used for one in busy),
        excluded=_sum(one.built for one in states if one.excluded),
        count_expected=len(expected),
        count_heard=len(heard),
        count_used=len(told),
        count_busy=len(busy),
    )


def _answer(seconds: Seconds) -> Answer:
    sums = _added(seconds)
    everyone = [one for states in seconds for one in states if one.expected]
    coverage = _ratio(Fraction(sums.count_heard), Fraction(sums.count_expected))
    return Answer(
        terms=sums,
        rates=rates(sums),
        busy=sums.busy if sums.count_busy == sums.count_used else None,
        excluded=sums.excluded,
        time_coverage=coverage,
        online_ratio_mean=_mean(seconds, "online_ratio"),
        usage_ratio_mean=_mean(seconds, "usage_ratio"),
        sites_expected=len({one.site for one in everyone}),
        sites_heard=len({one.site for one in everyone if one.online is not None}),
    )


def _mean(seconds: Seconds, rate: str) -> Fraction | None:
    each = [(rates(_terms_of(states))[rate], count) for states, count in seconds.items()]
    defined = [(one, count) for one, count in each if one is not None]
    return _ratio(sum((one * n for one, n in defined), Fraction(0)), Fraction(sum(n for _, n in defined)))


def _sum(values: Iterable[float | None]) -> Fraction | None:
    """Of what is known; None when nothing is."""
    figures = [Fraction(one) for one in values if one is not None]
    return sum(figures, Fraction(0)) if figures else None


def _plus(one: Any, more: Any) -> Any:
    return more if one is None else one if more is None else one + more


def _times(one: Any, seconds: int) -> Any:
    return None if one is None else one * seconds


def _ends(values: Sequence[float | None]) -> tuple[float, float] | None:
    figures = [one for one in values if one is not None]
    return (min(figures), max(figures)) if figures else None


def _ratio(above: Fraction | None, below: Fraction | None) -> Fraction | None:
    return None if above is None or below is None or below == 0 else above / below
