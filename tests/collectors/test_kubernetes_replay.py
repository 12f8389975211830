"""A production trace (openb: 1,213 nodes, 6,212 GPUs) as the lists of an API server, at ten instants.

The trace does not say which node a task ran on: tests/traces/openb.py places them, first fit in the order of the file.
What is expected is summed from that placement alone, in thousandths of a GPU.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from suanli.catalog.accelerators import folded
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.site import Source
from tests.collectors.test_kubernetes import Cluster, collected
from tests.traces.data import need_data
from tests.traces.openb import WHOLE, Node, Placed, Placement, place, read_nodes, read_pods

SECRET = {"G2", "G3"}
SPLIT = 10
"""Pieces of a device, where a plug-in says so many; the number means nothing to the sums."""


@dataclass(frozen=True)
class Trace:
    nodes: list[Node]
    placement: Placement

    def instants(self) -> list[int]:
        """When every tenth part of the tasks had begun: most of them begin in the trace's last days."""
        starts = sorted(one.start for one in self.placement.placed)
        return [starts[len(starts) * (i + 1) // 10 - 1] for i in range(10)]

    def running(self, at: int) -> list[Placed]:
        return [one for one in self.placement.placed if one.start <= at < one.end]


@pytest.fixture(scope="module")
def trace() -> Trace:
    folder = need_data("openb")
    nodes = read_nodes(folder)
    return Trace(nodes, place(nodes, read_pods(folder)))


def hami_node(gpus: int) -> dict[str, Any]:
    rows = "".join(f"GPU-{i},{SPLIT},32768,100,NVIDIA,0,true:" for i in range(gpus))
    return {"allocatable": {"nvidia.com/gpu": gpus * SPLIT}, "annotations": {"hami.io/node-nvidia-register": rows}}


def volcano_node(gpus: int) -> dict[str, Any]:
    return {"allocatable": {"volcano.sh/vgpu-number": gpus * SPLIT, "volcano.sh/vgpu-cores": gpus * 100}}


NODES = {
    "hami": hami_node,
    "aliyun": lambda gpus: {"allocatable": {"nvidia.com/gpu": gpus, "aliyun.com/gpu-core.percentage": gpus * 100}},
    "tencent": lambda gpus: {"allocatable": {"tencent.com/vcuda-core": gpus * 100}},
    "volcano": volcano_node,
}
PARTS = {
    "hami": lambda cores: {"nvidia.com/gpu": 1, "nvidia.com/gpucores": cores},
    "aliyun": lambda cores: {"aliyun.com/gpu-core.percentage": cores},
    "tencent": lambda cores: {"tencent.com/vcuda-core": cores},
    "volcano": lambda cores: {"volcano.sh/vgpu-number": 1, "volcano.sh/vgpu-cores": cores},
}
WHOLES = {
    "hami": lambda gpus: {"nvidia.com/gpu": gpus},
    "aliyun": lambda gpus: {"nvidia.com/gpu": gpus},
    "tencent": lambda gpus: {"tencent.com/vcuda-core": gpus * 100},
    "volcano": lambda gpus: {"volcano.sh/vgpu-number": gpus},
}


def node_item(node: Node, shared_by: str) -> dict[str, Any]:
    said = NODES[shared_by](len(node.free))
    return {
        "metadata": {
            "name": node.name,
            "labels": {"nvidia.com/gpu.product": node.model},
            "annotations": said.get("annotations", {}),
        },
        "spec": {},
        "status": {
            "allocatable": {name: str(amount) for name, amount in said["allocatable"].items()},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod_item(placed: Placed, shared_by: str) -> dict[str, Any]:
    whole = placed.milli == WHOLE
    amounts = WHOLES[shared_by](len(placed.gpus)) if whole else PARTS[shared_by](placed.milli // 10)
    limits = {name: str(amount) for name, amount in amounts.items()}
    spec = {"nodeName": placed.node, "containers": [{"name": "c", "resources": {"limits": limits}}]}
    return {"metadata": {"name": placed.pod}, "spec": spec, "status": {"phase": "Running"}}


def site_of(trace: Trace) -> PolledSite:
    """One pool a model; of G2 and G3 nobody published a peak."""
    models = dict.fromkeys(node.model for node in trace.nodes)
    pools = tuple(
        PolledPool(model.lower(), model, frozenset({folded(model)}), None if model in SECRET else 1.0)
        for model in models
    )
    return PolledSite("openb", Source(kind="kubernetes", url="https://127.0.0.1:6443"), pools, 60, 10.0, 180)


@pytest.mark.parametrize("shared_by", sorted(NODES))
async def test_online_and_used_are_those_of_the_placement(trace: Trace, shared_by: str) -> None:
    nodes = [node_item(node, shared_by) for node in trace.nodes]
    built = Counter[str]()
    for node in trace.nodes:
        built[node.model.lower()] += len(node.free)
    shared = 0

    for at in trace.instants():
        used = Counter[str](dict.fromkeys(built, 0))
        for one in trace.running(at):
            used[one.model.lower()] += one.milli * len(one.gpus)
            shared += one.milli < WHOLE
        pods = [pod_item(one, shared_by) for one in trace.running(at)]
        samples = await collected(Cluster(nodes, pods), site_of(trace), dynamic=False)

        assert {one.pool: one.online_devices for one in samples} == built
        assert {one.pool: one.used_devices for one in samples} == pytest.approx(
            {pool: milli / WHOLE for pool, milli in used.items()}, abs=1e-9
        )
        for sample in samples:
            secret = sample.pool.upper() in SECRET
            assert (sample.online_pflops is None, sample.used_pflops is None) == (secret, secret)
            assert sample.quality == ("partial" if secret else "ok")
    assert sum(built.values()) == 6212
    assert shared > 100
