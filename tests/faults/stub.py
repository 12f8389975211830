"""A made-up sink, NOT an InfluxDB: it takes InfluxDB's line protocol and answers what it is told to.

`mode` is what it answers at the moment. Beside that some points are poison for ever, by their figure alone.
"""

from __future__ import annotations

import gzip
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Points = Counter[tuple[str, float]]
"""Site and figure of each stored point: how often it is there."""
POISON = {0: 400, 1: 422}
"""Remainder of the figure -> what a body with such a point is answered: 400 stores nothing of it, 422 the rest."""
_DIVISOR = 31
_MOST_LINES = 3
_COMPUTE = re.compile(r"compute,.*?site=(?P<site>[^, ]+) .*?online_pflops=(?P<online>[0-9.e+]+).* (?P<at>\d+)")


def poison(figure: float) -> int | None:
    """What this figure's point is refused with, for ever."""
    return POISON.get(int(figure) % _DIVISOR)


def point_of(line: str) -> tuple[str, int, float] | None:
    """Site, time, figure; None for a line of another measurement."""
    found = _COMPUTE.fullmatch(line)
    return found and (found["site"], int(found["at"]), float(found["online"]))


class StubSink(ThreadingHTTPServer):
    """Takes what it is not told to refuse. answers: how often it gave each status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode = "204"
        self.answers = Counter[int]()
        self._kept: dict[tuple[str, int], float] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def points(self) -> Points:
        """As a database would hold them: a repeated point is the same point."""
        return Counter((site, figure) for (site, _), figure in self._kept.items())

    def take(self, lines: list[str]) -> int:
        """The status of a body of these lines."""
        with self._lock:
            status = self._status(lines, self.mode)
            self.answers[status] += 1
            return status

    def _status(self, lines: list[str], mode: str) -> int:
        if mode in ("401", "429", "503"):
            return int(mode)
        if mode == "413" and len(lines) > _MOST_LINES:
            return 413
        points = [point for line in lines if (point := point_of(line))]
        status = min((found for *_, figure in points if (found := poison(figure))), default=204)
        if status in (204, 422):
            self._keep(points)
        return status

    def _keep(self, points: Iterable[tuple[str, int, float]]) -> None:
        self._kept.update({(site, at): figure for site, at, figure in points if not poison(figure)})


class _Handler(BaseHTTPRequestHandler):
    server: StubSink
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.take(gzip.decompress(body).decode().splitlines())
        if self.server.mode == "takes it and hangs up":
            self.close_connection = True
            return
        words = b"" if status == 204 else f'{{"code": "made up", "message": "{status} on demand"}}'.encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def stub_sink() -> Iterator[StubSink]:
    """One that runs until the end of the block."""
    made = StubSink()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()
