"""A management API as a real HTTP server on loopback, whose answer a test changes as it goes on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Api:
    """pools: devices that are up and busy, by name; None: it answers 503. hang: seconds before it answers."""

    pools: dict[str, tuple[int, int]] | None
    port: int = 0
    hang: float = 0.0
    asked: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def source(self, **more: Any) -> dict[str, Any]:
        """The source of a site that is to be asked here."""
        fields = {"pool": "name", "online": "up", "used": "busy"}
        settings = {"path": "/compute", "unit": "devices", "pools": "pools", "fields": fields}
        return {"kind": "http_json", "url": self.url, "settings": settings} | more


@contextmanager
def answering(pools: dict[str, tuple[int, int]] | None) -> Iterator[Api]:
    """The API, answering until the block ends."""
    api = Api(pools)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.asked.append(dict(self.headers.items()))
            time.sleep(api.hang)
            told = [{"name": name, "up": up, "busy": busy} for name, (up, busy) in (api.pools or {}).items()]
            body = json.dumps({"pools": told}).encode()
            self.send_response(503 if api.pools is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    return Handler
