"""`suanli alerts list` and `ack`: what an instance last found, and that somebody knows of it; on both databases."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suanli.alerts.evaluator import Evaluator
from suanli.model.alert import KINDS, Alert, AlertState, Label, Subject
from suanli.store.alerts import keep_alerts
from suanli.store.outcomes import Outcomes
from tests.suanli.engines import address_in
from tests.suanli.making import SITES_YAML, T0, Clock, config, database, open_store
from tests.suanli.running import suanli

pytestmark = pytest.mark.usefixtures("both_databases")
SITE: Subject = (("site", "wh-1"),)


def standing(kind: str, state: AlertState, *subject: tuple[Label, str], **more: Any) -> Alert:
    return replace(Alert(KINDS[kind], subject, KINDS[kind].severity, state, T0, None, None, None), **more)


def of_target(scope: str) -> tuple[tuple[Label, str], ...]:
    return ("scope", scope), ("metric", "usage_ratio"), ("basis", "fp16")


STANDING = (
    standing("dead_man", "firing"),
    standing("site_never_heard", "firing", ("site", "wh-1"), held=True, severity="critical"),
    standing("site_silent", "unknown", ("site", "wh-2")),
    standing("rate_below_target", "recovering", *of_target("site:wh-2")),
    standing("no_target_data", "pending", *of_target("province:安徽")),
    standing("coverage_low", "ok", ("basis", "fp16")),
)
MINE = ("alerts", "ack", "site_never_heard", "site=wh-1")
WHY = ("--reason", "called the site")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    database(tmp_path)
    (tmp_path / "config.yaml").write_text("language: en\n", encoding="utf-8")
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    return tmp_path


def look(folder: Path) -> None:
    """What a running instance does, an hour long: nobody ever hears the two sites."""
    clock = Clock(T0)
    with closing(open_store(address_in(folder), clock)) as store:
        for now in (T0, T0 + 3600, T0 + 3630):
            clock.at = now
            Evaluator(store, config(), Outcomes()).round(now)


def looked_now(folder: Path, *alerts: Alert) -> None:
    """As an instance leaves it that has just looked."""
    now = int(time.time())
    with closing(open_store(address_in(folder))) as store, store.writing() as connection:
        keep_alerts(connection, alerts, (), now)


def test_before_any_instance_has_looked_that_is_said(folder: Path) -> None:
    ended = suanli(folder, "alerts", "list")

    assert (ended.code, ended.out) == (0, "")
    assert "no instance has looked at alerts yet" in ended.err
    assert suanli(folder, "alerts", "list", "--json").data == {"looked_at": None, "alerts": []}


def test_what_fires_is_listed_and_what_rests_only_when_asked(folder: Path) -> None:
    look(folder)

    told = suanli(folder, "alerts", "list", "--json").data
    everything = suanli(folder, "alerts", "list", "--all", "--json").data["alerts"]

    found = {(one["kind"], one["subject"].get("site", "")): one for one in told["alerts"]}
    assert found["site_never_heard", "wh-1"]["state"] == "firing"
    assert found["dead_man", ""]["state"] == "firing"
    assert [one["severity"] for one in told["alerts"]] == sorted(
        (one["severity"] for one in told["alerts"]), key=("critical", "warning", "info").index
    )
    assert "ok" not in {one["state"] for one in told["alerts"]}
    assert len(everything) > len(told["alerts"])
    table = suanli(folder, "alerts", "list").out
    assert "wh-1 is registered and was never heard" in table
    assert "已登记，但从未收到数据" in suanli(folder, "--lang", "zh", "alerts", "list").out


def test_who_knows_of_it_is_recorded_and_audited_and_a_dry_run_keeps_nothing(folder: Path) -> None:
    look(folder)

    tried = suanli(folder, *MINE, *WHY, "--by", "王工", "--dry-run")
    assert tried.out == "王工 would be said to know of it\n"
    assert known_to(folder) is None
    done = suanli(folder, *MINE, *WHY, "--by", "王工", "--json")
    assert (done.code, done.data["acknowledged_by"], done.data["applied"]) == (0, "王工", True)
    assert known_to(folder) == "王工"
    (row,) = [one for one in suanli(folder, "audit", "--json").data["audit"] if one["action"] == "alert.acknowledge"]
    assert (row["after"], row["reason"]) == ({"by": "王工", "why": "called the site"}, "called the site")


def test_without_a_name_it_is_this_machines_user(folder: Path) -> None:
    look(folder)

    assert suanli(folder, *MINE, *WHY).code == 0
    assert str(known_to(folder)).startswith("local:")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["site_quiet"], "there is no alert site_quiet; known: rate_below_target"),
        (["site_silent"], "expected site=... behind site_silent"),
        (["site_silent", "site="], "expected site=... behind site_silent"),
        (["site_silent", "site=wh-1", "site=wh-2"], "each label once, as LABEL=VALUE: site=wh-1 site=wh-2"),
        (["disk_low", "site=wh-1"], "expected nothing behind disk_low"),
        (["site_silent", "site=wh-1"], "site_silent:wh-1 does not fire"),
        (["site_never_heard", "site=nobody"], "site_never_heard:nobody does not fire"),
    ],
)
def test_what_cannot_be_meant_is_told(folder: Path, words: list[str], told: str) -> None:
    look(folder)
    ended = suanli(folder, "alerts", "ack", *words, *WHY)

    assert ended.code == 2
    assert told in ended.err


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", None])
def test_who_acknowledges_says_why(folder: Path, reason: str | None) -> None:
    look(folder)
    ended = suanli(folder, *MINE, *([] if reason is None else ["--reason", reason]))

    assert (ended.code, known_to(folder)) == (2, None)
    assert "reason" in ended.err


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), {"dead_man", "site_never_heard", "no_target_data", "site_silent", "rate_below_target"}),
        (("--kind", "site_silent"), {"site_silent"}),
        (("--state", "firing"), {"dead_man", "site_never_heard"}),
        (("--state", "pending"), {"no_target_data"}),
        (("--state", "ok"), {"coverage_low"}),
        (("--severity", "info"), {"dead_man"}),
        (("--site", "wh-1"), {"site_never_heard"}),
        (("--site", "wh-2"), {"site_silent", "rate_below_target"}),
        (("--province", "安徽"), {"site_never_heard", "site_silent", "no_target_data", "rate_below_target"}),
        (("--operator", "示例运营方"), {"site_never_heard"}),
        (("--operator", "另一运营方"), {"site_silent", "rate_below_target"}),
        (("--operator", "nobody"), set()),
    ],
)
def test_it_is_listed_by_what_is_asked_for(folder: Path, words: tuple[str, ...], found: set[str]) -> None:
    looked_now(folder, *STANDING)

    told = suanli(folder, "alerts", "list", *words, "--json").data["alerts"]
    assert {one["kind"] for one in told} == found
    assert len(told) == len(found)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--kind", "x"), "--kind: there is no alert x; known: rate_below_target"),
        (("--state", "x"), "--state: 'x' is none of ok, pending, firing, recovering, unknown"),
        (("--severity", "x"), "--severity: 'x' is none of info, warning, critical"),
        (("--site", "x"), "no site 'x'; registered: wh-1, wh-2"),
    ],
)
def test_a_filter_that_finds_nothing_by_mistake_is_told(folder: Path, words: tuple[str, ...], told: str) -> None:
    ended = suanli(folder, "alerts", "list", *words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_script_is_told_by_the_exit_code_what_fires(folder: Path) -> None:
    """What always fires is not meant; what nobody looks at any more is no good news."""
    check = ("alerts", "list", "--check")
    dead_man, silent = STANDING[0], STANDING[1]
    assert suanli(folder, *check).code == 1
    looked_now(folder, dead_man, replace(silent, state="pending"))
    assert suanli(folder, *check).code == 0
    for state in ("firing", "recovering"):
        looked_now(folder, replace(silent, state=state))
        assert (suanli(folder, *check).code, suanli(folder, *check, "--kind", "disk_low").code) == (1, 0)
    with closing(open_store(address_in(folder))) as store, store.writing() as connection:
        keep_alerts(connection, [replace(silent, state="ok")], (), int(time.time()) - 3600)
    ended = suanli(folder, *check)
    assert (ended.code, "nobody has looked since; does suanli serve run?" in ended.err) == (1, True)
    assert "此后无人检查" in suanli(folder, "--lang", "zh", *check).err


def test_the_table_says_states_and_severities_in_the_readers_language(folder: Path) -> None:
    looked_now(folder, *STANDING)

    rows = suanli(folder, "--lang", "zh", "alerts", "list", "--all").out
    assert all(
        word in rows for word in ("触发", "待触发", "恢复中", "无法判断", "正常", "严重", "警告", "提示", "保持")
    )


def test_the_command_that_a_message_shows_is_this_one(folder: Path) -> None:
    from exporter.notify.words import acknowledging

    look(folder)
    alert = Alert(KINDS["site_never_heard"], SITE, "warning", "firing", T0, None, None, None)
    program, *words = acknowledging(alert).split()

    assert program == "suanli"
    assert suanli(folder, *words).code == 0


def known_to(folder: Path) -> str | None:
    told = json.loads(suanli(folder, "alerts", "list", "--json").out)["alerts"]
    found: str | None = next(
        one["acknowledged_by"]
        for one in told
        if (one["kind"], one["subject"]) == ("site_never_heard", {"site": "wh-1"})
    )
    return found
