"""Grafana's alerting files: the checker refuses every mistake that was seen to keep a real Grafana 9.4 from starting or
a rule from working; ours have none, ask what Prometheus's rules ask, and hold what fires when Suanli falls silent."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.alerts.conditions import condition, target_condition
from dashboards.alerts.files import GRAFANA, rule_files, uids_in
from dashboards.alerts.grafana import FOLDER, active, contact_points, fired_before, grafana_rules, policies
from dashboards.alerts.plan import Plan
from dashboards.alerts.prometheus import expression
from dashboards.alerts.provisioned import mistakes
from dashboards.alerts.rules import rules
from dashboards.build import PROVISIONING, boards
from dashboards.parts.provision import FOLDER as BOARDS_FOLDER
from suanli.model.target import Target
from tests.dashboards.alert_cases import BUILD, CASES, Lines
from tests.dashboards.alerting import PLAN, judge, story
from tests.dashboards.boards import promtool
from tests.dashboards.test_alert_rules import told

Document = dict[str, Any]


def documents() -> list[Document]:
    return [yaml.safe_load((PROVISIONING / name).read_text(encoding="utf-8")) for name in GRAFANA]


def whole() -> Document:
    """All three files as one."""
    return {key: value for document in documents() for key, value in document.items()}


def provisioned(plan: Plan = PLAN) -> list[Document]:
    found: list[Document] = grafana_rules(plan)["groups"][0]["rules"]
    return found


# ---------------------------------------------------------------- the checker


def test_what_is_committed_has_no_mistake() -> None:
    assert mistakes(documents()) == []


def rule(document: Document) -> Document:
    found: Document = document["groups"][0]["rules"][0]
    return found


def step(document: Document, ref: str) -> Document:
    found: Document = next(one for one in rule(document)["data"] if one["refId"] == ref)
    return found


def put(path: Callable[[Document], Document], key: str, value: object) -> Callable[[Document], None]:
    return lambda document: path(document).update({key: value})


def drop(path: Callable[[Document], Document], key: str) -> Callable[[Document], None]:
    return lambda document: path(document).pop(key)


def group(document: Document) -> Document:
    found: Document = document["groups"][0]
    return found


def settings(document: Document) -> Document:
    found: Document = document["contactPoints"][0]["receivers"][0]["settings"]
    return found


def receiver(document: Document) -> Document:
    found: Document = document["contactPoints"][0]["receivers"][0]
    return found


def policy(document: Document) -> Document:
    found: Document = document["policies"][0]
    return found


def query(document: Document) -> Document:
    return step(document, "A")


def threshold(document: Document) -> Document:
    return step(document, "C")


def again(document: Document) -> None:
    """Another rule of the same title."""
    document["groups"][0]["rules"].append({**copy.deepcopy(rule(document)), "uid": "another"})


def same_uid(document: Document) -> None:
    document["groups"][0]["rules"].append({**copy.deepcopy(rule(document)), "title": "another"})


def judged_raw(document: Document) -> None:
    threshold(document)["model"]["expression"] = "A"


def over_a_range(document: Document) -> None:
    query(document)["model"] |= {"instant": False, "range": True}


def delete_what_is_there(document: Document) -> None:
    document["deleteRules"] = [{"orgId": 1, "uid": rule(document)["uid"]}]


def mute(document: Document) -> None:
    policy(document)["routes"][0]["mute_time_intervals"] = ["night"]


def in_a_label(text: str) -> Callable[[Document], None]:
    return lambda document: rule(document)["labels"].update(x=text)


def in_an_annotation(text: str) -> Callable[[Document], None]:
    return lambda document: rule(document)["annotations"].update(x=text)


MISTAKES: dict[str, tuple[Callable[[Document], None], str]] = {
    "no for": (drop(rule, "for"), "for: Field required"),
    "no uid": (drop(rule, "uid"), "uid: Field required"),
    "a uid too long": (put(rule, "uid", "x" * 41), "uid"),
    "for as an integer": (put(rule, "for", 600), "for: Input should be a valid string"),
    "for without a unit": (put(rule, "for", "600"), "for: .*with its unit"),
    "an interval that is no multiple of 10 s": (put(group, "interval", "15s"), "multiple of 10s"),
    "an interval of nothing": (put(group, "interval", "0s"), "multiple of 10s"),
    "a query without relativeTimeRange": (drop(query, "relativeTimeRange"), "relativeTimeRange: Field required"),
    "two rules with one title": (again, "two rules have the title"),
    "two rules with one uid": (same_uid, "two rules have the uid"),
    "a receiver that is not there": (put(policy, "receiver", "nobody"), "nobody is no contact point"),
    "a route to one that is not there": (
        lambda document: policy(document)["routes"][1].update(receiver="nobody"),
        "nobody is no contact point",
    ),
    "a mute time that is not there": (mute, "mute time night is not there"),
    "KeepLast": (put(rule, "noDataState", "KeepLast"), "noDataState"),
    "ok in small letters": (put(rule, "noDataState", "ok"), "noDataState"),
    "execErrState in small letters": (put(rule, "execErrState", "ok"), "execErrState"),
    "no execErrState, which would be Alerting": (drop(rule, "execErrState"), "execErrState: Field required"),
    "an error that alerts": (put(rule, "execErrState", "Alerting"), "execErrState"),
    "a url that is empty where its variable is not set": (put(settings, "url", "$HOOK_URL"), "does not start"),
    "an empty url": (put(settings, "url", ""), "does not start"),
    "no url": (drop(settings, "url"), "needs a url"),
    "feishu": (put(receiver, "type", "feishu"), "type"),
    "a data source that is not there": (put(query, "datasourceUid", "other"), "uid of a data source of ours"),
    "a data source's name": (put(query, "datasourceUid", "Prometheus"), "uid of a data source of ours"),
    "no condition": (drop(rule, "condition"), "condition: Field required"),
    "a condition that is no step": (put(rule, "condition", "Z"), "condition Z is no step"),
    "a query that nobody reduced": (judged_raw, "nobody reduced"),
    "a query over a range": (over_a_range, "over a range"),
    "a reduction of nothing": (lambda document: step(document, "B")["model"].update(expression="Z"), "reads Z"),
    "another refId in the model": (lambda document: query(document)["model"].update(refId="Q"), "another refId"),
    "a changing value in a label": (in_a_label("{{ .Values.B.Value }}"), "pending for ever"),
    "a dollar in a label": (in_a_label("{{ $labels.site }}"), r"\$\$"),
    "a dollar in a title": (put(rule, "title", "costs $5"), r"\$\$"),
    "two dollars in an annotation": (in_an_annotation("{{ $$labels.site }}"), "breaks the template"),
    "links at the top, which do nothing": (put(rule, "dashboardUid", "x"), "dashboardUid"),
    "matchers at the root": (put(policy, "object_matchers", [["a", "=", "b"]]), "object_matchers"),
    "mute times at the root": (put(policy, "mute_time_intervals", []), "mute_time_intervals"),
    "a rule deleted and provisioned": (delete_what_is_there, "deleted at once"),
    "two contact points with one name": (
        lambda document: document["contactPoints"].append(copy.deepcopy(document["contactPoints"][0])),
        "two contact points",
    ),
    "an unknown key": (put(rule, "keepFiringFor", "5m"), "keepFiringFor"),
    "another version": (put(lambda document: document, "apiVersion", 2), "apiVersion"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_refused(name: str) -> None:
    document = whole()
    make, told_of = MISTAKES[name]
    make(document)
    found = mistakes([document])
    assert re.search(told_of, "\n".join(found)), found


@pytest.mark.parametrize("content", [None, [], "text", 5])
def test_what_is_no_file_of_grafana_is_refused(content: object) -> None:
    assert mistakes([content])


# ---------------------------------------------------------------- the same as Prometheus


def test_each_rule_of_the_plan_is_there_with_its_time() -> None:
    made = {one["uid"]: one for one in provisioned()}
    assert len(made) == len(rules(PLAN)) + 1
    assert [one["for"] for one in provisioned()][:-1] == [f"{one.hold}s" for one in rules(PLAN)]
    assert made["suanli-absent"]["for"] == f"{PLAN.absent_for}s"


def test_both_ask_the_same_expression_with_the_same_threshold() -> None:
    for one in rules(PLAN):
        judged = target_condition(one.target) if one.target else condition(one.kind)
        assert judged.wrong in expression(one)
        assert judged.wrong in active(one)
        assert judged.known in active(one)
    assert "< 0.8)" in active(rules(PLAN)[0])


def test_promtool_reads_every_query(tmp_path: Path) -> None:
    """Grafana would say "no data" of one that Prometheus cannot read."""
    asked = [step["model"]["expr"] for one in provisioned() for step in one["data"] if "expr" in step["model"]]
    records = [{"record": f"asked:query_{i}:check", "expr": expr} for i, expr in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": records}]}))
    done = promtool(["check", "rules", "rules.yml"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(asked)} rules found" in done.stdout


def asked(alertname: str) -> list[dict[str, str]]:
    """The queries of each rule of that name, by their refIds."""
    return [
        {step["refId"]: step["model"]["expr"] for step in one["data"] if "expr" in step["model"]}
        for one in provisioned()
        if one["title"].split()[0] == alertname
    ]


def rows(expr: str, minute: int, samples: list[tuple[str, float]]) -> dict[str, Any]:
    return {
        "expr": expr,
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": labels, "value": value} for labels, value in samples],
    }


def subject(labels: Mapping[str, str]) -> str:
    """The labels of a query's row: those of the subject, without what rules add."""
    told_of = {name: value for name, value in labels.items() if name != "severity"}
    if "scope" in told_of:
        told_of.pop("site", None)
    return "{" + ", ".join(f'{name}="{value}"' for name, value in told_of.items()) + "}"


JUDGED = [name for name in CASES if name != "SuanliDown"]


@pytest.mark.parametrize("alertname", JUDGED)
def test_a_rule_is_one_where_it_must_fire_and_held_when_all_falls_silent(tmp_path: Path, alertname: str) -> None:
    """Suanli's own evaluator said that it fires; then nobody says anything for twenty hours."""
    query = asked(alertname)[0]
    case = next(case for case in CASES[alertname] if case.fires)
    labels, lines = subject(case.fires or {}), told(case)
    tests = [story("fires", lines, [rows(query["A"], case.at, [(labels, 1)])])]
    if alertname not in ("SuanliDeadMan", "SuanliAbsent"):
        kind = next(one.kind for one in rules(PLAN) if one.kind.alertname == alertname)
        said = f'suanli_alert_firing{{alert="{kind.name}",{labels[1:-1]}}}'.replace(",}", "}")
        silenced = {name: [*values, *[None] * 360] for name, values in lines.items()}
        lasting = {**silenced, said: [*[0.0] * case.at, 1.0, *[None] * 360]}
        over = {**silenced, said: [*[1.0] * case.at, 0.0, *[None] * 360]}
        tests += [
            story("held", lasting, [rows(query["A"], case.at + minute, [(labels, 1)]) for minute in (1, 6, 360)]),
            story("over", over, [rows(query["A"], case.at + 360, [])]),
        ]
    assert judge(tmp_path, tests) == ""


QUIET = {
    "SuanliRateBelowTarget": "reached exactly",
    "SuanliNoTargetData": "a rate is known",
    "SuanliSiteSilent": "it answers",
    "SuanliSiteNeverHeard": "heard once",
    "SuanliCoverageLow": "as expected",
    "SuanliUsedAboveOnline": "all used",
    "SuanliCapacityJump": "a fifth",
    "SuanliSinkLagging": "not far behind",
    "SuanliSinkShut": "let in",
    "SuanliQuarantineGrowing": "ten",
    "SuanliDiskLow": "1 GB",
    "SuanliAbsent": "one instance is heard",
}
"""Of each alert a case in which all is known and well."""


@pytest.mark.parametrize("alertname", [name for name in JUDGED if name != "SuanliDeadMan"])
def test_a_rule_is_zero_where_all_is_well(tmp_path: Path, alertname: str) -> None:
    """Zero, not absent: else Grafana would call it "no data"."""
    query = asked(alertname)[0]
    (case,) = [case for case in CASES[alertname] if case.name == QUIET[alertname]]
    labels = subject(CASES[alertname][0].fires or {})
    assert judge(tmp_path, [story("quiet", told(case), [rows(query["A"], case.at, [(labels, 0)])])]) == ""


def test_what_suanli_says_now_counts_before_what_it_said(tmp_path: Path) -> None:
    """Also where it says it under the name of another instance, as after a move."""
    one = next(one for one in rules(PLAN) if one.kind.name == "disk_low")
    said = 'suanli_alert_firing{alert="disk_low",instance="%s"}'
    moved = {said % "x": [1.0] * 5 + [None] * 10, said % "y": [None] * 5 + [0.0] * 10}
    expected = [rows(fired_before(one), 4, [("{}", 1)]), rows(fired_before(one), 9, [])]
    assert judge(tmp_path, [story("moved", moved, expected)]) == ""


def test_what_is_gone_is_not_held(tmp_path: Path) -> None:
    query = asked("SuanliSiteSilent")[0]["A"]
    lines: Lines = {BUILD: [1.0] * 20, 'suanli_alert_firing{alert="site_silent",site="a"}': [1.0] * 5 + [None] * 15}
    told_of = {name: values for name, values in lines.items() if not isinstance(values, (int, float))}
    assert judge(tmp_path, [story("gone", told_of, [rows(query, 10, [])])]) == ""


@pytest.mark.parametrize("alertname", ["SuanliRateBelowTarget", "SuanliCoverageLow", "SuanliSinkLagging"])
def test_companions_have_a_row_wherever_the_rule_has_one(tmp_path: Path, alertname: str) -> None:
    """A query without rows would make the whole rule "no data"; unknown is not a number there, and never 0."""
    query = asked(alertname)[0]
    case = next(case for case in CASES[alertname] if case.fires)
    kind = next(one.kind for one in rules(PLAN) if one.kind.alertname == alertname)
    labels = subject(case.fires or {})
    said = {f'suanli_alert_firing{{alert="{kind.name}",{labels[1:-1]}}}': [1.0] * 10}
    counted = [rows(f"count({query[ref]})", 5, [("{}", 1)]) for ref in query]
    unknown = [rows(f"({query[ref]}) == ({query[ref]})", 5, []) for ref in query if ref != "A"]
    assert unknown
    assert judge(tmp_path, [story("only said", said, counted + unknown)]) == ""


# ---------------------------------------------------------------- what surrounds the rules


def test_an_annotation_never_prints_an_unknown_number() -> None:
    for one in provisioned():
        for text in one["annotations"].values():
            for ref in re.findall(r"\{\{ \.Values\.(\w)\.Value \|", text):
                assert f"if eq .Values.{ref}.Value .Values.{ref}.Value" in text
                assert ref in {step["refId"] for step in one["data"]}


def test_both_languages_a_runbook_and_a_board_are_on_every_rule() -> None:
    for one in provisioned():
        assert {"summary", "summary_zh", "runbook_url", "__dashboardUid__"} <= one["annotations"].keys()
        assert one["annotations"]["__dashboardUid__"] in {board["uid"] for board in boards()}
        assert re.search("[\u4e00-\u9fff]", one["annotations"]["summary_zh"])


def test_the_dead_man_and_the_absence_speak_up_when_there_is_no_data() -> None:
    states = {one["uid"]: one["noDataState"] for one in provisioned()}
    assert {uid for uid, state in states.items() if state == "NoData"} == {"suanli-dead-man", "suanli-absent"}


def test_the_folder_has_a_slug_of_its_own() -> None:
    titles = [FOLDER, BOARDS_FOLDER, *(board["title"] for board in boards())]
    slugs = [re.sub("[^a-z0-9]+", "-", title.lower()).strip("-") for title in titles]
    assert all(slugs)
    assert len(set(slugs)) == len(slugs)


def test_no_url_is_empty_when_nothing_is_set() -> None:
    urls = [one["receivers"][0]["settings"]["url"] for one in contact_points()["contactPoints"]]
    assert [re.sub(r"\$\{\w+\}", "", url) for url in urls] == ["#suanli", "#suanli"]


def test_each_severity_has_its_repeat_and_the_dead_man_its_receiver() -> None:
    routes = policies()["policies"][0]["routes"]
    assert [(one["object_matchers"][0][2], one["repeat_interval"]) for one in routes] == [
        ("SuanliDeadMan", "5m"),
        ("critical", "1h"),
        ("warning", "4h"),
        ("info", "1d"),
    ]
    assert routes[0]["receiver"] == "suanli-dead-man"


def test_a_rule_that_is_no_more_is_deleted_and_stays_deleted() -> None:
    """Grafana keeps what it was once given; what we do not name again would alert for ever."""
    before = rule_files(PLAN)[GRAFANA[0]]
    after = rule_files(Plan(PLAN.targets[:1]), before)[GRAFANA[0]]
    (gone,) = set(uids_in(before)) - {one["uid"] for one in provisioned(Plan(PLAN.targets[:1]))}
    assert yaml.safe_load(after)["deleteRules"] == [{"orgId": 1, "uid": gone}]
    assert rule_files(Plan(PLAN.targets[:1]), after)[GRAFANA[0]] == after
    assert "deleteRules" not in rule_files(PLAN, after)[GRAFANA[0]]


@pytest.mark.parametrize("text", ["", "nonsense", "a: [", "groups: 5", "groups: [{}]"])
def test_a_file_that_is_not_ours_names_no_rule(text: str) -> None:
    assert uids_in(text) == []


def test_uids_of_many_targets_differ_and_fit() -> None:
    many = [
        Target.model_validate({"scope": f"operator:{'长' * 100}{n}", "metric": "usage_ratio", "target": 0.5})
        for n in range(50)
    ]
    uids = [one["uid"] for one in provisioned(Plan(tuple(many)))]
    assert len(set(uids)) == len(uids)
    assert mistakes([grafana_rules(Plan(tuple(many)))]) == []


def test_a_dollar_in_a_name_stays_a_dollar() -> None:
    named = Target.model_validate({"scope": "operator:$HOME", "metric": "usage_ratio", "target": 0.5})
    document = grafana_rules(Plan((named,)))
    assert mistakes([document]) == []
    assert "operator:$$HOME" in document["groups"][0]["rules"][0]["title"]
    assert 'scope="operator:$HOME"' in active(rules(Plan((named,)))[0])
