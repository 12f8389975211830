"""An independent count over the recorded bodies: no line of it is shared with `collectors`.

It only has to be right for the recorded answers. Peaks are typed in from the vendors' sheets (dense FP16, TFLOPS).
"""

from __future__ import annotations

import re
from typing import Any

TFLOPS = {"a100": 312.0, "h100": 989.4, "mi300x": 1307.4, "ascend": 313.0}
Figures = dict[str, dict[str, float | None]]
"""Pool -> rung -> PFLOPS."""


def counted(case: str, body: Any, others: list[Any]) -> Figures:  # noqa: C901 - one step a source
    """`case` is kind/folder; others: the recorded bodies after the first."""
    kind, _, name = case.partition("/")
    if kind == "slurm":
        return _slurm(body["nodes"])
    if kind == "kubernetes":
        return _kubernetes([one for found in [body, *others] for one in found["items"]])
    if name == "ironic-39.0":
        nodes = [node["provision_state"] for node in body["nodes"]]
        return {"h100": _rungs(online=_pflops("h100", 8 * len(nodes)), used=_pflops("h100", 8 * nodes.count("active")))}
    if name == "placement-16.0":
        return _placement(body, *others)
    if name == "victoriametrics-1.79":
        return {"a100": _rungs(used=19.0)}  # the one point that was written before recording
    if name == "placement-16.0-usages":
        return {"a100": _rungs(used=_pflops("a100", body["usages"]["INSTANCE"]["CUSTOM_GPU_A100"]))}
    if kind == "http_json" and name in ("kubernetes-1.34.4-pages", "influxdb-2.7.12-flux", "made-up-xml"):
        return _http_json(name, body, others)
    series = body["data"]["result"]
    if kind == "prometheus":
        return {"h100": _rungs(busy=_pflops("h100", sum(int(one["value"][1]) for one in series)))}
    held = [one for one in series if "pod" in one["metric"]]
    return {"h100": _rungs(online=_pflops("h100", len(series)), used=_pflops("h100", len(held)))}


def _slurm(nodes: list[dict[str, Any]]) -> Figures:
    online: dict[str, int] = {}
    used: dict[str, int] = {}
    for node in nodes:
        _, model, built = node["gres"].split(":")
        words = f"{node['state']} {node.get('state_flags')}".lower()
        alive = not any(word in words for word in ("down", "drain", "not_responding"))
        online[model] = online.get(model, 0) + (int(built) if alive else 0)
        used[model] = used.get(model, 0) + int(node["gres_used"].split("(")[0].rsplit(":", 1)[1])
    return {model: _rungs(online=_pflops(model, online[model]), used=_pflops(model, used[model])) for model in online}


_CARDS = {"nvidia.com/gpu": ("a100", 1.0), "nvidia.com/mig-1g.10gb": ("a100", 1 / 7)}
_CARDS |= {"amd.com/gpu": ("mi300x", 1.0), "huawei.com/Ascend910": ("ascend", 1.0)}


def _kubernetes(items: list[dict[str, Any]]) -> Figures:
    """Told apart by what only they have. In the recordings every node that is out has a taint of Kubernetes' own or is
    cordoned, the largest container of a pod and its sidecar are all it holds, and no two claims share a device."""
    online: dict[str, float] = {}
    used: dict[str, float] = {}
    for item in items:
        if "driver" in item["spec"]:
            online["h100"] = online.get("h100", 0.0) + len(item["spec"]["devices"])
        elif "allocation" in item.get("status", {}):
            used["h100"] = used.get("h100", 0.0) + len(item["status"]["allocation"]["devices"]["results"])
        elif "containers" in item["spec"]:
            _add_pod(item["spec"], used)
        else:
            _add_node(item, online)
    return {
        pool: _rungs(online=_pflops(pool, count), used=_pflops(pool, used.get(pool, 0.0)))
        for pool, count in online.items()
    }


def _add_node(node: dict[str, Any], online: dict[str, float]) -> None:
    for resource, text in node["status"]["allocatable"].items():
        if resource in _CARDS:
            pool, share = _CARDS[resource]
            out = "node.kubernetes.io/" in str(node["spec"]) or "unschedulable" in node["spec"]
            online[pool] = online.get(pool, 0.0) + (0 if out else int(text) * share)


def _add_pod(spec: dict[str, Any], used: dict[str, float]) -> None:
    containers = spec["containers"] + spec.get("initContainers", [])
    for resource, (pool, share) in _CARDS.items():
        most = max(int(one["resources"].get("limits", {}).get(resource, 0)) for one in containers)
        used[pool] = used.get(pool, 0.0) + (most * share if "nodeName" in spec else 0.0)


def _placement(providers: Any, disabled: Any, *answers: Any) -> Figures:
    """Providers have at most one class of device; an inventory and a usage of one provider tell the same generation as
    no other answer does, so they are taken by their order: all inventories first, then usages of those with devices."""
    pools = {"CUSTOM_GPU_A100": "a100", "CUSTOM_PCI_10DE_2330": "h100"}
    out = {one["uuid"] for one in disabled["resource_providers"]}
    roots = [one["root_provider_uuid"] for one in providers["resource_providers"]]
    inventories = [one["inventories"] for one in answers if "inventories" in one]
    usages = [one["usages"] for one in answers if "usages" in one]
    online, used = dict.fromkeys(pools.values(), 0), dict.fromkeys(pools.values(), 0)
    for root, inventory in zip(roots, inventories, strict=True):
        for name, row in inventory.items():
            online[pools[name]] += (row["total"] - row["reserved"]) * (root not in out)
    for usage in usages:
        for name, units in usage.items():
            used[pools[name]] += units
    return {pool: _rungs(online=_pflops(pool, online[pool]), used=_pflops(pool, used[pool])) for pool in online}


def _http_json(name: str, body: Any, others: list[Any]) -> Figures:
    if name == "kubernetes-1.34.4-pages":
        nodes = [one for found in [body, *others] for one in found["items"]]
        return {"a100": _rungs(online=_pflops("a100", 8 * len(nodes)))}  # each of them has eight
    if name == "influxdb-2.7.12-flux":
        cells = [line.split(",") for line in body.decode().splitlines()[1:] if line]
        return {row[4]: _rungs(_pflops(row[4], float(row[5])), _pflops(row[4], float(row[6]))) for row in cells}
    return _made_up_xml(body.decode(), others[0].decode("gb18030"))


def _made_up_xml(hosts: str, jobs: str) -> Figures:
    """By the look of its lines: a host a line, and a job a line."""
    up = "".join(line for line in hosts.splitlines() if 'state="up"' in line)
    online = {name: sum(map(int, re.findall(rf'"{name}"><r:count>(\d+)', up))) for name in ("A100", "H100")}
    used = {name: sum(map(int, re.findall(rf'"{name}" number="(\d+)', jobs))) for name in online}
    return {
        name.lower(): _rungs(_pflops(name.lower(), online[name]), _pflops(name.lower(), used[name])) for name in online
    }


def _rungs(
    online: float | None = None, used: float | None = None, busy: float | None = None
) -> dict[str, float | None]:
    return {"online_pflops": online, "used_pflops": used, "busy_pflops": busy}


def _pflops(model: str, devices: float) -> float:
    return devices * TFLOPS[model] / 1000
