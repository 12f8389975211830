"""Resource pools and pages of their nodes, as far as they count. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors.amounts import number_of
from collectors.base import Unreadable
from collectors.once import once
from collectors.reasons import KEPT_OUT, NOT_READY

_DEVICE = re.compile(r"nvidia\.com/gpu|huawei\.com/ascend-[a-z0-9-]+")
_FROZEN = 8 | 16  # bits of a pool's controlMode: frozen, and frozen by the police
_STATUS, _SPARE = "os.modelarts/billing.status", "os.modelarts.node/ha.redundant.enabled"


@dataclass(frozen=True, slots=True)
class ResourcePool:
    """A pool of ModelArts. name: what its operator calls it. parent: the pool whose nodes it is a part of, or empty."""

    id: str
    name: str
    parent: str
    frozen: bool


@dataclass(frozen=True, slots=True)
class Cards:
    """Devices of one resource on one node: all of them, and those that nobody has; None where it does not tell."""

    all: float | None
    free: float | None


@dataclass(frozen=True, slots=True)
class Node:
    """One node. out: why it is not online, empty where it is. cards: by the resource's name."""

    name: str
    flavor: str
    out: str
    cards: Mapping[str, Cards]


def pools_of(payload: object) -> list[ResourcePool]:
    """The pools of a PoolList; Unreadable when it is none, or names one twice."""
    found, seen = [_pool(item) for item in _items(payload, "pools", "PoolList")], set[str]()
    for pool in found:
        once(seen, pool.id, f"pool {pool.id[:60]}")
    return found


def outermost(pools: list[ResourcePool]) -> list[ResourcePool]:
    """Each pool once, without those whose nodes are those of another in the list."""
    by_id = {pool.id: pool for pool in pools}
    return [pool for pool in by_id.values() if pool.parent == pool.id or pool.parent not in by_id]


def page_of(payload: object) -> tuple[list[Node], str]:
    """The nodes of one page of a NodeList, and the token that asks for the next; empty at the end."""
    nodes = [_node(item) for item in _items(payload, "nodes", "NodeList")]
    metadata = payload.get("metadata") if isinstance(payload, dict) else None
    return nodes, text(metadata or {}, "continue", "the list of nodes")


def text(found: object, key: str, who: str) -> str:
    """A text, empty where there is none; Unreadable when it is anything else."""
    value = (found.get(key) or "") if isinstance(found, dict) else None
    if not isinstance(value, str):
        raise Unreadable(f"{who}: its {key} cannot be read")
    return value


def _pool(item: Any) -> ResourcePool:
    metadata = _part(item, "metadata", "a pool")
    id_ = text(metadata, "name", "a pool")
    if not id_:
        raise Unreadable("a pool without a name is in the list")
    who = f"pool {id_[:60]}"
    labels, spec, status = _part(metadata, "labels", who), _part(item, "spec", who), _part(item, "status", who)
    mode = spec.get("controlMode") or 0
    if not isinstance(mode, int):
        raise Unreadable(f"{who}: its controlMode cannot be read")
    return ResourcePool(id_, text(labels, "os.modelarts/name", who), text(status, "parent", who), bool(mode & _FROZEN))


def _node(item: Any) -> Node:
    metadata = _part(item, "metadata", "a node")
    name = text(metadata, "name", "a node")
    if not name:
        raise Unreadable("a node without a name is in the list")
    who = f"node {name[:60]}"
    spec, status = _part(item, "spec", who), _part(item, "status", who)
    kept_out = _kept_out(_part(metadata, "labels", who), who)
    out = NOT_READY if text(status, "phase", who) != "Available" else KEPT_OUT if kept_out else ""
    if not out and not status.get("resources"):
        raise Unreadable(f"{who} is available and does not say what it has")
    found, free = _part(status, "resources", who), _part(status, "availableResources", who)
    cards = {key: Cards(number_of(found[key]), number_of(free.get(key))) for key in found if _DEVICE.fullmatch(key)}
    return Node(name, text(spec, "flavor", who), out, cards)


def _kept_out(labels: Mapping[str, Any], who: str) -> bool:
    """Frozen or ended by what it costs, or held back to replace another that breaks."""
    return text(labels, _STATUS, who) not in ("", "0") or text(labels, _SPARE, who) == "true"


def _items(payload: object, what: str, kind: str) -> list[Any]:
    if isinstance(payload, dict) and (payload.get("kind", kind), payload.get("apiVersion", "v2")) != (kind, "v2"):
        raise Unreadable(f"the answer is no {kind} of v2")
    found = payload.get("items", False) if isinstance(payload, dict) else False
    if found is not None and not isinstance(found, list):
        raise Unreadable(f"the answer has no list of {what}")
    return found or []


def _part(item: Any, key: str, who: str) -> Mapping[str, Any]:
    found = (item.get(key) or {}) if isinstance(item, dict) else None
    if not isinstance(found, dict):
        raise Unreadable(f"{who}: its {key} cannot be read")
    return found
