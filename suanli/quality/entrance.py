"""The entrance: every sample passes here once, before it counts. Rule 10 of docs/definitions.md."""

from __future__ import annotations

from suanli.model.sample import Sample
from suanli.quality.base import Check, Held, Known
from suanli.quality.clocks import ahead, future, past
from suanli.quality.figures import jump, ladder, sentinel
from suanli.quality.scale import precision, sparse, unit

CHECKS: tuple[Check, ...] = (
    Check(
        "sentinel",
        "hold",
        'A figure is a number that programs write for "no value", or no amount at all.',
        "数值是程序用来表示“无值”的标记，或根本不是数量。",
        sentinel,
    ),
    Check(
        "future",
        "hold",
        "Its time is more than a day ahead of our clock.",
        "数据时间比本机时钟超前一天以上。",
        future,
    ),
    Check(
        "unit",
        "hold",
        "Online is a thousand times too large or too small beside what is built: another unit.",
        "上线算力与已建成算力相差约千倍，单位可能写错。",
        unit,
    ),
    Check(
        "ladder",
        "flag",
        "More is used than online, or more busy than used.",
        "使用大于上线，或忙碌大于使用。",
        ladder,
    ),
    Check(
        "jump",
        "flag",
        "Online changed at once by more than half of what is built.",
        "上线算力突变，幅度超过已建成的一半。",
        jump,
    ),
    Check(
        "ahead",
        "flag",
        "Its time is ahead of our clock by more than five minutes.",
        "数据时间比本机时钟超前五分钟以上。",
        ahead,
    ),
    Check(
        "past",
        "flag",
        "It was too old when it was fetched: the source repeats itself, or its clock is behind.",
        "获取时数据已过期：数据源在重复旧值，或其时钟落后。",
        past,
    ),
    Check(
        "sparse",
        "flag",
        "The figure is about twice what it should be: probably the sparse peak.",
        "数值约为应有值的两倍，可能用了稀疏峰值。",
        sparse,
    ),
    Check(
        "precision",
        "flag",
        "The figure is about four or eight times what it should be: probably another precision.",
        "数值约为应有值的四倍或八倍，可能用了其他精度的峰值。",
        precision,
    ),
)
"""In the order of their judging: what is held is not flagged as well."""

_HOLDING = tuple(check for check in CHECKS if check.action == "hold")
_FLAGGING = tuple(check for check in CHECKS if check.action == "flag")


def examined(sample: Sample, known: Known) -> tuple[Sample, None] | tuple[None, Held]:
    """The sample to record, flagged where a check has a reason; or the sample as held by the first that holds it.

    A flagged sample is `suspect`, and its reason goes on with `check: text` for each; its figures are as they came.
    """
    for check in _HOLDING:
        if (reason := check.judge(sample, known)) is not None:
            return None, Held(sample, check.name, reason)
    found = [f"{check.name}: {reason}" for check in _FLAGGING if (reason := check.judge(sample, known)) is not None]
    if not found:
        return sample, None
    reason = "; ".join(filter(None, (sample.reason, *found)))
    return sample.model_copy(update={"quality": "suspect", "reason": reason}), None
