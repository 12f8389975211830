"""What `/metrics` tells of the loops of this process: whether each still comes round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from suanli.model.rounds import Loop


class Loops(Collector):
    """One row for each, by the name that /healthz gives it."""

    def __init__(self, loops: Mapping[str, Loop]) -> None:
        self._loops = loops

    def describe(self) -> Iterator[Metric]:
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        told = "Seconds since this loop should have come round; 0 while it does."
        overdue = GaugeMetricFamily("suanli_loop_overdue_seconds", told, labels=["loop"])
        for name, loop in list(self._loops.items()):  # others may still be started
            overdue.add_metric([name], loop.rounds.overdue())
        yield overdue
