"""The sites that are asked: one process that listens on one port of many loopback addresses (127.1.x.y).

Each answers the same eight figures (two pools, four each) as JSON at /api/compute and as Prometheus text at /metrics,
and at /counts how often both were asked. Lean on purpose: its cost must not hide what is measured.

    python -m tests.benchmarks.endpoints COUNT PORT

It prints `ready` when it listens, and ends with its standard input, so that it outlives no benchmark.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Protocol, cast

import uvloop

JSON_PATH = "/api/compute"
TEXT_PATH = "/metrics"
COUNTS_PATH = "/counts"
POOLS = ("a100", "h800")
_TOTAL = 1024
_KINDS = {"Total": "devices installed", "Up": "devices up", "Used": "devices assigned", "Busy": "devices computing"}


def address(number: int) -> str:
    """The loopback address of site `number`."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def json_body(now: int) -> bytes:
    """About 390 bytes, with the source's own time; the figures change every second."""
    pools = [
        {"name": pool, "vendor": "NVIDIA", "interconnect": "InfiniBand", "zone": "hall-2"}
        | {f"device{kind}": value for kind, value in _figures(number, now).items()}
        for number, pool in enumerate(POOLS)
    ]
    return json.dumps({"code": 0, "message": "ok", "data": {"time": now, "pools": pools}}).encode()


def text_body(now: int) -> bytes:
    """The same eight figures as eight samples of four families."""
    found = [_figures(number, now) for number in range(len(POOLS))]
    families = [
        f"# HELP device_{kind.lower()} {help_}\n# TYPE device_{kind.lower()} gauge\n"
        + "".join(
            f'device_{kind.lower()}{{pool="{pool}"}} {figures[kind]}\n'
            for pool, figures in zip(POOLS, found, strict=True)
        )
        for kind, help_ in _KINDS.items()
    ]
    return "".join(families).encode()


def _figures(pool: int, now: int) -> dict[str, int]:
    up = _TOTAL - 20 - (now + pool) % 40
    used = up - 300 - now % 90
    return {"Total": _TOTAL, "Up": up, "Used": used, "Busy": used - 50 - now % 30}


@dataclass(slots=True)
class Answers:
    """The answers of this second, and how many were given."""

    counts: dict[str, int] = field(default_factory=lambda: {"polls": 0, "scrapes": 0})
    _second: int = 0
    _json: bytes = b""
    _text: bytes = b""

    def to(self, request: bytes) -> bytes:
        """The whole answer to this request line."""
        if (now := int(time.time())) != self._second:
            self._second = now
            self._json = _answer(json_body(now), "application/json")
            self._text = _answer(text_body(now), "text/plain; version=0.0.4; charset=utf-8")
        path = request.split(b" ", 2)[1].decode()
        if path == JSON_PATH:
            self.counts["polls"] += 1
            return self._json
        if path == TEXT_PATH:
            self.counts["scrapes"] += 1
            return self._text
        return _answer(json.dumps(self.counts).encode(), "application/json")


class Answering(Protocol):
    """Has the whole answer to the head of a request, which begins with the body of the one before it, if any."""

    def to(self, request: bytes) -> bytes: ...


class Connection(asyncio.Protocol):
    """Requests one after the other."""

    def __init__(self, answers: Answering) -> None:
        self._answers = answers
        self._rest = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's own is of no class of asyncio

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in requests:
            assert self._transport is not None
            self._transport.write(self._answers.to(request))


def _answer(body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    return made


async def _serve(count: int, port: int) -> None:
    loop, answers = asyncio.get_running_loop(), Answers()
    for number in range(count):
        await loop.create_server(lambda: Connection(answers), sock=_bound(address(number), port), backlog=16)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)  # nothing is ever written to it: it can only end
    print("ready", flush=True)
    await ended.wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
