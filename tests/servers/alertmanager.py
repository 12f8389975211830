"""A real Alertmanager (0.25 of Debian 12) without a cluster, and a receiver of webhooks that remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from tests.servers.missing import need
from tests.servers.processes import Tree, answers, free_port, fresh_folder, running

INSTALL = "apt-get install --no-install-recommends prometheus-alertmanager (or .ci/install-servers.sh)"


@dataclass(frozen=True)
class Alertmanager:
    """One running Alertmanager."""

    url: str
    folder: Path
    tree: Tree

    @property
    def address(self) -> str:
        """``host:port``, as Prometheus wants it."""
        return self.url.removeprefix("http://")

    def post(self, *alerts: Mapping[str, str]) -> None:
        """Alerts by their labels, firing from now on."""
        body = [{"labels": dict(labels)} for labels in alerts]
        httpx.post(f"{self.url}/api/v2/alerts", json=body, timeout=30, trust_env=False).raise_for_status()

    def states(self) -> dict[tuple[str, ...], str]:
        """``active`` or ``suppressed`` of each alert, by the values of its labels in the order of their names."""
        found = httpx.get(f"{self.url}/api/v2/alerts", timeout=30, trust_env=False).raise_for_status().json()
        return {
            tuple(value for _, value in sorted(alert["labels"].items())): alert["status"]["state"] for alert in found
        }


@dataclass(frozen=True)
class Told:
    """A receiver of webhooks. messages: the bodies of what came, in order."""

    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    def statuses(self, alertname: str) -> list[str]:
        """What was told of this alert: firing, resolved."""
        alerts = [alert for message in list(self.messages) for alert in message["alerts"]]
        return [alert["status"] for alert in alerts if alert["labels"]["alertname"] == alertname]


@contextmanager
def alertmanager_server(config: Mapping[str, Any], *, within: float = 30.0) -> Iterator[Alertmanager]:
    """An Alertmanager with this configuration, and without anybody beside it."""
    program = need("prometheus-alertmanager", INSTALL)
    address = f"127.0.0.1:{free_port()}"
    with fresh_folder("alertmanager") as folder:
        file = folder / "alertmanager.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        command = [
            program,
            f"--config.file={file}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
        ]
        url = f"http://{address}"
        with running(
            "alertmanager", command, folder=folder, ready=lambda: answers(f"{url}/-/ready"), within=within
        ) as tree:
            yield Alertmanager(url, folder, tree)


@contextmanager
def told_server() -> Iterator[Told]:
    """Listens on loopback until the end of the test."""
    told: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Told(f"http://127.0.0.1:{server.server_port}/", told)
        server.shutdown()
