"""A load, and what the polls of a window cost by the kernel's count, whichever program made them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.benchmarks.children import BenchError, Child
from tests.servers.processes import TooLateError, wait_until

_READY_WITHIN = 45.0


@dataclass(frozen=True, slots=True)
class Load:
    """How many sites are asked how often, for how long (seconds)."""

    sites: int
    interval: int
    seconds: float


@dataclass(slots=True)
class Cost:
    """What the polls of the window cost."""

    polls: int
    cpu_us: float
    memory_mb: float
    scrape_ms: list[float] = field(default_factory=list)


def measured(child: Child, load: Load, count: Callable[[], int]) -> Cost:
    """CPU over the window by the number that `count` grew; it is asked once an interval, as a scraper would."""
    first, cpu, waits = count(), child.cpu_seconds(), []
    start = time.monotonic()
    for turn in range(1, max(1, round(load.seconds / load.interval)) + 1):
        time.sleep(max(0.0, start + turn * load.interval - time.monotonic()))
        asked = time.perf_counter()
        last = count()
        waits.append((time.perf_counter() - asked) * 1e3)
    polls, spent = last - first, child.cpu_seconds() - cpu
    if not polls:
        raise BenchError(f"{child.name} asked nobody in {load.seconds:g} s\n{child.last_words()}")
    return Cost(polls, spent / polls * 1e6, child.memory_mb(), waits)


def await_(child: Child, probe: Callable[[], bool], what: str) -> None:
    def asked() -> bool:
        child.check()
        try:
            return probe()
        except httpx.TransportError:
            return False

    try:
        wait_until(asked, within=_READY_WITHIN, what=what, every=0.5)
    except TooLateError as error:
        raise BenchError(f"{child.name}: {error}\n{child.last_words()}") from None
