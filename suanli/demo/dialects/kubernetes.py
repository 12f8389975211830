"""A Kubernetes API server: nodes with the devices of their plug-in, and the pods that hold them, page by page."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import ClassVar

import orjson

from suanli.demo.dialects.base import Asked, Dialect, Json, Simulated, Told, json
from suanli.demo.state import Node, PoolNow

PRODUCT, RESOURCE = "nvidia.com/gpu.product", "nvidia.com/gpu"
_NODES, _PODS = "/api/v1/nodes", "/api/v1/pods"


class Kubernetes(Dialect):
    """One cluster, whose role may read nodes and pods; it has no devices that are allocated dynamically."""

    label: ClassVar[str] = PRODUCT

    def __init__(self, site: Simulated) -> None:
        super().__init__(site)
        self._nodes, self._pods = site.kept(nodes), site.kept(pods)

    def told(self, asked: Asked) -> Told:
        if asked.path == _NODES:
            return page("NodeList", self._nodes(), asked, self.site.city.version)
        if asked.path == _PODS:
            return page("PodList", self._pods(), asked, self.site.city.version)
        return failed(404, "NotFound", "the server could not find the requested resource")


def page(kind: str, items: Sequence[orjson.Fragment], asked: Asked, version: int) -> Told:
    """As many as were asked for, from where the token says. What a token of a state that has passed lists is gone."""
    limit, token = int(asked.query.get("limit") or 0), asked.query.get("continue", "")
    told, start = (int(text) for text in base64.b64decode(token).split(b":")) if token else (version, 0)
    if told != version:
        return failed(410, "Expired", "The provided continue parameter is too old to display a consistent list result.")
    end = start + limit if limit else len(items)
    metadata: Json = {"resourceVersion": str(version + 1)}
    if end < len(items):
        following = base64.b64encode(f"{version}:{end}".encode()).decode()
        metadata |= {"continue": following, "remainingItemCount": len(items) - end}
    return json({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items[start:end]})


def failed(code: int, reason: str, message: str) -> Told:
    """What an API server says of what it does not do."""
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return json({**status, "message": message, "reason": reason, "code": code}, code)


def nodes(pools: Sequence[PoolNow]) -> list[orjson.Fragment]:
    """Every node, encoded once for as long as nothing moves."""
    return [orjson.Fragment(orjson.dumps(_node(pool, node))) for pool in pools for node in pool.nodes]


def pods(pools: Sequence[PoolNow]) -> list[orjson.Fragment]:
    """Those that are not finished."""
    found = (pod for pool in pools for node in pool.nodes for pod in _pods(node))
    return [orjson.Fragment(orjson.dumps(pod)) for pod in found]


def _node(pool: PoolNow, node: Node) -> Json:
    """A drained one is cordoned; of one that is down nothing is heard, so that Kubernetes itself keeps pods out."""
    amounts = {"cpu": "128", "memory": "1056498288Ki", "pods": "110", RESOURCE: str(node.devices)}
    ready, reason = ("Unknown", "NodeStatusUnknown") if node.state == "down" else ("True", "KubeletReady")
    taints = {"up": [], "drain": ["unschedulable"], "down": ["unreachable"]}[node.state]
    spec: Json = {"taints": [{"key": f"node.kubernetes.io/{one}", "effect": "NoSchedule"} for one in taints]}
    return {
        "metadata": {"name": node.name, "labels": {"kubernetes.io/hostname": node.name, PRODUCT: pool.plan.name}},
        "spec": spec | ({"unschedulable": True} if node.state == "drain" else {}),
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "conditions": [{"type": "Ready", "status": ready, "reason": reason}],
            "nodeInfo": {"kubeletVersion": "v1.34.4", "operatingSystem": "linux", "architecture": "amd64"},
        },
    }


def _pods(node: Node) -> Iterator[Json]:
    """A job's part on this node, and one of the system's that holds no device."""
    for name, held in ((f"train-{node.name}", node.used), (f"exporter-{node.name}", 0)):
        amounts = {"cpu": "1"} | ({RESOURCE: str(held)} if held else {})
        if held or node.state == "up":
            yield {
                "metadata": {"name": name, "namespace": "train" if held else "kube-system"},
                "spec": {"nodeName": node.name, "containers": [{"name": "main", "resources": {"requests": amounts}}]},
                "status": {"phase": "Running"},
            }
