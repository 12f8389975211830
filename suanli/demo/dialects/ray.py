"""A Ray cluster's dashboard, behind a proxy that wants a token: its nodes, and what its monitor counts as used."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha224
from typing import ClassVar

import orjson

from suanli.demo.dialects.base import Asked, Dialect, Json, Simulated, Told, json
from suanli.demo.state import Node, PoolNow


class Ray(Dialect):
    """One cluster. A node that is drained has left it, as one that is down has."""

    label: ClassVar[str] = "accelerator_type"

    def __init__(self, site: Simulated) -> None:
        super().__init__(site)
        self._nodes, self._usage = site.kept(nodes), site.kept(usage)

    def told(self, asked: Asked) -> Told | None:
        if asked.path == "/nodes":
            return _data("Node summary fetched.", {"summary": self._nodes(), "nodeLogicalResources": {}})
        if asked.path == "/api/cluster_status":
            status = {"time": asked.at, "loadMetricsReport": {"usageByNode": self._usage()}}
            return _data("Got cluster status.", {"autoscalingError": None, "clusterStatus": status})
        return None


def nodes(pools: Sequence[PoolNow]) -> orjson.Fragment:
    """The summary, encoded once for as long as nothing moves."""
    return orjson.Fragment(orjson.dumps([_node(pool, node) for pool in pools for node in pool.nodes]))


def usage(pools: Sequence[PoolNow]) -> dict[str, Json]:
    """What is used of what there is, by node and name, of those that live."""
    up = [node for pool in pools for node in pool.nodes if node.state == "up"]
    return {_id(node): {"GPU": [float(node.used), float(node.devices)]} for node in up}


def _node(pool: PoolNow, node: Node) -> Json:
    used = [round(100 * node.load, 1) if place < node.used else 0.0 for place in range(node.devices)]
    return {
        "hostname": node.name,
        "raylet": {
            "nodeId": _id(node),
            "nodeName": node.name,
            "state": "ALIVE" if node.state == "up" else "DEAD",
            "resourcesTotal": {"CPU": 64.0, "GPU": float(node.devices), f"acceleratorType:{pool.plan.name}": 1.0},
            "labels": {"ray.io/accelerator-type": pool.plan.name},
        },
        "gpus": [{"index": place, "utilizationGpu": share} for place, share in enumerate(used)],
    }


def _id(node: Node) -> str:
    return sha224(node.name.encode()).hexdigest()


def _data(message: str, data: Json) -> Told:
    return json({"result": True, "msg": message, "data": data})
