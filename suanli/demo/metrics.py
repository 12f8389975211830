"""A site's exporters as Prometheus sees them, and the few PromQL questions that the simulated Prometheus understands.

DCGM's exporter says nothing of a node that is away; Huawei's still shows the chips of a draining node, as not healthy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from suanli.demo.state import Node, PoolNow

_DCGM_ALL = "DCGM_FI_DEV_GPU_UTIL"
_DCGM_TENSOR = "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"
_NPU_HEALTH = "npu_chip_info_health_status"
_NPU_JOBS = "npu_chip_info_process_info_num"
_NPU_UTIL = "npu_chip_info_utilization"


class Series(NamedTuple):
    """One time series and its value now. A tuple: thousands are made at every move."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Question:
    """A PromQL text that sums something over the series of one metric, by model."""

    promql: str
    metric: str
    amount: Callable[[Series], float]


DCGM_QUESTIONS = {
    "online": Question(f"count by (model) ({_DCGM_ALL})", _DCGM_ALL, lambda _: 1.0),
    # An absent series is not 0: without the second half, a site without a job would be unknown.
    "used": Question(
        f'count by (model) ({_DCGM_ALL}{{pod!=""}}) or count by (model) ({_DCGM_ALL}) * 0',
        _DCGM_ALL,
        lambda series: 1.0 if series.labels["pod"] else 0.0,
    ),
    "busy": Question(f"sum by (model) ({_DCGM_TENSOR})", _DCGM_TENSOR, lambda series: series.value),
}
NPU_QUESTIONS = {
    "online": Question(f"sum by (model) ({_NPU_HEALTH})", _NPU_HEALTH, lambda series: series.value),
    "used": Question(f"sum by (model) ({_NPU_JOBS} > bool 0)", _NPU_JOBS, lambda series: float(series.value > 0)),
    "busy": Question(f"sum by (model) ({_NPU_UTIL}) / 100", _NPU_UTIL, lambda series: series.value / 100),
}
_KNOWN = {question.promql: question for question in (*DCGM_QUESTIONS.values(), *NPU_QUESTIONS.values())}


def questions(vendor: str) -> dict[str, Question]:
    """What to ask of a site of this vendor, by rung."""
    return DCGM_QUESTIONS if vendor == "NVIDIA" else NPU_QUESTIONS


def series_of(pools: Sequence[PoolNow]) -> list[Series]:
    """Every series of the site."""
    return [
        series
        for pool in pools
        for node in pool.nodes
        for device in range(node.devices)
        for series in (_dcgm if pool.plan.vendor == "NVIDIA" else _npu)(pool.plan.name, node, device)
    ]


def exposition(series: Sequence[Series]) -> str:
    """The text that an exporter serves, one block a metric."""
    blocks: dict[str, list[str]] = {}
    for one in series:
        labels = ",".join(f'{label}="{value}"' for label, value in one.labels.items())
        blocks.setdefault(one.name, []).append(f"{one.name}{{{labels}}} {one.value:g}\n")
    return "".join(f"# TYPE {name} gauge\n{''.join(lines)}" for name, lines in blocks.items())


def answer(series: Sequence[Series], promql: str) -> dict[str, float] | None:
    """Amounts by model; empty when nothing matches, None for a question that is not understood."""
    question = _KNOWN.get(promql)
    if question is None:
        return None
    amounts: dict[str, float] = {}
    for one in series:
        if one.name == question.metric:
            model = one.labels["model"]
            amounts[model] = amounts.get(model, 0.0) + question.amount(one)
    return amounts


def _dcgm(model: str, node: Node, device: int) -> Iterator[Series]:
    if node.state != "up":
        return
    used = device < node.used
    labels = {"gpu": str(device), "UUID": f"GPU-{node.name}-{device}", "model": model, "Hostname": node.name}
    labels["pod"] = f"train-{node.name}-{device}" if used else ""
    # "Any kernel ran" is always more than the tensor cores' share of the time.
    yield Series(_DCGM_ALL, labels, float(round(100 * min(1.0, node.load * 1.3))) if used else 0.0)
    yield Series(_DCGM_TENSOR, labels, round(node.load, 3) if used else 0.0)


def _npu(model: str, node: Node, device: int) -> Iterator[Series]:
    if node.state == "down":
        return
    used = device < node.used
    labels = {"id": str(device), "vdie_id": f"{node.name}-{device}", "model": model, "node": node.name}
    yield Series(_NPU_HEALTH, labels, float(node.state == "up"))
    yield Series(_NPU_JOBS, labels, float(used))
    yield Series(_NPU_UTIL, labels, float(round(100 * node.load)) if used else 0.0)
