"""Targets by scope and basis: what they may say, how they stand, and whether silent sites could change that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from suanli.answers import Asked, rates_answer
from suanli.comparing import targets_answer
from suanli.config import load_config
from suanli.model.capacity import written
from suanli.model.errors import InputError
from suanli.model.maintenance import Policy, Window
from suanli.model.target import Target
from suanli.period_answers import AskedPeriod, period_answer
from suanli.store.maintenance import add_window
from suanli.store.sql import Store
from tests.suanli.making import T0, ZONE, Clock, a_pool, a_sample, a_site, a_store, built, config, local
from tests.suanli.running import suanli

SITES = (
    a_site("a", a_pool("p", built(100.0)), province="安徽", operator="甲"),
    a_site("b", a_pool("p", built(100.0)), province="安徽", operator="乙"),
    a_site("c", a_pool("p", built(200.0)), province="江苏", operator="甲"),
    a_site("d", a_pool("p", built(50.0), basis="fp64"), province="江苏", operator="丙"),
)
FIGURES = {"a": (90.0, 45.0), "b": (50.0, 40.0), "c": (100.0, 20.0), "d": (50.0, 10.0)}


def target(scope: str = "fleet", value: float = 0.6, metric: str = "online_ratio", **more: Any) -> dict[str, Any]:
    return {"scope": scope, "metric": metric, "target": value} | more


def tell(store: Store, *sites: str, at: int = T0, max_age: int = 180) -> None:
    store.append([a_sample(at, *FIGURES[site], site=site, max_age=max_age) for site in sites])


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(*SITES, clock=Clock()) as made:
        tell(made, *FIGURES)
        yield made


def judged(store: Store, *targets: dict[str, Any], lo: int = T0, hi: int = T0 + 1) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = targets_answer(store, config(targets=list(targets)), lo, hi)["targets"]
    return rows


def maintain(store: Store, site: str, policy: Policy = "exclude", start: int = T0 - 60, end: int = T0 + 60) -> None:
    window = Window.model_validate(
        {"site": site, "from": written(start, ZONE), "until": written(end, ZONE), "policy": policy, "reason": "r"}
    )
    with store.writing() as connection:
        add_window(connection, window, ZONE, T0 - 3600, "somebody")


# ---------------------------------------------------------------- what a target may say


@pytest.mark.parametrize("scope", ["fleet", "province:安徽", "operator:A: B", "site:wh-1"])
def test_a_scope_is_kept_as_written(scope: str) -> None:
    one = Target.model_validate(target(scope))
    assert (one.scope, one.basis) == (scope, "fp16")


@pytest.mark.parametrize(
    "scope", ["", "fleet:x", "region:安徽", "province", "province:", "site:Bad Id", "site:", "a\nb"]
)
def test_a_scope_of_another_form_is_refused(scope: str) -> None:
    with pytest.raises(ValidationError, match="expected fleet, province:NAME, operator:NAME or site:ID"):
        Target.model_validate(target(scope))


def test_a_wrong_scope_is_told_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("targets:\n  - {scope: planet, metric: overall_ratio, target: 0.5}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"config.yaml:2: targets\[0\].scope: .*expected fleet, province:NAME"):
        load_config(file)


# ---------------------------------------------------------------- how they stand


@pytest.mark.parametrize(
    ("one", "ours", "state", "missing"),
    [
        (target(value=0.6), 0.6, "ok", 0.0),
        (target(value=0.61), 0.6, "below", 4.0),
        (target("province:安徽", 0.8), 0.7, "below", 20.0),
        (target("operator:甲", 0.6), 190 / 300, "ok", 0.0),
        (target("site:b", 0.75), 0.5, "below", 25.0),
        (target("province:江苏", 0.6), 0.5, "below", 20.0),
        (target("province:江苏", 0.6, basis="fp64"), 1.0, "ok", 0.0),
        (target("province:安徽", 0.5, "overall_ratio"), 85 / 200, "below", 15.0),
        (target("site:c", 0.3, "usage_ratio"), 0.2, "below", 10.0),
    ],
)
def test_a_target_is_judged_in_its_own_scope_and_basis(
    store: Store, one: dict[str, Any], ours: float, state: str, missing: float
) -> None:
    (row,) = judged(store, one)
    assert (row["ours"], row["state"]) == (pytest.approx(ours), state)
    assert row["missing_pflops"] == pytest.approx(missing)
    assert (row["low"], row["high"]) == (pytest.approx(ours), pytest.approx(ours))
    assert (row["certain"], row["why"], row["coverage_ratio"], row["excluded_ratio"]) == (True, None, 1.0, 0.0)


@pytest.mark.parametrize("asked", ["fp16", "fp64"])
def test_rates_judge_a_target_in_its_own_basis_whatever_is_asked_for(store: Store, asked: Any) -> None:
    given = config(targets=[target(value=0.61), target(value=0.9, basis="fp64"), target("site:a", 0.9)])
    rows = rates_answer(store.states(T0), Asked(T0, T0, "site", asked), given)["targets"]
    assert [(row["basis"], row["state"]) for row in rows] == [("fp16", "below"), ("fp64", "ok"), ("fp16", "ok")]


def test_the_order_is_that_of_the_configuration(store: Store) -> None:
    rows = judged(store, target(basis="fp64"), target("site:a"), target(basis="fp64", metric="usage_ratio"))
    assert [(row["scope"], row["basis"]) for row in rows] == [("fleet", "fp64"), ("site:a", "fp16"), ("fleet", "fp64")]


@pytest.mark.parametrize(
    ("site", "why"), [("nobody", "nobody"), ("d", "nobody"), ("a", "maintenance"), ("b", "silent")]
)
def test_what_cannot_be_judged_is_unknown_and_says_why(site: str, why: str) -> None:
    with a_store(*SITES, clock=Clock()) as store:
        tell(store, "a", "c")
        maintain(store, "a")
        (row,) = judged(store, target(f"site:{site}"))
    assert (row["state"], row["ours"], row["why"], row["certain"]) == ("unknown", None, why, False)
    assert (row["missing_pflops"], row["days_at_pace"]) == (None, None)
    assert row["excluded_ratio"] == {"maintenance": 1.0, "silent": 0.0}.get(why)


def test_nothing_online_has_no_usage_rate() -> None:
    with a_store(*SITES, clock=Clock()) as store:
        store.append([a_sample(T0, 0.0, 0.0, site="a")])
        (row,) = judged(store, target("site:a", metric="usage_ratio"))
    assert (row["state"], row["why"]) == ("unknown", "undefined")


# ---------------------------------------------------------------- who is silent


@pytest.mark.parametrize(
    ("value", "state", "certain"),
    [(0.4, "ok", True), (0.45, "ok", True), (0.5, "below", False), (0.7, "below", False), (0.75, "below", True)],
)
def test_a_state_is_certain_when_no_silent_site_could_change_it(value: float, state: str, certain: bool) -> None:
    """Of 400 built, 190 are online and b with 100 is silent: between 47.5 % and 72.5 %."""
    with a_store(*SITES, clock=Clock()) as store:
        tell(store, "a", "c")
        (row,) = judged(store, target(value=value))
    assert (row["low"], row["high"]) == (0.475, 0.725)
    assert (row["state"], row["certain"], row["coverage_ratio"]) == (state, certain, 0.75)


def test_bounds_of_use_count_the_silent_and_those_whose_use_nobody_tells() -> None:
    with a_store(*SITES, clock=Clock()) as store:
        tell(store, "a")
        store.append([a_sample(T0, 150.0, None, site="c")])
        overall, usage = judged(store, target(metric="overall_ratio"), target(metric="usage_ratio"))
    assert (overall["ours"], overall["low"], overall["high"]) == (45 / 400, 45 / 400, (45 + 100 + 150) / 400)
    assert (usage["ours"], usage["low"], usage["high"]) == (0.5, 45 / 340, (45 + 100 + 150) / 340)


# ---------------------------------------------------------------- maintenance and periods


@pytest.mark.parametrize(
    ("policy", "ours", "excluded"), [("exclude", 190 / 300, 0.25), ("include", 0.6, 0.0), ("hold", 0.6, 0.0)]
)
def test_maintenance_counts_as_its_policy_says(store: Store, policy: Policy, ours: float, excluded: float) -> None:
    tell(store, *FIGURES, at=T0 - 100)
    maintain(store, "b", policy)
    (row,) = judged(store, target(value=0.62))
    assert (row["ours"], row["excluded_ratio"]) == (pytest.approx(ours), excluded)
    assert row["state"] == ("ok" if policy == "exclude" else "below")


def test_over_a_period_the_missing_is_a_mean_and_the_excluded_a_share_of_time() -> None:
    """Ten minutes; b is away for the last five of them, and nobody hears c at all."""
    with a_store(*SITES, clock=Clock(T0 + 10_000)) as store:
        tell(store, "a", "b", max_age=3600)
        maintain(store, "b", start=T0 + 300, end=T0 + 600)
        (row,) = judged(store, target("province:安徽", 0.9), lo=T0, hi=T0 + 600)
    ours = (90 * 600 + 50 * 300) / (100 * 900)
    assert row["ours"] == pytest.approx(ours)
    assert row["excluded_ratio"] == pytest.approx(300 / 1200)
    assert row["missing_pflops"] == pytest.approx((0.9 - ours) * 150)
    assert row["coverage_ratio"] == 1.0


@pytest.mark.parametrize("asked", ["fp16", "fp64"])
def test_rates_over_a_period_judge_targets_as_targets_does(asked: Any) -> None:
    given = config(
        targets=[target("province:安徽", 0.9), target(value=0.9, basis="fp64"), target("site:a", 0.8), target("site:x")]
    )
    with a_store(*SITES, clock=Clock(T0 + 10_000)) as store:
        tell(store, *FIGURES, max_age=3600)
        maintain(store, "b", start=T0 + 300, end=T0 + 600)
        period = period_answer(store, AskedPeriod(T0, T0 + 600, "site", asked), given)
        alone = targets_answer(store, given, T0, T0 + 600)
    assert [row["state"] for row in period["targets"]] == ["below", "ok", "ok", "unknown"]
    for row, one in zip(period["targets"], alone["targets"], strict=True):
        assert row.items() <= one.items()


def test_a_period_that_runs_is_judged_by_what_has_passed() -> None:
    lo, hi = local(date(2026, 11, 1)), local(date(2026, 12, 1))
    with a_store(*SITES[:1], clock=Clock()) as store:
        tell(store, "a", at=lo, max_age=40 * 86400)
        answer = targets_answer(store, config(targets=[target(value=0.8)]), lo, hi)
        (to_come,) = judged(store, target(value=0.8), lo=T0 + 86400 * 60, hi=T0 + 86400 * 61)
    (row,) = answer["targets"]
    assert (row["ours"], row["state"], row["certain"]) == (pytest.approx(0.9), "ok", True)
    assert (answer["to"], answer["judged_to"]) == ("2026-11-30T16:00:00Z", "2026-11-24T06:00:00Z")
    assert (to_come["state"], to_come["why"]) == ("unknown", "silent")


def test_the_pace_is_that_of_the_scope() -> None:
    before = T0 - 30 * 86400
    with a_store(*SITES, clock=Clock()) as store:
        store.append([a_sample(before, online, 10.0, site=site) for site, online in (("a", 80.0), ("b", 56.0))])
        tell(store, *FIGURES)
        rows = judged(store, target("site:a", 0.95), target("site:b", 0.95), target("site:c", 0.95), target(value=0.61))
    assert [row["pace"]["online_pflops"] for row in rows] == [10.0, -6.0, None, 4.0]
    assert [row["days_at_pace"] for row in rows] == [pytest.approx(15.0), "never", None, pytest.approx(30.0)]


def test_a_pool_under_maintenance_tells_nothing_of_the_pace(store: Store) -> None:
    tell(store, "a", "b", at=T0 - 30 * 86400)
    maintain(store, "b")
    (row,) = judged(store, target("province:安徽", 0.95))
    assert (row["pace"]["online_pflops"], row["pace"]["pools"], row["pace"]["pools_unheard"]) == (0.0, 2, 1)


# ---------------------------------------------------------------- command line

TEXTS = {
    "zh": ["province:安徽", "未达标", "70.0 % – 70.0 %", "确定",
           "province:安徽：达到上线率 80.0 % 还需上线 20.0 P；近 30 天的速度未知", "该范围内没有应报的资源池"],
    "en": ["province:安徽", "below", "certain",
           "province:安徽: to reach 80.0 % of online-rate, 20.0 P more must come online; the pace", "no pool of this"],
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_people_read_how_targets_stand(tmp_path: Path, language: str) -> None:
    text = "targets:\n  - {scope: province:安徽, metric: online_ratio, target: 0.8}\n"
    (tmp_path / "config.yaml").write_text(text + "  - {scope: site:x, metric: usage_ratio, target: 0.3}\n", "utf-8")
    with a_store(*SITES, folder=tmp_path, clock=Clock()) as store:
        tell(store, *FIGURES)
    ended = suanli(tmp_path, "--lang", language, "targets", "--at", "2026-11-24T06:00Z")
    assert (ended.code, ended.err) == (0, "")
    assert [text for text in TEXTS[language] if text not in ended.out] == [], ended.out


def test_without_a_target_that_is_said(tmp_path: Path) -> None:
    assert suanli(tmp_path, "--lang", "en", "targets").out.startswith("no target is configured")
    assert suanli(tmp_path, "targets", "--json").data["targets"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "2026-11-01"], "--to: expected from beside it"),
        (["--at", "2026-11-01", "--from", "2026-11-01"], "--at: an instant and a period (from, to) exclude each other"),
        (["--at", "2026-11-01", "--to", "2026-11-01"], "--at: an instant and a period"),
        (["--from", "2026-11-01", "--to", "2026-11-01"], "--to: expected a time after that of from"),
        (["--from", "2999-11-01"], "--from: expected a time that has passed"),
        (["--from", "soon"], "--from: 'soon' is no date or time such as"),
    ],
)
def test_what_does_not_go_together_is_2(tmp_path: Path, words: list[str], told: str) -> None:
    ended = suanli(tmp_path, "targets", *words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_period_without_an_end_runs_until_now_and_one_that_lies_ahead_is_cut(tmp_path: Path) -> None:
    last = suanli(tmp_path, "targets", "--from", "2024-01-01", "--json")
    assert (last.err, last.data["to"]) == ("", last.data["judged_to"])
    ahead = suanli(tmp_path, "--lang", "en", "targets", "--from", "2024-01-01", "--to", "2999-01-01", "--json")
    assert ahead.data["judged_to"] < ahead.data["to"] == "2998-12-31T16:00:00Z"
    assert ahead.err.startswith("--to lies ahead; judged until now (")
