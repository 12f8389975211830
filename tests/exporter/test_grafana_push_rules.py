"""`suanli grafana push` and alert rules: as the provisioning file has them, whole or not at all, never over a hand."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dashboards.parts.provision import FOLDER_UID
from exporter.grafana import rules
from exporter.grafana.sources import Source
from tests.exporter.grafana_stub import Answer, grafana_stub
from tests.exporter.test_grafana_push import BOARDS, FIRST, ROOT, Desk
from tests.suanli.running import suanli

GROUP = (FOLDER_UID, "suanli-alerts")
TARGETS = [
    {"scope": "fleet", "metric": "online_ratio", "target": 0.8, "for": "10m"},
    {"scope": "operator:A$B", "metric": "usage_ratio", "target": 0.5},
]
PROVISIONED: dict[str, Any] = yaml.safe_load(
    (ROOT / "dashboards/provisioning/alerting/rules.yaml").read_text(encoding="utf-8")
)["groups"][0]


class Here(Desk):
    """In this process, as that is faster."""

    def run(self, *arguments: str, lang: str = "en") -> subprocess.CompletedProcess[str]:
        left_out = [] if self.alerts else ["--no-alerts"]
        words = ("--lang", lang, "grafana", *arguments, *left_out)
        ended = suanli(self.folder, *words, SUANLI_GRAFANA_TOKEN=self.token)
        return subprocess.CompletedProcess(words, ended.code, ended.out, ended.err)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with grafana_stub() as stub:
        for uid, kind in (("suanliprom", "prometheus"), ("suanliinflux", "influxdb")):
            stub.sources[uid] = {"uid": uid, "name": uid, "type": kind, "database": "suanli"}
        made = Here(stub, tmp_path, "admin-token", alerts=True)
        configure(made, TARGETS)
        yield made


def configure(desk: Desk, targets: list[dict[str, Any]], **grafana: Any) -> None:
    content = {"grafana": {"url": desk.stub.url} | grafana, "targets": targets}
    (desk.folder / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def kept(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.stub.rules[GROUP]["rules"]
    return found


def test_the_rules_are_pushed_once_and_never_the_same_again(desk: Desk) -> None:
    done = desk.run("push")
    assert done.returncode == 0, done.stderr
    group = desk.stub.rules[GROUP]
    assert group["interval"] == 30
    titles = [rule["title"] for rule in kept(desk)]
    assert "SuanliRateBelowTarget operator:A$B usage_ratio fp16" in titles
    assert {rule["provenance"] for rule in kept(desk)} == {""}  # a person may change them in the browser
    written = len(desk.stub.writes())
    again = desk.run("push")
    assert (again.returncode, len(desk.stub.writes())) == (0, written)
    assert "nothing was written" in again.stderr
    assert desk.run("check").returncode == 0
    assert desk.run("diff").stdout == ""


def test_a_target_more_is_shown_and_pushed_as_one_group(desk: Desk) -> None:
    configure(desk, TARGETS[:1])
    desk.run("push")
    uids = {rule["uid"] for rule in kept(desk)}
    configure(desk, TARGETS)
    assert desk.run("check").returncode == 1
    assert f"+++ suanli/{GROUP[1]}" in desk.run("diff").stdout
    told = desk.answer("push")
    assert (told["alerts"]["state"], told["alerts"]["rules"]["removed"]) == ("changed", [])
    assert told["alerts"]["rules"]["added"] == ["SuanliRateBelowTarget operator:A$B usage_ratio fp16"]
    assert [one["what"] for one in told["pushed"]] == ["alert rules"]
    assert uids < {rule["uid"] for rule in kept(desk)}


def test_rules_changed_by_hand_are_kept_until_forced(desk: Desk) -> None:
    desk.run("push")
    kept(desk)[0]["for"] = "5m"
    before = copy.deepcopy(desk.stub.rules[GROUP])
    told = desk.refused(1, "push")
    assert "the alert rules suanli-alerts were changed by hand" in told
    assert "--force" in told
    assert desk.stub.rules[GROUP] == before
    assert desk.run("push", "--no-alerts").returncode == 0
    assert desk.stub.rules[GROUP] == before
    assert desk.run("push", "--force").returncode == 0
    assert desk.run("check").returncode == 0


def test_an_editor_pushes_the_boards_and_is_told_what_the_rules_take(desk: Desk) -> None:
    desk.token = "editor-token"
    done = desk.run("push")
    assert done.returncode == 1
    lacking = "cannot save the rules suanli-alerts: the token lacks the permission alert.provisioning:write"
    assert (
        f"{lacking}; no alert rule was pushed: give the token that, or leave them out with --no-alerts" in done.stderr
    )
    assert (set(desk.stub.boards), desk.stub.rules) == (set(BOARDS), {})
    chinese = desk.run("push", lang="zh")
    assert "无法保存规则 suanli-alerts：令牌缺少权限 alert.provisioning:write；告警规则未推送" in chinese.stderr
    desk.alerts = False
    assert [desk.run(one).returncode for one in ("push", "check")] == [0, 0]


def test_who_may_not_even_look_at_rules_is_told_and_the_boards_stand_as_they_are(desk: Desk) -> None:
    desk.run("push")
    desk.token = "viewer-token"
    told = desk.answer("check")
    assert (told["alerts"]["state"], told["ok"]) == ("hidden", False)
    assert "alert.provisioning:read" in told["alerts"]["why"]
    assert {one["state"] for one in told["boards"]} == {"same"}


def test_rules_from_files_are_never_written_over(desk: Desk) -> None:
    desk.run("push")
    for rule in kept(desk):
        rule["provenance"] = "file"
    configure(desk, TARGETS[:1])
    told = desk.refused(1, "push", "--force")
    assert "the alert rules suanli-alerts are read from provisioning files by this Grafana" in told


def test_a_grafana_that_keeps_something_else_is_told(desk: Desk) -> None:
    """As one did that answered a saved group with no rules."""
    path = f"/api/v1/provisioning/folder/{GROUP[0]}/rule-groups/{GROUP[1]}"
    desk.stub.fault = lambda method, at: Answer(200, {"rules": None}) if (method, at) == ("PUT", path) else None
    done = desk.run("push")
    assert done.returncode == 1
    assert "Grafana took the alert rules suanli-alerts, but says others now" in done.stderr


def test_boards_that_are_named_come_without_rules(desk: Desk) -> None:
    assert desk.run("push", FIRST).returncode == 0
    assert desk.stub.rules == {}


def test_rules_ask_the_data_source_that_is_there(desk: Desk) -> None:
    desk.stub.sources["theirs"] = {"uid": "theirs", "name": "Their Prometheus", "type": "prometheus"}
    configure(desk, TARGETS, prometheus={"uid": "theirs"})
    assert desk.run("push").returncode == 0
    asked = {step["datasourceUid"] for rule in kept(desk) for step in rule["data"]}
    assert asked == {"theirs", "__expr__"}


def test_what_is_pushed_is_what_the_provisioning_file_says() -> None:
    """Field by field as the file's reader understands it: durations in seconds, a dollar where it has two."""
    made = rules.group_of(PROVISIONED, "f", {"suanliprom": Source("p", "P", "prometheus")})
    assert (made["title"], made["folderUid"], made["interval"]) == (PROVISIONED["name"], "f", 30)
    assert len(made["rules"]) == len(PROVISIONED["rules"]) > 10
    for rule, given_ in zip(made["rules"], PROVISIONED["rules"], strict=True):
        same = ("uid", "condition", "for", "noDataState", "execErrState", "annotations")
        assert {key: rule[key] for key in same} == {key: given_[key] for key in same}
        assert (rule["ruleGroup"], rule["folderUID"]) == (PROVISIONED["name"], "f")
        assert rule["title"] == given_["title"].replace("$$", "$")
        assert [step["model"] for step in rule["data"]] == [step["model"] for step in given_["data"]]
        assert [step["relativeTimeRange"] for step in rule["data"]] == [{"from": 600, "to": 0}] * len(rule["data"])
        assert {step["datasourceUid"] for step in rule["data"]} == {"p", "__expr__"}


WANTED = rules.group_of(PROVISIONED, "f", {})


@given(st.sampled_from(range(len(WANTED["rules"]))), st.sampled_from(("title", "for", "labels", "expr", "judged")))
def test_what_a_hand_changes_shows_and_what_grafana_adds_does_not(place: int, what: str) -> None:
    pushed = rules.marked(WANTED)
    assert rules.untouched(pushed)
    assert rules.content(pushed) == rules.content(WANTED)
    rule = copy.deepcopy(pushed["rules"][place])
    added = rule | {"id": 7, "updated": "now", "isPaused": False}
    added["data"] = [step | {"model": {"hide": False} | step["model"]} for step in rule["data"]]
    others = [one for one in pushed["rules"] if one["uid"] != rule["uid"]]
    assert rules.untouched(pushed | {"rules": [added, *others]})
    if what == "expr":
        rule["data"][0]["model"]["expr"] += " "
    elif what == "judged":
        rule["data"][-1]["model"]["conditions"][0]["evaluator"]["params"] = [0.6]
    else:
        rule[what] = {"severity": "none"} if what == "labels" else "77s"
    assert not rules.untouched(pushed | {"rules": [rule, *others]})
    assert rules.changes(pushed | {"rules": [rule, *others]}, WANTED)["changed"] == [pushed["rules"][place]["title"]]


def test_a_rule_more_or_less_or_another_interval_is_a_hands_work_too() -> None:
    pushed = rules.marked(WANTED)
    more = [*pushed["rules"], pushed["rules"][0] | {"uid": "theirs"}]
    for changed in ({"rules": more}, {"rules": pushed["rules"][1:]}, {"interval": 60}):
        assert not rules.untouched(pushed | changed)


@pytest.mark.parametrize(
    ("text", "seconds"), [("600s", 600), ("10m", 600), ("10m0s", 600), ("1h30m", 5400), ("0s", 0), ("1d", 86_400)]
)
def test_durations_are_the_same_however_they_are_written(text: str, seconds: int) -> None:
    rule = WANTED["rules"][0] | {"for": text}
    (said,) = rules.content(WANTED | {"rules": [rule]})["rules"].values()
    assert said["for"] == seconds
