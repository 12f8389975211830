"""Checks of a sample's times. The poller bounds a source's clock itself; these hold for imported samples too."""

from __future__ import annotations

from suanli.model.sample import Sample
from suanli.quality.base import Known

AHEAD_ALLOWED = 300
"""Seconds: clocks that nobody sets drift by minutes."""
FUTURE_FROM = 86_400
"""Seconds: a day ahead is no drift but another zone, unit or year; such a word would hold back every later one."""


def future(sample: Sample, known: Known) -> str | None:
    """More than a day ahead of our clock."""
    ahead = sample.source_at - known.now
    return f"its time is {ahead} s ahead of our clock" if ahead > FUTURE_FROM else None


def ahead(sample: Sample, known: Known) -> str | None:
    """Ahead by more than clocks differ, by a day at most."""
    seconds = sample.source_at - known.now
    return f"its time is {seconds} s ahead of our clock" if AHEAD_ALLOWED < seconds <= FUTURE_FROM else None


def past(sample: Sample, _known: Known) -> str | None:
    """Older at its fetching than its word holds; what a person declares or estimates is about the past by nature."""
    lag = sample.fetched_at - sample.source_at
    if sample.quality in ("declared", "estimated") or lag <= sample.max_age:
        return None
    return f"it was {lag} s old when it was fetched, and a word of this source holds {sample.max_age} s"
