"""Run:ai's telemetry by node pool -> samples. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from collectors.amounts import Amounts, number_of, samples_of_amounts
from collectors.base import Unreadable
from collectors.matching import pool_of
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.quality.marks import no_amount

NODE_POOL = "nodepool"
"""The label of a pool's match: a node pool's name."""
_READY, _ALLOCATED, _IDLE = TYPES = ("READY_GPUS", "ALLOCATED_GPUS", "IDLE_ALLOCATED_GPUS")


def parse(answers: Mapping[str, object], site: PolledSite, now: int) -> list[Sample]:
    """Samples at the oldest of the answers' times; Unreadable when one is of another shape."""
    told = {kind: _object(answers[kind], kind) for kind in TYPES}
    ready, allocated, idle = (_by_node_pool(told[kind]) for kind in TYPES)
    amounts = Amounts()
    for name in sorted(ready.keys() | allocated.keys()):
        pool = _pool(site, name)
        if pool is None:
            amounts.strangers.add(name[:60] or "a node pool without a name")
            continue
        amounts.add(pool.id, "online", ready.get(name))
        amounts.add(pool.id, "used", allocated.get(name))
        amounts.add(pool.id, "busy", _busy(allocated.get(name), idle.get(name)))
    return samples_of_amounts(site, amounts, "devices", min(map(_time, told.values())), now)


def _busy(allocated: float | None, idle: float | None) -> float | None:
    """Rounded, as both may be sums of parts of devices. More idle ones than there are stays below nothing: refused.

    The difference of two marks for "no value" would be a good 0.
    """
    known = [value for value in (allocated, idle) if value is not None and no_amount(value) is None]
    return round(known[0] - known[1], 6) if len(known) == 2 else None


def _by_node_pool(answer: Mapping[str, Any]) -> dict[str, float | None]:
    values = answer.get("values")
    if not isinstance(values, list):
        raise Unreadable("the telemetry has no list of values")
    found: dict[str, float | None] = {}
    for one in values:
        groups = one.get("groups") if isinstance(one, dict) else None
        if not isinstance(groups, list) or len(groups) != 1 or not isinstance(groups[0], dict):
            raise Unreadable("a value of the telemetry is of no node pool, or of several")
        name = str(groups[0].get("name") or groups[0].get("value") or "")
        if name in found:
            raise Unreadable(f"node pool {name[:60]} is told twice: of several clusters? Then set cluster")
        found[name] = number_of(one.get("value"))
    return found


def _pool(site: PolledSite, name: str) -> PolledPool | None:
    return pool_of(site, NODE_POOL, name) if name else None


def _time(answer: Mapping[str, Any]) -> int:
    try:
        moment = datetime.fromisoformat(answer["timestamp"])
        seconds = moment.timestamp() if moment.tzinfo else 0.0
    except (KeyError, TypeError, ValueError, OverflowError):
        seconds = 0.0
    if seconds <= 0:
        raise Unreadable("the telemetry's timestamp is missing or no time with its zone")
    return int(seconds)


def _object(answer: object, kind: str) -> Mapping[str, Any]:
    if not isinstance(answer, dict) or answer.get("type") != kind:
        raise Unreadable(f"the answer is no telemetry of {kind}")
    return answer
