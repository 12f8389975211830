"""`suanli alerts list` and `ack`: what an instance last found, and that somebody knows of it; on both databases."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from suanli.alerts.evaluator import Evaluator
from suanli.model.alert import KINDS, Alert, Subject
from suanli.store.outcomes import Outcomes
from tests.suanli.engines import address_in
from tests.suanli.making import SITES_YAML, T0, Clock, config, database, open_store
from tests.suanli.running import suanli

pytestmark = pytest.mark.usefixtures("both_databases")
SITE: Subject = (("site", "wh-1"),)
MINE = ("alerts", "ack", "site_never_heard", "site=wh-1")


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

    tried = suanli(folder, *MINE, "--by", "王工", "--dry-run")
    assert tried.out == "王工 would be said to know of it\n"
    assert known_to(folder) is None
    done = suanli(folder, *MINE, "--by", "王工", "--reason", "called the site", "--json")
    assert (done.code, done.data["acknowledged_by"], done.data["applied"]) == (0, "王工", True)
    assert known_to(folder) == "王工"
    (row,) = [one for one in suanli(folder, "audit", "--json").data["audit"] if one["action"] == "alert.acknowledge"]
    assert (row["after"], row["reason"]) == ({"by": "王工", "why": "called the site"}, "called the site")


def test_without_a_name_it_is_this_machines_user(folder: Path) -> None:
    look(folder)

    assert suanli(folder, *MINE).code == 0
    assert str(known_to(folder)).startswith("local:")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["site_quiet"], "there is no alert site_quiet; known: rate_below_target"),
        (["site_silent"], "expected site=... behind site_silent"),
        (["site_silent", "site="], "expected site=... behind site_silent"),
        (["site_silent", "site=wh-1", "site=wh-2"], "expected site=... behind site_silent"),
        (["disk_low", "site=wh-1"], "expected nothing behind disk_low"),
        (["site_silent", "site=wh-1"], "site_silent:wh-1 does not fire"),
        (["site_never_heard", "site=nobody"], "site_never_heard:nobody does not fire"),
    ],
)
def test_what_cannot_be_meant_is_told(folder: Path, words: list[str], told: str) -> None:
    look(folder)
    ended = suanli(folder, "alerts", "ack", *words)

    assert ended.code == 2
    assert told in ended.err


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
