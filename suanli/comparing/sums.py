"""The sums that comparisons are made of."""

from __future__ import annotations

from collections.abc import Callable

from suanli.config import Config
from suanli.model.rates import Terms
from suanli.period_answers import AskedPeriod
from suanli.registry.timeline import Span, run_by
from suanli.store.levels import Period
from suanli.store.maintenance import under_maintenance
from suanli.store.periods import Name, sums
from suanli.store.registry import read_record
from suanli.store.sql import Store


def sums_by(store: Store, config: Config, asked: AskedPeriod, group: Callable[[Span], Name]) -> dict[Name, Terms]:
    """Each group's terms over [asked.lo, asked.hi), in PFLOPS-seconds.

    Raises SuanliError for what cannot be told any more, because its samples are gone.
    """
    with store.reading() as connection:
        timelines = list(read_record(connection, asked.hi, asked.as_of).timelines.values())
        if asked.maintenance == "policy":
            timelines = under_maintenance(connection, timelines, asked.lo, asked.hi, config.zone, asked.as_of)
        period = Period([asked.lo, asked.hi], config.zone, asked.basis, asked.as_of)
        found = sums(connection, run_by(timelines, asked.operators), period, group)
    return {name: terms for (_, name), terms in found.items()}


def so_far(store: Store, lo: int, hi: int) -> int:
    """The end of what has passed of [lo, hi): a month that still runs is not judged by days that are yet to come."""
    return max(lo + 1, min(hi, store.now))
