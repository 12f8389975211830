"""The hourly look over the history of the whole fleet."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from suanli.quality.copied import identical
from suanli.quality.deadline import round_at_deadline
from suanli.quality.disagreeing import disagreement
from suanli.quality.history import Finding, Hourly, Inspection
from suanli.quality.standing import constant, silent_zero

INSPECTIONS: tuple[Inspection, ...] = (
    Inspection(
        "constant",
        "Used stands still for days, neither at 0 nor at all of online, while other figures move.",
        "使用算力多日不变（既非零也非满载），而其他数值在变化。",
        constant,
    ),
    Inspection(
        "silent-zero",
        "One of used and busy is 0 for days while the other shows work.",
        "使用与忙碌之一多日为零，而另一项显示有负载。",
        silent_zero,
    ),
    Inspection(
        "disagreement",
        "Two signals of one rung are more than a tenth apart for six hours.",
        "同一层级的两路信号连续六小时相差超过一成。",
        disagreement,
    ),
    Inspection(
        "identical",
        "Two sites have one and the same curve for a day or longer.",
        "两个站点的曲线在一天以上完全相同。",
        identical,
    ),
    Inspection(
        "round-at-deadline",
        "Used is round around the end of a month and not at other times.",
        "使用算力只在月末月初为整数，平时不是。",
        round_at_deadline,
    ),
)


def inspected(fleet: Sequence[Hourly], zone: ZoneInfo) -> list[Finding]:
    """What all inspections find, by site, pool, check and time."""
    found = [finding for inspection in INSPECTIONS for finding in inspection.inspect(fleet, zone)]
    return sorted(found, key=lambda one: (one.site, one.pool, one.check, one.since, one.until, one.reason))
