"""An HTTP server inside our own event loop: the address is bound before anything starts, and signals stay ours."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from suanli.config import TlsConfig, check_certificate
from suanli.model.errors import Unavailable
from suanli.model.message import Message

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_STOP_WITHIN = 3
_KEEP_ALIVE = 75  # outlives the usual interval of a scrape or poll


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the server is, and the task that it runs in."""

    address: str
    task: asyncio.Task[None]
    server: uvicorn.Server

    def hang_up(self, client: tuple[str, int]) -> None:
        """Close this client's connections without another word."""
        for connection in list(self.server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None and transport.get_extra_info("peername") == client:
                transport.abort()


class _Server(uvicorn.Server):
    """uvicorn as a guest: signals stay with the program that serves, and `ready` tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@asynccontextmanager
async def listening(
    application: Any, host: str, port: int, tls: TlsConfig | None = None, trusted_proxies: Sequence[str] = ()
) -> AsyncIterator[Listening]:
    """Serve this ASGI application until the block ends; port 0 takes a free one.

    trusted_proxies: from where a word on the client's address is taken. Raises Unavailable when the port is taken, and
    InputError when the certificate cannot be used.
    """
    if tls is not None:
        check_certificate(tls)
    bound = _bound(host, port)
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        ssl_certfile=None if tls is None else tls.cert,
        ssl_keyfile=None if tls is None else tls.key,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_STOP_WITHIN,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]), name="http")
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        yield Listening(f"http{'s' if tls else ''}://{host}:{bound.getsockname()[1]}", task, server)
    finally:
        ready.cancel()
        server.should_exit = True
        await task
        bound.close()


def _bound(host: str, port: int) -> socket.socket:
    # asyncio turns Nagle off only where the protocol is named; without that, a kept connection waits 40 ms an answer.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise Unavailable(
            Message(
                "cannot listen on {host}:{port}: {why}; is another Suanli running?",
                host=host,
                port=port,
                why=error.strerror,
            )
        ) from None
    return made
