"""A node: which pool its devices belong to, how many they are, and whether they are online. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from collectors.base import Unreadable
from collectors.kubernetes.resources import Devices, Sharing, model_in, of_node, sharing_of
from collectors.matching import pool_of
from collectors.reasons import CORDONED, KEPT_OUT, NOT_READY
from suanli.model.polled import PolledPool, PolledSite

_MODEL_LABELS = (
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "aliyun.accelerator/nvidia_name",
    "node.kubernetes.io/npu.chip.name",
)
_VAGUE_LABELS = ("accelerator-type", "accelerator")
"""Often the board or the vendor, not the model."""
RESOURCE = "resource"
"""The label of a pool's match that means the resource's own name."""
_REPLICAS = "nvidia.com/gpu.replicas"
_REGISTER, _HANDSHAKES = "hami.io/node-nvidia-register", ("hami.io/node-handshake", "hami.io/node-handshake-nvidia")
_HANDSHAKE_SECONDS = 300
_ASKED_AT = re.compile(r"Requesting_(?P<at>[0-9]{4}\.[0-9]{2}\.[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})")
_KEEP_OUT = ("NoSchedule", "NoExecute")


@dataclass(frozen=True, slots=True)
class Node:
    """What counts of one node. out: why its devices are not online, empty where they are.

    pools: by the name under which devices are counted; None: no pool of the site.
    """

    name: str
    out: str
    sharing: Sharing
    devices: Devices
    pools: Mapping[str, PolledPool | None]
    said: Mapping[str, str]
    """What the devices are called, by the same names; for the person who reads that they belong to no pool."""


def node_of(item: object, site: PolledSite, now: int) -> Node:
    """One item of a NodeList; raises Unreadable when it is none."""
    name, labels, annotations = identity(item, "node")
    spec, status = part(item, "spec", f"node {name}"), part(item, "status", f"node {name}")
    product = next((labels[label] for label in _MODEL_LABELS if label in labels), "")
    sharing = _shared(sharing_of(product, _replicas(labels, name)), annotations, now)
    devices = of_node(status.get("allocatable"), sharing, f"node {name}")
    return Node(
        name,
        _kept_out(spec, name) if _ready(status, name) else NOT_READY,
        sharing,
        devices,
        {counted: _pool_of(site, labels, counted) for counted in devices},
        {counted: model_in(product) or counted for counted in devices},
    )


def _pool_of(site: PolledSite, labels: Mapping[str, str], resource: str) -> PolledPool | None:
    """The pool whose match is a label of the node or the resource's name; else that of the model that one of them says.

    Where nothing says a model, the devices can only be those of a site that has one pool.
    """
    for pool in site.pools:
        if pool.match and pool.match.value in (labels.get(pool.match.label), _resource(pool, resource)):
            return pool
    said = [(label, model_in(labels[label])) for label in (*_MODEL_LABELS, *_VAGUE_LABELS) if label in labels]
    for label, model in [*said, (RESOURCE, resource)]:
        if model and (found := pool_of(site, label, model)):
            return found
    return None if any(label in labels for label in _MODEL_LABELS) else pool_of(site, RESOURCE, "")


def _resource(pool: PolledPool, resource: str) -> str | None:
    return resource if pool.match and pool.match.label == RESOURCE else None


def _ready(status: Mapping[str, Any], name: str) -> bool:
    conditions = status.get("conditions") or []
    if not isinstance(conditions, list) or not all(isinstance(one, dict) for one in conditions):
        raise Unreadable(f"node {name}: its conditions cannot be read")
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _kept_out(spec: Mapping[str, Any], name: str) -> str:
    """Kubernetes itself keeps pods out. A taint of the operator's own keeps a kind of pod in, which is no outage."""
    taints = spec.get("taints") or []
    if not isinstance(taints, list) or not all(isinstance(one, dict) for one in taints):
        raise Unreadable(f"node {name}: its taints cannot be read")
    own = (str(one.get("key")) for one in taints if one.get("effect") in _KEEP_OUT)
    if spec.get("unschedulable") is True:
        return CORDONED
    return KEPT_OUT if any(key.startswith("node.kubernetes.io/") for key in own) else ""


def _replicas(labels: Mapping[str, str], name: str) -> int:
    text = labels.get(_REPLICAS, "1")
    if not re.fullmatch("[0-9]{1,4}", text):  # taken for 1, each replica would pass for a device
        raise Unreadable(f"node {name}: {_REPLICAS} is no number: {text[:40]!r}")
    return max(1, int(text))


def _shared(sharing: Sharing, annotations: Mapping[str, str], now: int) -> Sharing:
    """HAMi says in an annotation what is really there; a handshake that nobody answered for minutes ends that."""
    text = annotations.get(_REGISTER)
    if not text:
        return sharing
    rows = [row.split(",") for row in text.split(":") if row.strip(" ,")]
    if not all(len(row) >= 7 and row[2].isdigit() for row in rows):
        raise Unreadable(f"{_REGISTER} is of another form than HAMi's protocol describes: {text[:60]!r}")
    healthy = [row for row in rows if row[6].strip().lower() == "true"]
    gone = any(_unanswered(annotations.get(name, ""), now) for name in _HANDSHAKES)
    memory = float(rows[0][2]) if rows else None
    return replace(sharing, physical=0.0 if gone else float(len(healthy)), memory=memory or None)


def _unanswered(handshake: str, now: int) -> bool:
    if handshake.startswith("Deleted"):
        return True
    match = _ASKED_AT.match(handshake)
    if match is None:
        return False
    try:
        asked = datetime.strptime(match["at"], "%Y.%m.%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return False
    return now - asked.timestamp() > _HANDSHAKE_SECONDS


def identity(item: object, kind: str) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """Name, labels and annotations; Unreadable when it has no name."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str) or not name:
        raise Unreadable(f"a {kind} without a name is in the list")
    return name[:80], _texts(metadata.get("labels")), _texts(metadata.get("annotations"))


def part(item: Any, key: str, who: str) -> Mapping[str, Any]:
    """`spec` or `status` of an item."""
    found = item.get(key)
    if not isinstance(found, dict):
        raise Unreadable(f"{who} has no {key}")
    return found


def _texts(found: object) -> Mapping[str, str]:
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
