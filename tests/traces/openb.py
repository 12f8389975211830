"""The openb trace (an Alibaba GPU cluster: nodes, and pods that ask for GPUs) as rows of history of one site.

The trace says which pods ran from when to when, not where: the node of each is chosen here by this rule.

* Pods are placed in the order of their scheduled_time, those of one second in the order of the file. A pod without a
  scheduled_time never ran. One that ends at a second frees its GPUs before others are placed at that second.
* num_gpu 0 takes no GPU and counts nowhere. num_gpu 1 takes gpu_milli thousandths of one GPU, which others may share.
  More than one GPU is taken whole each, all on one node.
* First fit: the first node in the order of the file that has enough, and in it the first GPUs that have enough.
* gpu_spec, where it is given, names the models that will do (`A|B`); in this list it is always empty.
* A pod that fits nowhere at its scheduled_time waits and is not placed, then or later; `Placement.waiting` lists them.

A pod holds its GPUs from scheduled_time until before deletion_time (none given: until the trace's end). All nodes are
there for the whole trace. Its seconds are counted from 0; here 0 is START, a whole hour in the past.

Rows: one for each pool at every second at which its use changes, and at every whole hour. max_age is one hour, and
in a pool's last row so long that its word ends with the trace. Devices are told, in thousandths.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from suanli.model.units import duration_text

START = 1_672_531_200  # 2023-01-01T00:00:00Z
HOUR = 3600
WHOLE = 1000
COLUMNS = ("site", "pool", "at", "online_devices", "used_devices", "max_age")

UNDISCLOSED = "undisclosed"  # G2 and G3 are names that hide a model
# The trace says P100 and V100 without their form: SXM2, as these names mean in the catalogue too.
MODELS = {
    "P100": "nvidia-p100-sxm2-16gb",
    "V100M16": "nvidia-v100-sxm2-16gb",
    "V100M32": "nvidia-v100-sxm2-32gb",
    "T4": "nvidia-t4",
    "A10": "nvidia-a10",
    "G2": UNDISCLOSED,
    "G3": UNDISCLOSED,
}


@dataclass(slots=True)
class Node:
    """A machine: its model, and what is free of each GPU in thousandths."""

    name: str
    model: str
    free: list[int]


@dataclass(frozen=True, slots=True)
class Pod:
    """What asks for GPUs: `milli` thousandths of each of `gpus`; seconds of the trace; start None: never ran."""

    name: str
    gpus: int
    milli: int
    models: frozenset[str]
    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod on its node: which GPUs of it, and `milli` thousandths of each, over [start, end)."""

    pod: str
    node: str
    model: str
    gpus: tuple[int, ...]
    milli: int
    start: int
    end: int


@dataclass(slots=True)
class Placement:
    """Who is where; the pods that never ran, that take no GPU, and that fitted nowhere."""

    end: int
    placed: list[Placed] = field(default_factory=list)
    never: list[Pod] = field(default_factory=list)
    without: list[Pod] = field(default_factory=list)
    waiting: list[Pod] = field(default_factory=list)


def read_nodes(folder: Path) -> list[Node]:
    with (folder / "openb_node_list_gpu_node.csv").open(encoding="utf-8", newline="") as file:
        return [Node(row["sn"], row["model"], [WHOLE] * int(row["gpu"])) for row in csv.DictReader(file)]


def read_pods(folder: Path) -> list[Pod]:
    with (folder / "openb_pod_list_default.csv").open(encoding="utf-8", newline="") as file:
        return [_pod(row) for row in csv.DictReader(file)]


def _pod(row: dict[str, str]) -> Pod:
    gpus = int(row["num_gpu"])
    return Pod(
        name=row["name"],
        gpus=gpus,
        milli=int(row["gpu_milli"]) if gpus == 1 else WHOLE,
        models=frozenset(row["gpu_spec"].split("|")) - {""},
        start=_second(row["scheduled_time"]),
        end=_second(row["deletion_time"]),
    )


def _second(text: str) -> int | None:
    return int(text) if text else None


def place(nodes: list[Node], pods: list[Pod]) -> Placement:
    """Every pod by the rule above; the nodes are left as they are after the last pod was placed."""
    result = Placement(end=max(second for pod in pods for second in (pod.start, pod.end) if second is not None))
    result.never = [pod for pod in pods if pod.start is None]
    running: list[tuple[Placed, Node]] = []
    for pod in sorted((pod for pod in pods if pod.start is not None), key=lambda pod: pod.start or 0):
        if pod.gpus == 0:
            result.without.append(pod)
            continue
        start = pod.start or 0
        running = _freed(running, start)
        if (found := _first_fit(nodes, pod)) is None:
            result.waiting.append(pod)
            continue
        node, gpus = found
        for gpu in gpus:
            node.free[gpu] -= pod.milli
        end = result.end if pod.end is None else pod.end
        result.placed.append(Placed(pod.name, node.name, node.model, gpus, pod.milli, start, end))
        running.append((result.placed[-1], node))
    return result


def _freed(running: list[tuple[Placed, Node]], now: int) -> list[tuple[Placed, Node]]:
    """Those that still run at `now`; the others give their GPUs back."""
    for placed, node in running:
        if placed.end <= now:
            for gpu in placed.gpus:
                node.free[gpu] += placed.milli
    return [pair for pair in running if pair[0].end > now]


def _first_fit(nodes: list[Node], pod: Pod) -> tuple[Node, tuple[int, ...]] | None:
    for node in nodes:
        if pod.models and node.model not in pod.models:
            continue
        fitting = [gpu for gpu, free in enumerate(node.free) if free >= pod.milli]
        if len(fitting) >= pod.gpus:
            return node, tuple(fitting[: pod.gpus])
    return None


def pool_id(model: str) -> str:
    return model.lower()


def devices(nodes: list[Node]) -> dict[str, int]:
    """GPUs of each model, in the order of the file."""
    counts: dict[str, int] = {}
    for node in nodes:
        counts[node.model] = counts.get(node.model, 0) + len(node.free)
    return counts


def sites_yaml(nodes: list[Node]) -> str:
    """The site as `suanli apply` takes it: built are all of its devices, since the trace's first day."""
    pools = [
        f"      - id: {pool_id(model)}\n        model: {MODELS[model]}\n        capacity:\n"
        f"          - {{from: 2023-01-01, stage: built, devices: {count}, source: node list of the trace}}\n"
        for model, count in devices(nodes).items()
    ]
    head = "sites:\n  - id: openb\n    name: openb\n    province: unknown\n    operator: Alibaba\n    pools:\n"
    return head + "".join(pools)


def history(nodes: list[Node], placement: Placement) -> Iterator[tuple[str, str, int, int, str, str]]:
    """Rows under COLUMNS, pool by pool, in order of time."""
    changes: dict[str, dict[int, int]] = {model: defaultdict(int) for model in devices(nodes)}
    for one in placement.placed:
        taken = one.milli * len(one.gpus)
        changes[one.model][one.start] += taken
        changes[one.model][one.end] -= taken
    for model, count in devices(nodes).items():
        yield from _pool_rows(model, count, changes[model], placement.end)


def _pool_rows(
    model: str, count: int, changes: dict[int, int], end: int
) -> Iterator[tuple[str, str, int, int, str, str]]:
    changed = {second for second, change in changes.items() if change}
    seconds = sorted(second for second in changed | set(range(0, end, HOUR)) if second < end)
    used = 0
    for second in seconds:
        used += changes.get(second, 0)
        holds = HOUR if second != seconds[-1] else min(HOUR, end - 1 - second)
        told = f"{used // WHOLE}.{used % WHOLE:03d}"
        yield ("openb", pool_id(model), START + second, count, told, duration_text(holds))


def write_history(nodes: list[Node], placement: Placement, file: Path) -> int:
    """The rows as a CSV file; how many."""
    rows = list(history(nodes, placement))
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([COLUMNS, *rows])
    return len(rows)
