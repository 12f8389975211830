"""Benchmarks, the change of a rate and the funnel, from stores whose figures are worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from exporter.api import make_api
from exporter.exposition import families
from suanli.comparing import AskedChange, benchmarks_answer, change_answer, funnel_answer, targets_answer
from suanli.config import Config
from suanli.model.capacity import written
from suanli.model.errors import InputError
from suanli.store import schema
from suanli.store.outcomes import Outcomes
from suanli.store.rollup import roll
from suanli.store.samples import set_counter
from suanli.store.sql import Store
from tests.exporter.making import Rendering, served
from tests.suanli.making import T0, ZONE, Clock, a_pool, a_sample, a_site, a_store, built, config, local
from tests.suanli.running import Ended, suanli
from tests.suanli.storing import SLOW_STORE

DAY = 86400
BEFORE = T0 - 30 * DAY
SITES = (
    a_site("a", a_pool("p", built(100.0))),
    a_site("b", a_pool("p", built(100.0))),
    a_site("c", a_pool("p", built(200.0))),
    a_site("d", a_pool("p", built(50.0), basis="fp64")),
)


def published(name: str, value: float, **more: Any) -> dict[str, Any]:
    plain = {"name": name, "metric": "online_ratio", "value": value, "from": date(2025, 1, 1), "source": "made up"}
    return plain | more


OURS = config(
    benchmarks=[
        published("mine", 0.7, basis="fp16"),
        published("single", 0.7, basis="fp32"),
        published("shelves", 0.7, unit="racks"),
        published("old", 0.7, basis="fp16", until=date(2026, 1, 1)),
    ],
    targets=[{"metric": "online_ratio", "target": 0.8}],
)
CONFIG_YAML = """\
benchmarks:
  - {name: mine, metric: online_ratio, value: 0.7, from: 2025-01-01, basis: fp16, source: made up}
  - {name: single, metric: online_ratio, value: 0.7, from: 2025-01-01, basis: fp32, source: made up}
  - {name: shelves, metric: online_ratio, value: 0.7, from: 2025-01-01, unit: racks, source: made up}
  - {name: old, metric: online_ratio, value: 0.7, from: 2025-01-01, until: 2026-01-01, basis: fp16, source: made up}
targets: [{metric: online_ratio, target: 0.8}]
"""


def tell(store: Store, at: int, **figures: tuple[float | None, float | None]) -> None:
    """These sites say online and used, for three minutes."""
    store.append([a_sample(at, online, used, site=site) for site, (online, used) in figures.items()])


def told(store: Store) -> None:
    """Now 240 of 400 online and half of it used; thirty days ago c was silent, a had 10 fewer, and 5 more were used."""
    tell(store, BEFORE, a=(70.0, 45.0), b=(60.0, 30.0))
    tell(store, T0, a=(80.0, 40.0), b=(60.0, 30.0), c=(100.0, 50.0))


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(*SITES, clock=Clock()) as made:
        told(made)
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("comparing")
    (made / "config.yaml").write_text(CONFIG_YAML, encoding="utf-8")
    with a_store(*SITES, folder=made, clock=Clock()) as store:
        told(store)
    return made


def by_name(answer: dict[str, Any], name: str, metric: str = "online_ratio") -> dict[str, Any]:
    (one,) = [one for one in answer["benchmarks"] if (one["name"], one["metric"]) == (name, metric)]
    return one  # type: ignore[no-any-return] # a row of JSON


# ---------------------------------------------------------------- benchmarks


def test_a_benchmark_is_questionwith_what_is_missing_and_the_days_at_the_present_pace(store: Store) -> None:
    answer = benchmarks_answer(store, OURS, T0)
    pace = answer["pace"]
    assert (pace["online_pflops"], pace["used_pflops"]) == (10.0, -5.0)
    assert (pace["pools"], pace["pools_unheard"], pace["from"]) == (3, 1, "2026-10-25T06:00:00Z")
    mine = by_name(answer, "mine")
    assert (mine["ours"], mine["delta"]) == (0.6, pytest.approx(-0.1))
    assert (mine["missing_pflops"], mine["surplus_pflops"]) == (pytest.approx(40.0), 0.0)
    assert mine["days_at_pace"] == pytest.approx(120.0)
    assert (mine["comparable"], mine["caution"], mine["from"], mine["until"]) == ("yes", None, "2025-01-01", None)
    nation = by_name(answer, "national-2024")
    assert (nation["delta"], nation["missing_pflops"], nation["days_at_pace"]) == (0.0, 0.0, 0.0)
    used = by_name(answer, "city-2024", "usage_ratio")
    assert (used["missing_pflops"], used["days_at_pace"]) == (pytest.approx(0.598 * 240 - 120), "never")


def test_shipped_ones_of_nation_and_city_and_the_configured_are_all_there(store: Store) -> None:
    answer = benchmarks_answer(store, OURS, T0)
    names = ["national-2024"] * 2 + ["city-2024"] * 2 + ["mine", "single", "shelves", "old"]
    assert [one["name"] for one in answer["benchmarks"]] == names
    assert by_name(answer, "city-2024")["more_than_pflops"] == 2200.0


def test_racks_are_never_held_against_computing_power(store: Store) -> None:
    racks = by_name(benchmarks_answer(store, OURS, T0), "shelves")
    assert (racks["unit"], racks["comparable"], racks["value"], racks["ours"]) == ("racks", "unit-differs", 0.7, 0.6)
    assert [racks[key] for key in ("delta", "missing_pflops", "surplus_pflops", "days_at_pace")] == [None] * 4
    assert "不能比较" in racks["caution"]["zh"]
    assert "cannot be compared" in racks["caution"]["en"]


def test_another_basis_is_compared_with_a_caution(store: Store) -> None:
    answer = benchmarks_answer(store, OURS, T0)
    single = by_name(answer, "single")
    assert (single["comparable"], single["delta"]) == ("basis-differs", pytest.approx(-0.1))
    assert single["caution"]["en"].startswith("single counts in FP32 and we count in FP16")
    assert by_name(answer, "national-2024")["comparable"] == "basis-unknown"
    other = by_name(benchmarks_answer(store, OURS, T0, "fp64"), "mine")
    assert (other["comparable"], other["ours"], other["delta"], other["missing_pflops"]) == (
        "basis-differs",
        None,
        None,
        None,
    )


def test_what_does_not_stand_then_is_listed_and_not_compared(store: Store) -> None:
    old = by_name(benchmarks_answer(store, OURS, T0), "old")
    assert (old["stands"], old["delta"], old["missing_pflops"], old["until"]) == (False, None, None, "2026-01-01")
    last = by_name(benchmarks_answer(store, OURS, local(date(2026, 1, 1)) - 1), "old")
    assert last["stands"]


def test_without_a_word_thirty_days_ago_the_pace_is_unknown(store: Store) -> None:
    tell(store, T0 + DAY, a=(80.0, 40.0))
    answer = benchmarks_answer(store, OURS, T0 + DAY)
    assert (answer["pace"]["online_pflops"], answer["pace"]["pools_unheard"]) == (None, 3)
    assert by_name(answer, "mine")["days_at_pace"] is None
    assert by_name(answer, "mine")["missing_pflops"] == pytest.approx(200.0)


def test_what_was_built_meanwhile_began_at_nothing_and_what_went_ends_there() -> None:
    gone = {"from": date(2024, 1, 1), "until": date(2026, 11, 1), "stage": "built", "pflops": 30.0, "source": "x"}
    sites = a_site("new", a_pool("p", built(50.0, date(2026, 11, 10)))), a_site("old", a_pool("p", gone))
    with a_store(*SITES[:1], *sites, clock=Clock()) as store:
        tell(store, BEFORE, a=(70.0, 30.0), old=(20.0, 20.0))
        tell(store, T0, a=(75.0, 30.0), new=(40.0, 25.0))
        pace = benchmarks_answer(store, OURS, T0)["pace"]
    assert (pace["online_pflops"], pace["used_pflops"]) == (5.0 + 40.0 - 20.0, 25.0 - 20.0)
    assert (pace["pools"], pace["pools_unheard"]) == (3, 0)


def test_the_exposition_leaves_racks_out_and_says_a_targets_basis_and_scope() -> None:
    targets = [
        {"scope": "province:安徽", "metric": "overall_ratio", "target": 0.5, "basis": basis}
        for basis in ("fp16", "fp64")
    ]
    found = {name: rows for name, _, rows in families([], [], Outcomes(), config(**_plain(OURS, targets)), T0)}
    assert {dict(labels)["benchmark"] for labels, _ in found["suanli_benchmark_ratio"]} == {
        "national-2024",
        "mine",
        "single",
    }
    labels = [dict(labels) for labels, _ in found["suanli_target_ratio"]]
    assert [one["basis"] for one in labels] == ["fp16", "fp64"]
    assert {(one["scope"], one["metric"]) for one in labels} == {("province:安徽", "overall_ratio")}


def _plain(given: Config, targets: list[dict[str, Any]]) -> dict[str, Any]:
    return {"benchmarks": [one.model_dump(by_alias=True) for one in given.benchmarks], "targets": targets}


# ---------------------------------------------------------------- what changed a rate


GROWN = (*SITES[:2], a_site("c", a_pool("p", built(200.0, date(2026, 11, 10)))))


def test_the_parts_of_a_change_are_those_worked_out_by_hand() -> None:
    with a_store(*GROWN, clock=Clock()) as store:
        tell(store, BEFORE, a=(80.0, None), b=(60.0, None))
        tell(store, T0, a=(80.0, None), b=(90.0, None), c=(100.0, None))
        answer = change_answer(store, OURS, AskedChange(BEFORE, T0))
    assert (answer["before"]["ratio"], answer["after"]["ratio"]) == (0.7, 0.675)
    assert (answer["before"]["coverage_ratio"], answer["after"]["coverage_ratio"]) == (1.0, 1.0)
    parts = {one["site"]: (one["rate_effect"], one["mix_effect"], one["total"]) for one in answer["groups"]}
    assert parts == {
        "a": pytest.approx((0.0, -0.028125, -0.028125)),
        "b": pytest.approx((0.1125, -0.015625, 0.096875)),
        "c": pytest.approx((0.0, -0.09375, -0.09375)),
    }
    assert [one["site"] for one in answer["groups"]] == ["b", "c", "a"]
    presence = {one["site"]: one["presence"] for one in answer["groups"]}
    assert presence == {"a": "both", "b": "both", "c": "entered"}
    new = answer["groups"][1]
    assert (new["before_ratio"], new["after_ratio"], new["before_share"], new["after_share"]) == (None, 0.5, 0.0, 0.5)


PFLOPS = st.none() | st.integers(0, 120_000).map(lambda thousandths: thousandths / 1000)
FIGURES = st.tuples(PFLOPS, PFLOPS)


@SLOW_STORE
@given(st.lists(FIGURES, min_size=6, max_size=6), st.sampled_from(["online_ratio", "usage_ratio", "overall_ratio"]))
def test_the_parts_add_up_to_the_change(figures: list[tuple[float | None, float | None]], metric: Any) -> None:
    with a_store(*GROWN, clock=Clock()) as store:
        for at, some in ((BEFORE, figures[:3]), (T0, figures[3:])):
            tell(store, at, **dict(zip("abc", some, strict=True)))
        answer = change_answer(store, OURS, AskedChange(BEFORE, T0, metric=metric, by="pool"))
    if answer["change"] is None:
        assert answer["groups"] == []
        return
    assert sum(one["total"] for one in answer["groups"]) == pytest.approx(answer["change"], rel=1e-9, abs=1e-12)
    for one in answer["groups"]:
        assert one["rate_effect"] + one["mix_effect"] == pytest.approx(one["total"], rel=1e-9, abs=1e-9)
    for share in ("before_share", "after_share"):
        assert sum(one[share] for one in answer["groups"]) == pytest.approx(1.0)


def test_who_falls_silent_lowers_the_online_rate_and_leaves_the_usage_rate() -> None:
    with a_store(*SITES[:2], clock=Clock()) as store:
        tell(store, BEFORE, a=(80.0, 40.0), b=(60.0, 60.0))
        tell(store, T0, a=(80.0, 40.0))
        online = change_answer(store, OURS, AskedChange(BEFORE, T0))
        usage = change_answer(store, OURS, AskedChange(BEFORE, T0, metric="usage_ratio"))
        back = change_answer(store, OURS, AskedChange(T0 - 31 * DAY, BEFORE, metric="usage_ratio"))
    lost = {one["site"]: one for one in online["groups"]}["b"]
    assert (lost["presence"], lost["rate_effect"], lost["after_coverage_ratio"]) == ("both", pytest.approx(-0.3), 0.0)
    assert {one["site"]: one["presence"] for one in usage["groups"]} == {"a": "both", "b": "fell silent"}
    assert usage["after"]["coverage_ratio"] == 0.5
    assert (back["change"], back["groups"], back["before"]["ratio"]) == (None, [], None)


def test_who_begins_to_tell_and_who_leaves_are_told_apart() -> None:
    gone = {"from": date(2024, 1, 1), "until": date(2026, 11, 1), "stage": "built", "pflops": 30.0, "source": "x"}
    with a_store(*SITES[:2], a_site("old", a_pool("p", gone)), clock=Clock()) as store:
        tell(store, BEFORE, a=(80.0, 40.0), old=(20.0, 20.0))
        tell(store, T0, a=(80.0, 40.0), b=(60.0, 60.0))
        answer = change_answer(store, OURS, AskedChange(BEFORE, T0, metric="usage_ratio"))
    assert {one["site"]: one["presence"] for one in answer["groups"]} == {
        "a": "both",
        "b": "began to tell",
        "old": "left",
    }
    assert {one["site"]: one["rate_effect"] for one in answer["groups"]} == {"a": 0.0, "b": 0.0, "old": 0.0}


def test_months_are_compared_as_periods_and_a_running_one_by_what_has_passed() -> None:
    with a_store(*SITES[:1], clock=Clock()) as store:
        month = 32 * DAY
        first, second = local(date(2026, 10, 1)), local(date(2026, 11, 1))
        half = (first + second) // 2
        for at, online in ((first, 40.0), (half, 60.0), (second, 80.0)):
            store.append([a_sample(at, online, 10.0, site="a", max_age=month)])
        answer = change_answer(store, OURS, AskedChange(first, T0, months=True))
        overall = change_answer(store, OURS, AskedChange(half, second, months=True, metric="overall_ratio"))
    assert (answer["before"]["from"], answer["before"]["to"]) == ("2026-09-30T16:00:00Z", "2026-10-31T16:00:00Z")
    assert (answer["after"]["from"], answer["after"]["to"]) == ("2026-10-31T16:00:00Z", "2026-11-24T06:00:00Z")
    assert (answer["before"]["ratio"], answer["after"]["ratio"]) == (pytest.approx(0.5), pytest.approx(0.8))
    assert answer["before"]["built_pflops"] == pytest.approx(100.0)
    assert overall["before"] | {"ratio": None} == answer["before"] | {"ratio": None}
    assert overall["change"] == pytest.approx(0.0)


@pytest.mark.parametrize("later", [BEFORE, T0])
def test_a_change_goes_forward(store: Store, later: int) -> None:
    with pytest.raises(InputError, match="to: expected a later time"):
        change_answer(store, OURS, AskedChange(later, BEFORE))


# ---------------------------------------------------------------- the funnel


def planned(pflops: float, since: date) -> dict[str, Any]:
    return {"from": since, "stage": "planned", "source": "plan", "pflops": pflops}


CAME, STUCK, ALWAYS, PAPER = (
    a_site("came", a_pool("p", planned(100.0, date(2026, 10, 1)), built(90.0, date(2026, 10, 11)))),
    a_site("stuck", a_pool("p", built(60.0, date(2026, 11, 4)))),
    a_site("always", a_pool("p", built(50.0))),
    a_site("paper", a_pool("p", planned(70.0, date(2026, 11, 14)))),
)
FIRST_ONLINE = local(date(2026, 10, 16)) + 1800


def watched(store: Store) -> None:
    """`came` is heard at 0 from the day it is built and comes online five days later, at half past midnight."""
    tell(store, local(date(2026, 10, 11)), came=(0.0, 0.0), always=(45.0, 20.0))
    tell(store, FIRST_ONLINE, came=(80.0, 0.0), always=(45.0, 20.0))
    tell(store, T0, came=(80.0, 30.0), stuck=(0.0, 0.0), always=(45.0, 20.0))


def test_the_funnel_by_hand() -> None:
    with a_store(CAME, STUCK, ALWAYS, PAPER, SITES[3], clock=Clock()) as store:
        watched(store)
        answer = funnel_answer(store, T0)
        rates = benchmarks_answer(store, OURS, T0)["fleet"]
    sums = [answer[f"{name}_pflops"] for name in ("planned", "built", "online", "used")]
    assert sums == [170.0, 200.0, 125.0, 50.0]
    assert sums == [rates[f"{name}_pflops"] for name in ("planned", "built", "online", "used")]
    assert answer["coverage_ratio"] == rates["coverage_ratio"] == 1.0
    since_plan, since_built = (T0 - local(date(2026, 11, 14))) / DAY, (T0 - local(date(2026, 11, 4))) / DAY
    assert answer["to_built"] == {
        "median_days": pytest.approx((10.0 + since_plan) / 2),
        "longest_days": pytest.approx(max(10.0, since_plan)),
        "finished": 1,
        "still": 1,
        "unknown": 2,
    }
    assert answer["to_online"] == {
        "median_days": pytest.approx((5.0 + since_built) / 2),
        "longest_days": pytest.approx(since_built),
        "finished": 1,
        "still": 1,
        "unknown": 1,
    }
    waiting = [(one["site"], one["stage"], one["pflops"]) for one in answer["stuck"]]
    assert waiting == [("stuck", "built", 60.0), ("paper", "planned", 70.0)]
    pools = {one["site"]: (one["online_since"], one["online_before_record"]) for one in answer["pools"]}
    assert pools == {
        "always": (None, True),
        "came": ("2026-10-15T16:00:00Z", False),
        "paper": (None, False),
        "stuck": (None, False),
    }


def test_what_the_rates_leave_out_the_funnel_leaves_out_too() -> None:
    """A site that is retired, use without a known online, and an entry of nothing, which is not built yet."""
    sites = (
        a_site("retired", a_pool("p", planned(5.0, date(2026, 10, 1))), status="retired"),
        a_site("vague", a_pool("p", built(40.0))),
        a_site("empty", a_pool("p", planned(5.0, date(2026, 11, 14)), built(0.0, date(2026, 11, 14)))),
    )
    with a_store(*sites, clock=Clock()) as store:
        tell(store, T0, vague=(None, 30.0))
        answer = funnel_answer(store, T0)
        rates = benchmarks_answer(store, OURS, T0)["fleet"]
    sums = [answer[f"{name}_pflops"] for name in ("planned", "built", "online", "used")]
    assert (
        sums == [rates[f"{name}_pflops"] for name in ("planned", "built", "online", "used")] == [5.0, 40.0, None, None]
    )
    assert [one["site"] for one in answer["pools"]] == ["empty", "vague"]
    assert {(one["site"], one["stage"]) for one in answer["stuck"]} == {("vague", "built"), ("empty", "planned")}


def test_the_funnel_is_the_same_from_samples_hours_and_days() -> None:
    with a_store(CAME, STUCK, ALWAYS, PAPER, clock=Clock()) as store:
        watched(store)
        first = funnel_answer(store, T0)
        assert roll(store, ZONE) > 0
        assert funnel_answer(store, T0) == first
        with store.writing() as connection:
            connection.execute(delete(schema.hours))
        assert funnel_answer(store, T0) == first
        earlier = funnel_answer(store, local(date(2026, 10, 14)))
    assert {one["site"]: one["online_since"] for one in earlier["pools"]}["came"] is None
    assert [(one["site"], one["days"]) for one in earlier["stuck"]] == [("came", pytest.approx(3.0))]


def test_what_is_built_within_the_hour_in_which_it_comes_online_took_no_time() -> None:
    since = FIRST_ONLINE - 600
    entry = built(10.0) | {"from": written(since, ZONE)}
    with a_store(a_site("s", a_pool("p", entry)), clock=Clock()) as store:
        tell(store, FIRST_ONLINE, s=(5.0, 0.0))
        answer = funnel_answer(store, T0)
    assert (answer["to_online"]["longest_days"], answer["to_online"]["unknown"]) == (0.0, 0)


# ---------------------------------------------------------------- command line and API

AT = "2026-11-24T06:00Z"
WAYS = [
    (["benchmarks", "--at", AT], "benchmarks", {"at": T0}),
    (["benchmarks", "--at", AT, "--basis", "fp64"], "benchmarks", {"at": T0, "basis": "fp64"}),
    (["targets", "--at", AT], "targets", {"at": T0}),
    (["targets", "--from", "2026-10-25T06:00Z", "--to", AT], "targets", {"from": BEFORE, "to": T0}),
    (["change", "--from", "2026-10-25T06:00Z", "--to", AT, "--metric", "usage_ratio", "--by", "vendor"], "change",
     {"from": BEFORE, "to": T0, "metric": "usage_ratio", "by": "vendor"}),
    (["change", "--from", "2026-10", "--to", "2026-11"], "change", {"from": BEFORE, "to": T0, "months": True}),
    (["funnel", "--at", AT], "funnel", {"at": T0}),
]  # fmt: skip


async def asked(store: Store, path: str, given: dict[str, Any]) -> httpx.Response:
    exposition = Rendering(store)
    transport = httpx.ASGITransport(make_api(served(store, exposition, OURS)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(f"/api/v1/{path}", params=given)


@pytest.mark.parametrize(
    ("words", "path", "given"), WAYS, ids=lambda one: " ".join(one) if isinstance(one, list) else ""
)
async def test_the_api_answers_what_the_command_line_prints(
    folder: Path, words: list[str], path: str, given: dict[str, Any]
) -> None:
    ended = run(folder, *words, "--json")
    with_clock = Store(f"sqlite:///{folder}/suanli.db", Clock())
    try:
        answer = await asked(with_clock, path, given)
    finally:
        with_clock.close()
    assert (ended.code, answer.status_code) == (0, 200)
    mine = json.loads(ended.out)
    if "2026-11" in words:  # that month runs: each ends it with its own clock
        mine["after"]["to"] = answer.json()["after"]["to"]
        assert mine["before"] == answer.json()["before"]
    else:
        assert mine == answer.json()


def run(folder: Path, *words: str) -> Ended:
    return suanli(folder, "--store", f"sqlite:///{folder}/suanli.db", *words)


async def test_what_is_no_longer_kept_is_said_and_not_taken_for_silence(store: Store) -> None:
    """The pace alone is then unknown: it is asked of a time that nobody named."""
    roll(store, ZONE)
    with store.writing() as connection:
        set_counter(connection, "samples_from", T0 - 20 * DAY)
    answer = (await asked(store, "benchmarks", {})).json()
    assert (answer["pace"]["online_pflops"], answer["pace"]["pools_unheard"]) == (None, 3)
    assert by_name(answer, "mine")["missing_pflops"] == pytest.approx(40.0)
    for path, question in (("benchmarks", {"at": BEFORE}), ("funnel", {"at": BEFORE}), ("targets", {"at": BEFORE}),
                        ("change", {"from": BEFORE, "to": T0})):  # fmt: skip
        assert (await asked(store, path, question)).status_code == 410


async def test_now_is_the_services_clock(store: Store) -> None:
    for path in ("benchmarks", "targets", "funnel"):
        assert (await asked(store, path, {})).json() == (await asked(store, path, {"at": T0})).json()
    assert (await asked(store, "benchmarks", {})).json() == benchmarks_answer(store, OURS, T0)
    assert (await asked(store, "targets", {})).json() == targets_answer(store, OURS, T0, T0 + 1)


@pytest.mark.parametrize(
    ("path", "given", "told"),
    [
        ("change", {"from": T0, "to": BEFORE}, "to: expected a later time or month"),
        ("targets", {"from": BEFORE, "to": BEFORE}, "to: expected a time after that of from"),
        ("targets", {"at": T0, "from": T0}, "at: an instant and a period (from, to) exclude each other"),
    ],
)
async def test_a_wrong_question_is_422(store: Store, path: str, given: dict[str, Any], told: str) -> None:
    answer = await asked(store, path, given)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["change", "--from", "2026-10", "--to", "2026-11-01"], "--to: expected an instant, or a month"),
        (["change", "--from", "2026-11", "--to", "2026-10"], "to: expected a later time or month"),
        (["change", "--from", "2026-13", "--to", "2026-14"], "--from: '2026-13' is no date or time such as"),
        (["change", "--from", "2026-10", "--to", "2026-11", "--metric", "busy"], "--metric: 'busy' is none of"),
        (["change", "--from", "2026-10", "--to", "2026-11", "--by", "planet"], "--by: 'planet' is none of site, pool"),
        (["benchmarks", "--basis", "int8"], "--basis: 'int8' is none of fp16, fp32, fp64"),
        (["funnel", "--at", "soon"], "--at: 'soon' is no date or time such as"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_2(folder: Path, words: list[str], told: str) -> None:
    ended = run(folder, *words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


LANGUAGES = {
    "zh": (
        ["mine：达到上线率 70.0 % 还需上线 40.0 P；按近 30 天的速度（+10.0 P）约需 120.0 天",
         "city-2024：达到使用率 59.8 % 还需使用 23.5 P；按近 30 天的速度（-5.0 P）永远达不到",
         "不可比", "2025-01-01 至 2026-01-01（当时无效）", "shelves 按机架计算（上架率），不是算力，不能比较"],
        ["已建成", "400.0 P", "已建成 → 上线：中位 未知，最长 未知（完成 0，等待 0，时间不明 3）"],
        ["上线率 32.5 % → 60.0 %（+27.5 个百分点）；覆盖率 50.0 % → 100.0 %", "合计", "+27.50"],
    ),
    "en": (
        ["mine: to reach 70.0 % of online-rate, 40.0 P more must come online; 120.0 days at the pace of",
         "city-2024: to reach 59.8 % of usage-rate, 23.5 P more must be used; never at the pace of",
         "not comparable", "2025-01-01 to 2026-01-01 (not then)", "shelves counts racks, not computing power"],
        ["built", "400.0 P", "built -> online: median unknown, longest unknown (0 done, 0 waiting, 3 not known)"],
        ["online-rate 32.5 % -> 60.0 % (+27.5 points); coverage 50.0 % -> 100.0 %", "all", "+27.50"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_people_read_it_in_their_language(folder: Path, language: str) -> None:
    between = ["change", "--from", "2026-10-25T06:00Z", "--to", AT]
    for words, wanted in zip(
        (["benchmarks", "--at", AT], ["funnel", "--at", AT], between), LANGUAGES[language], strict=True
    ):
        ended = run(folder, "--lang", language, *words)
        assert (ended.code, ended.err) == (0, "")
        assert [text for text in wanted if text not in ended.out] == [], ended.out
