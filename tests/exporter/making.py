"""What the exporter's tests serve and send: a store with figures, and sinks that are made up."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.api import Served
from exporter.base import Rejected, Retry
from exporter.exposition import Family
from exporter.lineprotocol import lines_of
from exporter.own import OwnMetrics
from exporter.prometheus import Exposition
from suanli.alerts.evaluator import Evaluator
from suanli.config import Config
from suanli.model.polled import PollOutcome
from suanli.registering.office import Office
from suanli.registering.served import ServedDesk
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Batch, Store
from tests.suanli.making import T0, a_pool, a_sample, a_site, built

SITES = (
    a_site("a", a_pool("p", built(100.0)), name='a "quoted" \\ name', operator="运营, 方=一"),
    a_site("b", a_pool("p", built(100.0)), a_pool("q", built(50.0), basis="fp64")),
    a_site("c", a_pool("p", built(0.0)), status="planned"),
)


def heard(store: Store, at: int = T0) -> None:
    """All of it is told."""
    pools = [("a", "p"), ("b", "p"), ("b", "q")]
    store.append([a_sample(at, 80.0, 40.0, site=site, pool=pool) for site, pool in pools])


def outcome(site: str, result: str = "ok", at: int = T0, reason: str = "") -> PollOutcome:
    return PollOutcome(site, at, result, 0.01, reason)


class Rendering(Exposition):
    """Counts how often the gauges are worked out."""

    rendered = 0

    def __init__(self, store: Store, outcomes: Outcomes | None = None, config: Config | None = None) -> None:
        self.outcomes = outcomes or Outcomes()
        self.own = OwnMetrics(store, [])
        self.checks = Outcomes()
        settings = config or Config()
        self.evaluator = Evaluator(store, settings, self.outcomes)
        super().__init__(store, self.outcomes, self.checks, self.own, settings, self.evaluator)

    def sites(self, now: int) -> bytes:
        before = self._text
        after = super().sites(now)
        self.rendered += before is not after
        return after


class _Given(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        for name, help_, rows in self._families:
            if rows:
                gauge = GaugeMetricFamily(name, help_, labels=[label for label, _ in rows[0][0]])
                for labels, value in rows:
                    gauge.add_metric([text for _, text in labels], value)
                yield gauge


def as_prometheus_client_prints(families: Iterable[Family]) -> bytes:
    """The same families through prometheus-client itself."""
    registry = CollectorRegistry()
    registry.register(_Given(families))
    return generate_latest(registry)


class FakeSink:
    """NOT a real database: a dictionary, as a time-series database would hold it (a repeated point is the same point).

    bad: sequence numbers that it refuses. stores_rest: like InfluxDB's 422, it keeps the others of a refused batch.
    before, after: called before and after a batch is kept; they raise what is to go wrong.
    """

    name = "fake"

    def __init__(self, bad: Iterable[int] = (), *, stores_rest: bool = False) -> None:
        self.bad, self.stores_rest = frozenset(bad), stores_rest
        self.kept: dict[tuple[str, str, int], tuple[float | None, ...]] = {}
        self.written: list[int] = []
        self.batches: list[int] = []
        self.asked: list[list[int]] = []
        self.closed = False
        self.before: Callable[[], None] = _nothing
        self.after: Callable[[], None] = _nothing

    def write(self, batch: Batch) -> None:
        self.before()
        self.batches.append(len(batch.points))
        refused = [point.seq for point in batch.points if point.seq in self.bad]
        for point in batch.points:
            if point.seq not in self.bad and (self.stores_rest or not refused):
                self.kept[point.site, point.pool, point.at] = point.values
                self.written.append(point.seq)
        if refused:
            raise Rejected(f"400 unable to parse point {refused[0]}")
        self.after()

    def line(self, batch: Batch) -> str:
        return lines_of(batch.points).decode()

    def close(self) -> None:
        self.closed = True


def _nothing() -> None:
    """All is well."""


def down(after: float | None = None) -> Callable[[], None]:
    def raising() -> None:
        raise Retry("503 made up: the sink is down", after)

    return raising


def served(
    store: Store,
    exposition: Rendering,
    config: Config | None = None,
    token: str = "",
    unready: str = "",
    now: float = T0,
) -> Served:
    """All that the API shows, its clock standing still."""
    settings = config or Config()
    desk = ServedDesk(Office(store, settings), exposition.outcomes)
    return Served(store, exposition, settings, desk, lambda: unready, token, clock=lambda: now)
