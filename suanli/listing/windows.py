"""Maintenance windows as a listing."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from suanli.answers import iso
from suanli.listing.times import iso_or_none
from suanli.model.calendar import DAY
from suanli.store.sql import Store
from suanli.store.windows import RecordedWindow, windows

_NEXT = 3
_LOOKED_AHEAD = 5 * 366 * DAY


def window_rows(
    store: Store,
    zone: ZoneInfo,
    lo: int,
    hi: int,
    *,
    as_of: int | None = None,
    everything: bool = False,
    reaching: bool = False,
) -> list[dict[str, Any]]:
    """Maintenance windows; `excluded_ratio` is the share of the seconds of [lo, hi) that a window takes out.

    reaching: only those with an occurrence in [lo, hi). everything: also what was said of them before.
    """
    with store.reading() as connection:
        found = windows(connection, as_of, everything=everything)
    now = store.now
    return [window_row(one, zone, lo, hi, now) for one in found if not reaching or one.stretches(lo, hi, zone)]


def window_row(one: RecordedWindow, zone: ZoneInfo, lo: int, hi: int, now: int) -> dict[str, Any]:
    """One of them; `next` are its occurrences that come first."""
    excludes = one.counts and one.policy == "exclude"
    taken = sum(min(end, hi) - max(start, lo) for start, end in one.stretches(lo, hi, zone)) if excludes else 0
    return {
        "id": one.id,
        "site": one.site,
        "pool": one.pool,
        "from": iso(one.start),
        "until": iso(one.end),
        "rule": one.rule,
        "policy": one.policy,
        "reason": one.reason,
        "approved_at": iso_or_none(one.approved_at),
        "approved_by": one.approved_by,
        "ended_at": iso_or_none(one.cut_at),
        "next": [{"from": iso(start), "until": iso(end)} for start, end in _next(one, zone, now)],
        "excluded_ratio": taken / (hi - lo),
        "recorded_at": iso(one.recorded_at),
        "superseded_at": iso_or_none(one.superseded_at),
    }


def _next(one: RecordedWindow, zone: ZoneInfo, now: int) -> list[tuple[int, int]]:
    """The three occurrences that are on or to come first. Of frequent ones a few days are enough to look through."""
    since = max(now, one.start)
    near = one.stretches(since, since + 4 * DAY, zone)
    return (near if len(near) >= _NEXT else one.stretches(since, since + _LOOKED_AHEAD, zone))[:_NEXT]
