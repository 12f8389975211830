"""Suanli's own metrics, by prometheus-client: polls, durations, sinks, quarantine, room, the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.forwarder import Forwarder
from suanli import __version__
from suanli.model.polled import PollOutcome
from suanli.quality.inspections import INSPECTIONS
from suanli.store.space import free_bytes, size_bytes
from suanli.store.sql import Store

_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class OwnMetrics:
    """One registry of this process; nothing is registered globally."""

    def __init__(self, store: Store, forwarders: Iterable[Forwarder], clock: Callable[[], float] = time.time) -> None:
        # Else each counter has a second series that nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the package types a part of itself
        self.registry = CollectorRegistry(auto_describe=True)
        self._polls = Counter("suanli_site_polls", "Polls by result.", ("site", "result"), registry=self.registry)
        self._seconds = Histogram(
            "suanli_poll_duration_seconds", "How long polls take.", buckets=_BUCKETS, registry=self.registry
        )
        build = Gauge("suanli_build_info", "This program.", ("version",), registry=self.registry)
        build.labels(__version__).set(1)
        self.registry.register(_Sinks(store, list(forwarders), clock))
        self.registry.register(_Doubts(store, clock))
        self.registry.register(_Room(store))
        ProcessCollector(registry=self.registry)

    def note(self, outcome: PollOutcome) -> None:
        self._polls.labels(outcome.site, outcome.result).inc()
        self._seconds.observe(outcome.seconds)


class _Sinks(Collector):
    """How far each sink is behind; read from the store at each scrape."""

    def __init__(self, store: Store, forwarders: list[Forwarder], clock: Callable[[], float]) -> None:
        self._store, self._forwarders, self._clock = store, forwarders, clock

    def collect(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily("suanli_sink_lag_seconds", "Age of the oldest sample not yet sent.", labels=["sink"])
        pending = GaugeMetricFamily("suanli_sink_pending_samples", "Samples not yet sent.", labels=["sink"])
        refused = CounterMetricFamily("suanli_sink_rejected_samples", "Samples that the sink refused.", labels=["sink"])
        shut = GaugeMetricFamily("suanli_sink_shut", "1 while the sink does not let us in.", labels=["sink"])
        for forwarder in self._forwarders:
            name = forwarder.sink.name
            count, oldest = self._store.pending(name)
            pending.add_metric([name], count)
            lag.add_metric([name], 0.0 if oldest is None else max(0.0, self._clock() - oldest))
            refused.add_metric([name], forwarder.health.refused)
            shut.add_metric([name], forwarder.health.shut)
        yield from (lag, pending, refused, shut)


class _Doubts(Collector):
    """What was held at the entrance, and what the look over the history found."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock

    def collect(self) -> Iterator[Metric]:
        held = CounterMetricFamily(
            "suanli_quarantined_samples", "Samples and figures that went to quarantine, by check.", labels=["reason"]
        )
        for check, count in sorted(self._store.quarantined().items()):
            held.add_metric([check], count)
        now = int(self._clock())
        found = [one.check for one in self._store.findings if one.open_at(now)]
        doubts = GaugeMetricFamily("suanli_findings", "Findings that are open, by check.", labels=["check"])
        for inspection in INSPECTIONS:
            doubts.add_metric([inspection.name], found.count(inspection.name))
        yield from (held, doubts)


class _Room(Collector):
    """What the record takes, and what is left for it; asked at each scrape. What cannot be found out has no row."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        size = GaugeMetricFamily("suanli_store_size_bytes", "What the record takes.")
        free = GaugeMetricFamily("suanli_store_free_bytes", "What may still be written where the record lies.")
        for family, value in ((size, size_bytes(self._store.engine)), (free, free_bytes(self._store.engine))):
            if value is not None:
                family.add_metric([], value)
        yield from (size, free)
