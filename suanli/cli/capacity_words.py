"""What `suanli capacity` prints, in both languages."""

from __future__ import annotations

from typing import Any

from suanli.cli.context import say
from suanli.cli.output import UNKNOWN, percent, pflops, print_json, print_table

COLUMNS = {
    "en": {
        "id": "id ", "site": "site", "pool": "pool", "stage": "stage", "from": "from", "until": "until",
        "devices": "devices ", "pflops": "pflops ", "basis": "basis", "reason": "reason", "source": "source",
        "submission": "submission ", "recorded_at": "recorded", "superseded_at": "superseded",
    },
    "zh": {
        "id": "编号 ", "site": "站点", "pool": "资源池", "stage": "阶段", "from": "起", "until": "止",
        "devices": "设备 ", "pflops": "算力 P ", "basis": "精度", "reason": "理由", "source": "依据",
        "submission": "申报 ", "recorded_at": "记录于", "superseded_at": "被取代于",
    },
}  # fmt: skip
WORDS = {
    "en": {
        "columns": ["fleet", "planned ", "built ", "online-rate ", "usage-rate ", "coverage "],
        "now": "now",
        "made": "{count} changes made",
        "tried": "{count} changes would be made",
        "nothing": "nothing to change",
        "pending": "submitted as {number}: it waits for a decision and counts nowhere until then",
        "approved": "submission {number} approved: {count} changes made",
        "rejected": "submission {number} rejected; nothing has changed",
        "withdrawn": "submission {number} withdrawn; nothing has changed",
        "submissions": ["number ", "asked", "of", "state", "submitted", "by", "decided", "by", "reason"],
        "acceptance": "by itself",
        "good": "{good} of {needed} good polls",
        "none": "nothing waits for a decision",
        "late": "the entry reaches into the past: published figures of that time change "
        "(as they were published: --as-of)",
    },
    "zh": {
        "columns": ["全域", "规划 ", "已建成 ", "上线率 ", "使用率 ", "覆盖率 "],
        "now": "现在",
        "made": "已作 {count} 处变更",
        "tried": "将作 {count} 处变更",
        "nothing": "没有要变更的",
        "pending": "已提交，编号 {number}：待审核，审核前不计入任何数字",
        "approved": "申报 {number} 已批准：已作 {count} 处变更",
        "rejected": "申报 {number} 已驳回，未作任何变更",
        "withdrawn": "申报 {number} 已撤回，未作任何变更",
        "submissions": ["编号 ", "事项", "对象", "状态", "提交时间", "提交人", "审核时间", "审核人", "理由"],
        "acceptance": "自动验收",
        "good": "轮询合格 {good}/{needed}",
        "none": "没有待审核的申报",
        "late": "本条目回溯到过去：当时已公布的数字随之改变（公布时的数字：--as-of）",
    },
}


def print_answer(answer: dict[str, Any], language: str, *, json: bool) -> None:
    """What was asked for and what came of it: changes, the fleet's figures before and after, what happens next."""
    if json:
        print_json(answer | {"applied": answer["state"] in ("applied", "approved")})
        return
    words = WORDS[language]
    if answer["changes"]:
        print("\n".join(answer["changes"]))
    if answer["figures"]:
        print_figures(answer["figures"], language)
        if len(answer["figures"]) > 1:
            say(str(words["late"]))
    key = {"applied": "made", "unchanged": "nothing"}.get(answer["state"], answer["state"])
    say(str(words[key]).format(count=len(answer["changes"]), number=answer["submission"]))


def print_ledger(rows: list[dict[str, Any]], language: str, *, everything: bool) -> None:
    """everything: also from when until when each line was what we said."""
    columns = dict(COLUMNS[language])
    if not any(row["submission"] for row in rows):
        del columns["submission"]
    if not everything:
        del columns["recorded_at"], columns["superseded_at"]
    print_table(list(columns.values()), [[cell(row[name], name, language) for name in columns] for row in rows])


def print_submissions(rows: list[dict[str, Any]], language: str) -> None:
    words = WORDS[language]
    if not rows:
        say(str(words["none"]))
        return
    names = ["id", "action", "subject", "state", "submitted_at", "submitted_by", "decided_at", "decided_by", "why"]
    shown = names if any(row["decided_at"] for row in rows) else names[:6]
    columns = list(words["submissions"])[: len(shown)]
    cells = [[cell(row[name], name, language) for name in shown] for row in rows]
    if any(row.get("acceptance") for row in rows):  # a server of before has none
        columns.append(str(words["acceptance"]))
        cells = [[*line, _progress(row["acceptance"], words)] for line, row in zip(cells, rows, strict=True)]
    print_table(columns, cells)


def _progress(acceptance: dict[str, Any] | None, words: dict[str, Any]) -> str:
    """How far it has proved itself, and the last reason why not."""
    if acceptance is None:
        return ""
    told = str(words["good"]).format(good=acceptance["good"], needed=acceptance["needed"])
    return told if acceptance["why"] is None else f"{told}; {acceptance['why']}"


def print_figures(figures: list[dict[str, Any]], language: str) -> None:
    """Before -> after, of now and of the last whole month where that is shown."""
    words = WORDS[language]
    names = [str(words["now"]), *(f"{one['from']} .. {one['to']}" for one in figures[1:])]
    rows = [[name, *_compared(one, language)] for name, one in zip(names, figures, strict=True)]
    print_table(list(words["columns"]), rows)


def _compared(one: dict[str, Any], language: str) -> list[str]:
    told = [_figures(one[side], language) for side in ("before", "after")]
    return [before if before == after else f"{before} -> {after}" for before, after in zip(*told, strict=True)]


def _figures(values: dict[str, Any], language: str) -> list[str]:
    return [(pflops if name.endswith("_pflops") else percent)(value, language) for name, value in values.items()]


def cell(value: object, name: str, language: str) -> str:
    if name == "pflops":
        return UNKNOWN[language] if value is None else f"{value:,.1f}"
    return "" if value is None else str(value)
