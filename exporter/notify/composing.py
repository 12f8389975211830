"""A message of several alerts: the worst first, as short as the narrowest channel, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from exporter.notify.letter import Letter, Tone
from exporter.notify.memory import News
from exporter.notify.planning import Line
from exporter.notify.words import RUNBOOK, WORDS, acknowledging, clock, lines_of, title_of
from suanli.answers import iso
from suanli.config import ChannelConfig
from suanli.model.alert import SEVERITIES, Severity
from suanli.model.alert_text import Language, what

LONGEST = 1900
"""Bytes of title and text: a WeCom robot takes 2048, templates may add some, and a telephone shows less."""
MOST = 200
"""Alerts in what programs read."""
_ORDER: tuple[News, ...] = ("escalated", "fires", "still", "held", "passed", "over")
_TONES: dict[Severity, Tone] = {"critical": "failure", "warning": "warning", "info": "info"}
_MARKED = str.maketrans({char: "\\" + char for char in "\\`*[]<>#|"})


def composed(channel: ChannelConfig, lines: Sequence[Line], language: Language, zone: ZoneInfo) -> Letter:
    """The message to this channel. lines: at least one."""
    ordered = sorted(lines, key=_rank)
    counts = {news: sum(line.news == news for line in ordered) for news in _ORDER}
    burning = [line for line in ordered if line.news not in ("over", "passed")]
    worst = max((line.alert.severity for line in burning or ordered), key=SEVERITIES.index)
    title = title_of(worst, counts, language, well=not burning)
    pairs = [lines_of(line, language, zone) for line in ordered]
    room = LONGEST - len(title.encode())
    told = _told(pairs, room, language, "● {0}\n   {1}")
    marked = [(head.translate(_MARKED), more.translate(_MARKED)) for head, more in pairs]
    return Letter(
        title=channel.template.title.replace("{title}", title),
        text=channel.template.text.replace("{text}", told),
        markdown=channel.template.text.replace("{text}", _told(marked, room, language, "- **{0}**\n  {1}")),
        tone=_TONES[worst] if burning else "success",
        alerts=tuple(_for_programs(line, language) for line in ordered[:MOST]),
    )


def a_test(channel: ChannelConfig, language: Language, zone: ZoneInfo, now: int, host: str) -> Letter:
    """A message by which a person sees that the channel works."""
    words = WORDS[language]
    text = words["test text"].format(host=host, at=clock(now, zone), name=channel.name)
    return _plainly(channel, words["test"], text)


def heartbeat(channel: ChannelConfig, language: Language, zone: ZoneInfo, now: int) -> Letter:
    """The sign of life."""
    words = WORDS[language]
    return _plainly(channel, words["heartbeat"], words["heartbeat text"].format(at=clock(now, zone)))


def _plainly(channel: ChannelConfig, title: str, text: str) -> Letter:
    whole = channel.template.text.replace("{text}", text)
    return Letter(title=channel.template.title.replace("{title}", title), text=whole, markdown=whole, tone="info")


def _rank(line: Line) -> tuple[int, int, float, str]:
    """The worst first: what burns, by severity, by what is at stake."""
    return (
        line.news in ("over", "passed"),
        -SEVERITIES.index(line.alert.severity),
        -(line.alert.stake or 0.0),
        f"{_ORDER.index(line.news)} {line.alert.kind.name} {line.alert.subject}",
    )


def _told(pairs: Sequence[tuple[str, str]], room: int, language: Language, form: str) -> str:
    """As many as there is room for, and how many more there are."""
    texts: list[str] = []
    used = len(WORDS[language]["more"].encode()) + 8
    for pair in pairs:
        text = form.format(*pair).rstrip()
        used += len(text.encode()) + 1
        if used > room and texts:
            break
        texts.append(text)
    left = len(pairs) - len(texts)
    return "\n".join([*texts, *([WORDS[language]["more"].format(n=left)] if left else [])])


def _for_programs(line: Line, language: Language) -> dict[str, Any]:
    alert = line.alert
    return {
        "alert": alert.kind.name,
        "news": line.news,
        "severity": alert.severity,
        "state": alert.state,
        "subject": dict(alert.subject),
        "value": alert.value,
        "threshold": alert.threshold,
        "stake_pflops": alert.stake,
        "fired_at": None if line.fired_at is None else iso(line.fired_at),
        "acknowledged_by": alert.acknowledged_by,
        "text": what(alert, language),
        "runbook": f"{RUNBOOK}#{alert.kind.anchor}",
        "acknowledge": acknowledging(alert),
    }
