"""What a message says, and that it stays short."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.notify.composing import LONGEST, MOST, a_test, composed, heartbeat
from exporter.notify.letter import Letter
from exporter.notify.planning import Line
from exporter.notify.words import WORDS
from suanli.model.alert import ALERTS, KINDS, Alert
from suanli.model.alert_text import amount, what
from tests.exporter.notify.alerts import a_channel, an_alert

ZONE = ZoneInfo("Asia/Shanghai")
AT = 1_795_500_000  # 2026-11-24 14:00 in Shanghai
BELOW = Alert(
    KINDS["rate_below_target"],
    (("scope", "fleet"), ("metric", "usage_ratio"), ("basis", "fp16")),
    "critical",
    "firing",
    AT,
    0.5134,
    0.55,
    120.25,
    fired_at=AT,
)


def line(alert: Alert, news: Any = "fires", turns: int = 0, asked_by: str = "") -> Line:
    return Line(news, alert, turns, alert.fired_at if alert.fired_at is not None else AT, asked_by)


def told(*lines: Line, language: Any = "en", **channel: Any) -> Letter:
    return composed(a_channel(**channel), lines, language, ZONE)


def test_a_message_in_english() -> None:
    silent = line(replace(an_alert("a-1"), acknowledged_by="陈", fired_at=AT - 600), "still")
    letter = told(silent, line(BELOW), line(an_alert("b", stake=None, fired_at=None), "over"))
    assert letter.title == "[critical] Suanli: 1 firing, 1 still firing, 1 over"
    assert letter.text == (
        "● critical · firing: fleet: usage_ratio is 51.3 %, below its target of 55.0 %\n"
        "   since 2026-11-24 14:00 · 120.2 P at stake · see docs/runbook.md#alert-rate-below-target · "
        "acknowledge: suanli alerts ack rate_below_target scope=fleet metric=usage_ratio basis=fp16 --reason ...\n"
        "● warning · still firing: a-1 has fallen silent: its polls fail\n"
        "   since 2026-11-24 13:50 · 12.5 P at stake · see docs/runbook.md#alert-site-silent · acknowledged by 陈\n"
        "● warning · over: b has fallen silent: its polls fail\n"
        "   it fired at 2026-11-24 14:00"
    )
    assert letter.tone == "failure"


def test_a_message_in_chinese() -> None:
    letter = told(line(BELOW, "escalated", asked_by="duty"), line(an_alert("a"), "passed", turns=3), language="zh")
    assert letter.title == "【严重】算力告警：1 项升级、1 项已自行恢复"
    assert "严重 · 无人确认，由 duty 升级：fleet：usage_ratio 为 51.3 %，低于目标 55.0 %" in letter.text
    assert "警告 · 曾触发，现已恢复：站点 a 失联：轮询失败" in letter.text
    assert "期间反复 3 次" in letter.text
    assert "自 2026-11-24 14:00 起；涉及 120.2 P；处置 docs/runbook.md#alert-rate-below-target；" in letter.text
    assert "；确认：suanli alerts ack rate_below_target" in letter.text


def test_what_nobody_knows_is_said_to_be_unknown_and_never_to_be_over() -> None:
    held = replace(BELOW, held=True, value=None)
    english, chinese = told(line(held, "held")), told(line(held, "held"), language="zh")
    assert "unknown now, so it stays on: fleet: usage_ratio is unknown" in english.text
    assert "数据未知，告警保持" in chinese.text
    assert (english.tone, chinese.tone) == ("failure", "failure")
    assert "over" not in english.text + english.title
    assert "恢复" not in chinese.text + chinese.title


def test_when_all_is_over_the_message_is_no_alarm() -> None:
    letter = told(line(BELOW, "over"))
    assert (letter.title, letter.tone) == ("Suanli: 1 over", "success")
    assert "acknowledge" not in letter.text


def test_a_name_can_neither_break_a_line_nor_write_markdown() -> None:
    evil = an_alert("a]\n(http://x) **b** `c`")
    letter = told(line(replace(evil, acknowledged_by="x\r\n● critical")))
    assert letter.text.count("\n") == 1
    assert letter.markdown.count("\n") == 1
    assert "a\\] (http://x) \\*\\*b\\*\\* \\`c\\`" in letter.markdown


def test_a_template_is_put_around_and_changes_nothing_within() -> None:
    letter = told(line(BELOW), template={"title": "[算力] {title}", "text": "值班群\n{text}"})
    plain = told(line(BELOW))
    assert letter.title == f"[算力] {plain.title}"
    assert (letter.text, letter.markdown) == (f"值班群\n{plain.text}", f"值班群\n{plain.markdown}")


@given(
    sites=st.lists(st.text("站点字ab-*[]", min_size=1, max_size=150), min_size=1, max_size=300, unique=True),
    language=st.sampled_from(["zh", "en"]),
)
def test_it_fits_everywhere_says_how_many_it_left_out_and_begins_with_the_worst(
    sites: list[str], language: str
) -> None:
    lines = [line(an_alert(site, stake=float(place))) for place, site in enumerate(sites)]
    letter = told(*lines, language=language)
    for text, mark in ((letter.text, "● "), (letter.markdown, "- **")):
        assert len((letter.title + text).encode()) <= LONGEST
        shown = sum(one.startswith(mark) for one in text.splitlines())
        more = WORDS[language]["more"].format(n=len(sites) - shown)  # type: ignore[index] # one of the two
        assert (more in text) == (shown < len(sites))
        assert shown >= 1
    subjects = [alert["subject"]["site"] for alert in letter.alerts]
    assert subjects == list(reversed(sites))[:MOST]


def test_programs_get_numbers_and_times() -> None:
    (alert,) = told(line(BELOW)).alerts
    assert alert == {
        "alert": "rate_below_target",
        "news": "fires",
        "severity": "critical",
        "state": "firing",
        "subject": {"scope": "fleet", "metric": "usage_ratio", "basis": "fp16"},
        "value": 0.5134,
        "threshold": 0.55,
        "stake_pflops": 120.25,
        "fired_at": "2026-11-24T06:00:00Z",
        "acknowledged_by": "",
        "text": "fleet: usage_ratio is 51.3 %, below its target of 55.0 %",
        "runbook": "docs/runbook.md#alert-rate-below-target",
        "acknowledge": "suanli alerts ack rate_below_target scope=fleet metric=usage_ratio basis=fp16 --reason ...",
    }


@pytest.mark.parametrize(
    ("kind", "value", "en", "zh"),
    [
        ("rate_below_target", 0.598, "59.8 %", "59.8 %"),
        ("sink_lagging", 5400.0, "1.5 h", "1.5 小时"),
        ("sink_lagging", 900.0, "15 min", "15 分钟"),
        ("sink_lagging", 12.0, "12 s", "12 秒"),
        ("sink_lagging", 4 * 86_400.0, "4 days", "4 天"),
        ("disk_low", 1.234e9, "1.23 GB", "1.23 GB"),
        ("disk_low", 999.0, "999 B", "999 B"),
        ("quarantine_growing", 12.0, "12", "12"),
        ("disk_low", None, "unknown", "未知"),
    ],
)
def test_amounts_have_their_units(kind: str, value: float | None, en: str, zh: str) -> None:
    assert (amount(KINDS[kind], value, "en"), amount(KINDS[kind], value, "zh")) == (en, zh)


@pytest.mark.parametrize("kind", ALERTS, ids=lambda kind: kind.name)
def test_every_kind_can_be_told_in_both_languages(kind: Any) -> None:
    alert = Alert(kind, tuple((label, "x") for label in kind.subject), "info", "firing", 0, 0.5, 0.6, None)
    for language in ("zh", "en"):
        text = what(alert, language)
        assert text
        assert "{" not in text


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["zh"].keys() == WORDS["en"].keys()


def test_a_test_and_a_heartbeat_cannot_be_taken_for_an_alarm() -> None:
    for language in ("zh", "en"):
        one = a_test(a_channel("duty"), language, ZONE, AT, "host")
        beat = heartbeat(a_channel("duty"), language, ZONE, AT)
        assert (one.tone, beat.tone) == ("info", "info")
        assert "duty" in one.text
        assert "2026-11-24 14:00" in one.text
        assert "2026-11-24 14:00" in beat.text
