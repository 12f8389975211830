"""Receivers of messages on loopback, real HTTP and TLS; the robots are fakes that answer as their documents show.

`robots()` stands where the Internet is: a proxy that ends the TLS of DingTalk, WeCom and Feishu itself, so that
Apprise's plug-ins, whose hosts are fixed, and `requests` are the real ones.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

HOSTS = ("oapi.dingtalk.com", "qyapi.weixin.qq.com", "open.feishu.cn")


@dataclass
class Answer:
    """hang: nothing is answered before `Receiver.released`; reset: the connection is torn."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    reset: bool = False


@dataclass
class Received:
    """One request. host: empty where it did not come through the proxy."""

    host: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """answers: what the next requests get, the last of them for ever."""

    port: int = 0
    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    got: list[Received] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def webhook() -> Iterator[Receiver]:
    """Takes every POST on a free port of 127.0.0.1."""
    with _served(None) as receiver:
        yield receiver


@contextmanager
def robots(folder: Path) -> Iterator[tuple[Receiver, dict[str, str]]]:
    """The three robots, and the environment in which they are found."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    with _served(context) as receiver:
        proxy = f"http://127.0.0.1:{receiver.port}"
        yield receiver, {"HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(folder / "authority.pem")}


@contextmanager
def _served(context: ssl.SSLContext | None) -> Iterator[Receiver]:
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver, context))
    server.daemon_threads, receiver.port = True, server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(receiver: Receiver, context: ssl.SSLContext | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = ""

        def do_CONNECT(self) -> None:
            assert context is not None
            self.send_response(200)
            self.end_headers()
            self.close_connection = False  # it is asked in HTTP/1.0
            self.host = self.path.rpartition(":")[0]
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", buffering=0)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(Received(self.host, self.path, dict(self.headers), body))
            receiver.arrived.set()
            answer = receiver.next()
            if answer.hang:
                receiver.released.wait(60)
            if answer.hang or answer.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.connection.close()
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def do_GET(self) -> None:
            self.headers["Content-Length"] = "0"
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    return Handler
