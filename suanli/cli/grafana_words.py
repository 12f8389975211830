"""The words of `suanli grafana`."""

from __future__ import annotations

from typing import Any

WORDS: dict[str, dict[str, Any]] = {
    "zh": {
        "columns": ["类别", "uid", "状态", "说明"],
        "board": "看板",
        "source": "数据源",
        "new": "将新建",
        "changed": "将更新",
        "same": "一致",
        "edited": "被手工修改",
        "moved": "被移动",
        "there": "已有",
        "missing": "缺失",
        "panels": "面板：新增 {added}，变更 {changed}，移除 {removed}",
        "silent": "数据源 {uid} 没有应答：{why}",
        "would": "以上为预演，未写入任何内容",
        "nothing": "Grafana 中已是最新，未写入任何内容",
        "done": "已写入 {count} 项：{names}",
    },
    "en": {
        "columns": ["kind", "uid", "state", "note"],
        "board": "board",
        "source": "data source",
        "new": "to be made",
        "changed": "to be updated",
        "same": "the same",
        "edited": "changed by hand",
        "moved": "moved by hand",
        "there": "there",
        "missing": "missing",
        "panels": "panels: {added} added, {changed} changed, {removed} removed",
        "silent": "the data source {uid} does not answer: {why}",
        "would": "nothing was written: that is what a push would do",
        "nothing": "Grafana has all of it already: nothing was written",
        "done": "{count} written: {names}",
    },
}
