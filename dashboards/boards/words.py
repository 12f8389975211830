"""Definitions and names that several boards share, so that a number is called and defined alike on each."""

from __future__ import annotations

from dashboards.parts.form import Form
from dashboards.parts.language import Say
from dashboards.parts.look import PFLOPS, RATIO, Look
from suanli.model.metric import RATIOS, RUNGS

POWER = Look(PFLOPS, 1)
RATE = Look(RATIO, 1)

_MORE = {
    "built": (
        "应报站点已建成并验收的算力之和,取自容量台账,单位 P(PFLOPS,FP16)。",
        "Sum of what is built and accepted at the expected sites, from the capacity ledger, in P (PFLOPS, FP16).",
    ),
    "online": (
        "已上电、健康且可调度的算力之和,单位 P。失联站点未知,不按 0 计入,见覆盖率与上下限。",
        "Sum of what is powered, healthy and schedulable, in P. Silent sites are unknown: see coverage and bounds.",
    ),
    "used": (
        "已分配给任务的算力之和(分配口径,不是忙碌口径),单位 P。",
        "Sum of what is assigned to workloads (allocated, not busy), in P.",
    ),
    "busy": (
        "真正在计算的算力之和(忙碌口径),单位 P;只计能提供该数据的资源池。",
        "Sum of what is really computing, in P; only of pools that tell it.",
    ),
    "online-rate": (
        "上线率 = 上线算力之和 ÷ 已建成算力之和(先求和再相除)。分母为全部应报站点,包括失联站点。",
        "Online-rate = sum of online / sum of built. The denominator is every expected site, also a silent one.",
    ),
    "usage-rate": (
        "使用率 = 使用算力之和 ÷ 上线算力之和(先求和再相除,分配口径),只计两者皆知的资源池。",
        "Usage-rate = sum of used / sum of online, as allocated, over pools of which both are known.",
    ),
    "coverage": (
        "覆盖率 = 有数据站点的已建成算力 ÷ 应报站点的已建成算力。低于 100% 时,请看上下限。",
        "Coverage = built of the sites heard / built of the sites expected. Below 100%, read the bounds.",
    ),
}


def definition(name: str, form: Form) -> str:
    """What a number is, and in InfluxQL also of when."""
    hour = form.say(" 取自最近一个已结束的小时(PFLOPS 小时)。", " Of the last closed hour, in PFLOPS-hours.")
    return form.say(*_MORE[name]) + ("" if form.prometheus else hour)


def rung(name: str, say: Say) -> str:
    """The word for a rung in legends and columns."""
    return say(next(one.zh for one in RUNGS if one.name == name), name)


def rate_name(name: str, say: Say) -> str:
    """The word for a rate in legends and columns."""
    zh = next(one.zh for one in RATIOS if one.name == name)
    return say(zh, "coverage" if name == "coverage" else f"{name}-rate")


def gauges(names: list[str], say: Say, kind: str = "fleet") -> list[tuple[str, str]]:
    """The names of our gauges of rungs, with the words for them."""
    return [(f"suanli_{kind}_{name}_pflops", rung(name, say)) for name in names]


def rate_gauges(say: Say) -> list[tuple[str, str]]:
    return [(f"suanli_fleet_{name}_ratio", rate_name(name, say)) for name in ("online", "usage")]
