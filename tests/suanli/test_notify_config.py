"""Channels in config.yaml: what can be said, and what is refused with its place; quiet hours on the wall's clock."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.config import Config, check_secrets, load_config
from suanli.config.notify import quiet_hours_of
from suanli.model.errors import InputError
from tests.suanli.making import ZONE

SECRET = "dingtalk://a1b2c3d4e5f6"
WHOLE = """\
notify:
  - name: duty
    url: {env: SUANLI_NOTIFY_DUTY}
    language: en
    min_severity: info
    kinds: [rate_below_target, site_silent]
    scopes: [fleet, "province:安徽"]
    quiet_hours: "22:00-07:00"
    group: 1m
    calm: 10m
    repeat: never
    give_up: 12h
    escalate: {after: 45m, to: boss}
    template: {title: "[算力] {title}"}
  - {name: boss, url: {file: /run/secrets/boss}}
  - {name: heart, url: {env: SUANLI_HEART}, heartbeat: 1m}
"""


def loaded(folder: Path, text: str) -> Config:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    duty, boss, heart = loaded(tmp_path, WHOLE).notify
    assert (duty.group, duty.calm, duty.repeat, duty.give_up) == (60, 600, "never", 43_200)
    assert (str(duty.quiet_hours), duty.scopes) == ("22:00-07:00", ("fleet", "province:安徽"))
    assert duty.escalate is not None
    assert (duty.escalate.after, duty.escalate.to, duty.template.text) == (2700, "boss", "{text}")
    assert (boss.min_severity, boss.repeat, boss.group, boss.calm, boss.language) == ("warning", 14_400, 30, 300, None)
    assert heart.heartbeat == 60


ONE = "notify:\n  - {{name: duty, url: {{env: X}}, {more}}}\n"
TWO = ONE + "  - {{name: heart, url: {{env: X}}, heartbeat: 1m}}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"notify:\n  - {{name: duty, url: '{SECRET}'}}\n", "config.yaml:2: notify[0].url: a secret is not written"),
        (ONE.format(more="quiet: 1"), "config.yaml:2: notify[0]"),
        (ONE.format(more="quiet_hours: '22-7'"), "config.yaml:2: notify[0].quiet_hours: expected quiet hours"),
        (ONE.format(more="quiet_hours: '24:00-07:00'"), "config.yaml:2: notify[0].quiet_hours: expected quiet hours"),
        (ONE.format(more="quiet_hours: '07:00-07:00'"), "config.yaml:2: notify[0].quiet_hours: expected quiet hours"),
        (ONE.format(more="min_severity: high"), "config.yaml:2: notify[0].min_severity"),
        (ONE.format(more="kinds: [nothing]"), "config.yaml:2: notify[0].kinds"),
        (ONE.format(more="kinds: [dead_man]"), "config.yaml:2: notify[0].kinds"),
        (ONE.format(more="scopes: [安徽]"), "config.yaml:2: notify[0].scopes"),
        (ONE.format(more="repeat: 4"), "config.yaml:2: notify[0].repeat"),
        (ONE.format(more="escalate: {to: duty}"), "config.yaml:1: duty escalates to duty"),
        (ONE.format(more="escalate: {to: boss}"), "config.yaml:1: duty escalates to boss"),
        (TWO.format(more="escalate: {to: heart}"), "config.yaml:1: duty escalates to heart"),
        (ONE.format(more="escalate: {to: boss, after: 8d}"), "config.yaml:2: notify[0].escalate: expected an"),
        (ONE.format(more="heartbeat: 1m, kinds: [disk_low]"), "config.yaml:2: notify[0]: a heartbeat is told always"),
        (ONE.format(more="template: {title: none}"), "config.yaml:2: notify[0].template: expected {title} once"),
        (ONE.format(more="template: {text: '{text.x}'}"), "config.yaml:2: notify[0].template: expected {text} once"),
        (ONE.format(more="template: {text: '{text!r}'}"), "config.yaml:2: notify[0].template: expected {text} once"),
        (ONE.format(more="template: {text: '{text} {'}"), "config.yaml:2: notify[0].template: expected {text} once"),
        (ONE.format(more="min_severity: info") + "  - {name: duty, url: {env: X}}\n", "config.yaml:1: two channels"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_without_the_secret(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, text)
    words = str(caught.value).replace(f"{tmp_path}/", "")
    assert words.startswith(told)
    assert SECRET not in words


def test_a_channel_whose_secret_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANLI_NOTIFY_DUTY", SECRET)
    monkeypatch.delenv("SUANLI_HEART", raising=False)
    config = loaded(tmp_path, WHOLE.replace("/run/secrets/boss", f"{tmp_path}/gone"))
    with pytest.raises(InputError) as caught:
        check_secrets(config, tmp_path / "config.yaml")
    assert [(one.key, one.line) for one in caught.value.problems] == [("notify[1].url", 15), ("notify[2].url", 16)]
    assert SECRET not in f"{config!r} {config.model_dump()} {config.model_dump_json()}"


_WALL = st.integers(0, 1439)


_ZONES = st.sampled_from([ZONE, ZoneInfo("Europe/Berlin")])


@given(start=_WALL, end=_WALL, at=st.integers(1_700_000_000, 1_900_000_000), zone=_ZONES)
def test_quiet_hours_are_those_of_the_wall(start: int, end: int, at: int, zone: ZoneInfo) -> None:
    """By the minutes themselves: those that lie between start and end, walked one by one."""
    if start == end:
        return
    quiet = quiet_hours_of(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}")
    minutes = set()
    minute = start
    while minute != end:
        minutes.add(minute)
        minute = (minute + 1) % 1440
    hour, minute = map(int, datetime.fromtimestamp(at, zone).strftime("%H %M").split())
    assert quiet.cover(at, zone) == (60 * hour + minute in minutes)


def test_the_hour_that_a_clock_goes_back_to_is_quiet_twice() -> None:
    quiet, berlin = quiet_hours_of("02:00-03:00"), ZoneInfo("Europe/Berlin")
    change = 1_792_890_000  # 2026-10-25T01:00:00Z: 03:00 becomes 02:00
    assert [quiet.cover(change + 3600 * hour, berlin) for hour in (-2, -1, 0, 1)] == [False, True, True, False]
