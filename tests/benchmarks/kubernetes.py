"""CPU and memory of reading a large Kubernetes site: recorded objects over and over, each under a name of its own."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson

from collectors.kubernetes.collector import KubernetesSettings
from collectors.kubernetes.parse import Inventory, page_of
from collectors.kubernetes.shapes import decoded
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.site import Source
from tests.benchmarks.children import ROOT, BenchError
from tests.benchmarks.figures import Figure

_RECORDED = ROOT / "tests/collectors/kubernetes/cases/kubernetes-1.34.4"
_LIMIT_SECONDS, _LIMIT_MB = 0.5, 150.0
_TURNS = 5
_HELD = {"larger-init": 2, "queued": 0}
"""Devices of the recorded pods that hold another number than one."""


def kubernetes_figures(nodes: int, pods: int, recorded: Path = _RECORDED) -> list[Figure]:
    """All pages decoded and counted, beside the limit and beside orjson, which only decodes them; and what that needs.

    Memory is what is held at most beside the pages as they came, of which a poll holds one.
    """
    told_nodes = [_named(one, f"n{i}") for i, one in enumerate(_over(recorded, "nodes", nodes))]
    told_pods = [_named(one, f"p{i}", nodeName=f"n{i % nodes}") for i, one in enumerate(_over(recorded, "pods", pods))]
    right = _right(told_nodes, _over(recorded, "pods", pods))
    lists = {"NodeList": _pages("NodeList", told_nodes), "PodList": _pages("PodList", told_pods)}
    del told_nodes, told_pods
    cpu = _cpu(lambda: _counted(lists, right))
    alone = _cpu(lambda: [orjson.loads(body) and None for pages in lists.values() for body in pages])
    size, name = sum(len(body) for pages in lists.values() for body in pages) / 1e6, f"kubernetes_{pods}_pods"
    return [
        Figure(f"{name}_cpu_s", cpu, "s", "limit_s", _LIMIT_SECONDS, 1.0),
        Figure(f"{name}_beside_decoding_s", cpu, "s", "orjson_cpu_s", alone),
        Figure(f"{name}_memory_mb", _most_mb(lambda: _counted(lists, right)), "MB", "limit_mb", _LIMIT_MB, 1.0),
        Figure(f"{name}_pages_mb", size, "MB"),
    ]


def _over(recorded: Path, what: str, count: int) -> list[Any]:
    """So many of the recorded objects."""
    files = sorted(recorded.glob(f"{what}-*.json.gz"))
    items = [item for file in files for item in orjson.loads(gzip.decompress(file.read_bytes()))["items"]]
    return list(islice(cycle(items), count))


def _named(item: dict[str, Any], name: str, **spec: str) -> dict[str, Any]:
    """Under this name; bound to that node, if it was bound to one."""
    bound = spec if "nodeName" in item["spec"] else {}
    return item | {"metadata": item["metadata"] | {"name": name}, "spec": item["spec"] | bound}


def _pages(kind: str, items: list[Any]) -> list[bytes]:
    size, head = KubernetesSettings().page, {"kind": kind, "apiVersion": "v1", "metadata": {}}
    return [orjson.dumps(head | {"items": items[start : start + size]}) for start in range(0, len(items), size)]


def _right(nodes: list[Any], pods: list[Any]) -> tuple[float, float]:
    """Every recorded node has eight devices, offered unless it is cordoned."""
    online = 8 * sum("unschedulable" not in one["spec"] for one in nodes)
    return online, sum(_HELD.get(one["metadata"]["name"], 1) for one in pods)


def _counted(lists: dict[str, list[bytes]], right: tuple[float, float]) -> None:
    found = Inventory(_SITE, 0)
    for body in lists["NodeList"]:
        found.add_nodes(page_of(decoded(body, "NodeList"), "NodeList").items)
    for body in lists["PodList"]:
        found.add_pods(page_of(decoded(body, "PodList"), "PodList").items)
    (sample,) = found.samples()
    if (sample.online_devices, sample.used_devices) != right:
        raise BenchError(f"{sample.online_devices} devices online and {sample.used_devices} used, not {right}")


def _cpu(work: Callable[[], object]) -> float:
    """Of the fastest turn."""
    taken = []
    for _ in range(_TURNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def _most_mb(work: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


_SITE = PolledSite(
    "kubernetes",
    Source(kind="kubernetes", url="https://127.0.0.1:6443"),
    (PolledPool("a100", "A100", frozenset({"nvidia-a100-sxm4-80gb"}), 1.0),),
    interval=60,
    timeout=10.0,
    max_age=180,
)
