"""The centre that sends tables: one every five minutes, into the folder of its site; and it clears away old ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from suanli.demo.city import CITY, SitePlan
from suanli.demo.dialects.local import table
from suanli.demo.state import City

EVERY_SECONDS = 300
_KEPT_SECONDS = 86_400
_GARBAGE = b"\x00\xff\xfe"


def folder_of(kept: Path, site: str) -> Path:
    """Where a site's tables are dropped."""
    return kept.resolve() / site


@asynccontextmanager
async def tables_dropped(city: City, kept: Path, clock: Callable[[], float]) -> AsyncIterator[None]:
    """The first ones lie there when the block begins."""
    plans = [plan for plan in CITY if "file" in (plan.kind, plan.second)]
    for plan in plans:
        folder_of(kept, plan.id).mkdir(parents=True, exist_ok=True)
        drop(plan, city, kept, clock())
    task = asyncio.create_task(_dropping(plans, city, kept, clock))
    try:
        yield
    finally:
        task.cancel()


async def _dropping(plans: list[SitePlan], city: City, kept: Path, clock: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        for plan in plans:
            with suppress(OSError):  # a table that cannot be written does not come: the site's second signal is silent
                drop(plan, city, kept, clock())


def drop(plan: SitePlan, city: City, kept: Path, now: float) -> None:
    """One table, whole under its name at once. A site that fails sends none, or one that nobody can read."""
    city.advance(now)
    fault, folder = city.fault(plan.id, now), folder_of(kept, plan.id)
    if fault in (None, "garbage"):
        sent = folder / f".{int(now)}"
        sent.write_bytes(_GARBAGE if fault else table(city.sites[plan.id], now).encode())
        sent.rename(folder / f"{int(now)}.csv")
    for old in folder.glob("*/*"):
        if old.stat().st_mtime < now - _KEPT_SECONDS:
            old.unlink()
