"""The BMCs that are asked: one process that listens on one port of many loopback addresses (127.2.x.y).

Each answers as the emulator of the tests does (tests/servers/redfish.py), but every question only once anew: its cost
must not hide what is measured.

    python -m tests.benchmarks.machines COUNT PORT LEVELS

$expand goes LEVELS deep. It prints `ready` when it listens, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import uvloop

from tests.benchmarks.endpoints import Connection
from tests.servers.redfish import Bmc, Json, machine

_SESSION = b"X-Auth-Token: bench\r\nLocation: /redfish/v1/SessionService/Sessions/1\r\n"


def address(number: int) -> str:
    """The loopback address of machine `number`."""
    return f"127.2.{number // 250}.{number % 250 + 1}"


@dataclass(slots=True)
class Answers:
    """What one BMC says, by what it is asked."""

    bmc: Bmc
    resources: dict[str, Json]
    _known: dict[str, bytes] = field(default_factory=dict)

    def to(self, request: bytes) -> bytes:
        """The only body is that of a sign-in, an object without another in it."""
        method, target, _ = request.rpartition(b"}")[2].split(b" ", 2)
        if method != b"GET":
            return _answer(b"{}", _SESSION)
        return self._known.get(key := target.decode()) or self._known.setdefault(key, self._read(key))

    def _read(self, target: str) -> bytes:
        url = urlsplit(target)
        found = self.bmc.told(url.path.rstrip("/"), dict(parse_qsl(url.query)), self.resources)
        if isinstance(found, int):
            raise SystemExit(f"nothing is known of {target}")
        return _answer(json.dumps(found).encode())


def _answer(body: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    return head + more + b"\r\n" + body


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    return made


async def _serve(count: int, port: int, levels: int) -> None:
    loop = asyncio.get_running_loop()
    for number in range(count):
        bmc = machine(f"machine-{number}", levels=levels)
        answers = Answers(bmc, bmc.resources())
        await loop.create_server(
            lambda answers=answers: Connection(answers),  # type: ignore[misc] # mypy cannot infer its default
            sock=_bound(address(number), port),
            backlog=16,
        )
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)  # nothing is ever written to it: it can only end
    print("ready", flush=True)
    await ended.wait()


if __name__ == "__main__":
    uvloop.run(_serve(*map(int, sys.argv[1:4])))
