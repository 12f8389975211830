"""A server on loopback that sends exactly the bytes it is told to, right or wrong, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Answers request N with answers[N], and every later one with the last; keeps connections until an answer closes.

    requests: the heads received. connections: accepted so far. open: now; `until_open(n)` waits for n of them.
    """

    def __init__(
        self, *answers: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._answers, self._tls, self._host = answers, tls, host
        self.requests: list[str] = []
        self.connections = self.open = 0
        self.port = port
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _e: object, _trace: TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    @property
    def query(self) -> dict[str, list[str]]:
        """The last request's parameters, decoded."""
        return parse_qs(urlsplit(self.target).query)

    @property
    def target(self) -> str:
        """The last request's path and query as they came."""
        return self.requests[-1].split(" ")[1]

    def header(self, name: str, request: int = -1) -> str | None:
        for line in self.requests[request].splitlines()[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    async def until_asked(self) -> None:
        """Somebody has connected, who may have more questions than one."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.open > 0)

    async def until_open(self, number: int) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.open == number)

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.open += change
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        await self._count(1)
        early = b""
        try:
            while not writer.is_closing():
                head = early + await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head.decode())
                early = await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.transport.abort()
            self._tasks.discard(task)
            await self._count(-1)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Answers unless the client leaves; what it sent meanwhile is the start of its next request."""
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        answering, heard = asyncio.ensure_future(answer(writer)), asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((answering, heard), return_when=asyncio.FIRST_COMPLETED)
            if heard.done() and not heard.result():
                raise ConnectionResetError
            await answering
        finally:
            answering.cancel()
            heard.cancel()
            await asyncio.gather(answering, heard, return_exceptions=True)
        return b"" if heard.cancelled() else heard.result()


def sends(body: bytes = b'{"a": 1}', status: str = "200 OK", close: bool = False, **headers: str) -> Answer:
    """A whole answer; header names are written with _ for -."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return sends_bytes("\r\n".join(lines).encode() + b"\r\n\r\n" + body, close=close)


def sends_bytes(data: bytes, *, close: bool = True) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return answer


async def says_nothing(_writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(writer: asyncio.StreamWriter) -> None:
    """A true reset (RST) before any answer: what waits to be sent is thrown away, and no FIN is sent."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def resets_in_the_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.05)  # the first part is to arrive
    await resets(writer)


class Flood:
    """A body of so many bytes, which is said at its head. sent: what was handed to the connections so far."""

    def __init__(self, size: int) -> None:
        self._size, self.sent = size, 0

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self._size)
        chunk = b" " * 65536  # white space is JSON, as far as it goes
        for _ in range(self._size // len(chunk)):
            writer.write(chunk)
            await writer.drain()
            self.sent += len(chunk)


async def never_ends(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def drips(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)
