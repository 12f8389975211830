"""What `/metrics` tells of the channels; read from the store at each scrape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.notify.courier import Courier
from suanli.store.notifications import pending
from suanli.store.sql import Store


class Notifications(Collector):
    """One row for each channel; none of `up` before the first try."""

    def __init__(self, store: Store, couriers: Sequence[Courier]) -> None:
        self._store, self._couriers = store, couriers

    def collect(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("suanli_notifications_pending", "Messages not yet delivered.", labels=["channel"])
        failed = CounterMetricFamily(
            "suanli_notifications_failed", "Tries to deliver a message that failed.", labels=["channel"]
        )
        up = GaugeMetricFamily("suanli_notification_up", "Whether the last try was delivered.", labels=["channel"])
        with self._store.reading() as connection:
            counts = pending(connection)
        for courier in self._couriers:
            name, health = courier.channel.name, courier.health
            waiting.add_metric([name], counts.get(name, 0))
            failed.add_metric([name], health.failures)
            if health.up is not None:
                up.add_metric([name], float(health.up))
        yield from (waiting, failed, up)
