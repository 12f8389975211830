"""An independent count over the recorded bodies: no line of it is shared with `collectors`.

It only has to be right for the recorded answers. Peaks are typed in from the vendors' sheets (dense FP16, TFLOPS).
"""

from __future__ import annotations

from typing import Any

TFLOPS = {"a100": 312.0, "h100": 989.4}
Figures = dict[str, dict[str, float | None]]
"""Pool -> rung -> PFLOPS."""


def counted(case: str, body: Any) -> Figures:
    """`case` is kind/folder."""
    kind, _, name = case.partition("/")
    if kind == "slurm":
        return _slurm(body["nodes"])
    if name == "victoriametrics-1.79":
        return {"a100": _rungs(used=19.0)}  # the one point that was written before recording
    if name == "placement-16.0-usages":
        return {"a100": _rungs(used=_pflops("a100", body["usages"]["INSTANCE"]["CUSTOM_GPU_A100"]))}
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


def _rungs(
    online: float | None = None, used: float | None = None, busy: float | None = None
) -> dict[str, float | None]:
    return {"online_pflops": online, "used_pflops": used, "busy_pflops": busy}


def _pflops(model: str, devices: float) -> float:
    return devices * TFLOPS[model] / 1000
