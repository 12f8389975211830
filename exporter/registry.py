"""The kinds of sink: one line each."""

from __future__ import annotations

from collections.abc import Callable

from exporter.base import Sink
from exporter.influx import InfluxSink
from exporter.readback.base import Reader
from exporter.readback.influx import InfluxReader
from exporter.readback.victoria import VictoriaReader
from suanli.config import SinkConfig

REGISTRY: dict[str, Callable[[SinkConfig], Sink]] = {
    "influxdb": InfluxSink,
    "victoriametrics": InfluxSink,
}


READERS: dict[str, Callable[[SinkConfig], Reader]] = {
    "influxdb": InfluxReader,
    "victoriametrics": VictoriaReader,
}


def build(config: SinkConfig) -> Sink:
    """The sink of this configuration; an InputError when its secret is missing."""
    return REGISTRY[config.kind](config)
