"""Lists of nodes, pods, slices and claims -> devices online and used by pool. Pure, page by page.

A node's devices are online when it is Ready, schedulable and not kept out by Kubernetes itself. What its pods hold is
used, also on a node that is drained: they run until they end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from collectors.base import Unreadable
from collectors.kubernetes.dra import Device, Key, held
from collectors.kubernetes.nodes import Node, node_of
from collectors.kubernetes.pods import bound_to, held_by, named
from collectors.matching import Counts, pool_of, samples_of
from collectors.once import once
from collectors.reasons import NOT_READY
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample

PRODUCT = "productName"
"""The label of a pool's match that means a dynamically allocated device's product."""

_VERSIONS = {"NodeList": "v1", "PodList": "v1"} | dict.fromkeys(
    ["ResourceSliceList", "ResourceClaimList"], "resource.k8s.io/v1"
)


@dataclass(slots=True)
class Inventory:
    """What one poll has found so far; of pods only the sums and names are kept, however many there are."""

    site: PolledSite
    now: int
    nodes: dict[str, Node] = field(default_factory=dict)
    pods: set[str] = field(default_factory=set)
    counts: Counts = field(default_factory=Counts)

    def add_nodes(self, items: Iterable[object]) -> None:
        """A page of nodes."""
        for item in items:
            node = node_of(item, self.site, self.now)
            if node.name in self.nodes:
                raise Unreadable(f"node {node.name} is in the list twice")
            self.nodes[node.name] = node
            for name, devices in node.devices.items():
                self._found(node.pools[name], node.said[name], devices, node.out)

    def add_pods(self, items: Iterable[object]) -> None:
        """A page of pods, after all nodes; one that is bound to a node which is not there holds nothing."""
        for item in items:
            node = self.nodes.get(bound_to(item) or "")
            if node is not None:
                name = named(item)
                once(self.pods, name, f"pod {name}")
                for counted, devices in held_by(item, node.sharing).items():
                    self._held(node.pools.get(counted), devices)

    def add_allocations(self, devices: dict[Key, Device], claims: Iterable[object]) -> None:
        """Devices that are allocated dynamically, after all nodes; a claim on one that is not there holds nothing."""
        pools = {device.product: pool_of(self.site, PRODUCT, device.product) for device in devices.values()}
        for device in devices.values():
            if device.whole:
                node = self.nodes.get(device.node)
                gone = NOT_READY if device.node else ""  # a slice of a node that is not in the list
                self._found(pools[device.product], device.product, 1.0, node.out if node else gone)
        for key in held(claims):
            if found := devices.get(key):
                self._held(pools[found.product], found.share)

    def samples(self) -> list[Sample]:
        """One sample a pool that was found; Unreadable when there is none."""
        return samples_of(self.site, self.counts, self.now)

    def _found(self, pool: PolledPool | None, said: str, devices: float, out: str) -> None:
        if pool is None:
            self.counts.strangers[said] = self.counts.strangers.get(said, 0.0) + devices
            return
        count = self.counts.of(pool)
        count.online, count.used = (count.online or 0.0) + (0.0 if out else devices), count.used or 0.0
        if out:
            self.counts.left_out[pool.id, out] += devices

    def _held(self, pool: PolledPool | None, devices: float) -> None:
        if pool is not None:
            count = self.counts.of(pool)
            count.used = (count.used or 0.0) + devices


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the token that asks for the next; empty at the end."""

    items: list[object]
    next: str


def page_of(payload: Any, kind: str) -> Page:
    """A page of a list of this kind, such as NodeList; Unreadable when it is anything else.

    An aggregated API may write its items' kind instead, and a list of nothing has null for items.
    """
    if not isinstance(payload, dict) or payload.get("kind") != kind or "items" not in payload:
        raise Unreadable(f"the answer is no {kind}")
    if payload.get("apiVersion", _VERSIONS[kind]) != _VERSIONS[kind]:
        raise Unreadable(f"the {kind} is of {str(payload['apiVersion'])[:60]}, and {_VERSIONS[kind]} was asked for")
    items, metadata = payload["items"] or [], payload.get("metadata") or {}
    if not isinstance(items, list) or not isinstance(metadata, dict):
        raise Unreadable(f"the {kind} has no readable items")
    following = metadata.get("continue") or ""
    if not isinstance(following, str):
        raise Unreadable(f"the {kind} continues in a way that cannot be read")
    return Page(items, following)
