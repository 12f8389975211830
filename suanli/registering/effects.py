"""What a change of the ledger does to published figures: the fleet's, before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from suanli.answers import iso
from suanli.config import Config
from suanli.model.calendar import day_of
from suanli.model.units import Basis
from suanli.period_answers import AskedPeriod, period_answer
from suanli.store.plan import Change
from suanli.store.sql import Store
from suanli.store.trial import tried

FIGURES = ("planned_pflops", "built_pflops", "online_ratio", "usage_ratio", "coverage_ratio")
Figures = list[dict[str, Any]]


def effects(store: Store, changes: list[Change], since: int, basis: Basis, config: Config, *, dry_run: bool) -> Figures:
    """Carry the changes out, or only try them; what they make of the fleet's figures on this basis.

    The figures are of now and, where the changes reach back (`since`, UTC seconds), of the last whole month.
    """
    now = store.now
    periods = [(now, now + 1), *([last_month(now, config)] if since < now else [])]
    before = _figures(store, periods, basis, config)
    if dry_run:
        with tried(store, changes, now) as changed:
            after = _figures(changed, periods, basis, config)
    else:
        store.apply(changes, now)
        after = _figures(store, periods, basis, config)
    return [
        {"from": iso(lo), "to": iso(hi), "basis": basis, "before": one, "after": other}
        for (lo, hi), one, other in zip(periods, before, after, strict=True)
    ]


def last_month(now: int, config: Config) -> tuple[int, int]:
    """The last whole month of the configured zone: its first second, and the first after it."""
    hi = _month_of(now, config)
    return _month_of(hi - 1, config), hi


def _month_of(at: int, config: Config) -> int:
    return day_of(int(datetime.fromtimestamp(at, config.zone).replace(day=1, hour=12).timestamp()), config.zone)


def _figures(store: Store, periods: list[tuple[int, int]], basis: Basis, config: Config) -> Figures:
    plain = config.model_copy(update={"targets": ()})
    answers = [period_answer(store, AskedPeriod(lo, hi, basis=basis), plain) for lo, hi in periods]
    return [{name: answer["fleet"][name] for name in FIGURES} for answer in answers]
