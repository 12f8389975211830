"""A site asked before it is registered, through its real collector: what is there, and what looks wrong."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from collectors.client import ClientPool
from collectors.poller import Poller
from collectors.registry import build
from collectors.schedule import first_turn
from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.polled import PollOutcome
from suanli.model.sample import Sample
from suanli.model.site import Pool, Site
from suanli.quality.scale import PRECISIONS, SPARSE, THOUSAND
from suanli.registry.file import first_second
from suanli.registry.ledger import LedgerEntry, amount_at, entries_of
from suanli.registry.polled import is_pushed, polled_site

TOLERANCE = 0.02
"""Relative: as near must what is found be to what is declared."""


async def probe(site: Site, config: Config) -> PollOutcome:
    """One poll of a site that need not be registered; nothing is recorded. InputError: it has nothing to be asked."""
    if is_pushed(site):
        told = Message("{site} is of kind push: nobody asks it, so that there is nothing to probe", site=site.id)
        raise InputError(Problem(told, key="source.kind"))
    polled = polled_site(site.model_copy(update={"status": "operational"}), config.polling, load_accelerators())
    if polled is None:
        raise InputError(Problem(Message("{site} has no source to be asked", site=site.id), key="source"))
    pool = ClientPool(config.reach.of)
    try:
        turn = first_turn(polled, build(polled, pool.site(polled)), time.monotonic())
        return await Poller(_nowhere, _unheard).poll(turn)
    finally:
        await pool.aclose()


async def _nowhere(_samples: list[Sample]) -> None:
    """What is only looked at is not recorded."""


def _unheard(_outcome: PollOutcome) -> None:
    """The caller has the outcome itself."""


def compared(site: Site, samples: Iterable[Sample], config: Config, now: int) -> list[dict[str, Any]]:
    """Each pool as declared for `now` (UTC seconds) beside what was found; `wrong`: what looks wrong, in words."""
    found = {sample.pool: sample for sample in samples}
    return [_pool(site, pool, found.get(pool.id), config, now) for pool in site.pools]


def _pool(site: Site, pool: Pool, sample: Sample | None, config: Config, now: int) -> dict[str, Any]:
    ledger = entries_of(pool, config.zone, load_accelerators(), first_second(site, config.zone))
    devices = next((line.devices for line in ledger if line.stage == "built" and line.holds(now)), None)
    return {
        "pool": pool.id,
        "model": pool.model,
        "declared_devices": devices,
        "declared_pflops": amount_at(ledger, "built", now),
        "found_devices": sample.online_devices if sample else None,
        "online_pflops": sample.online_pflops if sample else None,
        "used_pflops": sample.used_pflops if sample else None,
        "reason": sample.reason if sample else "",
        "wrong": list(_wrong(pool, ledger, devices, sample, now)),
    }


def _wrong(
    pool: Pool, ledger: list[LedgerEntry], devices: int | None, sample: Sample | None, now: int
) -> Iterator[str]:
    declared = amount_at(ledger, "built", now)
    if sample is None:
        yield Message("the answer has no such pool: check its match")
        return
    if declared is None:
        yield Message("nothing is declared as built now")
        return
    if sample.online_pflops is None:
        yield Message("how much is online was not told")
        return
    yield from _amounts(pool, declared, devices, sample)


def _amounts(pool: Pool, declared: float, devices: int | None, sample: Sample) -> Iterator[str]:
    online, found = sample.online_pflops or 0.0, sample.online_devices
    row = load_accelerators().find(pool.model)
    peak = row.peak_pflops(pool.basis) if row else None
    ratio = declared / (found * peak) if found and peak else declared / online if online else None
    if ratio is None:
        yield Message("nothing is online there")
    elif said := _told(ratio):
        yield Message(
            "declared is {ratio:.3g} times what was found by the catalogue's dense peak: probably {said}",
            ratio=ratio,
            said=said,
        )
    elif ratio < 1 - TOLERANCE:
        yield Message("more is online than is declared as built")
    elif devices is not None and found is not None and found < devices * (1 - TOLERANCE):
        yield Message(
            "{missing:,.10g} of {devices:,} declared devices are not online",
            missing=devices - found,
            devices=devices,
        )


def _told(ratio: float) -> str:
    """The mistake that makes an amount so many times too large or too small; nothing where none is known."""
    if SPARSE[0] <= ratio <= SPARSE[1]:
        return Message("the sparse peak")
    if precision := next((name for name, least, most in PRECISIONS if least <= ratio <= most), ""):
        return Message("the peak of another precision, such as {precision}", precision=precision)
    return Message("another unit") if any(THOUSAND[0] <= one <= THOUSAND[1] for one in (ratio, 1 / ratio)) else ""
