"""What `suanli maintenance` prints, in both languages."""

from __future__ import annotations

from typing import Any

from suanli.cli.context import say
from suanli.cli.output import percent, print_json

WORDS = {
    "en": {
        "columns": ["id ", "site/pool", "from", "until", "rule", "policy", "approved", "ended", "next", "excluded ",
                    "reason"],
        "more": ["recorded", "superseded"],
        "no": "no",
        "by": "{by}, {at}",
        "added": "window {id} recorded",
        "waits": "it has no effect until it is approved: suanli maintenance approve {id} --by NAME",
        "approved": "window {id} approved by {by}",
        "ended": "window {id} ended at {at}",
        "tried": "would be recorded",
        "late": "this reaches into the past: targets of that time are judged anew (as they were judged: --as-of)",
        "range": "excluded: share of the time from {lo} to {hi}",
    },
    "zh": {
        "columns": ["编号 ", "站点/资源池", "起", "止", "周期", "策略", "批准", "提前结束", "下次", "剔除时间 ",
                    "事由"],
        "more": ["记录于", "被取代于"],
        "no": "未批准",
        "by": "{by}，{at}",
        "added": "已记录维护窗口 {id}",
        "waits": "批准之前不生效：suanli maintenance approve {id} --by 姓名",
        "approved": "维护窗口 {id} 已由 {by} 批准",
        "ended": "维护窗口 {id} 于 {at} 结束",
        "tried": "将被记录",
        "late": "窗口回溯到过去：当时的目标达成将重新判定（当时的判定：--as-of）",
        "range": "剔除时间：占 {lo} 至 {hi} 的比例",
    },
}  # fmt: skip


def print_answer(answer: dict[str, Any], told: str, remarks: list[str], language: str, *, json: bool) -> None:
    """What was done; of a late change also that it judges the past anew."""
    words = WORDS[language]
    if json:
        print_json(answer)
        return
    print(told if answer["applied"] else words["tried"])
    for remark in [*([str(words["late"])] if answer["late"] else []), *remarks]:
        say(remark)


def row_of(one: dict[str, Any], language: str) -> list[str]:
    words = WORDS[language]
    approved = str(words["by"]).format(by=one["approved_by"], at=one["approved_at"])
    return [
        str(one["id"]),
        "/".join(filter(None, (one["site"], one["pool"]))),
        one["from"],
        one["until"],
        one["rule"] or "",
        one["policy"],
        str(words["no"]) if one["approved_at"] is None else approved,
        one["ended_at"] or "",
        one["next"][0]["from"] if one["next"] else "",
        percent(one["excluded_ratio"], language),
        one["reason"],
        one["recorded_at"],
        one["superseded_at"] or "",
    ]
