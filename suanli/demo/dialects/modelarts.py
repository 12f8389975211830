"""Huawei Cloud's ModelArts: one resource pool a pool, its nodes with their cards, and its monitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import orjson

from suanli.demo.city import SitePlan
from suanli.demo.dialects.base import Asked, Dialect, Json, Simulated, Told, access_key, json
from suanli.demo.dialects.signed import huawei_signed
from suanli.demo.state import Node, PoolNow

PROJECT = "5f2c9a1e7d8b4c06a3e1f0b9d4c7a852"
_POOLS = f"/v2/{PROJECT}/pools"
_MINUTE = 60


class Modelarts(Dialect):
    """One project. Each request is signed, and the signature is checked."""

    label: ClassVar[str] = "resource"

    def __init__(self, site: Simulated) -> None:
        super().__init__(site)
        self._nodes = site.kept(nodes)

    @classmethod
    def auth(cls, _url: str, secret: Json) -> Json:
        return {"kind": "huawei_ak_sk", **access_key(secret)}

    @classmethod
    def settings(cls, _plan: SitePlan) -> Json:
        return {"project": PROJECT, "busy": True}

    def knows(self, asked: Asked) -> bool:
        return huawei_signed(asked, self.site.secret)

    def told(self, asked: Asked) -> Told | None:
        if asked.path == _POOLS:
            return json(_list("PoolList", [_pool(pool) for pool in self.site.pools]))
        for pool in self.site.pools:
            if asked.path == f"{_POOLS}/{_id(pool)}/nodes":
                return self._page(self._nodes()[pool.plan.id], asked)
            if asked.path == f"{_POOLS}/{_id(pool)}/monitor":
                return json(monitor(pool, asked.at))
        return None

    def _page(self, found: Sequence[orjson.Fragment], asked: Asked) -> Told:
        start, limit = int(asked.query.get("continue") or 0), int(asked.query.get("limit") or 500)
        end = start + limit
        return json(_list("NodeList", found[start:end], {"continue": str(end)} if end < len(found) else {}))


def nodes(pools: Sequence[PoolNow]) -> dict[str, list[orjson.Fragment]]:
    """By pool."""
    return {pool.plan.id: [orjson.Fragment(orjson.dumps(_node(pool, node))) for node in pool.nodes] for pool in pools}


def monitor(pool: PoolNow, now: float) -> Json:
    """How busy the devices online are, on average, minute by minute; of the kind that is not there, no data."""
    busy = sum(node.used * node.load for node in pool.nodes) / pool.online if pool.online else 0.0
    points = {"npuUtil": round(100 * busy, 2), "gpuUtil": -1}
    return {"metrics": [_metric(name, value, int(now) // _MINUTE * _MINUTE) for name, value in points.items()]}


def _metric(name: str, value: float, at: int) -> Json:
    average = [{"statistic": "average", "value": value}]
    point = {"timestamp": 1000 * at, "unit": "Percent", "statistics": average}
    return {"metric": {"metricName": name, "namespace": "PAAS.AGGR", "dimensions": []}, "dataPoints": [point]}


def _list(kind: str, items: Sequence[object], metadata: Json | None = None) -> Json:
    return {"apiVersion": "v2", "kind": kind, "metadata": metadata or {}, "items": items}


def _id(pool: PoolNow) -> str:
    return f"pool-{pool.plan.id}"


def _pool(pool: PoolNow) -> Json:
    return {
        "apiVersion": "v2",
        "kind": "Pool",
        "metadata": {
            "name": _id(pool),
            "labels": {"os.modelarts/name": pool.plan.id, "os.modelarts/workspace.id": "0"},
        },
        "spec": {"type": "Dedicate", "resources": [{"flavor": _flavor(pool), "count": pool.plan.nodes}]},
        "status": {"phase": "Running", "root": _id(pool)},
    }


def _flavor(pool: PoolNow) -> str:
    return f"modelarts.bm.npu.arm.{pool.plan.per_node}snt9b"


def _node(pool: PoolNow, node: Node) -> Json:
    """A drained one is being checked; one that is down is abnormal."""
    phase = {"up": "Available", "drain": "Checking", "down": "Abnormal"}[node.state]
    return {
        "apiVersion": "v2",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": {"os.modelarts/billing.status": "0"}},
        "spec": {"flavor": _flavor(pool)},
        "status": {
            "phase": phase,
            "resources": {"cpu": "192", "memory": "1536Gi", pool.plan.name: str(node.devices)},
            "availableResources": {"cpu": "64", "memory": "512Gi", pool.plan.name: str(node.devices - node.used)},
        },
    }
