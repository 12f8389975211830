"""Placement's providers of resources -> units online and used by resource class. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.base import Unreadable
from collectors.once import once

_PCI = re.compile(r"CUSTOM_PCI_(?P<vendor>[0-9A-F]{4})_(?P<product>[0-9A-F]{4})")
_ACCELERATOR = re.compile(r"PGPU|VGPU|FPGA|PCI_DEVICE|CUSTOM_PCI_.*|CUSTOM_.*(GPU|NPU|DCU|MLU|ACCELERATOR|ASCEND).*")


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider of resources. generation grows with each change of its inventory, and not with each of its usage:
    giving something back leaves it as it is (seen on 16.0)."""

    uuid: str
    root: str
    generation: int


Amounts = Mapping[str, float]
"""Units by resource class."""


def providers_of(payload: object) -> list[Provider]:
    """The list of providers; Unreadable when it is none, or names one twice."""
    found, seen = [_provider(item) for item in _list(payload, "resource_providers")], set[str]()
    for provider in found:
        once(seen, provider.uuid, f"resource provider {provider.uuid}")
    return found


def offered_by(inventories: object) -> Amounts:
    """Units that can be given. What is reserved cannot: so Nova takes a broken device out. Raises Unreadable."""
    offered = {}
    for name, found in _table(inventories, "inventories").items():
        if not isinstance(found, dict):
            raise Unreadable(f"the inventory of {str(name)[:60]} cannot be read")
        total, reserved = (_number(found.get(key), name) for key in ("total", "reserved"))
        offered[str(name)] = max(0.0, total - reserved)
    return offered


def used_of(usages: object) -> Amounts:
    """Units that are given. Raises Unreadable."""
    return {str(name): _number(amount, name) for name, amount in _table(usages, "usages").items()}


def model_of(resource_class: str) -> str:
    """What the catalogue may know the class by: PCI numbers as it writes them, else the class itself."""
    found = _PCI.fullmatch(resource_class)
    return f"pci:{found['vendor']}:{found['product']}".lower() if found else resource_class


def is_accelerator(resource_class: str) -> bool:
    """Whether a class that no pool claims sounds like devices that somebody forgot to register."""
    return _ACCELERATOR.fullmatch(resource_class) is not None


def _provider(item: Any) -> Provider:
    try:
        uuid, root, generation = item["uuid"], item["root_provider_uuid"] or item["uuid"], item["generation"]
    except (TypeError, KeyError):
        raise Unreadable("a resource provider without uuid, root or generation is in the list") from None
    if not isinstance(uuid, str) or not isinstance(root, str) or not isinstance(generation, int):
        raise Unreadable("a resource provider's uuid, root or generation cannot be read")
    return Provider(uuid, root, generation)


def _list(payload: object, key: str) -> Iterable[object]:
    found = payload.get(key) if isinstance(payload, dict) else None
    if not isinstance(found, list):
        raise Unreadable(f"the answer has no list of {key}")
    return found


def _table(payload: object, key: str) -> Mapping[Any, Any]:
    found = payload.get(key) if isinstance(payload, dict) else None
    if not isinstance(found, dict):
        raise Unreadable(f"the answer has no {key}")
    return found


def _number(value: object, name: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise Unreadable(f"an amount of {str(name)[:60]} cannot be read: {str(value)[:40]}")
    return float(value)
