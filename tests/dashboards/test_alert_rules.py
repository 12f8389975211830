"""Prometheus's rules, judged by the real promtool: each alert fires when it must and at no other time, and is held."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.alerts.plan import Plan
from dashboards.alerts.prometheus import prometheus_rules
from dashboards.build import PROVISIONING
from suanli.model.alert import ALERTS, KINDS
from suanli.model.target import Target
from tests.dashboards.alert_cases import (
    BUILD,
    CASES,
    EXCUSED,
    FLEET,
    HEARD,
    INFO,
    RATE,
    TARGET,
    UP,
    WARNING_A,
    Case,
    Lines,
)
from tests.dashboards.alerting import ONLINE, PLAN, Values, firing_at, judge, story
from tests.dashboards.boards import promtool

COMMITTED = PROVISIONING / "prometheus" / "suanli.rules.yml"
UNNOTICED = {"SuanliDeadMan", "SuanliAbsent", "SuanliDown"}
"""Those that silence does not hold: it is what they tell of, or they do not depend on it."""


def expand(lines: Lines, minutes: int) -> dict[str, Values]:
    """Each metric minute by minute."""
    whole = {name: [value] if isinstance(value, (int, float)) else value for name, value in lines.items()}
    return {name: [*values, *[values[-1]] * (minutes - len(values))] for name, values in whole.items()}


def told(case: Case) -> dict[str, Values]:
    return expand({**case.lines, **({} if case.alone else {BUILD: 1})}, case.at + 1)


def alerting() -> list[dict[str, Any]]:
    return [rule for group in prometheus_rules(PLAN)["groups"] for rule in group["rules"] if "alert" in rule]


def test_each_alert_must_fire_somewhere_and_must_not_elsewhere() -> None:
    names = {rule["alert"] for rule in alerting()}
    assert names == CASES.keys() == {kind.alertname for kind in ALERTS} | {"SuanliAbsent", "SuanliDown"}
    assert {name for name, cases in CASES.items() if not any(case.fires for case in cases)} == set()
    assert {name for name, cases in CASES.items() if all(case.fires for case in cases)} == set()


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, kinds=PLAN.kinds[:-1])], ids=["all", "without the dead man"])
def test_what_must_fire_fires_and_nothing_else(tmp_path: Path, plan: Plan) -> None:
    tests = [
        story(f"{name}: {case.name}", told(case), [firing_at(case.at, name, [case.fires] if case.fires else [])])
        for name, cases in CASES.items()
        for case in cases
        if case.plan == plan
    ]
    assert tests
    assert judge(tmp_path, tests, plan) == ""


def test_promtool_would_tell_of_one_that_fires_wrongly(tmp_path: Path) -> None:
    wrong = story("x", {"suanli_store_free_bytes": [1.0] * 10}, [firing_at(6, "SuanliDiskLow", [])])
    assert "SuanliDiskLow" in judge(tmp_path, [wrong])


def _silenced(case: Case, lines: Mapping[str, Values]) -> dict[str, Values]:
    return {name: [*values, *[None] * 120] for name, values in lines.items()}


def test_when_all_falls_silent_nothing_is_resolved(tmp_path: Path) -> None:
    """Two hours after Suanli, its sites and everything else were last heard."""
    tests = [
        story(
            f"{name}: {case.name}",
            _silenced(case, told(case)),
            [firing_at(minute, name, [case.fires]) for minute in (case.at, case.at + 1, case.at + 6, case.at + 120)],
        )
        for name, cases in CASES.items()
        for case in cases
        if case.fires and name not in UNNOTICED
    ]
    assert len({test["name"].split(":")[0] for test in tests}) == len(CASES) - len(UNNOTICED)
    assert judge(tmp_path, tests) == ""


def _after(lines: Lines, then: Lines, minutes: int = 70) -> dict[str, Values]:
    """These lines for so many minutes and then those; what is not said then is not exposed any more."""
    first, second = expand(lines, minutes), expand(then, minutes)
    gap: Values = [None] * minutes
    return {name: [*first.get(name, gap), *second.get(name, gap)] for name in first.keys() | second.keys()}


SILENT: Lines = {BUILD: 1, INFO: 1, UP: 0, HEARD: 5}
LOW: Lines = {BUILD: 1, TARGET: 0.8, RATE: 0.7}
CHANGES: dict[str, tuple[str, Lines, Lines, Mapping[str, str], dict[int, bool]]] = {
    "a site that is retired is gone": ("SuanliSiteSilent", SILENT, {BUILD: 1}, WARNING_A, {69: True, 70: False}),
    "a site silent and Suanli too": ("SuanliSiteSilent", SILENT, {}, WARNING_A, {69: True, 139: True}),
    "Suanli restarts and has not heard it yet": (
        "SuanliSiteSilent",
        SILENT,
        {BUILD: 1, INFO: 1, UP: 0},
        WARNING_A,
        {69: True, 139: True},
    ),
    "its maintenance is approved": (
        "SuanliSiteSilent",
        SILENT,
        {**SILENT, EXCUSED: 1},
        WARNING_A,
        {69: True, 70: False},
    ),
    "it answers": ("SuanliSiteSilent", SILENT, {**SILENT, UP: 1}, WARNING_A, {69: True, 70: False}),
    "a target that is removed is gone": (
        "SuanliRateBelowTarget",
        LOW,
        {BUILD: 1},
        FLEET,
        {69: True, 74: True, 75: False},
    ),
    "a rate unknown": ("SuanliRateBelowTarget", LOW, {BUILD: 1, TARGET: 0.8}, FLEET, {69: True, 139: True}),
    "a rate within the band": ("SuanliRateBelowTarget", LOW, {**LOW, RATE: 0.81999}, FLEET, {69: True, 139: True}),
    "a rate at the band's end": (
        "SuanliRateBelowTarget",
        LOW,
        {**LOW, RATE: 0.82},
        FLEET,
        {69: True, 74: True, 75: False},
    ),
    "a rate falls again while it recovers": (
        "SuanliRateBelowTarget",
        LOW,
        {**LOW, RATE: [0.9] * 4 + [0.81] + [0.9]},
        FLEET,
        {69: True, 79: True, 80: False},
    ),
    "unknown while it recovers": (
        "SuanliRateBelowTarget",
        LOW,
        {**LOW, RATE: [0.9] * 4 + [None] + [0.9]},
        FLEET,
        {69: True, 79: True, 80: False},
    ),
}


def test_what_an_alert_does_afterwards(tmp_path: Path) -> None:
    tests = [
        story(what, _after(lines, then), [firing_at(at, name, [labels] if yes else []) for at, yes in when.items()])
        for what, (name, lines, then, labels, when) in CHANGES.items()
    ]
    assert judge(tmp_path, tests) == ""


def test_two_instances_that_expose_the_same_are_one_alert(tmp_path: Path) -> None:
    tests = []
    for name, cases in CASES.items():
        case = next(case for case in cases if case.fires)
        lines = {
            metric.replace("{", f'{{instance="{one}",') if "{" in metric else f'{metric}{{instance="{one}"}}': values
            for metric, values in told(case).items()
            for one in ("i", "j")
            if not metric.startswith("up")
        }
        expected = [case.fires or {}]
        tests += [story(name, lines, [firing_at(case.at, name, expected)])] if name != "SuanliDown" else []
    assert len(tests) == len(CASES) - 1
    assert judge(tmp_path, tests) == ""


def test_promtool_finds_nothing_wrong_in_the_committed_rules(tmp_path: Path) -> None:
    done = promtool(["check", "rules", "--lint=all", "--lint-fatal", COMMITTED], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "duplicate" not in done.stdout


def test_no_label_holds_what_changes() -> None:
    assert [rule["alert"] for rule in alerting() if "$" in str(rule["labels"]) or ".Value" in str(rule["labels"])] == []


def test_each_alert_leads_to_its_place_in_the_runbook() -> None:
    runbook = (PROVISIONING.parents[1] / "docs" / "runbook.md").read_text(encoding="utf-8")
    places = {rule["annotations"]["runbook_url"].partition("#")[2]: rule["alert"] for rule in alerting()}
    assert len(places) == len(ALERTS) + 1
    assert [place for place in places if f'<a id="{place}"></a>' not in runbook] == []
    assert [name for name in CASES if f"`{name}`" not in runbook] == []


def test_every_alert_speaks_both_languages_and_shows_a_board() -> None:
    boards = {path.stem for path in (PROVISIONING / "dashboards").glob("*.json")}
    for rule in alerting():
        texts = rule["annotations"]
        assert texts.keys() == {
            "summary",
            "description",
            "summary_zh",
            "description_zh",
            "runbook_url",
            "dashboard",
        }
        assert all(re.search("[\u4e00-\u9fff]", texts[name]) for name in ("summary_zh", "description_zh"))
        assert not re.search("[\u4e00-\u9fff]", texts["summary"] + texts["description"])
        assert texts["dashboard"].rpartition("/")[2] in boards


NASTY = [
    Target.model_validate({"scope": f"operator:{name}", "metric": "online_ratio", "target": 0.8, "for": "1m"})
    for name in ('甲"乙', "back\\slash", "{{ $value }}", "$HOME", "it's")
]


def test_a_name_may_hold_anything(tmp_path: Path) -> None:
    """Quotes, what looks like a template, a dollar: the rule is valid and fires with that very name."""
    rates = {
        f'suanli_target_actual_ratio{{basis="fp16",metric="online_ratio",scope="{_escaped(one.scope)}"}}': [0.1] * 5
        for one in NASTY
    }
    expected = [FLEET | {"scope": _escaped(one.scope)} for one in NASTY]
    told_of = story("names", rates, [firing_at(3, "SuanliRateBelowTarget", expected)])
    assert judge(tmp_path, [told_of], Plan(tuple(NASTY))) == ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def test_a_plan_without_targets_has_rules_for_all_else(tmp_path: Path) -> None:
    silent = next(case for case in CASES["SuanliSiteSilent"] if case.fires)
    told_of = story("x", told(silent), [firing_at(silent.at, "SuanliSiteSilent", [WARNING_A])])
    assert judge(tmp_path, [told_of], Plan()) == ""
    assert "SuanliRateBelowTarget" not in yaml.safe_dump(prometheus_rules(Plan())["groups"][0])


def test_what_an_instance_changed_is_in_its_rules() -> None:
    changed = replace(KINDS["coverage_low"], hold=7200, keep=90, threshold=0.5, severity="critical")
    (rule,) = prometheus_rules(Plan((), (changed,)))["groups"][0]["rules"][:1]
    assert (rule["for"], rule["keep_firing_for"], rule["labels"]) == ("2h", "90s", {"severity": "critical"})
    assert "suanli_fleet_coverage_ratio) < 0.5)" in rule["expr"]
    assert "50 %" in rule["annotations"]["summary"]
    (site,) = [
        rule
        for rule in prometheus_rules(Plan((ONLINE.model_copy(update={"scope": "site:a"}),)))["groups"][0]["rules"]
        if rule["labels"].get("scope") == "site:a"
    ]
    assert site["labels"]["site"] == "a"
