"""The same hours in a real VictoriaMetrics, and the same questions asked of it in PromQL.

A point is what a pool told in an hour, in PFLOPS-seconds, at the hour's beginning; a rate is a ratio of sums there too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from suanli.model.calendar import DAY, HOUR
from tests.benchmarks.children import BenchError, Child, running
from tests.servers.processes import TooLateError, answers, free_port, wait_until
from tests.servers.victoriametrics import FLAGS

_RATE = "sum(sum_over_time(told_used[{width}s])) / sum(sum_over_time(told_online[{width}s]))"
_READY_WITHIN = 30.0
Hours = tuple[str, list[int], list[float], list[float]]
"""A pool's name; the starts of its hours (UTC seconds), used and told_online in them (PFLOPS-seconds)."""


class Victoria:
    """One running VictoriaMetrics; no query is answered from its cache."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url, self._client = url, client

    def take(self, pools: Iterable[Hours]) -> None:
        """Store these points and make them visible."""
        for name, starts, *figures in pools:
            stamps = [start * 1000 for start in starts]
            lines = [
                {"metric": {"__name__": metric, "pool": name}, "values": values, "timestamps": stamps}
                for metric, values in zip(("told_used", "told_online"), figures, strict=True)
            ]
            self._ask("POST", "/api/v1/import", {}, "\n".join(map(json.dumps, lines)))
        self._ask("GET", "/internal/force_flush", {})

    def points(self, name: str) -> int:
        """How many points of this name it holds, whenever they were."""
        self._ask("GET", "/internal/force_flush", {})
        rows = self._ask("GET", "/api/v1/export", {"match[]": name}).splitlines()
        return sum(len(json.loads(row)["values"]) for row in rows)

    def count(self, lo: int, hi: int) -> int:
        """How many hours it holds of [lo, hi)."""
        (row,) = self._result("query", query=f"sum(count_over_time(told_used[{hi - lo}s]))", time=hi - HOUR)
        return int(row["value"][1])

    def daily(self, lo: int, hi: int) -> list[float]:
        """The fleet's usage-rate of every day from `lo` on. A window ends with its last hour, and includes it."""
        query = _RATE.format(width=DAY)
        (row,) = self._result("query_range", query=query, start=lo + DAY - HOUR, end=hi - HOUR, step=DAY)
        return [float(value) for _, value in row["values"]]

    def monthly(self, edges: Sequence[int]) -> list[float]:
        """The fleet's usage-rate between each two edges: months differ in length, so each is a query."""
        rows = (self._result("query", query=_RATE.format(width=hi - lo), time=hi - HOUR) for lo, hi in pairwise(edges))
        return [float(row["value"][1]) for (row,) in rows]

    def _result(self, kind: str, **parameters: object) -> list[dict[str, Any]]:
        asked = {"nocache": "1"} | {name: str(value) for name, value in parameters.items()}
        result: list[dict[str, Any]] = json.loads(self._ask("GET", f"/api/v1/{kind}", asked))["data"]["result"]
        if len(result) != 1:
            raise BenchError(f"VictoriaMetrics has {len(result)} answers to {parameters['query']}")
        return result

    def _ask(self, method: str, path: str, parameters: dict[str, str], body: str = "") -> bytes:
        try:
            answer = self._client.request(method, f"{self.url}{path}", params=parameters, content=body)
            return answer.raise_for_status().content
        except httpx.HTTPError as error:
            raise BenchError(f"VictoriaMetrics: {error}") from None


@contextmanager
def victoria(folder: Path) -> Iterator[Victoria | None]:
    """An empty VictoriaMetrics of its own; None where it is not installed."""
    program, port = shutil.which("victoria-metrics"), free_port()
    if program is None:
        yield None
        return
    command = [program, f"-storageDataPath={folder / 'victoria'}", f"-httpListenAddr=127.0.0.1:{port}", *FLAGS]
    with running("victoria-metrics", command, folder) as child, httpx.Client(timeout=60, trust_env=False) as client:
        _await_ready(child, f"http://127.0.0.1:{port}")
        yield Victoria(f"http://127.0.0.1:{port}", client)


def _await_ready(child: Child, url: str) -> None:
    def ready() -> bool:
        child.check()
        try:
            return answers(f"{url}/health")
        except httpx.TransportError:
            return False

    try:
        wait_until(ready, within=_READY_WITHIN, what="its first answer")
    except TooLateError as error:
        raise BenchError(f"{child.name}: {error}\n{child.last_words()}") from None
