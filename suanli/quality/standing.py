"""Figures that stand still while the world moves: a number kept by hand, and a measurement that died at 0."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from suanli.quality.history import DAY, Figures, Finding, Hourly, same, still

CONSTANT_DAYS = 3
"""A weekend's long job holds its devices for two days; a number that somebody types stands for weeks."""
SILENT_DAYS = 2
"""A short fault of a monitor heals by itself; the known case stood at 0 for weeks."""
SILENT_SHARE = 0.05
"""Of online: what the other signal must show. Less may be a few devices that are held idle, or a monitor's own load."""


def constant(fleet: Sequence[Hourly], _zone: ZoneInfo, days: int = CONSTANT_DAYS) -> list[Finding]:
    """Used is the same for days, neither 0 nor all of online, while another signal or another pool moved.

    A full pool stands still at used == online and an idle one at 0: neither tells anything. One job that holds the
    same devices for days looks the same as a number kept by hand, so the finding asks.
    """
    moves = {id(series): _moves(series.used) for series in fleet}
    fleet_moves = sorted(series.hours[place] for series in fleet for place in moves[id(series)])
    return [finding for series in fleet for finding in _constant(series, days, fleet_moves)]


def silent_zero(fleet: Sequence[Hourly], _zone: ZoneInfo, days: int = SILENT_DAYS) -> list[Finding]:
    """One signal is 0 for days while the other shows work: used beside busy, or busy beside used."""
    pairs = (("used", "busy"), ("busy", "used"))
    return [finding for series in fleet for silent, other in pairs for finding in _silent(series, days, silent, other)]


def _constant(series: Hourly, days: int, fleet_moves: list[int]) -> Iterator[Finding]:
    def tells(place: int) -> bool:
        online, used = series.online[place], series.used[place]
        return bool(used) and online is not None and not same(online, used)

    for since, until, value in still(series, series.used, tells, days * DAY):
        moved = _moved(series, since, until, fleet_moves)
        if moved:
            reason = (
                f"used is {value:.6g} PFLOPS in every hour, while {moved} changed: "
                "is it measured, or kept by hand? One long job looks the same"
            )
            yield Finding(series.site, series.pool, "constant", since, until, reason)


def _moved(series: Hourly, since: int, until: int, fleet_moves: list[int]) -> str:
    """What changed in this span, in which the pool's own used did not; empty if nothing did."""
    span = slice(bisect_left(series.hours, since), bisect_left(series.hours, until))
    for name, figures in (("online", series.online), ("busy", series.busy)):
        if _moves(figures[span]):
            return f"its {name}"
    # The first hour is where its own used came to this value, so a change counts from the next one on.
    return "used of other pools" if bisect_right(fleet_moves, since) < bisect_left(fleet_moves, until) else ""


def _moves(figures: Figures) -> list[int]:
    """Places of figures that differ from the last known one before."""
    found, before = [], None
    for place, value in enumerate(figures):
        if value is not None and before is not None and not same(value, before):
            found.append(place)
        before = before if value is None else value
    return found


def _silent(series: Hourly, days: int, silent: str, other: str) -> Iterator[Finding]:
    shows: Figures = getattr(series, other)

    def tells(place: int) -> bool:
        online, work = series.online[place], shows[place]
        return online is not None and work is not None and work > SILENT_SHARE * online

    for since, until, value in still(series, getattr(series, silent), tells, days * DAY):
        if value == 0:
            reason = f"{silent} is 0 in every hour, while {other} is not: has what measures {silent} stopped?"
            yield Finding(series.site, series.pool, "silent-zero", since, until, reason)
