"""A real InfluxDB 2.7: influxdb/build.sh makes the program, influxdb/start.sh runs it.

Seen on it: InfluxQL reads a bucket under its own name without any set-up; an unknown bucket is an error inside an
answer 200; rewriting a point overwrites it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from tests.servers.missing import need
from tests.servers.processes import Tree, free_port, fresh_folder, running

HERE = Path(__file__).with_name("influxdb")
INSTALL = "tests/servers/influxdb/build.sh (or .ci/install-servers.sh)"
VERSION = "2.7.12"
ORG = "suanli"
TOKEN = "suanli-test-token"


@dataclass(frozen=True)
class InfluxDB:
    """One bucket of one running InfluxDB; the token may do everything."""

    url: str
    org: str
    bucket: str
    token: str
    folder: Path
    tree: Tree

    @property
    def address(self) -> str:
        """``host:port``, as a target to scrape is written."""
        return self.url.removeprefix("http://")

    @property
    def headers(self) -> dict[str, str]:
        """What the server wants to see from its client."""
        return {"Authorization": f"Token {self.token}"}

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Asks it with the token and returns the answer, errors included."""
        return httpx.request(method, f"{self.url}{path}", headers=self.headers, timeout=30, trust_env=False, **more)

    def write(self, *lines: str, precision: str = "s") -> httpx.Response:
        """Writes points in line protocol and returns the answer, errors included."""
        where = {"org": self.org, "bucket": self.bucket, "precision": precision}
        return self.request("POST", "/api/v2/write", params=where, content="\n".join(lines).encode())

    def influxql(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries, those of a grouped series with its tags in them; times in seconds."""
        answer = self.request("GET", "/query", params={"db": self.bucket, "q": query, "epoch": "s"})
        result = answer.raise_for_status().json()["results"][0]
        if "error" in result:
            raise RuntimeError(f"{query}: {result['error']}")
        return [
            dict(zip(series["columns"], row, strict=True)) | series.get("tags", {})
            for series in result.get("series", [])
            for row in series["values"]
        ]

    def rows(self, measurement: str) -> list[dict[str, Any]]:
        """Every stored point of a measurement with its tags and fields, oldest first."""
        return self.influxql(f'SELECT * FROM "{measurement}"')  # noqa: S608 - a test's own word

    def lines(self, measurement: str) -> int:
        """The number of stored points of a measurement."""
        return len(self.rows(measurement))

    def new_bucket(self, name: str | None = None, *, keep_seconds: int = 0) -> InfluxDB:
        """The same server with another, empty bucket, which keeps points for so many seconds (0: for ever)."""
        rules = [{"type": "expire", "everySeconds": keep_seconds}] if keep_seconds else []
        bucket = name or f"test-{uuid.uuid4().hex[:12]}"
        body = {"orgID": self._org_id(), "name": bucket, "retentionRules": rules}
        self.request("POST", "/api/v2/buckets", json=body).raise_for_status()
        return replace(self, bucket=bucket)

    def new_token(self, *actions: str) -> str:
        """Another token that may do only these things ("read", "write") with this bucket."""
        org, bucket = self._org_id(), self._bucket_id()
        permissions = [
            {"action": action, "resource": {"type": "buckets", "id": bucket, "orgID": org}} for action in actions
        ]
        answer = self.request("POST", "/api/v2/authorizations", json={"orgID": org, "permissions": permissions})
        token: str = answer.raise_for_status().json()["token"]
        return token

    def drop(self) -> None:
        """Deletes this bucket."""
        self.request("DELETE", f"/api/v2/buckets/{self._bucket_id()}").raise_for_status()

    def _org_id(self) -> str:
        answer = self.request("GET", "/api/v2/orgs", params={"org": self.org})
        identity: str = answer.raise_for_status().json()["orgs"][0]["id"]
        return identity

    def _bucket_id(self) -> str:
        answer = self.request("GET", "/api/v2/buckets", params={"org": self.org, "name": self.bucket})
        identity: str = answer.raise_for_status().json()["buckets"][0]["id"]
        return identity


def program_file() -> Path:
    """Where build.sh puts the program by default."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "suanli" / f"influxd-{VERSION}"


@contextmanager
def influxdb_server(*, within: float = 60.0, again: InfluxDB | None = None) -> Iterator[InfluxDB]:
    """An InfluxDB with one empty bucket called ``suanli``; or one that has ended ``again``, with all it holds."""
    program = need(str(program_file()), INSTALL)
    need("curl", "apt-get install --no-install-recommends curl")
    port = again.url.rpartition(":")[2] if again else str(free_port())
    with nullcontext(again.folder) if again else fresh_folder("influxdb") as folder:
        (folder / "ready").unlink(missing_ok=True)
        command = ["bash", str(HERE / "start.sh"), program, str(folder), port, ORG, ORG, TOKEN]
        with running("influxdb", command, folder=folder, ready=(folder / "ready").exists, within=within) as tree:
            yield InfluxDB(f"http://127.0.0.1:{port}", ORG, ORG, TOKEN, folder, tree)
