"""What people read of an alert in a message: times on the clock on the wall, and what to do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from exporter.notify.memory import News
from exporter.notify.planning import Line
from suanli.model.alert import Alert, Severity
from suanli.model.alert_text import Language, plain, what

RUNBOOK = "docs/runbook.md"

WORDS: dict[Language, dict[str, str]] = {
    "zh": {
        "critical": "严重", "warning": "警告", "info": "提示",
        "title": "【{severity}】算力告警：{counts}",
        "well": "算力告警：{counts}", "head": "{severity} · {state}：{what}",
        "fires": "{n} 项触发", "held": "{n} 项数据未知", "over": "{n} 项恢复",
        "passed": "{n} 项已自行恢复", "escalated": "{n} 项升级", "still": "{n} 项仍在触发", "comma": "、", "stop": "；",
        "fires:": "触发", "held:": "数据未知，告警保持", "over:": "已恢复", "passed:": "曾触发，现已恢复",
        "escalated:": "无人确认，由 {by} 升级", "still:": "仍在触发", "since": "自 {at} 起", "from": "{at} 起触发",
        "turns": "期间反复 {n} 次", "stake": "涉及 {pflops} P", "runbook": "处置 {link}", "known": "{by} 已确认",
        "ack": "确认：{command}", "more": "…… 另有 {n} 项",
        "test": "Suanli 测试消息", "test text": "这是一条测试消息，由 {host} 于 {at} 发往通道 {name}。没有任何告警。",
        "heartbeat": "Suanli 心跳", "heartbeat text": "{at}：告警正常运行。若不再收到，说明 Suanli 或其告警已停止。",
    },
    "en": {
        "critical": "critical", "warning": "warning", "info": "info",
        "title": "[{severity}] Suanli: {counts}", "well": "Suanli: {counts}", "head": "{severity} · {state}: {what}",
        "fires": "{n} firing",
        "held": "{n} held, unknown", "over": "{n} over",
        "passed": "{n} fired and over", "escalated": "{n} escalated",
        "still": "{n} still firing", "comma": ", ", "stop": " · ", "fires:": "firing",
        "held:": "unknown now, so it stays on",
        "over:": "over", "passed:": "fired, and is over", "escalated:": "not acknowledged, passed on by {by}",
        "still:": "still firing", "since": "since {at}", "from": "it fired at {at}", "turns": "on and off {n} times",
        "stake": "{pflops} P at stake", "runbook": "see {link}", "known": "acknowledged by {by}",
        "ack": "acknowledge: {command}", "more": "... and {n} more",
        "test": "Suanli: a test message",
        "test text": "This is a test from {host} to the channel {name}, at {at}. Nothing is wrong.",
        "heartbeat": "Suanli: heartbeat",
        "heartbeat text": "{at}: alerting runs. When this stops arriving, Suanli or its alerting is down.",
    },
}  # fmt: skip


def clock(at: int, zone: ZoneInfo) -> str:
    """On the clock on the wall, in minutes."""
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"


def lines_of(line: Line, language: Language, zone: ZoneInfo) -> tuple[str, str]:
    """What is said of one alert: what it is, and what is known of it and to be done."""
    words, alert = WORDS[language], line.alert
    state = words[line.news + ":"].format(by=line.asked_by)
    head = words["head"].format(severity=words[alert.severity], state=state, what=what(alert, language))
    more = (
        [words["from" if line.news in ("over", "passed") else "since"].format(at=clock(line.fired_at, zone))]
        if (line.fired_at is not None)
        else []
    )
    more += [words["turns"].format(n=line.turns)] if line.turns > 1 else []
    more += [words["stake"].format(pflops=f"{alert.stake:,.1f}")] if alert.stake is not None else []
    if line.news not in ("over", "passed"):
        more += _to_do(alert, words)
    return head, words["stop"].join(more)


def _to_do(alert: Alert, words: dict[str, str]) -> list[str]:
    told = [words["runbook"].format(link=f"{RUNBOOK}#{alert.kind.anchor}")]
    if alert.acknowledged_by:
        return [*told, words["known"].format(by=plain(alert.acknowledged_by))]
    return [*told, words["ack"].format(command=acknowledging(alert))]


def acknowledging(alert: Alert) -> str:
    """The command by which somebody says that they know of it, but for the reason."""
    return shlex.join(
        [
            "suanli",
            "alerts",
            "ack",
            alert.kind.name,
            *(f"{label}={text}" for label, text in alert.subject),
            "--reason",
            "...",
        ]
    )


def title_of(severity: Severity, counts: Mapping[News, int], language: Language, *, well: bool) -> str:
    """How many of what, under the worst severity; well: nothing of it fires any more."""
    words = WORDS[language]
    told = words["comma"].join(words[news].format(n=count) for news, count in counts.items() if count)
    return words["well" if well else "title"].format(severity=words[severity], counts=told)
