"""An independent count over the recorded bodies: no line of it is shared with `collectors`.

It only has to be right for the recorded answers. Peaks are typed in from the vendors' sheets (dense FP16, TFLOPS).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

TFLOPS = {"a100": 312.0, "h100": 989.4, "mi300x": 1307.4, "ascend": 313.0, "ascend-910b3": 313.0, "small": 70.0}
Figures = dict[str, dict[str, float | None]]
"""Pool -> rung -> PFLOPS."""


def counted(case: str, body: Any, others: list[Any]) -> Figures:
    """`case` is kind/folder; others: the recorded bodies after the first."""
    kind, _, name = case.partition("/")
    if kind in _BY_KIND:
        return _BY_KIND[kind]([body, *others])
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


def _pushed(samples: list[dict[str, Any]]) -> Figures:
    """PFLOPS where they are given, else so many devices; one sample a pool in each of the recordings."""
    found: Figures = {}
    for one in samples:
        found[one["pool"]] = _rungs(**{rung: _of_one(one, rung) for rung in ("online", "used", "busy")})
    return found


def _of_one(one: dict[str, Any], rung: str) -> float | None:
    given, devices = one.get(f"{rung}_pflops"), one.get(f"{rung}_devices")
    return given if devices is None or given is not None else _pflops(one["pool"], devices)


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


def _slurmdbd(jobs: list[dict[str, Any]]) -> Figures:
    """In the recording every job that runs has devices of one type."""
    running = [job["tres"]["allocated"] for job in jobs if job["state"]["current"] == "RUNNING"]
    held = sum(one["count"] for told in running for one in told if one["name"] == "gpu")
    return {"a100": _rungs(used=_pflops("a100", held))}


_CARDS = {"nvidia.com/gpu": ("a100", 1.0), "nvidia.com/mig-1g.10gb": ("a100", 1 / 7)}
_CARDS |= {"amd.com/gpu": ("mi300x", 1.0), "huawei.com/Ascend910": ("ascend", 1.0)}


def _kubernetes(bodies: list[Any]) -> Figures:
    """Told apart by what only they have. In the recordings every node that is out has a taint of Kubernetes' own or is
    cordoned, the largest container of a pod and its sidecar are all it holds, and no two claims share a device."""
    online: dict[str, float] = {}
    used: dict[str, float] = {}
    for item in [one for found in bodies for one in found["items"]]:
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


_MODELS = {"NVIDIA H100 80GB HBM3": "h100", "NVIDIA A100-SXM4-80GB": "a100", "Ascend 910B3": "ascend-910b3"}


def _redfish(bodies: list[Any]) -> Figures:
    """Every processor is in the recordings once, and a baseboard is named by the host whose power it shares."""
    text = json.dumps(bodies)
    out = {f"/{name}/" for name in re.findall(r'"Id": "([\w-]+)"[^{}]*(?:\{[^{}]*\}[^{}]*)*"PowerState": "Off"', text)}
    online: dict[str, int] = {}
    busy: dict[str, list[float]] = {}
    for one in _processors(bodies):
        model = _MODELS[one["Model"]]
        on = "'Enabled'" in str(one["Status"]) and "'Critical'" not in str(one["Status"])
        on = on and not any(name in one["@odata.id"] for name in out)
        online[model] = online.get(model, 0) + on
        if on and "Metrics" in one:
            busy.setdefault(model, []).append(one["Metrics"]["BandwidthPercent"])
    return {
        model.removesuffix("-910b3"): _rungs(
            online=_pflops(model, online[model]),
            busy=_pflops(model, sum(busy[model]) / 100) if model in busy else None,
        )
        for model in online
    }


def _processors(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and value.get("Model") in _MODELS:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _processors(inner)


_RAY_MARKS = {"Type:A100'": "a100", "Type:H100'": "h100", "Type:Ascend910B'": "ascend"}


def _ray(bodies: list[Any]) -> Figures:
    """Nodes that live, by the mark of their model; what is used by the monitor's numbers, else by the shown line."""
    status, nodes = (one["data"] for one in sorted(bodies, key=lambda one: "summary" in one["data"]))
    online: dict[str, float] = {}
    used: dict[str, float] = {}
    for node in nodes["summary"]:
        if "stateSnapshot" in node["raylet"]:  # the dead have none
            (pool,) = (pool for mark, pool in _RAY_MARKS.items() if mark in str(node))
            kind = "NPU" if pool == "ascend" else "GPU"
            name = node["raylet"]["nodeId"]
            online[pool] = node["raylet"]["resourcesTotal"][kind]
            if status["clusterStatus"]:
                used[pool] = status["clusterStatus"]["loadMetricsReport"]["usageByNode"][name][kind][0]
            else:
                (line,) = (line for line in nodes["nodeLogicalResources"][name].split("\n") if f" {kind}" in line)
                used[pool] = float(line.split("/")[0]) + (float(line.split(" of ")[1].split()[0]) if "(" in line else 0)
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


def _runai(bodies: list[Any]) -> Figures:
    """The values by type and node pool."""
    told = {one["type"]: {row["groups"][0]["value"]: float(row["value"]) for row in one["values"]} for one in bodies}
    idle = told["IDLE_ALLOCATED_GPUS"]
    return {
        pool: _rungs(
            online=_pflops(pool, ready),
            used=_pflops(pool, told["ALLOCATED_GPUS"][pool]),
            busy=_pflops(pool, told["ALLOCATED_GPUS"][pool] - idle[pool]) if pool in idle else None,
        )
        for pool, ready in told["READY_GPUS"].items()
    }


def _modelarts(bodies: list[dict[str, Any]]) -> Figures:
    """Nodes do not say whose they are, so the last word of their names does: nothing counts of pool c, which is frozen.
    In these answers what a monitor told last is told of the last five minutes."""
    nodes = [node for body in bodies if body.get("kind") == "NodeList" for node in body["items"]]
    monitors = [body["metrics"] for body in bodies if "metrics" in body]
    online: dict[tuple[str, str], int] = {}  # by pool and the letter of its resource pool
    used: dict[str, int] = {}
    for node in nodes:
        letter, labels = node["metadata"]["name"].rsplit("-", 1)[1][0], node["metadata"]["labels"]
        out = letter == "c" or "true" in labels.values() or labels["os.modelarts/billing.status"] == "1"
        for resource, text in node["status"].get("resources", {}).items():
            if resource not in ("cpu", "memory") and node["status"]["phase"] == "Available" and not out:
                pool = {"nvidia.com/gpu": "a100", "huawei.com/ascend-snt9": "ascend"}.get(resource, "small")
                online[pool, letter] = online.get((pool, letter), 0) + int(text)
                used[pool] = used.get(pool, 0) + int(text) - int(node["status"]["availableResources"][resource])
    busy: dict[str, float] = {}
    for (pool, letter), cards in online.items():
        metric = "gpuUtil" if pool == "a100" else "npuUtil"
        (series,) = [one for one in monitors["ab".index(letter)] if one["metric"]["metricName"] == metric]
        told = [row["value"] for point in series["dataPoints"] for row in point["statistics"] if row["value"] != -1]
        if told:
            busy[pool] = busy.get(pool, 0.0) + cards * told[-1] / 100
    return {
        pool: _rungs(
            online=_pflops(pool, sum(cards for (one, _), cards in online.items() if one == pool)),
            used=_pflops(pool, count),
            busy=_pflops(pool, busy[pool]) if pool in busy else None,
        )
        for pool, count in used.items()
    }


def _pai(pages: list[dict[str, Any]]) -> Figures:
    """One type of GPU a pool; those of a hidden type have no figure in PFLOPS."""
    totals: dict[str, list[float]] = {}
    for quota in [one for page in pages for one in page["Quotas"]]:
        details, kind = quota["QuotaDetails"], quota["GPUType"]
        if kind in ("A100", "H100", "G2") and quota["ParentQuotaId"] == "":
            row = totals.setdefault({"G2": "hidden"}.get(kind, kind.lower()), [0.0, 0.0])
            row[0] += float(details["ActualMinQuota"]["GPU"])
            row[1] += float(details["AllocatedQuota"]["GPU"])
    return {
        pool: _rungs() if pool == "hidden" else _rungs(online=_pflops(pool, online), used=_pflops(pool, used))
        for pool, (online, used) in totals.items()
    }


_BY_KIND: dict[str, Callable[[list[Any]], Figures]] = {
    "slurm": lambda bodies: _slurm(bodies[0]["nodes"]) if "nodes" in bodies[0] else _slurmdbd(bodies[1]["jobs"]),
    "kubernetes": _kubernetes,
    "redfish": _redfish,
    "ray": _ray,
    "runai": _runai,
    "modelarts": _modelarts,
    "pai": _pai,
    "push": lambda bodies: _pushed(bodies[0]["samples"]),
}
"""Kinds of which each case is counted alike."""
