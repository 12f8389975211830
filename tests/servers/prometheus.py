"""A real Prometheus (2.42 of Debian 12) that scrapes what a test gives it, every second.

Seen on it: it answers after 0.2 s, but it takes five seconds more until its first scrape; no option changes that.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.servers.missing import need
from tests.servers.processes import Tree, answers, environment, free_port, fresh_folder, running, wait_until

INSTALL = "apt-get install --no-install-recommends prometheus (or .ci/install-servers.sh)"


@dataclass(frozen=True)
class Scrape:
    """One job of Prometheus: whom to ask (``host:port``), where, as whom, and what to write on the answers."""

    job: str
    targets: Sequence[str]
    path: str = "/metrics"
    bearer: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    honor_labels: bool = False

    def config(self) -> dict[str, Any]:
        """This job as an entry of Prometheus's own configuration."""
        entry: dict[str, Any] = {
            "job_name": self.job,
            "metrics_path": self.path,
            "honor_labels": self.honor_labels,
            "static_configs": [{"targets": list(self.targets), "labels": self.labels}],
        }
        if self.bearer is not None:
            entry["authorization"] = {"credentials": self.bearer}
        return entry


@dataclass(frozen=True)
class Prometheus:
    """One running Prometheus."""

    url: str
    folder: Path
    tree: Tree

    @property
    def address(self) -> str:
        """``host:port``, as a target to scrape is written."""
        return self.url.removeprefix("http://")

    def get(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an answer of its API; raises for an error."""
        answer = httpx.get(f"{self.url}{path}", params=parameters, timeout=30, trust_env=False)
        return answer.raise_for_status().json()["data"]

    def query(self, promql: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """The ``result`` of an instant query: of a vector a list of ``{"metric": {...}, "value": [time, text]}``."""
        moment = {} if at is None else {"time": str(at)}
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=promql, **moment)["result"]
        return result

    def value(self, promql: str, *, at: float | None = None) -> float | None:
        """The number of a query that gives one series or none."""
        rows = self.query(promql, at=at)
        if len(rows) > 1:
            raise ValueError(f"{promql} gives {len(rows)} series")
        return float(rows[0]["value"][1]) if rows else None

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes, with the health and the last error of each."""
        active: list[dict[str, Any]] = self.get("/api/v1/targets", state="active")["activeTargets"]
        return active

    def wait_for_target(self, target: str, *, health: str = "up", within: float = 30.0) -> None:
        """Returns when ``target`` (``host:port``) was scraped with success, or is "down" if that is asked for."""

        def as_wished() -> bool:
            return any(one["labels"]["instance"] == target and one["health"] == health for one in self.targets())

        wait_until(as_wished, within=within, what=f"target {target} to be {health}")

    def wait_for_value(self, promql: str, value: float, *, within: float = 30.0) -> None:
        """Returns when the query gives that number."""
        wait_until(lambda: self.value(promql) == value, within=within, what=f"{promql} == {value:g}")


@contextmanager
def prometheus_server(
    *scrapes: Scrape,
    rules: str | None = None,
    alertmanager: str | None = None,
    history: Path | None = None,
    folder: Path | None = None,
    options: Sequence[str] = (),
    within: float = 30.0,
) -> Iterator[Prometheus]:
    """A Prometheus with these jobs, and with a file of rules if its text is given.

    alertmanager: whom it tells of alerts (``host:port``). history: a file of OpenMetrics with timestamps, which it
    holds from the beginning. folder: where its data stays, for one that starts again.
    """
    program = need("prometheus", INSTALL)
    address = f"127.0.0.1:{free_port()}"
    with nullcontext(folder) if folder else fresh_folder("prometheus") as folder:
        config = _write_config(folder, scrapes, rules, alertmanager)
        if history is not None:
            _fill(folder / "data", history)
        command = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--storage.tsdb.retention.time=100y",
            *options,
        ]
        url = f"http://{address}"
        with running(
            "prometheus", command, folder=folder, ready=lambda: answers(f"{url}/-/ready"), within=within
        ) as tree:
            yield Prometheus(url, folder, tree)


def _fill(data: Path, history: Path) -> None:
    """Blocks as large as they can be: a block for every two hours of a month would take minutes."""
    blocks = ["tsdb", "create-blocks-from", "--max-block-duration=400h", "openmetrics", str(history), str(data)]
    program = need("promtool", INSTALL)
    subprocess.run([program, *blocks], check=True, capture_output=True, timeout=120, env=environment())


def _write_config(folder: Path, scrapes: Sequence[Scrape], rules: str | None, alertmanager: str | None) -> Path:
    config: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [scrape.config() for scrape in scrapes],
    }
    if rules is not None:
        (folder / "rules.yml").write_text(rules)
        config["rule_files"] = [str(folder / "rules.yml")]
    if alertmanager is not None:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))  # JSON is YAML
    return file
