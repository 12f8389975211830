"""Where points are forwarded to: NOT an InfluxDB, but a process that takes line protocol and answers 204.

It only counts: what a sink costs is its own, and a sink that is slow must not hide what forwarding costs.

    python -m tests.benchmarks.sink PORT

`GET /counts` tells how many points it has been given. It prints `ready` when it listens, and ends with its standard
input.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COUNTS_PATH = "/counts"


class Sink(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.points = 0
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: Sink
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._body()
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self.server.lock:
            self.server.points += sum(line.startswith(b"compute,") for line in body.splitlines())
        self._answer(204, b"")

    def do_GET(self) -> None:
        self._answer(200, json.dumps({"points": self.server.points}).encode())

    def _body(self) -> bytes:
        """Telegraf sends what it packs while it packs it, in pieces."""
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


if __name__ == "__main__":
    sink = Sink(int(sys.argv[1]))
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
