"""What the BMCs of a site listed -> samples. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import httpx

from collectors.amounts import Amounts, samples_of_amounts
from collectors.answers import clean
from collectors.base import CollectError, Unreadable
from collectors.matching import briefly, pool_of
from collectors.reasons import POWERED_OFF
from collectors.redfish.bmc import Bmc, Listed
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample

MODEL, PART = "Model", "PartNumber"
"""The labels of a pool's match."""


def samples_of(site: PolledSite, bmcs: Sequence[Bmc], now: int) -> list[Sample]:
    """Devices that were listed, by pool; those of BMCs that are silent are unknown, so the samples are partial.

    Raises the BMCs' own error when all of them are silent, and Unreadable when no pool was found.
    """
    heard, silent = [one for one in bmcs if one.fault is None], [one for one in bmcs if one.fault is not None]
    if not heard:
        raise _fault_of(silent)
    amounts = _amounts(site, heard)
    if not silent and all(one.off for one in heard):
        # An accelerator without power is not even listed by many, and then nothing else tells that it is off.
        for pool in site.pools:
            amounts.found.setdefault((pool.id, "online"), 0.0)
    if not amounts.found:
        seen = ", ".join(briefly(sorted(amounts.strangers))) or "no accelerators"
        more = f"; {_told(silent, len(bmcs))}" if silent else ""
        raise Unreadable(f"none of the pools of this site is in the answer (found: {seen}); check their match{more}")
    samples = samples_of_amounts(site, amounts, "devices", now, now)
    return [_partial(one, _told(silent, len(bmcs))) for one in samples] if silent else samples


def _amounts(site: PolledSite, heard: Iterable[Bmc]) -> Amounts:
    amounts, mute = Amounts(), set()
    for one in _distinct(heard):
        pool = _pool(site, one)
        if pool is None:
            amounts.strangers.add(clean(one.device.model) or "an accelerator without a model")
            continue
        out = one.device.out if one.on else POWERED_OFF
        online = not out
        if out:
            amounts.left_out[pool.id, out] += 1
        amounts.add(pool.id, "online", float(online))
        if online and one.percent is None:
            mute.add(pool.id)
        elif online:
            _add_busy(amounts, pool.id, one.percent or 0.0)
    for pool_id in mute:  # what some of its devices tell is not what all of them do
        amounts.found.pop((pool_id, "busy"), None)
    return amounts


def _add_busy(amounts: Amounts, pool: str, percent: float) -> None:
    if 0 <= percent <= 100:
        amounts.add(pool, "busy", percent / 100)
    else:
        amounts.refuse(pool, "busy", percent, "no part of a hundred")
        amounts.add(pool, "busy", None)


def _distinct(heard: Iterable[Bmc]) -> list[Listed]:
    """A device may be listed by its host and by its baseboard, or by one BMC under two names; it is online if all say
    so, and the first that tells how busy it is is believed."""
    found: dict[object, Listed] = {}
    for bmc in heard:
        for one in bmc.listed:
            key: object = one.device.identity or id(one)
            found[key] = _joined(found[key], one) if key in found else one
    return list(found.values())


def _joined(first: Listed, other: Listed) -> Listed:
    device = replace(first.device, out=first.device.out or other.device.out)
    return Listed(device, first.on and other.on, other.percent if first.percent is None else first.percent)


def _pool(site: PolledSite, one: Listed) -> PolledPool | None:
    found = pool_of(site, MODEL, one.device.model)
    return found or (pool_of(site, PART, one.device.part) if one.device.part else None)


def _partial(sample: Sample, told: str) -> Sample:
    reason = "; ".join(filter(None, (sample.reason, told)))
    return sample.model_copy(update={"quality": "partial", "reason": reason})


def _told(silent: Sequence[Bmc], of: int) -> str:
    devices = sum(len(one.listed) for one in silent)
    last = f" ({devices} accelerators when they last answered)" if devices else ""
    names = ", ".join(briefly(httpx.URL(one.url).netloc.decode()[:60] for one in silent))
    return f"unknown: {len(silent)} of {of} BMCs{last}: {names}; the first: {str(silent[0].fault)[:300]}"


def _fault_of(silent: Sequence[Bmc]) -> CollectError:
    """The kind of error that most of them have, by the first of these."""
    faults = [one.fault for one in silent if one.fault is not None]
    kinds = [type(one) for one in faults]
    first = faults[kinds.index(max(kinds, key=kinds.count))]
    if len(faults) == 1:
        return first
    return type(first)(f"none of {len(faults)} BMCs can be counted; {first}", first.retry_after)
