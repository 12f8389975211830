"""How far pools have come on their way to being online: looked up now and then, as it takes a look into the history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from suanli.comparing import funnel_answer
from suanli.model.errors import SuanliError
from suanli.model.rounds import Rounds
from suanli.model.units import BASES
from suanli.store.sql import Store

EVERY = 900.0
_log = logging.getLogger("suanli.stages")
_LEAVES = {"planned": "to_built", "built": "to_online"}
"""The stages in which a pool can wait, and the answer's word for the way out of each."""


class Stages(Collector):
    """What was found at the last look; nothing before the first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, dict[str, Any]] = {}
        self.rounds = Rounds()

    def stop(self) -> None:
        self.rounds.stop()

    async def run(self) -> None:
        """Look again and again until `stop`, each time in a thread."""
        async for _ in self.rounds.every(EVERY):
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """The funnel as it is now, of every basis of which there are pools; the one before stays if that fails."""
        now = self._store.now
        bases = {one.basis for one in self._store.states_now(now)}
        try:
            self._found = {basis: funnel_answer(self._store, now, basis) for basis in BASES if basis in bases}
        except SuanliError as error:
            _log.warning("how far pools have come is looked up again later: %s", error)

    def describe(self) -> Iterator[Metric]:
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        keys, names = ["basis", "stage"], ["site", "pool", "stage"]
        pools = GaugeMetricFamily("suanli_commissioning_waiting_pools", "Pools that wait in a stage.", labels=keys)
        power = GaugeMetricFamily("suanli_commissioning_waiting_pflops", "PFLOPS that wait in a stage.", labels=keys)
        middle = GaugeMetricFamily("suanli_commissioning_median_days", "Median days in a stage.", labels=keys)
        longest = GaugeMetricFamily("suanli_commissioning_longest_days", "Longest days in a stage.", labels=keys)
        each = GaugeMetricFamily("suanli_pool_waiting_days", "Days that a pool has waited in a stage.", labels=names)
        for basis, funnel in self._found.items():
            for stage, out in _LEAVES.items():
                stuck = [one for one in funnel["stuck"] if one["stage"] == stage]
                pools.add_metric([basis, stage], funnel[out]["still"])
                _add(power, [basis, stage], _known([one["pflops"] for one in stuck]))
                _add(middle, [basis, stage], funnel[out]["median_days"])
                _add(longest, [basis, stage], funnel[out]["longest_days"])
                for one in stuck:
                    each.add_metric([one["site"], one["pool"], stage], one["days"])
        yield from (pools, power, middle, longest, each)


def _known(figures: list[float | None]) -> float | None:
    """The sum of what is known; 0 where nobody waits, and unknown where those who wait are."""
    known = [one for one in figures if one is not None]
    return sum(known) if known or not figures else None


def _add(family: GaugeMetricFamily, labels: list[str], value: float | None) -> None:
    if value is not None:
        family.add_metric(labels, value)
