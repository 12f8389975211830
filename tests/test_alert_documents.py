"""What the documents say of alerts is what they do: the timeline in the definitions, the places in the runbook."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from suanli.model.alert import ALERTS, STATES
from tests.suanli.alerting import Below, Timeline, firing_intervals, states

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| (\d\d):(\d\d) \| ([\d.]+ %|unknown) \| (\w+)(, held)? \|", re.MULTILINE)
RULES = ("prometheus/suanli.rules.yml", "alerting/rules.yaml")


def section() -> str:
    text = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    return text.partition("## An alert, minute by minute")[2]


def test_the_timeline_is_what_the_evaluator_steps_through() -> None:
    rows = [
        (int(h) * 3600 + int(m) * 60, value, state, bool(held)) for h, m, value, state, held in ROW.findall(section())
    ]
    assert {state for _, _, state, _ in rows} == set(STATES)
    assert any(held for *_, held in rows)
    ends = [at for at, *_ in rows[1:]] + [rows[-1][0] + 60]
    timeline: Timeline = [
        (at, None if value == "unknown" else float(value.removesuffix(" %")) / 100)
        for (begin, value, *_), end in zip(rows, ends, strict=True)
        for at in range(begin, end, 60)
    ]
    below = Below(target=0.8, clear=0.82, hold=600)
    found = {at: alert for (at, _), alert in zip(timeline, states(below, timeline), strict=True)}
    assert [(at, found[at].state, found[at].held) for at, *_ in rows] == [
        (at, state, held) for at, _, state, held in rows
    ]
    (fires,) = re.findall(r"It fires from (\d\d):(\d\d) until (\d\d):(\d\d), once", section())
    begin, end = (int(fires[place]) * 3600 + int(fires[place + 1]) * 60 for place in (0, 2))
    assert firing_intervals(below, timeline) == [(begin, end)]


def test_every_kind_has_one_place_in_the_runbook() -> None:
    places = re.findall(r'<a id="(alert-[a-z-]+)"></a>', (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"))
    assert len(places) == len(set(places))
    assert {kind.anchor for kind in ALERTS} <= set(places)


@pytest.mark.parametrize("file", RULES)
def test_links_of_the_rules_lead_to_a_place_that_is_there(file: str) -> None:
    groups = yaml.safe_load((ROOT / "dashboards" / "provisioning" / file).read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "annotations" in rule]
    links = {rule["annotations"]["runbook_url"] for rule in rules}
    assert len(links) >= len(ALERTS)
    for link in links:
        path, _, place = link.partition("#")
        assert f'<a id="{place}"></a>' in (ROOT / path).read_text(encoding="utf-8"), link
