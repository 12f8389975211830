"""Figures of some operators only: those of the seconds in which their sites were theirs, against the oracle."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suanli.answers import Asked
from suanli.cli.remote import _params
from suanli.explaining.answer import explain_answer
from suanli.instant_answers import instant_answer
from suanli.model.access import Principal, operators_read, scopes_of
from suanli.model.rates import Rates
from suanli.period_answers import AskedPeriod, history_answer, period_answer
from suanli.questions import Question
from suanli.store.rollup import roll
from suanli.store.sql import Store
from tests.oracle import periods as oracle
from tests.oracle.recorded import EntryEvent, PoolFacts, SampleEvent, SiteFacts, World
from tests.oracle.worlds import asked, worlds
from tests.suanli import recording
from tests.suanli.making import Clock, a_store, config, database, open_store, utc
from tests.suanli.running import suanli

LATER = 1_795_600_000
H = utc(2025, 3, 3, 0)
RUNGS = ("planned", "built", "online", "used")
SOME = st.sampled_from([("Alpha",), ("Beta",), ("Alpha", "Beta"), ("Nobody",), ("Alpha", "Nobody")]).map(frozenset)


def of(world: World, operators: frozenset[str]) -> World:
    """The same world, had nothing been registered of any other operator."""
    own = [facts for facts in world.sites if facts.operator in operators]
    return World(world.samples, world.entries, world.pools, own, world.windows)


def agrees(row: dict[str, Any], truth: oracle.Answer, unit: str = "_pflops_hours", seconds: int = 3600) -> None:
    """Sums in PFLOPS-hours of a period, or in PFLOPS of a second, and every ratio."""
    for rung in RUNGS:
        assert_near(row[f"{rung}{unit}"], getattr(truth.terms, rung), rung, seconds)
    for name, ratio in truth.rates.items():
        assert_near(row[name], ratio, name)
    if "sites_expected" in row:
        assert (row["sites_expected"], row["sites_heard"]) == (truth.sites_expected, truth.sites_heard)


def assert_near(mine: float | None, truth: Any, name: str, seconds: int = 1) -> None:
    assert (mine is None) == (truth is None), name
    assert mine is None or abs(mine * seconds - float(truth)) <= 1e-6 * max(1.0, float(truth)), name


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_answers_are_those_of_a_registry_without_the_others(data: st.DataObject) -> None:
    world: World = data.draw(worlds())
    lo, hi, question = data.draw(asked(world))
    operators: frozenset[str] = data.draw(SOME)
    own = of(world, operators)
    by: Any = "site" if question.group == "fleet" else question.group
    asking = AskedPeriod(lo, hi, by, question.basis, question.as_of, question.view, True, operators)  # type: ignore[arg-type] # literals
    fleet = question._replace(group="fleet")
    clock = Clock()
    with a_store(clock=clock) as store:
        recording.put(store, world, clock)  # type: ignore[arg-type] # a clock that is set by hand, too
        for step in ("from samples", "from rollups"):
            if step == "from rollups":
                clock.at = LATER
                roll(store, config().zone)
            found = period_answer(store, asking, config())
            assert found["operators"] == sorted(operators)
            truth = oracle.period(own, lo, hi, fleet)["fleet"]
            agrees(found["fleet"], truth)
            assert_near(found["fleet"]["time_coverage_ratio"], truth.time_coverage, "time")
            assert_near(found["fleet"]["online_ratio_mean"], truth.online_ratio_mean, "mean")
            assert_near(found["fleet"]["usage_ratio_mean"], truth.usage_ratio_mean, "mean")
            assert_groups(found["groups"], by, oracle.period(own, lo, hi, question._replace(group=by)))
            assert_series(store, asking, own, fleet)
        assert_instant(store, lo, own, question._replace(group=by), operators)


def assert_groups(groups: list[dict[str, Any]], by: str, truth: dict[str, oracle.Answer], **unit: Any) -> None:
    assert [group[by] for group in groups] == sorted(truth)
    for group in groups:
        agrees(group, truth[group[by]], **unit)


def assert_series(store: Store, asking: AskedPeriod, own: World, fleet: oracle.Question) -> None:
    asking = replace(asking, means=False)
    for point in history_answer(store, asking, 300, config(), fleet=True)["series"][0]["points"]:
        lo, hi = (int(datetime.fromisoformat(point[end]).timestamp()) for end in ("from", "to"))
        agrees(point, oracle.period(own, lo, hi, fleet)["fleet"])


def assert_instant(store: Store, at: int, own: World, question: oracle.Question, operators: frozenset[str]) -> None:
    by: Any = question.group
    asking = Asked(at, at, by, question.basis, question.view, question.as_of, operators)  # type: ignore[arg-type] # literals
    found, why = instant_answer(store, asking, config()), explain_answer(store, asking, config())
    one_second: dict[str, Any] = {"unit": "_pflops", "seconds": 1}
    agrees(found["fleet"], oracle.instant(own, at, question._replace(group="fleet"))["fleet"], **one_second)
    assert_groups(found["groups"], by, oracle.instant(own, at, question), **one_second)
    assert why["operators"] == found["operators"] == sorted(operators)
    assert why["fleet"]["rates"] == {name: found["fleet"][name] for name in Rates.__dataclass_fields__}
    assert {pool["operator"] for pool in why["pools"]} <= operators


# ---------------------------------------------------------------- a site that changes hands, worked out in the head


def handed_over(store: Store, clock: Clock) -> None:
    """s/p, 100 P, is Alpha's for half an hour and then Beta's: 80 P online and 40 used, later 50 and 40."""
    hand = H + 1800
    since, recorded = H - 9000, (H - 9000, None)
    sites = [
        SiteFacts("s", "s", "安徽", "Alpha", "operational", since, hand, *recorded),
        SiteFacts("s", "s", "安徽", "Beta", "operational", hand, None, *recorded),
    ]
    pools = [PoolFacts("p", "s", "p", "A100 SXM4 80GB", "fp16", since, None, *recorded)]
    entries = [EntryEvent("p", "built", since, None, 100.0, *recorded)]
    words = [
        SampleEvent("p", at, at, at + 5, None, 1800, online, 40.0, None, "ok")
        for at, online in ((H, 80.0), (H + 2700, 50.0))
    ]
    recording.put(store, World(words, entries, pools, sites), clock)  # type: ignore[arg-type] # as above
    clock.at = H + 86_400


def whose(name: str) -> frozenset[str]:
    return frozenset({name})


def test_a_site_that_changes_hands_counts_for_each_in_its_own_time(tmp_path: Path) -> None:
    clock = Clock()
    with a_store(clock=clock) as store:
        handed_over(store, clock)
        hours = {
            name: period_answer(store, AskedPeriod(H, H + 3600, "site", operators=whose(name)), config())["fleet"]
            for name in ("Alpha", "Beta")
        }
        assert [hours[name]["built_pflops_hours"] for name in hours] == [50.0, 50.0]
        assert [round(hours[name]["online_pflops_hours"], 1) for name in hours] == [40.0, 12.5]
        series = history_answer(store, AskedPeriod(H, H + 3600, operators=whose("Beta")), 1800, config(), fleet=True)
        assert [point["built_pflops"] for point in series["series"][0]["points"]] == [None, 100.0]
        for name, at, built in (("Alpha", H + 1799, 100.0), ("Alpha", H + 1800, None), ("Beta", H + 1800, 100.0)):
            fleet = instant_answer(store, Asked(at, at, operators=whose(name)), config())["fleet"]
            assert fleet["built_pflops"] == built


def test_a_word_of_another_operators_time_is_not_shown_once_it_is_silent(tmp_path: Path) -> None:
    clock = Clock()
    with a_store(clock=clock) as store:
        handed_over(store, clock)

        def pool(at: int, operators: frozenset[str] | None) -> Any:
            return explain_answer(store, Asked(at, at, operators=operators), config())["pools"][0]

        assert pool(H + 1800, whose("Beta"))["word"]["online_pflops"] == 80.0, "it still holds, and counts"
        silent = pool(H + 2000, whose("Beta"))
        assert (silent["word"], silent["why"], silent["expected"]) == (None, "never-heard", True)
        assert pool(H + 2000, None)["word"]["online_pflops"] == 80.0
        assert pool(H + 9000, whose("Beta"))["word"]["online_pflops"] == 50.0, "its own, though silent"


TARGETS: list[dict[str, Any]] = [
    {"scope": scope, "metric": "online_ratio", "target": 0.5}
    for scope in ("fleet", "province:安徽", "operator:Alpha", "operator:Beta", "site:s", "site:t")
]


@pytest.mark.parametrize(
    ("operators", "scopes", "states"),
    [
        (whose("Alpha"), ["operator:Alpha", "site:s"], ["ok", "ok"]),
        (whose("Beta"), ["operator:Beta", "site:s"], ["below", "below"]),
        (whose("Nobody"), [], []),
        (None, [target["scope"] for target in TARGETS], ["ok", "ok", "ok", "below", "ok", "unknown"]),
    ],
)
def test_only_targets_of_its_own_are_judged_and_by_its_own_time(
    operators: frozenset[str] | None, scopes: list[str], states: list[str]
) -> None:
    clock, settled = Clock(), config(targets=TARGETS)
    with a_store(clock=clock) as store:
        handed_over(store, clock)
        found = period_answer(store, AskedPeriod(H, H + 3600, operators=operators), settled)
        assert [one["scope"] for one in found["targets"]] == scopes
        assert [one["state"] for one in found["targets"]] == states
        assert [one["name"] for one in found["benchmarks"]] != []
        at = instant_answer(store, Asked(H, H, operators=operators), settled)["targets"]
        own = {"operator:Alpha", "site:s"} if operators == whose("Alpha") else set(scopes) - {"site:s"}
        assert {one["scope"] for one in at} == (own if operators else set(scopes))


# ---------------------------------------------------------------- asked for on the command line, and of a server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    clock = Clock()
    store = open_store(database(tmp_path), clock)
    try:
        handed_over(store, clock)
    finally:
        store.close()
    return tmp_path


def test_the_command_line_asks_for_some(folder: Path) -> None:
    hour = ("--from", "2025-03-03T00:00Z", "--to", "2025-03-03T01:00Z")
    beta, both = ("--operator", "Beta"), ("--operator", "Alpha", "--operator", "Beta")
    for words, built in ((beta, 50.0), (both, 100.0), ((), 100.0)):
        assert suanli(folder, "rates", *hour, *words, "--json").data["fleet"]["built_pflops_hours"] == built
    points = suanli(folder, "history", *hour, *beta, "--every", "30m", "--json").data["series"][0]["points"]
    assert [point["built_pflops"] for point in points] == [None, 100.0]
    at = ("--at", "2025-03-03T00:00Z")
    assert suanli(folder, "rates", "explain", *at, *beta, "--json").data["pools"] == []
    assert len(suanli(folder, "rates", "explain", *at, *both, "--json").data["pools"]) == 1
    table = suanli(folder, "--lang", "zh", "rates", *hour, *both).out
    assert ("Alpha、Beta" in table, "全域" in table) == (True, False)
    assert "Alpha, Beta" in suanli(folder, "--lang", "en", "rates", "explain", *at, *both).out


def test_a_server_is_asked_for_the_same() -> None:
    assert _params(Question(operators=frozenset({"b", "a"})))["operator"] == ["a", "b"]
    assert not {"operator", "operators"} & set(_params(Question()))


def test_whose_figures_a_token_reads() -> None:
    def read(*scopes: str) -> frozenset[str] | None:
        return operators_read(Principal("t", "t", scopes_of(scopes)))

    assert read("register:a", "register:b", "push:c") == frozenset({"a", "b"})
    assert read("push:c") == frozenset()
    assert [read("register:a", everything) for everything in ("read", "approve", "admin")] == [None, None, None]
