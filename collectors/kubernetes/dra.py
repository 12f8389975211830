"""Dynamic resource allocation: devices in ResourceSlices, and those that ResourceClaims hold. Pure.

A pool of slices is published anew under a higher generation; only the newest counts. A partition (type `mig`) that
could be made is no device: only what a claim holds of it counts, as used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.base import Unreadable
from collectors.kubernetes.nodes import identity, part
from collectors.kubernetes.resources import slices_of
from collectors.once import once

Key = tuple[str, str, str]
"""Driver, pool and device: what a claim names."""
_PROFILE = re.compile(r"(?P<slices>[0-9]+)g\.[0-9]+gb.*")
_WHOLE = ("gpu", "")


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a slice. node: where it is, empty when several nodes reach it; share: of a whole device."""

    node: str
    product: str
    share: float
    whole: bool


def devices_of(slices: Iterable[object]) -> dict[Key, Device]:
    """Every device of the newest generation of each pool that says what product it is; raises Unreadable."""
    read = [_slice(item) for item in slices]
    newest: dict[tuple[str, str], int] = {}
    for driver, pool, generation, _ in read:
        newest[driver, pool] = max(generation, newest.get((driver, pool), generation))
    current = [one for one in read if one[2] == newest[one[0], one[1]]]
    seen: set[Key] = set()
    for driver, pool, _, devices in current:
        for name, _ in devices:
            once(seen, (driver, pool, name), f"device {name} of pool {pool}")
    return {
        (driver, pool, name): device
        for driver, pool, _, devices in current
        for name, device in devices
        if device is not None
    }


def held(claims: Iterable[object]) -> set[Key]:
    """The devices that claims hold, each once however many share it; administrators' looks do not count."""
    return {key for item in claims for key in _results(item)}


def _slice(item: object) -> tuple[str, str, int, list[tuple[str, Device | None]]]:
    name, _, _ = identity(item, "ResourceSlice")
    spec = part(item, "spec", f"ResourceSlice {name}")
    pool, driver, devices = spec.get("pool"), spec.get("driver"), spec.get("devices") or []
    if not isinstance(pool, dict) or not isinstance(driver, str) or not isinstance(devices, list):
        raise Unreadable(f"ResourceSlice {name} has no readable pool, driver or devices")
    node = spec.get("nodeName")
    generation = pool.get("generation", 0)
    if not isinstance(generation, int) or not isinstance(pool.get("name"), str):
        raise Unreadable(f"ResourceSlice {name}: its pool has no readable name or generation")
    found = [_device(one, node if isinstance(node, str) else "") for one in devices]
    return driver, pool["name"], generation, found


def _device(one: object, node: str) -> tuple[str, Device | None]:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        raise Unreadable("a ResourceSlice has a device without a name")
    basic = one.get("basic")  # v1beta1 writes the attributes below it
    attributes = (basic if isinstance(basic, dict) else one).get("attributes") or {}
    product, kind = _text(attributes, "productName"), _text(attributes, "type")
    if not product:
        return one["name"], None  # a network card, say
    profile = _PROFILE.fullmatch(_text(attributes, "profile"))
    share = int(profile["slices"]) / slices_of(product) if profile else 1.0
    return one["name"], Device(node, product, share, kind in _WHOLE)


def _text(attributes: object, name: str) -> str:
    found = attributes.get(name) if isinstance(attributes, dict) else None
    text = found.get("string") if isinstance(found, dict) else None
    return text if isinstance(text, str) else ""


def _results(item: object) -> Iterable[Key]:
    name, _, _ = identity(item, "ResourceClaim")
    results = _within(item, "status", "allocation", "devices").get("results") or []
    if not isinstance(results, list):
        raise Unreadable(f"ResourceClaim {name}: what it holds cannot be read")
    for one in results:
        key = tuple(one.get(word) for word in ("driver", "pool", "device")) if isinstance(one, dict) else ()
        if len(key) != 3 or not all(isinstance(word, str) for word in key):
            raise Unreadable(f"ResourceClaim {name}: what it holds cannot be read")
        if one.get("adminAccess") is not True:
            yield (str(key[0]), str(key[1]), str(key[2]))


def _within(item: object, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        item = (item.get(key) or {}) if isinstance(item, dict) else None
    if not isinstance(item, dict):
        raise Unreadable(f"a ResourceClaim's {' '.join(keys)} cannot be read")
    return item
