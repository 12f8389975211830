"""Every kind that is asked over HTTP: memory stays level, however often a site is polled.

200 polls a kind here; `make polls` makes 10,000 (SUANLI_POLLS).
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from itertools import count
from pathlib import Path

from collectors.poller import Poller
from collectors.schedule import first_turn
from suanli.model.sample import Sample
from tests.collectors.cases import cases, collector_of
from tests.collectors.contract import every_http_kind

POLLS = int(os.environ.get("SUANLI_POLLS", "200"))
_LEAST = 50
"""Polls until all that is kept on purpose is there: what a source offers, who is signed in."""
_TIMERS = 750
"""Objects of timers that are cancelled: the loop throws them away when there are a hundred."""
_MOST_BYTES = 8 << 20
"""More is no noise of the allocator."""


async def _recorded(_samples: list[Sample]) -> None:
    """Nobody keeps them."""


def _held() -> tuple[int, int]:
    """Python's small objects, which are counted exactly; and all bytes of this process that are in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return sys.getallocatedblocks(), pages * os.sysconf("SC_PAGESIZE")


@every_http_kind
async def test_memory_stays_level_over_many_polls(kind: str) -> None:
    case = cases(kind)[-1]
    clock = count(case.now, 30)
    poller = Poller(_recorded, lambda _outcome: None, clock=lambda: float(next(clock)))
    http = case.http()
    turn = first_turn(case.site, collector_of(case, http), 0.0)

    async def polled(times: int) -> tuple[int, int]:
        for _ in range(times):
            assert (await poller.poll(turn)).result == "ok"
            http.asked.clear()  # the fake's own memory
            http.posted.clear()
            await asyncio.sleep(0)  # or the loop never throws away the timers of deadlines that were kept
        return _held()

    await polled(_LEAST)
    blocks, size = await polled(1)
    more_blocks, more_size = await polled(POLLS)

    if POLLS > 200:
        grown = (more_size - size) / 1024
        print(f"{kind}: {more_blocks - blocks} objects and {grown:.0f} KiB more after {POLLS} polls")
    assert more_blocks - blocks < _TIMERS + POLLS / 20, f"{(more_blocks - blocks) / POLLS:g} objects a poll"
    assert more_size - size < _MOST_BYTES
