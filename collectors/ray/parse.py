"""A Ray cluster's nodes and what is used of them -> samples. Pure.

Amounts are logical: what nodes were started with and what tasks and actors asked for. The dashboard writes names in
camel case: `accelerator_type:Intel-GPU-Max-1550` comes as `acceleratorType:Intel-Gpu-Max-1550`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collectors.amounts import Amounts, number_of, samples_of_amounts
from collectors.base import Unreadable, told_at
from collectors.matching import pool_of
from collectors.once import once
from suanli.catalog.accelerators import folded
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample

TYPE = "accelerator_type"
"""The label of a pool's match: Ray's name of a model, in whichever case."""
RESOURCE = "resource"
"""Or the name of what is counted: GPU, NPU."""
_TYPE_KEY = "acceleratorType:"
_TYPE_LABEL = "ray.io/accelerator-type"
_END_OF_TIME = 1e11
# 3.5/8.0 GPU (0.0 used of 2.0 reserved in placement groups)
_LINE = re.compile(
    r"^\s*(?P<used>[0-9.e-]+)/(?P<total>[0-9.e-]+) (?P<name>\S+)"
    r"(?: \((?P<within>[0-9.e-]+) used of (?P<reserved>[0-9.e-]+) reserved in placement groups\))?\s*$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Devices:
    """One resource of one node that lives. used and busy: None where nobody told."""

    resource: str
    model: str
    online: float
    used: float | None
    busy: float | None


def parse(status: object, nodes: object, site: PolledSite, now: int, resources: Sequence[str]) -> list[Sample]:
    """The site's samples at the time of Ray's own count; Unreadable when an answer is of another shape."""
    cluster, listed = _data(status).get("clusterStatus"), _data(nodes)
    usage = _usage(cluster, listed.get("nodeLogicalResources"))
    amounts = Amounts()
    told: dict[str, bool] = {}
    for devices in _devices(listed.get("summary"), usage, resources):
        _add(amounts, told, devices, site)
    for pool, is_told in told.items():
        if not is_told:
            del amounts.found[pool, "busy"]
    samples = samples_of_amounts(site, amounts, "devices", _time(cluster, now), now)
    return samples if isinstance(cluster, dict) else told_at(samples, _looked_at(listed.get("summary")), now)


def _usage(cluster: object, lines: object) -> Mapping[str, Any]:
    """What is used by node and by name in camel case: numbers of the monitor; the second version of the autoscaler
    keeps none, so that of it only the lines are there which the dashboard shows."""
    if cluster is not None:
        return _object(_object(_object(cluster).get("loadMetricsReport")).get("usageByNode"))
    texts = _object(lines)
    return {node: dict(map(_of_line, _LINE.finditer(text))) for node, text in texts.items() if isinstance(text, str)}


def _of_line(line: re.Match[str]) -> tuple[str, Any]:
    """What a placement group reserves is used, whatever runs in it; the line counts what runs in it."""
    used = _amount(line["used"]) - _amount(line["within"] or 0) + _amount(line["reserved"] or 0)
    return camel(line["name"]), [used, _amount(line["total"])]


def _devices(summary: object, usage: Mapping[str, Any], resources: Sequence[str]) -> Iterator[Devices]:
    if not isinstance(summary, list) or not summary:
        raise Unreadable("the answer has no list of nodes")
    seen: set[str] = set()
    for node in map(_object, summary):
        raylet = _object(node.get("raylet"))
        once(seen, str(raylet.get("nodeId")), f"node {str(raylet.get('nodeId'))[:60]}")
        if raylet.get("state") != "ALIVE":
            continue  # what it held is lost, also where the count of a few seconds ago still has it
        total = _object(raylet.get("resourcesTotal"))
        found = [name for name in resources if camel(name) in total]
        for name in found:
            online = _amount(total[camel(name)])
            used = _used(usage.get(str(raylet.get("nodeId"))), camel(name))
            yield Devices(name, _model(raylet, total), online, used, _busy(node.get("gpus"), online, len(found)))


def _used(usage: object, name: str) -> float | None:
    """None where the node is not counted yet: it has just come."""
    pair = usage.get(name) if isinstance(usage, dict) else None
    if pair is None:
        return None
    if not isinstance(pair, list) or len(pair) != 2:
        raise Unreadable("what is used of a node cannot be read")
    return _amount(pair[0])


def _busy(gpus: object, online: float, resources: int) -> float | None:
    """The sum of the physical devices' utilization, where they are all told and are those that are counted."""
    if not isinstance(gpus, list) or resources != 1 or len(gpus) != online:
        return None
    shares = [gpu.get("utilizationGpu") if isinstance(gpu, dict) else None for gpu in gpus]
    known = [share for share in shares if isinstance(share, int | float) and 0 <= share <= 100]
    return sum(known) / 100 if len(known) == len(shares) else None


def _model(raylet: Mapping[str, Any], total: Mapping[str, Any]) -> str:
    """By the node's label, which is written as it is; else by the resource that marks a node with its model."""
    labels = raylet.get("labels")
    if isinstance(labels, dict) and isinstance(label := labels.get(_TYPE_LABEL), str):
        return label
    # Placement groups add marks of their own, which are longer.
    return min((key.removeprefix(_TYPE_KEY) for key in total if key.startswith(_TYPE_KEY)), key=len, default="")


def _add(amounts: Amounts, told: dict[str, bool], devices: Devices, site: PolledSite) -> None:
    pool = _pool(site, devices)
    if pool is None:
        amounts.strangers.add((devices.model or devices.resource)[:60])
        return
    for rung in SAMPLE_RUNGS:
        amounts.add(pool.id, rung.name, getattr(devices, rung.name))
    told[pool.id] = told.get(pool.id, True) and devices.busy is not None


def _pool(site: PolledSite, devices: Devices) -> PolledPool | None:
    by_resource = pool_of(site, RESOURCE, devices.resource)
    if not devices.model:
        return by_resource or pool_of(site, TYPE, "")
    written = (pool.match.value for pool in site.pools if pool.match and pool.match.label == TYPE)
    same = next((value for value in written if folded(value) == folded(devices.model)), devices.model)
    return pool_of(site, TYPE, same) or by_resource


def camel(name: str) -> str:
    """A name as the dashboard writes it."""
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def _data(answer: object) -> Mapping[str, Any]:
    found = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or answer.get("result") is not True or not isinstance(found, dict):
        said = answer.get("msg") if isinstance(answer, dict) else None
        raise Unreadable(f"the dashboard gives no data: {str(said or 'no result')[:120]}")
    return found


def _object(found: object) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise Unreadable("the answer is not of the shape of a dashboard's: a node, its resources or usage are missing")
    return found


def _amount(value: object) -> float:
    """To a ten-thousandth, which is the least that Ray gives: what it adds and subtracts leaves less behind."""
    try:
        if isinstance(value, int | float | str) and not isinstance(value, bool) and math.isfinite(float(value)):
            return round(float(value), 4)
    except (ValueError, OverflowError):
        pass
    raise Unreadable(f"an amount of a node cannot be read: {str(value)[:40]}")


def _looked_at(summary: Any) -> int:
    """When the agents of the nodes looked last: the only time in a cluster status of the second autoscaler."""
    times = [number_of(node.get("now")) or 0.0 for node in summary]
    return max((int(at) for at in times if 0 < at < _END_OF_TIME), default=0)


def _time(cluster: object, now: int) -> int:
    """When the monitor counted: one that died is noticed by it."""
    if not isinstance(cluster, dict):
        return now
    seconds = _amount(cluster.get("time"))
    if not 0 < seconds < _END_OF_TIME:
        raise Unreadable("the time of the cluster status is no time")
    return int(seconds)
