"""`suanli rates` over a period and under maintenance: figures worked out by hand, and what cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suanli.answers import Asked
from suanli.instant_answers import instant_answer
from suanli.model.errors import SuanliError
from suanli.model.rates import Rates
from suanli.period_answers import AskedPeriod, history_answer, period_answer
from suanli.store.rollup import Retention, let_go, roll
from suanli.store.sql import Store
from tests.oracle.worlds import asked, worlds
from tests.suanli import recording
from tests.suanli.an_hour import FROM, TARGETS, TO, H, an_hour, stop, tell
from tests.suanli.making import ZONE, Clock, a_store, config
from tests.suanli.running import Ended, suanli

DAY = 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with an_hour(tmp_path):
        (tmp_path / "config.yaml").write_text(TARGETS, encoding="utf-8")
    return tmp_path


def rates(folder: Path, *words: str) -> Ended:
    return suanli(folder, "rates", *words)


def states(answer: dict[str, Any]) -> list[str]:
    return [one["state"] for one in answer["targets"]]


# ---------------------------------------------------------------- a period


def test_a_period_is_a_ratio_of_pflops_hours(folder: Path) -> None:
    ended = rates(folder, "--from", FROM, "--to", TO, "--json")
    assert (ended.code, ended.err) == (0, "")
    answer, fleet = ended.data, ended.data["fleet"]
    assert (answer["from"], answer["to"], answer["maintenance"]) == (
        "2025-03-03T00:00:00Z",
        "2025-03-03T01:00:00Z",
        "include",
    )
    hours = [fleet[f"{rung}_pflops_hours"] for rung in ("built", "online", "used")]
    assert hours == pytest.approx([160, 65 + 15, 40])
    assert (fleet["planned_pflops_hours"], fleet["busy_pflops_hours"]) == (None, None)
    assert [fleet[f"{name}_ratio"] for name in ("online", "usage", "overall", "coverage", "time_coverage")] == (
        pytest.approx([80 / 160, 40 / 65, 40 / 160, 115 / 160, 4500 / 7200])
    )
    ends = [fleet[f"{name}_ratio_{end}"] for name in ("online", "usage") for end in ("low", "high")]
    assert ends == pytest.approx([80 / 160, 125 / 160, 40 / 125, 100 / 125])
    assert (fleet["sites_expected"], fleet["sites_heard"], fleet["excluded_pflops_hours"]) == (2, 2, 0.0)
    assert "online_ratio_mean" not in fleet
    assert [(one["site"], one["online_ratio"], one["usage_ratio"]) for one in answer["groups"]] == [
        ("a", pytest.approx(0.65), pytest.approx(40 / 65)),
        ("b", pytest.approx(15 / 60), None),
    ]
    assert [one["delta"] for one in answer["benchmarks"]] == pytest.approx([0.5 - 0.6, 40 / 65 - 0.38])


def test_means_are_asked_for_and_are_other_numbers(folder: Path) -> None:
    words = ("--from", FROM, "--to", TO, "--mean")
    fleet = rates(folder, *words, "--json").data["fleet"]
    assert (fleet["online_ratio_mean"], fleet["usage_ratio_mean"]) == pytest.approx((0.5, (0.5 + 0.8) / 2))
    b = rates(folder, *words, "--by", "province", "--json").data["groups"][1]
    assert (b["province"], b["online_ratio_mean"], b["usage_ratio_mean"]) == ("江苏", 1.0, None)
    assert "65.0 %" in suanli(folder, "--lang", "en", "rates", *words).out


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_table_of_a_period(folder: Path, language: str) -> None:
    ended = suanli(folder, "--lang", language, "rates", "--from", FROM, "--to", TO, "--by", "vendor")
    heading = {
        "zh": ("厂商", "时间覆盖率", "维护剔除", "目标 全域 上线率 60.0 %：未达到", "未说明算力精度"),
        "en": ("vendor", "of the time", "excluded", "target fleet online-rate 60.0 %: missed", "its precision"),
    }
    figures = ("NVIDIA", "160.0", "80.0", "40.0", "50.0 %", "61.5 %", "71.9 %", "62.5 %", "32.0 %")
    assert [text for text in (*heading[language], *figures) if text not in ended.out] == []
    silent = suanli(folder, "--lang", language, "rates", "--from", "2025-01", "--to", "2025-02").out
    assert silent.count({"zh": "未知", "en": "unknown"}[language]) >= 12
    assert "0.0 %" in silent, "coverage"


def test_months_and_days_begin_at_midnight_in_the_zone(folder: Path) -> None:
    answer = rates(folder, "--from", "2025-03", "--to", "2025-03-04", "--json").data
    assert (answer["from"], answer["to"]) == ("2025-02-28T16:00:00Z", "2025-03-03T16:00:00Z")
    assert answer["fleet"]["online_pflops_hours"] == pytest.approx(80)


def test_an_end_that_lies_ahead_is_cut_and_that_is_said(folder: Path) -> None:
    ended = rates(folder, "--from", FROM, "--to", "2999-01", "--json")
    assert ended.code == 0
    assert ended.data["to"] < "2900"
    assert "--to 尚未到来" in suanli(folder, "--lang", "zh", "rates", "--from", FROM, "--to", "2999-01").err
    assert "counted until now" in suanli(folder, "--lang", "en", "rates", "--from", FROM, "--to", "2999-01").err
    assert rates(folder, "--from", FROM, "--json").err == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--at", FROM, "--from", FROM], "--at: an instant and a period (from, to) exclude each other"),
        (["--at", FROM, "--to", TO], "--at: an instant and a period"),
        (["--to", TO], "--to: expected from beside it"),
        (["--from", TO, "--to", FROM], "--to: expected a time after that of from"),
        (["--from", FROM, "--to", FROM], "--to: expected a time after that of from"),
        (["--from", "2998-01", "--to", "2999-01"], "--from: expected a time that has passed"),
        (["--from", "1969-01"], "--from: expected a time after 1970"),
        (["--from", "2025-13"], "--from: '2025-13' is no date or time such as"),
        (["--mean"], "--mean: expected a period"),
        (["--maintenance", "maybe"], "--maintenance: 'maybe' is none of include, policy"),
        (["--at", FROM, "explain"], "write options after `explain`"),
    ],
)
def test_what_cannot_be_asked_is_2(folder: Path, words: list[str], told: str) -> None:
    ended = rates(folder, *words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_the_command_line_gives_the_answer_of_the_module(folder: Path) -> None:
    with an_hour(folder) as store:
        stop(store, H + 600, H + 1200)
        for by in ("site", "pool"):
            for view in ("include", "policy"):
                asked_for = AskedPeriod(H, H + 3600, by, as_of=H + 4000, maintenance=view, means=True)
                wanted = period_answer(store, asked_for, config())
                words = ("--by", by, "--maintenance", view, "--mean", "--as-of", "2025-03-03T01:06:40Z", "--json")
                found = rates(folder, "--from", FROM, "--to", TO, *words).data
                assert found["fleet"]["excluded_pflops_hours"] == (10.0 if view == "policy" else 0.0)
                assert {**found, "targets": []} == wanted


# ---------------------------------------------------------------- maintenance


def test_policy_leaves_out_what_maintenance_excludes_and_says_how_much(folder: Path) -> None:
    with an_hour(folder) as store:
        stop(store, H, H + 3600)
        stop(store, H, H + 3600, site="a", by=None)
    words = ("--from", FROM, "--to", TO)
    fleet = rates(folder, *words, "--maintenance", "policy", "--json").data["fleet"]
    assert (fleet["built_pflops_hours"], fleet["online_pflops_hours"]) == pytest.approx((100, 65))
    assert (fleet["online_ratio"], fleet["excluded_pflops_hours"], fleet["excluded_ratio"]) == (
        pytest.approx(0.65),
        60.0,
        60 / 160,
    )
    assert rates(folder, *words, "--json").data["fleet"]["online_ratio"] == pytest.approx(0.5)
    table = suanli(folder, "--lang", "en", "rates", *words, "--maintenance", "policy").out
    assert "maintenance leaves out 60.0 P·h, 37.5 % of what would be expected without it" in table


def test_targets_are_judged_as_maintenance_leaves_the_pools(folder: Path) -> None:
    before = rates(folder, "--from", FROM, "--to", TO, "--json").data
    at = rates(folder, "--at", "2025-03-03T00:10Z", "--json").data
    assert (states(before), states(at)) == (["below", "below"], ["below", "below"])
    with an_hour(folder) as store:
        stop(store, H, H + 3600)
    after = rates(folder, "--from", FROM, "--to", TO, "--json").data
    assert after["fleet"] == before["fleet"], "the published view knows no maintenance"
    assert (states(after), set(after["targets"][0])) == (["ok", "below"], set(before["targets"][0]))
    after = rates(folder, "--at", "2025-03-03T00:10Z", "--json").data
    assert (after["fleet"], states(after)) == (at["fleet"], ["ok", "below"])
    assert rates(folder, "--at", "2025-03-03T00:10Z", "--check").code == 1
    assert rates(folder, "--at", "2025-03-03T01:00Z", "--json").data["targets"][0]["state"] == "unknown"


def test_policy_at_an_instant(folder: Path) -> None:
    with an_hour(folder) as store:
        stop(store, H, H + 3600)
        stop(store, H + 1800, H + 4000, site="a", policy="hold")
    answer = rates(folder, "--at", "2025-03-03T00:40Z", "--maintenance", "policy", "--json").data
    fleet = answer["fleet"]
    assert (fleet["built_pflops"], fleet["online_pflops"], fleet["used_pflops"]) == (100.0, 80.0, 40.0)
    assert (fleet["excluded_pflops"], fleet["excluded_ratio"]) == (60.0, 60 / 160)
    assert [(one["site"], one["status"], one["excluded_pflops"], one["built_pflops"]) for one in answer["groups"]] == [
        ("a", "operational", 0.0, 100.0),
        ("b", "maintenance", 60.0, None),
    ]
    plain = rates(folder, "--at", "2025-03-03T00:40Z", "--json").data
    assert (plain["fleet"]["online_pflops"], plain["fleet"]["built_pflops"]) == (50.0, 160.0)
    assert set(plain["fleet"]) == set(Rates.__dataclass_fields__)
    assert "maintenance" not in plain
    table = suanli(folder, "--lang", "zh", "rates", "--at", "2025-03-03T00:40Z", "--maintenance", "policy").out
    assert "维护剔除：60.0 P，占应有算力的 37.5 %" in table


def test_a_target_of_another_basis_or_place_is_judged_by_its_own(folder: Path) -> None:
    text = "targets:\n  - {scope: 'site:a', metric: online_ratio, target: 0.6}\n"
    text += "  - {scope: fleet, basis: fp64, metric: online_ratio, target: 0.6}\n"
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    assert states(rates(folder, "--from", FROM, "--to", TO, "--json").data) == ["ok", "unknown"]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_an_instant_is_the_period_of_one_second(data: st.DataObject) -> None:
    world = data.draw(worlds())
    at, _, question = data.draw(asked(world))
    clock = Clock()
    with a_store(clock=clock) as store:
        recording.put(store, world, clock)  # type: ignore[arg-type] # a clock that is set by hand, too
        for view in ("include", "policy"):
            one = Asked(at, at, "pool", question.basis, view, question.as_of)  # type: ignore[arg-type] # literals of ours
            second = AskedPeriod(at, at + 1, "pool", question.basis, question.as_of, view)  # type: ignore[arg-type]
            mine, over = instant_answer(store, one, config()), period_answer(store, second, config())
            assert_same(mine["fleet"], over["fleet"])
            assert [group["pool"] for group in mine["groups"]] == [group["pool"] for group in over["groups"]]
            for group, other in zip(mine["groups"], over["groups"], strict=True):
                assert_same(group, other)
            assert mine["fleet"].get("excluded_ratio", 0.0) == (
                over["fleet"]["excluded_ratio"] if view == "policy" else 0.0
            )


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for field in Rates.__dataclass_fields__:
        mine, over = one[field], other[field]
        assert mine == over or abs(mine - over) <= 1e-9 * max(1.0, over), field


# ---------------------------------------------------------------- what is no longer kept


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Store]:
    """That hour ten days ago, its first sample replaced five days later; samples are kept for two days."""
    clock = Clock()
    with an_hour(tmp_path, clock) as store:
        tell(store, clock, H, 90.0, 40.0, later=5 * DAY, max_age=7200)
        clock.at = H + 10 * DAY
        roll(store, ZONE)
        assert let_go(store, Retention(samples=2 * DAY), ZONE) > 0
        yield store


def test_a_period_is_told_from_what_was_summed(old: Store) -> None:
    fleet = period_answer(old, AskedPeriod(H, H + 3600), config())["fleet"]
    assert fleet["online_pflops_hours"] == pytest.approx(85)
    later = period_answer(old, AskedPeriod(H, H + 3600, as_of=H + 6 * DAY), config())["fleet"]
    assert later["online_ratio"] == fleet["online_ratio"]


def test_as_of_a_time_that_cannot_be_told_is_refused_and_never_silence(old: Store) -> None:
    since = "2025-03-11T00:00:00Z"
    with pytest.raises(SuanliError, match=f"recorded after 2025-03-05.* before {since} are gone"):
        period_answer(old, AskedPeriod(H, H + 3600, as_of=H + 2 * DAY), config())
    with pytest.raises(SuanliError, match=f"before {since} are gone"):
        history_answer(old, AskedPeriod(H - DAY, H + DAY, as_of=H + 2 * DAY), DAY, config())


def test_parts_of_hours_that_are_gone_are_refused(old: Store) -> None:
    for lo, hi in ((H + 1, H + 7200), (H, H + 7201)):
        with pytest.raises(SuanliError, match="only whole hours, or whole days of Asia/Shanghai"):
            period_answer(old, AskedPeriod(lo, hi), config())
    with pytest.raises(SuanliError, match="only whole hours"):
        history_answer(old, AskedPeriod(H, H + 3600), 300, config())


def test_a_mean_or_an_instant_of_which_no_sample_is_kept_is_1(old: Store, tmp_path: Path) -> None:
    for words, told in (
        (("--from", FROM, "--to", TO, "--mean"), "samples exist only since 2025-03-11T00:00:00Z"),
        (("--at", FROM), "no sample from before 2025-03-11T00:00:00Z is kept"),
        (("explain", "--at", FROM), "no sample from before 2025-03-11T00:00:00Z is kept"),
    ):
        ended = rates(tmp_path, *words)
        assert (ended.code, ended.out) == (1, "")
        assert told in ended.err
    assert rates(tmp_path, "--from", FROM, "--to", TO).code == 0
    assert rates(tmp_path, "--from", "2025-03-12", "--mean", "--json").code == 0
