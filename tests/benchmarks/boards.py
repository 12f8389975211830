"""What boards cost: each query as Grafana asks it of a real Prometheus with the demonstration month."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from dashboards.parts.board import Query, queries
from tests.benchmarks.figures import Figure
from tests.dashboards.boards import PROMETHEUS_UIDS, filled, read
from tests.dashboards.world import BEGINS, ENDS, make_world
from tests.servers.prometheus import Prometheus, prometheus_server

_POINTS = 1_000
_TURNS = 3
_QUERY_MS = 200.0


def boards_figures(folder: Path) -> list[Figure]:
    """The slowest query of all boards over the whole month, and their median."""
    world = make_world(folder)
    world.store.close()
    with prometheus_server(history=world.file, within=120.0) as server:
        taken = [_milliseconds(server, one) for one in _asked()]
    return [
        Figure("boards_slowest_query_ms", max(taken), "ms", "limit_ms", _QUERY_MS, 1.0),
        Figure("boards_median_query_ms", statistics.median(taken), "ms"),
    ]


def _asked() -> Iterator[Query]:
    for uid in PROMETHEUS_UIDS:
        if not uid.endswith("-en"):  # the same queries
            yield from queries(read(uid))


def _milliseconds(server: Prometheus, one: Query) -> float:
    """The median of a few turns; the first of all reads the month from the disk."""
    expr, taken = filled(one.expr).replace("$__range", f"{ENDS - BEGINS}s"), []
    for _ in range(_TURNS):
        start = time.perf_counter()
        if one.instant:
            server.query(expr, at=ENDS)
        else:
            step = max(15, (ENDS - BEGINS) // _POINTS)
            server.get("/api/v1/query_range", query=expr, start=str(BEGINS), end=str(ENDS), step=str(step))
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)
