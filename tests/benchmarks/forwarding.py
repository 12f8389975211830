"""A backlog drained into a real VictoriaMetrics by forwarder and sink, beside a plain POST of the same lines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from exporter.forwarder import BATCH, Forwarder
from exporter.influx import InfluxSink
from exporter.lineprotocol import lines_of
from suanli.config import SinkConfig
from suanli.store.sql import Store
from tests.benchmarks.appending import appended
from tests.benchmarks.children import BenchError
from tests.benchmarks.figures import Figure
from tests.benchmarks.victoria import Victoria, victoria

_POINTS = 200_000
_GOAL_US = 5.0  # 200,000 points a second of processor time
_PAGE = os.sysconf("SC_PAGE_SIZE")


def forwarding_figures(folder: Path, scale: float) -> list[Figure]:
    """scale 50: ten million points, which take minutes to record."""
    count = max(4, int(_POINTS * scale) // BATCH) * BATCH
    with victoria(folder) as database:
        if database is None:
            return []
        store = appended(folder / "forwarding.db", count)
        try:
            return _figures(store, database, count)
        finally:
            store.close()


def _figures(store: Store, database: Victoria, count: int) -> list[Figure]:
    sink = InfluxSink(SinkConfig(name="bench", kind="victoriametrics", url=database.url))
    forwarder, memory = Forwarder(store, sink), list[float]()

    def forward() -> None:
        while forwarder.forward():
            memory.append(_memory_mb())

    ours = _cpu_us(forward) / count
    sink.close()
    raw = _cpu_us(lambda: _post(database.url, bodies)) / count if (bodies := list(_bodies(store, count))) else 0.0
    held = database.points("compute_online_pflops")
    return [
        Figure("forward_cpu_us_per_point", ours, "us", "limit_us", _GOAL_US, goal=1.0),
        Figure("forward_beside_a_post_us", ours, "us", "raw_post_us_per_point", raw),
        Figure("forward_memory_mb", memory[-1], "MB", "memory_at_the_beginning_mb", memory[len(memory) // 4], goal=1.1),
        Figure("forward_points_held", float(held), "", "forward_points_recorded", float(count), goal=1.0, exact=True),
    ]


def _bodies(store: Store, count: int) -> Iterator[bytes]:
    for cursor in range(0, count, BATCH):
        yield lines_of(store.after(cursor, BATCH).points)


def _post(url: str, bodies: list[bytes]) -> None:
    """Written once more, they are the same points."""
    connection = HTTPConnection(urlsplit(url).netloc)
    for body in bodies:
        connection.request("POST", "/api/v2/write?precision=s", body)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 204:
            raise BenchError(f"VictoriaMetrics answers {answer.status}")
    connection.close()


def _cpu_us(job: Callable[[], object]) -> float:
    start = time.process_time()
    job()
    return (time.process_time() - start) * 1e6


def _memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6
