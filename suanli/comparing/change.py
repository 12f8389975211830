"""What each group did to a change of the fleet's rate, between two instants or two periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from suanli.answers import KEYS, GroupBy, iso
from suanli.comparing.sums import so_far, sums_by
from suanli.config import Config
from suanli.model.calendar import month_after
from suanli.model.capacity import instant
from suanli.model.compare import Part, RatioMetric, part_of
from suanli.model.contribution import Contribution, contributions
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.rates import Terms, rates_from, total
from suanli.model.units import CANONICAL_BASIS, Basis
from suanli.period_answers import AskedPeriod
from suanli.store.sql import Store

Presence = Literal["both", "entered", "left", "began to tell", "fell silent"]
"""Whether a group counts on both sides; where it does not: it was not expected there, or it did not tell."""


@dataclass(frozen=True, slots=True)
class AskedChange:
    """before, after: UTC seconds. months: the whole months of the configured zone in which these lie, not instants."""

    before: int
    after: int
    months: bool = False
    metric: RatioMetric = "online_ratio"
    by: GroupBy = "site"
    basis: Basis = CANONICAL_BASIS


def change_answer(store: Store, config: Config, asked: AskedChange) -> dict[str, Any]:
    """The change and each group's part in it, which add up to it. Raises InputError unless one side is the earlier.

    Maintenance changes nothing here: these are rates as they are published. A month that still runs counts up to now.
    """
    sides = [_stretch(store, config, at, months=asked.months) for at in (asked.before, asked.after)]
    if sides[0][0] >= sides[1][0]:
        raise InputError(Problem(Message("expected a later time or month than the one it is compared with"), key="to"))
    found = [_sums(store, config, asked, *side) for side in sides]
    rows = [_side(asked, terms, *side) for terms, side in zip(found, sides, strict=True)]
    return {
        "metric": asked.metric,
        "by": asked.by,
        "basis": asked.basis,
        "before": rows[0],
        "after": rows[1],
        "change": _difference(rows[0]["ratio"], rows[1]["ratio"]),
        "groups": _groups(asked, *found),
    }


def _stretch(store: Store, config: Config, at: int, *, months: bool) -> tuple[int, int]:
    if not months:
        return at, at + 1
    lo = instant(datetime.fromtimestamp(at, config.zone).date().replace(day=1), config.zone)
    return lo, so_far(store, lo, month_after(at, config.zone))


def _sums(store: Store, config: Config, asked: AskedChange, lo: int, hi: int) -> dict[str, Terms]:
    key = KEYS[asked.by]
    found = sums_by(store, config, AskedPeriod(lo, hi, asked.by, asked.basis), lambda span: (key(span),))
    return {name: terms for (name,), terms in found.items()}


def _side(asked: AskedChange, found: Mapping[str, Terms], lo: int, hi: int) -> dict[str, Any]:
    rates = rates_from(total(list(found.values()) or [Terms()]), 0, 0, hi - lo)
    names = ("built_pflops", "online_pflops", "used_pflops", "coverage_ratio")
    span = {"from": iso(lo), "to": iso(hi), "ratio": getattr(rates, asked.metric)}
    return span | {name: getattr(rates, name) for name in names}


def _groups(asked: AskedChange, before: Mapping[str, Terms], after: Mapping[str, Terms]) -> list[dict[str, Any]]:
    """The largest part first; none where the rate is undefined on a side, for then there is no change to explain."""
    old, new = (_parts(asked, found) for found in (before, after))
    sums = [sum(part.denominator or 0.0 for part in side.values()) for side in (old, new)]
    return [
        {
            asked.by: one.group,
            **_effects(one),
            "presence": _presence(one.group, old, new, before, after),
            **_on("before", before.get(one.group, Terms()), old.get(one.group), sums[0], asked),
            **_on("after", after.get(one.group, Terms()), new.get(one.group), sums[1], asked),
        }
        for one in contributions(old, new) or ()
    ]


def _parts(asked: AskedChange, found: Mapping[str, Terms]) -> dict[str, Part]:
    """Of the groups that count: a group without a denominator has no share in the rate."""
    parts = {name: part_of(terms, asked.metric) for name, terms in found.items()}
    return {name: part for name, part in parts.items() if part.denominator}


def _effects(one: Contribution) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "group"}


def _presence(
    group: str,
    old: Mapping[str, Part],
    new: Mapping[str, Part],
    before: Mapping[str, Terms],
    after: Mapping[str, Terms],
) -> Presence:
    if group in old and group in new:
        return "both"
    absent = before if group in new else after
    expected = absent.get(group, Terms()).expected_count > 0
    if group in new:
        return "began to tell" if expected else "entered"
    return "fell silent" if expected else "left"


def _on(side: str, terms: Terms, part: Part | None, whole: float, asked: AskedChange) -> dict[str, Any]:
    """The group's own rate, its share of the denominator, and its coverage, on one side."""
    rates = rates_from(terms, 0, 0)
    return {
        f"{side}_ratio": getattr(rates, asked.metric),
        f"{side}_share": (part.denominator or 0.0) / whole if part else 0.0,
        f"{side}_coverage_ratio": rates.coverage_ratio,
    }


def _difference(old: float | None, new: float | None) -> float | None:
    return None if old is None or new is None else new - old
