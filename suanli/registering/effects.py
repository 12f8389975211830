"""What a change of the ledger does to published figures: the fleet's, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from suanli.answers import iso
from suanli.config import Config
from suanli.model.calendar import day_of
from suanli.model.sample import Sample
from suanli.model.units import Basis
from suanli.period_answers import AskedPeriod, period_answer
from suanli.store.plan import Change
from suanli.store.sql import Store
from suanli.store.trial import tried

FIGURES = ("planned_pflops", "built_pflops", "online_ratio", "usage_ratio", "coverage_ratio")
Figures = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Effects:
    """What changes do to the fleet's figures on one basis. heard: samples, as if they had been recorded with them.

    The figures are of now and, where the changes reach back (`since`, UTC seconds), of the last whole month.
    """

    since: int
    basis: Basis
    config: Config
    heard: Sequence[Sample] = ()

    def tried(self, store: Store, connection: Connection, changes: list[Change]) -> Figures:
        """connection: of the transaction that is open; nothing of the changes is left in it."""
        periods = self._periods(store.now)
        before = _figures(store, periods, self.basis, self.config)
        with tried(store, connection, changes, store.now, self.heard) as changed:
            return self._beside(periods, before, _figures(changed, periods, self.basis, self.config))

    def _periods(self, now: int) -> list[tuple[int, int]]:
        return [(now, now + 1), *([last_month(now, self.config)] if self.since < now else [])]

    def _beside(self, periods: list[tuple[int, int]], before: Figures, after: Figures) -> Figures:
        return [
            {"from": iso(lo), "to": iso(hi), "basis": self.basis, "before": one, "after": other}
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
