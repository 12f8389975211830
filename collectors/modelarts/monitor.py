"""A pool's monitor -> how busy its devices were last, in percent. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from collectors.amounts import number_of
from collectors.base import Unreadable

GPU_METRIC, NPU_METRIC = "gpuUtil", "npuUtil"
_NO_DATA = -1.0
_FRESH = 300_000  # milliseconds before the newest point of all, with data or without: the server's clock is its own

Utils = dict[str, float]
"""Percent by metric; what has no data is not in it."""


def metric_of(resource: str) -> str:
    """The metric that is about devices of this name."""
    return GPU_METRIC if resource.startswith("nvidia") else NPU_METRIC


def utils_of(payload: object) -> Utils:
    """The newest averages of the two metrics. Of a metric that is told by several clusters none is the pool's own.

    Raises Unreadable when it is no answer of a monitor.
    """
    metrics = payload.get("metrics") if isinstance(payload, dict) else None
    if not isinstance(metrics, list):
        raise Unreadable("the answer has no list of metrics")
    series = [(_name(one), one.get("dataPoints") or []) for one in metrics if isinstance(one, dict)]
    times = Counter(name for name, _ in series)
    points = {name: _points(found) for name, found in series if times[name] == 1}
    newest = max((at for found in points.values() for at in found), default=0)
    return {
        name: fresh[max(fresh)]
        for name in (GPU_METRIC, NPU_METRIC)
        if (fresh := {at: v for at, v in points.get(name, {}).items() if v != _NO_DATA and at > newest - _FRESH})
    }


def _name(metric: dict[str, Any]) -> str:
    found = metric.get("metric")
    return str(found.get("metricName")) if isinstance(found, dict) else ""


def _points(points: object) -> dict[int, float]:
    """Averages by their time in milliseconds; -1 stands for no data."""
    if not isinstance(points, list):
        raise Unreadable("a metric's dataPoints cannot be read")
    found = {}
    for point in points:
        at = point.get("timestamp") if isinstance(point, dict) else None
        if not isinstance(at, int) or point.get("unit") != "Percent":
            continue
        value = _average(point.get("statistics"))
        if value is not None:
            found[at] = value
    return found


def _average(statistics: object) -> float | None:
    rows = statistics if isinstance(statistics, list) else []
    found = [row.get("value") for row in rows if isinstance(row, dict) and row.get("statistic") == "average"]
    return number_of(found[0]) if found else None
