"""A real VictoriaMetrics (1.79 of Debian 12): takes InfluxDB's line protocol, answers PromQL.

Seen on it: it answers 204 to lines that it cannot read and drops them; a second value for the same moment is kept
beside the first unless deduplication is on (it is here); the default retention of a month drops older points
(ten years here); its cache shifts the boundaries of days, so every query here goes round it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.servers.missing import need
from tests.servers.processes import Tree, answers, free_port, fresh_folder, running

INSTALL = "apt-get install --no-install-recommends victoria-metrics (or .ci/install-servers.sh)"
FLAGS = (
    "-dedup.minScrapeInterval=1ms",
    "-retentionPeriod=10y",
    "-search.latencyOffset=0s",
    "-memory.allowedBytes=256MB",
)


@dataclass(frozen=True)
class VictoriaMetrics:
    """One running VictoriaMetrics."""

    url: str
    folder: Path
    tree: Tree

    @property
    def address(self) -> str:
        """``host:port``, as a target to scrape is written."""
        return self.url.removeprefix("http://")

    def request(self, method: str, path: str, parameters: dict[str, str], body: bytes = b"") -> httpx.Response:
        """Asks it, and raises for an error."""
        url = f"{self.url}{path}"
        answer = httpx.request(method, url, params=parameters, content=body, timeout=30, trust_env=False)
        return answer.raise_for_status()

    def write(self, *lines: str, precision: str = "s") -> None:
        """Writes points in line protocol and makes them visible."""
        self.request("POST", "/api/v2/write", {"precision": precision}, "\n".join(lines).encode())
        self.flush()

    def flush(self) -> None:
        """Makes everything written so far visible to queries."""
        self.request("GET", "/internal/force_flush", {})

    def export(self, match: str) -> list[dict[str, Any]]:
        """The stored series with all their points: ``{"metric": {...}, "values": [...], "timestamps": [ms ...]}``."""
        answer = self.request("GET", "/api/v1/export", {"match[]": match})
        return [json.loads(line) for line in answer.text.splitlines()]

    def points(self, match: str) -> int:
        """The number of stored points of all series that match."""
        return sum(len(row["values"]) for row in self.export(match))

    def query(self, promql: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """The ``result`` of an instant query, never from the cache."""
        moment = {} if at is None else {"time": str(at)}
        answer = self.request("GET", "/api/v1/query", {"query": promql, "nocache": "1"} | moment)
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def query_range(self, promql: str, *, start: float, end: float, step: str) -> list[dict[str, Any]]:
        """The ``result`` of a query over a range, never from the cache."""
        window = {"start": str(start), "end": str(end), "step": step}
        answer = self.request("GET", "/api/v1/query_range", {"query": promql, "nocache": "1"} | window)
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def delete(self, match: str) -> None:
        """Deletes all series that match."""
        self.request("POST", "/api/v1/admin/tsdb/delete_series", {"match[]": match})


@contextmanager
def victoriametrics_server(*, within: float = 30.0, again: VictoriaMetrics | None = None) -> Iterator[VictoriaMetrics]:
    """An empty VictoriaMetrics; or one that has ended ``again``, with all it holds."""
    program = need("victoria-metrics", INSTALL)
    address = again.address if again else f"127.0.0.1:{free_port()}"
    url = f"http://{address}"
    with nullcontext(again.folder) if again else fresh_folder("victoriametrics") as folder:
        command = [program, f"-storageDataPath={folder / 'data'}", f"-httpListenAddr={address}", *FLAGS]
        with running(
            "victoria-metrics", command, folder=folder, ready=lambda: answers(f"{url}/health"), within=within
        ) as tree:
            yield VictoriaMetrics(url, folder, tree)
