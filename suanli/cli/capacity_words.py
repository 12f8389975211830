"""What `suanli capacity` prints, in both languages."""

from __future__ import annotations

from typing import Any

from suanli.cli.output import UNKNOWN, percent, pflops, print_table

COLUMNS = {
    "en": {
        "id": "id ", "site": "site", "pool": "pool", "stage": "stage", "from": "from", "until": "until",
        "devices": "devices ", "pflops": "pflops ", "basis": "basis", "reason": "reason", "source": "source",
        "recorded_at": "recorded", "superseded_at": "superseded",
    },
    "zh": {
        "id": "编号 ", "site": "站点", "pool": "资源池", "stage": "阶段", "from": "起", "until": "止",
        "devices": "设备 ", "pflops": "算力 P ", "basis": "精度", "reason": "理由", "source": "依据",
        "recorded_at": "记录于", "superseded_at": "被取代于",
    },
}  # fmt: skip
WORDS = {
    "en": {
        "columns": ["fleet", "planned ", "built ", "online-rate ", "usage-rate ", "coverage "],
        "now": "now",
        "made": "{count} changes made",
        "tried": "{count} changes would be made",
        "nothing": "nothing to change",
        "late": "the entry reaches into the past: published figures of that time change "
        "(as they were published: --as-of)",
    },
    "zh": {
        "columns": ["全域", "规划 ", "已建成 ", "上线率 ", "使用率 ", "覆盖率 "],
        "now": "现在",
        "made": "已作 {count} 处变更",
        "tried": "将作 {count} 处变更",
        "nothing": "没有要变更的",
        "late": "本条目回溯到过去：当时已公布的数字随之改变（公布时的数字：--as-of）",
    },
}


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
