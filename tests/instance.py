"""A real `suanli serve` as a process of its own, as a person starts it."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.reaching import LOOPBACK
from tests.servers.processes import free_port, wait_until

Labels = frozenset[tuple[str, str]]
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here is https, and reading the system's authorities for every question took a processor of its own."""


@dataclass
class Instance:
    """One instance in a folder of its own; `start` and `kill` may follow each other."""

    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def configure(self, **values: Any) -> None:
        """Write config.yaml; store and address are this instance's own."""
        own = {"store": f"sqlite:///{self.folder / 'suanli.db'}", "listen": self.address, "reach": LOOPBACK}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(own | values, allow_unicode=True))

    def apply(self, *sites: dict[str, Any]) -> str:
        """Register these sites with `suanli apply`; its output."""
        file = self.folder / "sites.yaml"
        file.write_text(yaml.safe_dump({"sites": list(sites)}, allow_unicode=True))
        return self.run("apply", str(file)).stdout

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One command of the same configuration."""
        command = [sys.executable, "-m", "suanli", "--config", str(self.folder / "config.yaml"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=self._environment())
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)}: {done.returncode}\n{done.stderr}")
        return done

    def start(self, ready: Callable[[], bool] | None = None) -> None:
        """Start, and return when it says that it can record, or when it is `ready`."""
        command = [sys.executable, "-m", "suanli", "--config", str(self.folder / "config.yaml"), "serve"]
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment())
        wait_until(
            lambda: self._answers(ready or self.ready), within=120, what=f"readiness; log:\n{self.log()[-2000:]}"
        )

    def ready(self) -> bool:
        return self._answers(
            lambda: httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False, verify=PLAIN).is_success
        )

    def _answers(self, asked: Callable[[], bool]) -> bool:
        try:
            return asked()
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """SIGKILL: as if the machine had lost its power, but for what the kernel had already written."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def log(self) -> str:
        file = self.folder / "serve.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def rates(self, **parameters: str) -> dict[str, Any]:
        """GET /api/v1/rates."""
        answer = httpx.get(f"{self.url}/api/v1/rates", params=parameters, timeout=10, trust_env=False, verify=PLAIN)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def site(self, site: str) -> dict[str, Any]:
        """The site's group in the rates."""
        return next(group for group in self.rates()["groups"] if group["site"] == site)

    def metrics(self) -> dict[tuple[str, Labels], float]:
        """GET /metrics, parsed."""
        text = httpx.get(f"{self.url}/metrics", timeout=10, trust_env=False, verify=PLAIN).raise_for_status().text
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def metric(self, name: str, **labels: str) -> float | None:
        """One value of /metrics; None where it is not exposed."""
        return self.metrics().get((name, frozenset(labels.items())))

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **self.environment}


@contextmanager
def instance(folder: Path, **environment: str) -> Iterator[Instance]:
    """An instance that is not started yet, and that is dead at the end."""
    made = Instance(folder, free_port(), environment)
    try:
        yield made
    finally:
        if made.process is not None:
            made.kill()
