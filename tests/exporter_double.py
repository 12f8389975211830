"""A device exporter for Prometheus to scrape: a fake (no accelerator is here), whose figures a test sets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ExporterDouble:
    """gauges: metric line without its value -> value."""

    address: str
    gauges: dict[str, float] = field(default_factory=dict)

    def text(self) -> bytes:
        return "".join(f"{series} {value}\n" for series, value in self.gauges.items()).encode()


@contextmanager
def exporter_double(gauges: dict[str, float]) -> Iterator[ExporterDouble]:
    """Serves these gauges on a free port of 127.0.0.1."""
    double = ExporterDouble("", gauges)
    with serving(lambda _path: double.text()) as address:
        double.address = address
        yield double


@contextmanager
def serving(answer: Callable[[str], bytes], port: int = 0) -> Iterator[str]:
    """Answers every GET with `answer(path)` on a port of 127.0.0.1 (0: one that is free); gives host:port.

    At the end kept connections are closed too.
    """
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if ended.is_set():
                self.close_connection = True
                return
            body = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
