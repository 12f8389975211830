"""A BMC that serves Redfish, as no product shows accelerators without having them: sessions, $expand, paging.

It is the demonstration's (suanli/demo/bmc.py), and can fail as a test wants it to. What it says passes DMTF's own
validator (tests/servers/test_redfish.py). It answers on the loop that starts it.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from suanli.demo.bmc import Bmc as Plain
from suanli.demo.bmc import failed
from suanli.demo.bmc_resources import ROOT, SESSIONS, Processor, System
from suanli.demo.dialects.base import USER, Asked, Json, Told

__all__ = ["PASSWORD", "ROOT", "SESSIONS", "USER", "Bmc", "Json", "Processor", "System", "changed", "machine"]
PASSWORD = "suanli-test-password"
_NAMES = uuid.UUID("8e5f41c5-3c1c-4a5e-9d0b-4a3d2f6f0a11")


@dataclass
class Bmc(Plain):
    """faults: path -> status. asked: paths with queries, in order."""

    password: str = field(default=PASSWORD, kw_only=True, repr=False)
    faults: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def redfish_bmc(bmc: Bmc, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves it; its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _Handler(bmc).answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class _Handler:
    def __init__(self, bmc: Bmc) -> None:
        self._bmc = bmc

    async def answer(self, request: web.Request) -> web.Response:
        self._bmc.asked.append(f"{request.method} {request.path_qs}" if request.method != "GET" else request.path_qs)
        headers = {name.lower(): text for name, text in request.headers.items()}
        body = await request.read()
        told = self._told(Asked(request.method, str(request.url), request.path, request.query, headers, body, 0.0))
        return web.Response(
            body=told.body, status=told.status, content_type=told.media if told.body else None, headers=told.headers
        )

    def _told(self, asked: Asked) -> Told:
        if status := self._bmc.faults.get(asked.path.rstrip("/")):
            return failed(status)
        return self._bmc.answer(asked, self._bmc.resources()) if self._bmc.knows(asked) else failed(401)


def machine(name: str, gpus: int = 8, model: str = "NVIDIA H100 80GB HBM3", **more: Any) -> Bmc:
    """A host of two CPUs, and its baseboard of so many devices, as HGX machines show themselves."""
    host = System("System_0", [Processor(f"CPU_{one}", "Xeon", "CPU", "Intel") for one in range(2)])
    devices = [
        Processor(f"GPU_SXM_{one + 1}", model, uuid=str(uuid.uuid5(_NAMES, f"{name} {one}")), percent=12.5 * one)
        for one in range(gpus)
    ]
    return Bmc([host, System("HGX_Baseboard_0", devices)], name=name, **more)


def changed(bmc: Bmc, system: int, processor: int, **what: Any) -> None:
    """Gives one processor other values."""
    found = bmc.systems[system].processors
    found[processor] = replace(found[processor], **what)
