"""Two signals of one rung that tell different things for hours: one of them measures something else, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from zoneinfo import ZoneInfo

from suanli.quality.history import HOUR, Figures, Finding, Hourly

APART_SHARE = 0.10
"""Of the larger one. Two honest signals, asked at different seconds, differ by a job or two."""
APART_HOURS = 6
"""A job that begins or ends, or a source that restarts, is over by then."""


def disagreement(
    fleet: Sequence[Hourly], _zone: ZoneInfo, share: float = APART_SHARE, hours: int = APART_HOURS
) -> list[Finding]:
    """Some rung of a pool is more than `share` apart in each of so many hours in a row."""
    return [finding for series in fleet if series.second for finding in _apart(series, share, hours)]


def _apart(series: Hourly, share: float, hours: int) -> Iterator[Finding]:
    rungs: dict[str, tuple[Figures, Figures]] = {
        rung: (getattr(series, rung), second) for rung, second in series.second.items()
    }
    wrong = [
        frozenset(rung for rung, (one, other) in rungs.items() if _differ(one[place], other[place], share))
        for place in range(len(series.hours))
    ]
    for run in _runs(series.hours, wrong):
        if len(run) >= hours:
            names = sorted(frozenset().union(*(wrong[place] for place in run)))
            told = "; ".join(f"{rung}: {_means(*rungs[rung], run=run)}" for rung in names)
            since, until = series.hours[run[0]], series.hours[run[-1]] + HOUR
            reason = f"two signals tell different things, on average {told}: which of them measures it?"
            yield Finding(series.site, series.pool, "disagreement", since, until, reason)


def _differ(one: float | None, other: float | None, share: float) -> bool:
    return one is not None and other is not None and abs(one - other) > share * max(one, other)


def _runs(hours: Sequence[int], wrong: Sequence[frozenset[str]]) -> Iterator[list[int]]:
    """Places of hours in a row in which something differs."""
    places = [place for place in range(len(hours)) if wrong[place]]
    for _, run in groupby(enumerate(places), key=lambda pair: hours[pair[1]] // HOUR - pair[0]):
        yield [place for _, place in run]


def _means(source: Figures, second: Figures, run: Sequence[int]) -> str:
    """Over the hours in which both are known."""
    pairs = [
        (one, other) for place in run if (one := source[place]) is not None and (other := second[place]) is not None
    ]
    means = [sum(figures) / len(pairs) for figures in zip(*pairs, strict=True)]
    return f"{means[0]:.6g} PFLOPS by the source and {means[1]:.6g} by the second"
