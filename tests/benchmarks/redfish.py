"""One poll of a site of many BMCs, each of them a host with a baseboard of eight accelerators."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import uvloop

from collectors.base import Collector
from collectors.client import ClientPool
from collectors.registry import build
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.site import Source
from tests.benchmarks.children import BenchError, listening
from tests.benchmarks.figures import Figure
from tests.benchmarks.machines import address
from tests.reaching import loopback
from tests.servers.processes import free_port
from tests.servers.redfish import PASSWORD, USER

_LIMIT_SECONDS = 10.0
_DEVICES = 8
_SECRET = "SUANLI_BENCH_BMC"
_MODEL = frozenset({"nvidia-h100-80gb-hbm3"})


def redfish_figures(bmcs: int, folder: Path) -> list[Figure]:
    """A first poll (which opens the sessions) and a later one of BMCs with $expand, and a later one of those without:
    three, and twenty-three, questions a BMC. cpu: of the later ones."""
    os.environ[_SECRET] = PASSWORD
    first, expanded, cpu = uvloop.run(_polls(bmcs, 6, folder))
    _, plain, plain_cpu = uvloop.run(_polls(bmcs, 0, folder))
    walls = {"first": first, "expanded": expanded, "plain": plain}
    return [
        *(
            Figure(f"redfish_{bmcs}_{name}_s", wall, "s", "limit_s", _LIMIT_SECONDS, 1.0)
            for name, wall in walls.items()
        ),
        Figure(f"redfish_{bmcs}_expanded_cpu_s", cpu, "s"),
        Figure(f"redfish_{bmcs}_plain_cpu_s", plain_cpu, "s"),
    ]


async def _polls(bmcs: int, levels: int, folder: Path) -> tuple[float, float, float]:
    """Wall of the first poll and of the second, and the second's CPU, once the other side knows its answers."""
    port = free_port()
    site = _site(bmcs, port)
    with listening("tests.benchmarks.machines", [str(bmcs), str(port), str(levels)], folder):
        await _several(site, bmcs, 1)
        (first, _), (later, cpu) = await _several(site, bmcs, 2)
    return first, later, cpu


async def _several(site: PolledSite, bmcs: int, polls: int) -> list[tuple[float, float]]:
    """Wall and CPU of so many polls, the first of which opens the sessions."""
    pool = ClientPool(loopback)
    collector = build(site, pool.site(site))
    try:
        return [await _poll(collector, bmcs) for _ in range(polls)]
    finally:
        await pool.aclose()


async def _poll(collector: Collector, bmcs: int) -> tuple[float, float]:
    start, used = time.perf_counter(), time.process_time()
    async with asyncio.timeout(60):
        (sample,) = await collector.collect(int(time.time()))
    taken = time.perf_counter() - start, time.process_time() - used
    if (sample.online_devices, sample.quality) != (_DEVICES * bmcs, "ok"):
        raise BenchError(f"{sample.online_devices} of {_DEVICES * bmcs} accelerators were counted: {sample.reason}")
    return taken


def _site(bmcs: int, port: int) -> PolledSite:
    """Its timeout is long: the figure tells whether ten seconds are enough."""
    auth = {"kind": "redfish", "user": USER, "password": {"env": _SECRET}}
    hosts = [address(number) for number in range(1, bmcs)]
    source = {"kind": "redfish", "url": f"http://{address(0)}:{port}", "auth": auth, "settings": {"hosts": hosts}}
    pool = PolledPool("h100", "H100", _MODEL, 1.0)
    return PolledSite("redfish", Source.model_validate(source), (pool,), interval=300, timeout=120.0, max_age=900)
