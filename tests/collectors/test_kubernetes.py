"""Kubernetes: what is online, what pods hold, how devices are shared, and how lists are read."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from collectors.base import Gone, NotFound, Refused, Unreadable
from collectors.kubernetes.collector import KubernetesCollector, KubernetesSettings
from collectors.kubernetes.pods import held_by
from collectors.kubernetes.resources import Sharing
from suanli.catalog.accelerators import folded
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from tests.collectors.cases import NOW, FakeHttp

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"


def pool(id_: str, *aliases: str, match: tuple[str, str] | None = None) -> PolledPool:
    found = Match(label=match[0], value=match[1]) if match else None
    return PolledPool(id_, f"model-{id_}", frozenset(map(folded, aliases)), 1.0, found)


ONE = (pool("a100", "NVIDIA-A100-SXM4-80GB"),)


def site(*pools: PolledPool) -> PolledSite:
    source = Source(kind="kubernetes", url="https://127.0.0.1:6443")
    return PolledSite("k8s", source, pools or ONE, interval=60, timeout=10.0, max_age=180)


def node(name: str = "n1", devices: Mapping[str, str] | None = None, **changed: Any) -> dict[str, Any]:
    """Ready, with 8 A100 unless something else is said."""
    return {
        "metadata": {"name": name, "labels": changed.get("labels", A100), "annotations": changed.get("annotations")},
        "spec": changed.get("spec", {}),
        "status": {
            "allocatable": {"cpu": "128", **(devices or {"nvidia.com/gpu": "8"})},
            "conditions": changed.get("conditions", [{"type": "Ready", "status": "True"}]),
        },
    }


_NUMBERS = itertools.count()


def pod(*containers: Mapping[str, Any], on: str | None = "n1", phase: str = "Running", **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "default", "name": f"p-{next(_NUMBERS)}"},
        "spec": {"containers": list(containers), **({"nodeName": on} if on else {}), **more},
        "status": {"phase": phase},
    }


def wants(amount: object, resource: str = "nvidia.com/gpu", **more: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"limits": {resource: amount}}, **more}


def listed(kind: str, items: list[Any], following: str = "") -> JsonValue:
    return {"kind": kind, "metadata": {"continue": following} if following else {}, "items": items}


class Cluster:
    """A fake of an API server's lists, for what a real one cannot be made to say on demand; no DRA unless given."""

    def __init__(self, nodes: list[Any], pods: list[Any], slices: list[Any] | None = None, claims: Any = ()) -> None:
        self.lists = {"/api/v1/nodes": ("NodeList", nodes), "/api/v1/pods": ("PodList", pods)}
        if slices is not None:
            base = "/apis/resource.k8s.io/v1"
            self.lists[f"{base}/resourceslices"] = ("ResourceSliceList", slices)
            self.lists[f"{base}/resourceclaims"] = ("ResourceClaimList", list(claims))
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.forget_after: int | None = None

    def reply(self, path: str, params: Mapping[str, str] | None) -> JsonValue:
        asked = dict(params or {})
        self.asked.append((path, asked))
        if path not in self.lists:
            raise NotFound("no such list")
        if "continue" in asked and self.forget_after is not None:
            self.forget_after -= 1
            if self.forget_after < 0:
                self.forget_after = None
                raise Gone("410")
        kind, items = self.lists[path]
        start, size = int(asked.get("continue", "0")), int(asked["limit"])
        following = str(start + size) if start + size < len(items) else ""
        return listed(kind, items[start : start + size], following)


async def collected(cluster: Cluster, at: PolledSite | None = None, now: int = NOW, **settings: Any) -> list[Sample]:
    http = FakeHttp(cluster.reply)
    return await KubernetesCollector(at or site(), KubernetesSettings(**settings), http).collect(now)


async def devices(cluster: Cluster, at: PolledSite | None = None, **settings: Any) -> tuple[float | None, float | None]:
    (sample,) = await collected(cluster, at, **settings)
    return sample.online_devices, sample.used_devices


OWN_TAINT = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
PRESSED = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
PREFERRED = {"key": "node.kubernetes.io/anything", "effect": "PreferNoSchedule"}


@pytest.mark.parametrize(
    ("changed", "online"),
    [
        ({}, 8),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, 0),
        ({"conditions": [{"type": "Ready", "status": "Unknown"}]}, 0),
        ({"conditions": [{"type": "MemoryPressure", "status": "True"}]}, 0),
        ({"conditions": [{"type": "DiskPressure", "status": "True"}, {"type": "Ready", "status": "True"}]}, 8),
        ({"conditions": None}, 0),
        ({"spec": {"unschedulable": True}}, 0),
        ({"spec": {"unschedulable": False}}, 8),
        ({"spec": {"taints": [OWN_TAINT]}}, 8),
        ({"spec": {"taints": [PREFERRED]}}, 8),
        ({"spec": {"taints": [OWN_TAINT, UNREACHABLE]}}, 0),
        ({"spec": {"taints": [PRESSED]}}, 0),
    ],
    ids=str,
)
async def test_a_node_is_online_when_kubernetes_would_place_pods_on_it(changed: dict[str, Any], online: int) -> None:
    cluster = Cluster([node(**changed), node("n2", {"nvidia.com/gpu": "0"})], [pod(wants("3"))])

    assert await devices(cluster) == (online, 3)  # what runs on a node that is drained runs on


@pytest.mark.parametrize(
    ("found", "used"),
    [
        (pod(wants("2")), 2),
        (pod(wants("2"), wants("1")), 3),
        (pod({"name": "c", "resources": {"requests": {"nvidia.com/gpu": "2"}, "limits": {"nvidia.com/gpu": "2"}}}), 2),
        (pod({"name": "c"}), 0),
        (pod({"name": "c", "resources": {"limits": {"cpu": "4", "memory": "1.5Gi"}}}), 0),
        (pod(wants("2"), phase="Pending"), 2),
        (pod(wants("2"), phase="Unknown"), 2),
        (pod(wants("2"), phase="Succeeded"), 0),
        (pod(wants("2"), phase="Failed"), 0),
        (pod(wants("2"), on=None, phase="Pending"), 0),
        (pod(wants("2"), on="gone"), 0),
        (pod(wants("2"), initContainers=[wants("4")]), 4),
        (pod(wants("2"), initContainers=[wants("1"), wants("1")]), 2),
        (pod(wants("2"), initContainers=[wants("1", restartPolicy="Always")]), 3),
        (pod(wants("2"), initContainers=[wants("1", restartPolicy="Always"), wants("4")]), 5),
        (pod(wants("2"), initContainers=[wants("4"), wants("1", restartPolicy="Always")]), 4),
        (pod(wants("1k")), 1000),
    ],
)
async def test_what_a_pod_holds(found: dict[str, Any], used: int) -> None:
    assert await devices(Cluster([node()], [found])) == (8, used)


AMOUNTS = st.integers(0, 8)
STEPS = st.lists(st.tuples(AMOUNTS, st.booleans()), max_size=5)


def most_at_once(steps: list[tuple[int, bool]], containers: list[int]) -> int:
    """The oracle: the life of a pod played through; a sidecar stays, any other init container ends before the next."""
    running: list[int] = []
    seen = [0]
    for amount, stays in steps:
        seen.append(sum([*running, amount]))
        if stays:
            running.append(amount)
    return max([*seen, sum([*running, *containers])])


@given(STEPS, st.lists(AMOUNTS, max_size=4))
def test_a_pod_holds_the_most_that_it_ever_runs_at_once(steps: list[tuple[int, bool]], containers: list[int]) -> None:
    starts = [wants(str(amount), **({"restartPolicy": "Always"} if stays else {})) for amount, stays in steps]
    found = pod(*(wants(str(amount)) for amount in containers), initContainers=starts)

    assert held_by(found, Sharing()).get("nvidia.com/gpu", 0.0) == most_at_once(steps, containers)


REGISTERED = "GPU-1,10,32768,100,NVIDIA-Tesla V100-PCIE-32GB,0,true:GPU-2,10,32768,100,NVIDIA-Tesla V100-PCIE-32GB,0,"
ONE_BROKEN = {"hami.io/node-nvidia-register": f"{REGISTERED}false:"}
HAMI = {"hami.io/node-nvidia-register": f"{REGISTERED}true:"}
VGPUS = {"nvidia.com/gpu": "20"}


def hami(**asked: str) -> dict[str, Any]:
    return {"name": "c", "resources": {"limits": {f"nvidia.com/{name}": amount for name, amount in asked.items()}}}


@pytest.mark.parametrize(
    ("found", "container", "expected"),
    [
        (node(devices={"nvidia.com/mig-1g.10gb": "14"}), wants("7", "nvidia.com/mig-1g.10gb"), (2, 1)),
        (node(devices={"nvidia.com/mig-3g.40gb": "2", "nvidia.com/gpu": "4"}), wants("4"), (4 + 6 / 7, 4)),
        (
            node(
                devices={"nvidia.com/mig-2g.12gb": "2"},
                labels={"nvidia.com/gpu.product": "NVIDIA-A30-MIG-2g.12gb"},
            ),
            wants("1", "nvidia.com/mig-2g.12gb"),
            (1, 0.5),
        ),
        (
            node(
                devices={"nvidia.com/gpu": "14"},
                labels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"},
            ),
            wants("7"),
            (2, 1),
        ),
        (
            node(
                devices={"nvidia.com/gpu": "32"},
                labels={
                    "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB-SHARED",
                    "nvidia.com/gpu.replicas": "4",
                },
            ),
            wants("2"),
            (8, 0.5),
        ),
        (
            node(devices={"nvidia.com/gpu.shared": "32"}, labels={**A100, "nvidia.com/gpu.replicas": "4"}),
            wants("2", "nvidia.com/gpu.shared"),
            (8, 0.5),
        ),
        (node(devices=VGPUS, annotations=HAMI), hami(gpu="1", gpucores="30"), (2, 0.3)),
        (node(devices=VGPUS, annotations=HAMI), hami(gpu="2", gpucores="50", gpumem="1000"), (2, 1.0)),
        (node(devices=VGPUS, annotations=HAMI), hami(gpu="2", gpumem="8192"), (2, 0.5)),
        (node(devices=VGPUS, annotations=HAMI), {"resources": {"limits": {
            "nvidia.com/gpu": "1", "nvidia.com/gpumem-percentage": "25"}}}, (2, 0.25)),
        (node(devices=VGPUS, annotations=HAMI), hami(gpu="1"), (2, 1.0)),
        (node(devices=VGPUS, annotations=ONE_BROKEN), hami(gpu="1"), (1, 1)),
        (
            node(devices={"aliyun.com/gpu-core.percentage": "800"}),
            wants("50", "aliyun.com/gpu-core.percentage"),
            (8, 0.5),
        ),
        (
            node(devices={"aliyun.com/gpu-core.percentage": "800", "nvidia.com/gpu": "8"}),
            wants("50", "aliyun.com/gpu-core.percentage"),
            (8, 0.5),
        ),
        (node(devices={"tencent.com/vcuda-core": "400"}), wants("130", "tencent.com/vcuda-core"), (4, 1.3)),
        (
            node(devices={"volcano.sh/vgpu-number": "80", "volcano.sh/vgpu-cores": "800"}),
            {"resources": {"limits": {"volcano.sh/vgpu-number": "2", "volcano.sh/vgpu-cores": "40"}}},
            (8, 0.8),
        ),
        (
            node(devices={"volcano.sh/vgpu-number": "80", "volcano.sh/vgpu-cores": "800"}),
            wants("2", "volcano.sh/vgpu-number"),
            (8, 2),
        ),
    ],
)  # fmt: skip
async def test_shared_devices_are_counted_in_devices(
    found: dict[str, Any], container: dict[str, Any], expected: tuple[float, float]
) -> None:
    only = site(pool("any", "NVIDIA-A100-SXM4-80GB", "NVIDIA-A30"))

    assert await devices(Cluster([found], [pod(container)]), only) == pytest.approx(expected)


def at(text: str, seconds_ago: int) -> str:
    return datetime.fromtimestamp(NOW - seconds_ago, UTC).strftime(text)


@pytest.mark.parametrize(
    ("handshake", "online"),
    [
        (at("Reported %Y-%m-%d %H:%M:%S.434037031 +0000 UTC m=+1104711.777756895", 900), 2),
        (at("Requesting_%Y.%m.%d %H:%M:%S", 300), 2),
        (at("Requesting_%Y.%m.%d %H:%M:%S", 301), 0),
        ("Requesting_2026.13.41 99:99:99", 2),
        (at("Deleted_%Y.%m.%d %H:%M:%S", 1), 0),
        ("", 2),
    ],
)
@pytest.mark.parametrize("name", ["hami.io/node-handshake", "hami.io/node-handshake-nvidia"])
async def test_a_handshake_that_nobody_answers_takes_the_devices_out(handshake: str, online: int, name: str) -> None:
    cluster = Cluster([node(devices=VGPUS, annotations={**HAMI, name: handshake})], [pod(hami(gpu="1", gpucores="30"))])

    assert await devices(cluster) == (online, 0.3)


@pytest.mark.parametrize(
    "resource",
    [
        "nvidia.com/gpu",
        "amd.com/gpu",
        "huawei.com/Ascend910",
        "huawei.com/Ascend310",
        "huawei.com/Ascend310P",
        "huawei.com/Ascend910B3",
        "huawei.com/Ascend910B4-1",
        "cambricon.com/mlu",
        "hygon.com/dcu",
        "enflame.com/gcu",
        "iluvatar.com/gpu",
        "iluvatar.ai/gpu",
        "mthreads.com/gpu",
        "metax-tech.com/gpu",
        "birentech.com/gpu",
        "kunlunxin.com/xpu",
        "habana.ai/gaudi",
    ],
)
async def test_every_vendor_counts_and_its_name_can_be_matched(resource: str) -> None:
    cluster = Cluster([node(devices={resource: "8"}, labels={})], [pod(wants("3", resource))])

    assert await devices(cluster, site(pool("x", match=("resource", resource)))) == (8, 3)
    assert await devices(cluster, site(pool("alone"))) == (8, 3)


@pytest.mark.parametrize("resource", ["huawei.com/Ascend910-4c", "huawei.com/Ascend910B3-memory", "nvidia.com/gpumem"])
async def test_parts_whose_share_is_unknown_do_not_count(resource: str) -> None:
    with pytest.raises(Unreadable, match="none of the pools"):
        await devices(Cluster([node(devices={resource: "8"}, labels={})], []), site(pool("alone")))


async def test_the_model_is_told_by_label_then_by_name_and_strangers_are_named() -> None:
    nodes = [
        node("a"),
        node("b", labels={"nvidia.com/gpu.product": "Tesla-T4"}),
        node("c", {"huawei.com/Ascend910B3": "8"}, labels={"accelerator": "huawei-Ascend910"}),
        node("d", {"amd.com/gpu": "4"}, labels={"zone": "east"}),
        node("e", {"amd.com/gpu": "2"}, labels={}),
        node("f", {"cpu": "4"}, labels={}),
    ]
    pools = (*ONE, pool("ascend", "huawei.com/Ascend910B3"), pool("east", match=("zone", "east")))

    samples = await collected(Cluster(nodes, []), site(*pools))

    assert {one.pool: one.online_devices for one in samples} == {"a100": 8, "ascend": 8, "east": 4}
    assert {one.reason for one in samples} == {
        "8 devices of Tesla-T4 match no pool; 2 devices of amd.com/gpu match no pool"
    }
    assert {one.quality for one in samples} == {"partial"}


async def test_a_site_of_one_pool_takes_no_other_model() -> None:
    other = node("b", labels={"nvidia.com/gpu.product": "Tesla-T4"})

    (sample,) = await collected(Cluster([node(), other], []))

    assert (sample.online_devices, sample.reason) == (8, "8 devices of Tesla-T4 match no pool")


def gpus(name: str, *products: str, generation: int = 1, on: str | None = "n1", **more: Any) -> dict[str, Any]:
    devices = [
        {"name": f"gpu-{i}", "attributes": {"productName": {"string": product}, "type": {"string": "gpu"}}}
        for i, product in enumerate(products)
    ]
    spec = {"driver": "gpu.nvidia.com", "pool": {"name": name, "generation": generation}, "devices": devices}
    return {"metadata": {"name": f"{name}-{generation}"}, "spec": {**spec, **({"nodeName": on} if on else {}), **more}}


def claim(*held: tuple[str, str], **more: Any) -> dict[str, Any]:
    results = [{"driver": "gpu.nvidia.com", "pool": where, "device": which, **more} for where, which in held]
    return {"metadata": {"name": "c"}, "status": {"allocation": {"devices": {"results": results}}}}


H100 = "NVIDIA H100 80GB HBM3"
HOPPER = site(pool("h100", "NVIDIA H100 80GB HBM3"))
BARE = node(devices={"cpu": "4"}, labels={})


@pytest.mark.parametrize(
    ("nodes", "slices", "claims", "expected"),
    [
        ([BARE], [gpus("n1", H100, H100)], [claim(("n1", "gpu-0"))], (2, 1)),
        ([BARE], [gpus("n1", H100, H100)], [claim(("n1", "gpu-0")), claim(("n1", "gpu-0"))], (2, 1)),
        ([BARE], [gpus("n1", H100, H100)], [claim(("n1", "gpu-0"), adminAccess=True)], (2, 0)),
        ([BARE], [gpus("n1", H100, H100)], [claim(("n9", "gpu-0"))], (2, 0)),
        ([BARE], [gpus("n1", H100, H100)], [{"metadata": {"name": "waits"}, "status": {}}], (2, 0)),
        ([BARE], [gpus("n1", H100, H100)], [{"metadata": {"name": "new"}}], (2, 0)),
        ([BARE], [gpus("n1", *[H100] * 8), gpus("n1", *[H100] * 6, generation=2)], [], (6, 0)),
        ([BARE], [gpus("fabric", H100, on=None)], [], (1, 0)),
        ([BARE], [gpus("n1", H100), gpus("n2", H100, on="gone")], [], (1, 0)),
        ([node(conditions=[])], [gpus("n1", H100)], [claim(("n1", "gpu-0"))], (0, 1)),
    ],
)
async def test_devices_that_are_allocated_dynamically(
    nodes: list[Any], slices: list[Any], claims: list[Any], expected: tuple[float, float]
) -> None:
    bare = [{**one, "status": {**one["status"], "allocatable": {"cpu": "4"}}} for one in nodes]

    assert await devices(Cluster(bare, [], slices, claims), HOPPER) == expected


@pytest.mark.parametrize(("product", "profile", "share"), [(H100, "3g.40gb", 3 / 7), ("NVIDIA A30", "2g.12gb", 2 / 4)])
async def test_a_partition_counts_only_where_it_is_held_and_a_network_card_never(
    product: str, profile: str, share: float
) -> None:
    partition = {"productName": {"string": product}, "type": {"string": "mig"}, "profile": {"string": profile}}
    more = [{"name": "mig-1", "attributes": partition}, {"name": "nic-0", "attributes": {"rdma": {"bool": True}}}]
    found = gpus("n1", product)
    found["spec"]["devices"] += more
    cluster = Cluster([BARE], [], [found], [claim(("n1", "mig-1"), ("n1", "nic-0"))])

    assert await devices(cluster, site(pool("any", product))) == pytest.approx((1, share))


async def test_dynamic_allocation_that_may_not_be_read_leaves_the_other_counts_and_is_looked_for_again() -> None:
    cluster = Cluster([node()], [])
    collector = KubernetesCollector(site(), KubernetesSettings(), FakeHttp(cluster.reply))

    for now in (NOW, NOW + 60, NOW + 3599, NOW + 3600):
        (sample,) = await collector.collect(now)
        assert sample.online_devices == 8

    looked = [path for path, _ in cluster.asked if "resource.k8s.io" in path]
    assert len(looked) == 2


async def test_dynamic_allocation_is_demanded_or_never_asked_as_configured() -> None:
    cluster = Cluster([node()], [])

    with pytest.raises(Refused):
        await collected(cluster, dynamic=True)
    cluster.asked.clear()
    await collected(cluster, dynamic=False)

    assert [path for path, _ in cluster.asked] == ["/api/v1/nodes", "/api/v1/pods"]


async def test_lists_are_read_to_their_end_page_by_page() -> None:
    nodes = [node(f"n{i}") for i in range(25)]
    pods = [pod(wants("1"), on=f"n{i}") for i in range(21)]
    cluster = Cluster(nodes, pods)

    assert await devices(cluster, page=10, dynamic=False) == (200, 21)
    assert [asked.get("continue") for _, asked in cluster.asked] == [None, "10", "20", None, "10", "20"]
    assert {asked["limit"] for _, asked in cluster.asked} == {"10"}
    assert {path: asked.get("fieldSelector") for path, asked in cluster.asked} == {
        "/api/v1/nodes": None,
        "/api/v1/pods": UNFINISHED,
    }
    assert not any("resourceVersion" in asked for _, asked in cluster.asked)


@pytest.mark.parametrize("after", range(5))
async def test_a_list_that_was_forgotten_meanwhile_is_begun_again_and_counts_once(after: int) -> None:
    cluster = Cluster([node(f"n{i}") for i in range(25)], [pod(wants("1"), on=f"n{i}") for i in range(25)])
    cluster.forget_after = after

    assert await devices(cluster, page=10, dynamic=False) == (200, 25)
    assert sum(path == "/api/v1/nodes" and "continue" not in asked for path, asked in cluster.asked) == (
        2 if after < 4 else 1
    )


async def test_a_list_that_is_always_forgotten_is_given_up() -> None:
    def forgets(path: str, params: Mapping[str, str] | None) -> JsonValue:
        if params and "continue" in params:
            raise Gone("410")
        return listed("NodeList", [node()], "more")

    http = FakeHttp(forgets)
    with pytest.raises(Unreadable, match=r"3 times; raise settings\.page"):
        await KubernetesCollector(site(), KubernetesSettings(), http).collect(NOW)
    assert len(http.asked) == 6


@pytest.mark.parametrize(
    ("nodes", "pods", "message"),
    [
        ([{}], [], "a node without a name"),
        ([node(), node()], [], "node n1 is in the list twice"),
        ([node(devices={"nvidia.com/gpu": "-1"})], [], "node n1: nvidia.com/gpu is no amount: '-1'"),
        ([node(devices={"nvidia.com/gpu": "many"})], [], "is no amount"),
        ([{**node(), "status": {"allocatable": {"nvidia.com/gpu": 8}}}], [], "is no amount"),
        ([{**node(), "status": []}], [], "node n1 has no status"),
        ([node(spec={"taints": ["x"]})], [], "node n1: its taints cannot be read"),
        ([node(conditions="Ready")], [], "node n1: its conditions cannot be read"),
        ([node(annotations={"hami.io/node-nvidia-register": "GPU-1,10"})], [], "of another form"),
        ([node()], [{}], "a pod without a name"),
        ([node()], [{"metadata": {"name": "p"}, "status": {}}], "pod p has no spec"),
        ([node()], [pod(wants("1.5"))], "pod p-[0-9]+: nvidia.com/gpu is no amount: '1.5'"),
        ([node()], [pod({"resources": []})], "none"),
        ([node()], [pod({"resources": {"limits": [1]}})], "pod p-[0-9]+: a container's limits cannot be read"),
        ([node()], [pod(initContainers={"a": 1})], "pod p-[0-9]+: its initContainers cannot be read"),
        ([], [], "none of the pools of this site is in the answer"),
    ],
)
async def test_what_cannot_be_read_is_never_none(nodes: list[Any], pods: list[Any], message: str) -> None:
    if message == "none":
        assert await devices(Cluster(nodes, pods)) == (8, 0)
        return
    with pytest.raises(Unreadable, match=message.replace(".", r"\.")):
        await devices(Cluster(nodes, pods))
