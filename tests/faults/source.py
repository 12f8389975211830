"""Sources as a process of their own, to be frozen: python source.py PORT BEGAN RESETS (run as a file, on its own).

The figure is made of the second and the site, so that every slot of every site has its own. One answer of RESETS, drawn
by lot, is torn in the middle of its body.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_RESET = struct.pack("ii", 1, 0)


def figure_of(number: int, seconds: int) -> int:
    """Of site `number` (below 100), so many seconds after the storm began."""
    return 100 * seconds + number


def serve(port: int, began: int, resets: int) -> None:
    rng = random.Random(began)  # noqa: S311 - no secret

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            now = int(time.time())
            online = figure_of(int(self.path.rpartition("-")[2]), now - began + 1)
            body = json.dumps({"at": now, "online": online, "used": 0}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if rng.randrange(resets) == 0:
                self._tear(body[: len(body) // 2])
            else:
                self.wfile.write(body)

        def _tear(self, part: bytes) -> None:
            self.wfile.write(part)
            time.sleep(0.01)  # the first part is to arrive
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:]))
