"""Rates, coverage and bounds worked out by hand with exact fractions, from plain tuples.

Deliberately naive: it shares no code with the product, and its bounds are found by trying the corners.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import NamedTuple


class Row(NamedTuple):
    """One pool: figures are floats as recorded, None is unknown."""

    site: str
    status: str
    planned: float | None
    built: float | None
    online: float | None
    used: float | None
    busy: float | None


@dataclass(frozen=True)
class Answer:
    """Exact; None is undefined or unknown."""

    planned: Fraction | None
    built: Fraction | None
    online: Fraction | None
    used: Fraction | None
    busy: Fraction | None
    online_ratio: Fraction | None
    usage_ratio: Fraction | None
    overall_ratio: Fraction | None
    coverage_ratio: Fraction | None
    online_low: Fraction | None
    online_high: Fraction | None
    usage_low: Fraction | None
    usage_high: Fraction | None
    sites_expected: int
    sites_heard: int


def answer(rows: Sequence[Row]) -> Answer:
    expected, heard, telling = [], [], []
    for row in rows:
        if row.status == "operational" and row.built is not None and row.built > 0:
            expected.append(row)
            if row.online is not None:
                heard.append(row)
                if row.used is not None:
                    telling.append(row)
    planned = total([row.planned for row in rows if row.status != "retired"])
    built = total([row.built for row in expected])
    online = total([row.online for row in heard])
    used = total([row.used for row in telling])
    busy = None if any(row.busy is None for row in telling) else total([row.busy for row in telling])
    heard_built = total([row.built for row in heard])
    corners = list(rates_of_corners(expected))
    usage = divided(used, total([row.online for row in telling]))
    onlines = [one for one, _ in corners if one is not None]
    usages = [one for _, one in corners if one is not None] + [one for one in [usage] if one is not None]
    return Answer(
        planned=planned,
        built=built,
        online=online,
        used=used,
        busy=busy,
        online_ratio=divided(online, built),
        usage_ratio=usage,
        overall_ratio=divided(used, built),
        coverage_ratio=None if built is None else (heard_built or Fraction(0)) / built,
        online_low=min(onlines, default=None),
        online_high=max(onlines, default=None),
        usage_low=min(usages, default=None),
        usage_high=max(usages, default=None),
        sites_expected=len({row.site for row in expected}),
        sites_heard=len({row.site for row in heard}),
    )


def rates_of_corners(expected: Sequence[Row]) -> Iterator[tuple[Fraction | None, Fraction | None]]:
    """Online-rate and usage-rate if all that is silent were at 0, or online and idle, or online and full.

    For online: silent pools at 0 and full. For usage: silent pools full of devices, with none or all of them used.
    """
    built = total([row.built for row in expected])
    for full, busy in product((0, 1), (0, 1)):
        onlines, asked, used = Fraction(0), Fraction(0), Fraction(0)
        for row in expected:
            silent = row.online is None
            most = Fraction(row.built or 0) if row.online is None else Fraction(row.online)
            onlines += most if not silent else most * full
            asked += most
            if silent or row.used is None:
                used += most * busy
            else:
                used += Fraction(row.used)
        yield divided(onlines, built), divided(used, asked)


def total(values: Sequence[float | None]) -> Fraction | None:
    known = [Fraction(value) for value in values if value is not None]
    if not known:
        return None
    result = Fraction(0)
    for value in known:
        result += value
    return result


def divided(above: Fraction | None, below: Fraction | None) -> Fraction | None:
    if above is None or below is None or below == 0:
        return None
    return above / below
