"""The simulated APIs over real HTTP on loopback, in the caller's event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from suanli.demo.api import HangUp, SiteApi
from suanli.demo.city import CITY
from suanli.demo.state import City


def demo_app(city: City, tokens: Mapping[str, str], clock: Callable[[], float], hang_up: HangUp) -> Starlette:
    """Every site's API under /sites/{id}; `hang_up` closes the connection of a client."""
    apis = [SiteApi(plan, city, tokens[plan.id], clock, hang_up) for plan in CITY]
    return Starlette(routes=[Mount(f"/sites/{api.plan.id}", routes=api.routes()) for api in apis])


class DemoServer:
    """The city's APIs from `start` to `stop`; `clock` gives the UTC seconds that the city lives by."""

    def __init__(self, city: City, tokens: Mapping[str, str], clock: Callable[[], float]) -> None:
        config = uvicorn.Config(
            demo_app(city, tokens, clock, self._hang_up),
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Serve on a free port of 127.0.0.1; the base URL."""
        # Named TCP, so that asyncio sets TCP_NODELAY; without it each answer waits 40 ms for an acknowledgement.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        self._running = asyncio.create_task(self._server.serve([listener]), name="demo city")
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait((ready, self._running), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await self._running  # raises what went wrong
        return f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        """Answer what was asked, then close every connection."""
        self._server.should_exit = True
        if self._running is not None:
            await self._running

    async def __aenter__(self) -> str:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _hang_up(self, client: tuple[str, int]) -> None:
        for connection in list(self._server.server_state.connections):
            transport: Any = connection.transport
            if transport.get_extra_info("peername") == client:
                transport.abort()


class _Server(uvicorn.Server):
    """uvicorn as a guest: signals stay with the program that serves, and `ready` tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
