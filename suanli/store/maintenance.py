"""What approved maintenance windows do to the pools' spans: rule 7. The windows themselves are kept in windows.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from suanli.registry.timeline import Stop, Timeline, maintained
from suanli.store.windows import RecordedWindow, add_window, approve_window, end_window, windows

__all__ = ["RecordedWindow", "add_window", "approve_window", "end_window", "under_maintenance", "windows"]


def under_maintenance(
    connection: Connection, timelines: Iterable[Timeline], lo: int, hi: int, zone: ZoneInfo, as_of: int | None = None
) -> list[Timeline]:
    """The pools with their spans cut by the approved windows that reach into [lo, hi)."""
    approved = [one for one in windows(connection, as_of) if one.counts]
    if not approved:
        return list(timelines)
    since = _led_back(approved, lo, zone)
    stops = [(one.pool_key, _stop(one, *part)) for one in approved for part in one.stretches(since, hi, zone)]
    return [
        maintained(timeline, [stop for key, stop in stops if key in (None, timeline.key)]) if stops else timeline
        for timeline in timelines
    ]


def _led_back(approved: Sequence[RecordedWindow], lo: int, zone: ZoneInfo) -> int:
    """How far back windows that hold lead: each holds what was before it, which another may have held."""
    while True:
        starts = [start for one in approved for start, _ in one.stretches(lo - 1, lo + 1, zone)]
        if min(starts, default=lo) >= lo:
            return lo - 1
        lo = min(starts)


def _stop(one: RecordedWindow, lo: int, hi: int) -> Stop:
    return Stop(lo, hi, one.policy == "hold", None if one.pool_key is not None else one.site)
