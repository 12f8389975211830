"""The rates against an oracle of their own, and the traps of docs/definitions.md by name."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from suanli.answers import Asked, rates_answer
from suanli.config import Config
from suanli.model.rates import PoolState, Rates, flagged, rates_by, rates_of
from suanli.model.units import BASES, Basis
from tests.oracle import rates as oracle

FIELDS = {
    "planned_pflops": "planned",
    "built_pflops": "built",
    "online_pflops": "online",
    "used_pflops": "used",
    "busy_pflops": "busy",
    "online_ratio": "online_ratio",
    "usage_ratio": "usage_ratio",
    "overall_ratio": "overall_ratio",
    "coverage_ratio": "coverage_ratio",
    "online_ratio_low": "online_low",
    "online_ratio_high": "online_high",
    "usage_ratio_low": "usage_low",
    "usage_ratio_high": "usage_high",
    "sites_expected": "sites_expected",
    "sites_heard": "sites_heard",
}
STATUSES = ("operational", "operational", "operational", "maintenance", "building", "retired")
figures = st.none() | st.just(0.0) | st.floats(1e-3, 1e5)


def state(
    site: str = "s", pool: str = "p", *, basis: Basis = "fp16", status: str = "operational", **more: float | None
) -> PoolState:
    plain = PoolState(site, pool, "m", "安徽", "op", basis, status)
    return replace(plain, **{f"{rung}_pflops": value for rung, value in more.items()})  # type: ignore[arg-type] # rungs


@st.composite
def any_states(draw: st.DrawFn) -> list[PoolState]:
    """Anything that can be recorded, ladders that are broken too."""
    return [
        state(
            draw(st.sampled_from("abcd")),
            f"p{place}",
            status=draw(st.sampled_from(STATUSES)),
            planned=draw(figures),
            built=draw(figures),
            online=draw(figures),
            used=draw(figures),
            busy=draw(figures),
        )
        for place in range(draw(st.integers(0, 7)))
    ]


@st.composite
def whole_states(draw: st.DrawFn) -> list[PoolState]:
    """built >= online >= used of every pool, all of it known."""
    share = st.floats(0, 1)
    states = []
    for place in range(draw(st.integers(1, 6))):
        built = draw(st.floats(1e-2, 1e4))
        online = built * draw(share)
        states.append(state(f"s{place % 4}", f"p{place}", built=built, online=online, used=online * draw(share)))
    return states


def row(one: PoolState) -> oracle.Row:
    rungs = (one.planned_pflops, one.built_pflops, one.online_pflops, one.used_pflops, one.busy_pflops)
    return oracle.Row(one.site, one.status, *rungs)


def agrees(mine: Rates, exact: oracle.Answer) -> None:
    for field, name in FIELDS.items():
        got, wanted = getattr(mine, field), getattr(exact, name)
        if wanted is None or got is None:
            assert got is wanted, field
        else:
            assert got == pytest.approx(float(wanted), rel=1e-9, abs=1e-300), field


def contains(rates: Rates, online: float | None, usage: float | None) -> None:
    for point, low, high in (
        (online, rates.online_ratio_low, rates.online_ratio_high),
        (usage, rates.usage_ratio_low, rates.usage_ratio_high),
    ):
        if point is not None:
            assert low is not None
            assert high is not None
            assert low * (1 - 1e-9) - 1e-12 <= point <= high * (1 + 1e-9) + 1e-12


# ---------------------------------------------------------------- against the oracle


def test_the_oracle_compares_every_field() -> None:
    assert set(FIELDS) == set(Rates.__dataclass_fields__)
    assert set(FIELDS.values()) == set(oracle.Answer.__dataclass_fields__)


@given(any_states())
def test_rates_equal_the_oracle(states: list[PoolState]) -> None:
    agrees(rates_of(states), oracle.answer([row(one) for one in states]))


@given(whole_states())
def test_rates_of_whole_ladders_equal_the_oracle_and_have_no_width(states: list[PoolState]) -> None:
    found = rates_of(states)
    agrees(found, oracle.answer([row(one) for one in states]))
    assert found.coverage_ratio == 1.0
    assert (found.online_ratio_low, found.online_ratio_high) == (found.online_ratio, found.online_ratio)
    assert (found.usage_ratio_low, found.usage_ratio_high) == (found.usage_ratio, found.usage_ratio)
    assert found.online_ratio is not None
    assert 0 <= found.online_ratio <= 1 + 1e-12


@given(any_states(), st.randoms(use_true_random=False))
def test_the_order_of_the_pools_changes_nothing(states: list[PoolState], random: Random) -> None:
    shuffled = list(states)
    random.shuffle(shuffled)
    assert rates_of(shuffled) == rates_of(states)


@given(any_states())
def test_every_answer_is_json_without_nan_and_infinity(states: list[PoolState]) -> None:
    answer = rates_answer(states, Asked(1_795_500_000, 1_795_500_000), Config())
    json.dumps(answer, allow_nan=False)


@given(any_states())
def test_a_group_of_everything_is_the_fleet_and_groups_share_out_all_pools(states: list[PoolState]) -> None:
    groups = rates_by(states, lambda one: one.site)
    assert list(groups) == sorted(groups)
    assert sorted(id(one) for members in groups.values() for one in members) == sorted(map(id, states))
    together = rates_by(states, lambda _: "all")
    assert not states or rates_of(together["all"]) == rates_of(states)


# ---------------------------------------------------------------- bounds


@given(any_states())
def test_the_bounds_contain_the_point(states: list[PoolState]) -> None:
    found = rates_of(states)
    contains(found, found.online_ratio, found.usage_ratio)


@given(whole_states(), st.data())
def test_the_bounds_contain_every_completion_of_the_unknowns(states: list[PoolState], data: st.DataObject) -> None:
    """Hide some figures; whatever they were, the rates with them lie within the bounds without them."""
    hidden = []
    for one in states:
        what = data.draw(st.sampled_from(["nothing", "used", "all"]))
        shown_online = None if what == "all" else one.online_pflops
        shown_used = one.used_pflops if what == "nothing" else None
        hidden.append(replace(one, online_pflops=shown_online, used_pflops=shown_used))
    whole = rates_of(states)
    contains(rates_of(hidden), whole.online_ratio, whole.usage_ratio)
    assert rates_of(hidden).built_pflops == whole.built_pflops


@given(whole_states(), st.integers(0, 5))
def test_silence_only_widens_the_bounds(states: list[PoolState], place: int) -> None:
    before = rates_of(states)
    silent = states[place % len(states)]
    after = rates_of([replace(one, online_pflops=None, used_pflops=None) if one is silent else one for one in states])
    contains(after, before.online_ratio_low, before.usage_ratio_low)
    contains(after, before.online_ratio_high, before.usage_ratio_high)
    assert after.coverage_ratio is not None
    assert after.coverage_ratio < 1.0


def test_nobody_heard_is_nothing_known_between_0_and_1() -> None:
    found = rates_of([state(built=10.0)])
    assert (found.online_pflops, found.online_ratio, found.usage_ratio, found.overall_ratio) == (None,) * 4
    assert (found.online_ratio_low, found.online_ratio_high) == (0.0, 1.0)
    assert (found.usage_ratio_low, found.usage_ratio_high) == (0.0, 1.0)
    assert (found.coverage_ratio, found.sites_expected, found.sites_heard) == (0.0, 1, 0)


# ---------------------------------------------------------------- the traps


def test_trap_mean_of_means_on_the_board() -> None:
    small = state("small", built=1.0, online=1.0, used=1.0)
    large = state("large", built=999.0, online=499.5, used=0.0)
    found = rates_of([small, large])
    assert found.online_ratio == pytest.approx(500.5 / 1000)
    assert found.online_ratio != pytest.approx((1.0 + 0.5) / 2)
    assert found.usage_ratio == pytest.approx(1 / 500.5)


@pytest.mark.parametrize("built", [None, 0.0])
def test_trap_plus_infinite_utilisation_when_the_total_is_zero_or_unknown(built: float | None) -> None:
    found = rates_of([state(built=built, online=5.0, used=5.0)])
    ratios = [getattr(found, field) for field in FIELDS if "ratio" in field]
    assert ratios == [None] * len(ratios)
    assert (found.sites_expected, found.sites_heard) == (0, 0)


def test_a_zero_denominator_is_none_and_zero_is_zero() -> None:
    off = rates_of([state(built=10.0, online=0.0, used=0.0)])
    assert (off.online_ratio, off.usage_ratio, off.overall_ratio) == (0.0, None, 0.0)
    assert (off.usage_ratio_low, off.usage_ratio_high) == (None, None)
    assert rates_of([]).built_pflops is None


def test_trap_used_104_percent_is_kept_and_flagged() -> None:
    over = state(built=100.0, online=100.0, used=104.0)
    assert rates_of([over]).usage_ratio == pytest.approx(1.04)
    assert flagged(over) == "suspect"
    assert flagged(state(built=100.0, online=101.0, used=5.0)) == "suspect"
    assert flagged(state(built=100.0, online=None, used=101.0)) == "suspect"
    assert flagged(state(built=100.0, online=100.0, used=100.0, busy=99.0)) == "ok"


def test_trap_a_silent_site_leaves_the_denominator_and_the_rate_rises() -> None:
    good, bad = state("good", built=100.0, online=100.0, used=50.0), state("bad", built=100.0, online=20.0, used=0.0)
    before, after = rates_of([good, bad]), rates_of([good, state("bad", built=100.0)])
    assert before.online_ratio == pytest.approx(0.6)
    assert after.built_pflops == before.built_pflops == 200.0
    assert after.online_ratio == pytest.approx(0.5)
    assert (after.coverage_ratio, after.sites_heard, after.sites_expected) == (0.5, 1, 2)
    assert (after.online_ratio_low, after.online_ratio_high) == (0.5, 1.0)


def test_trap_unknown_is_not_zero() -> None:
    silent = rates_of([state("a", built=10.0, online=8.0, used=4.0), state("b", built=10.0)])
    zero = rates_of([state("a", built=10.0, online=8.0, used=4.0), state("b", built=10.0, online=0.0, used=0.0)])
    assert silent.usage_ratio == zero.usage_ratio == 0.5
    assert (silent.coverage_ratio, zero.coverage_ratio) == (0.5, 1.0)
    assert silent.usage_ratio_high is not None
    assert silent.usage_ratio_high > 0.5
    assert zero.usage_ratio_high == 0.5


def test_a_pool_whose_use_is_unknown_is_not_idle() -> None:
    told, untold = state("a", built=10.0, online=8.0, used=4.0), state("b", built=10.0, online=8.0)
    found = rates_of([told, untold])
    assert found.usage_ratio == 0.5
    assert (found.usage_ratio_low, found.usage_ratio_high) == (0.25, 0.75)
    assert found.online_ratio == 0.8


def test_busy_is_told_only_when_every_pool_tells_it() -> None:
    one, other = state("a", built=1.0, online=1.0, used=1.0, busy=0.5), state("b", built=1.0, online=1.0, used=1.0)
    assert rates_of([one, other]).busy_pflops is None
    assert rates_of([one, replace(other, busy_pflops=0.25)]).busy_pflops == 0.75


@pytest.mark.parametrize("status", ["planned", "building", "maintenance", "retired"])
def test_only_operational_sites_are_expected(status: str) -> None:
    found = rates_of(
        [state("a", built=10.0, online=5.0, used=1.0), state("b", status=status, built=90.0, online=90.0, used=90.0)]
    )
    assert (found.built_pflops, found.online_ratio, found.sites_expected) == (10.0, 0.5, 1)


@given(any_states(), st.lists(st.sampled_from(BASES), min_size=7, max_size=7), st.sampled_from(BASES))
def test_trap_fp32_and_fp16_read_as_growth_bases_are_never_added(
    states: list[PoolState], bases: list[Basis], asked: Basis
) -> None:
    mixed = [replace(one, basis=basis) for one, basis in zip(states, bases, strict=False)]
    answer = rates_answer(mixed, Asked(1_795_500_000, 1_795_500_000, "site", asked), Config())
    alone = [one for one in mixed if one.basis == asked]
    agrees(Rates(**answer["fleet"]), oracle.answer([row(one) for one in alone]))
    assert {group["site"] for group in answer["groups"]} == {one.site for one in alone}
    assert answer["basis"] == asked


@given(any_states())
def test_groups_of_an_answer_are_the_oracles(states: list[PoolState]) -> None:
    answer = rates_answer(states, Asked(1_795_500_000, 1_795_500_000), Config())
    for group in answer["groups"]:
        members = [row(one) for one in states if one.site == group["site"]]
        agrees(Rates(**{field: group[field] for field in FIELDS}), oracle.answer(members))


@given(whole_states())
def test_benchmarks_compare_with_the_fleet(states: list[PoolState]) -> None:
    answer = rates_answer(states, Asked(1_795_500_000, 1_795_500_000), Config())
    assert [(one["metric"], one["value"]) for one in answer["benchmarks"]] == [
        ("online_ratio", 0.6),
        ("usage_ratio", 0.38),
    ]
    for one in answer["benchmarks"]:
        mine = answer["fleet"][one["metric"]]
        assert one["delta"] == (None if mine is None else mine - one["value"])


def test_a_completion_beyond_the_ladder_is_within_the_bounds_too() -> None:
    """Used above online is kept; with it the silent pools may pull the rate down, never above what the heard say."""
    found = rates_of([state("a", built=10.0, online=10.0, used=12.0), state("b", built=10.0)])
    assert (found.usage_ratio_low, found.usage_ratio_high) == (0.6, 1.2)
    for online, used in ((0, 0), (10, 0), (10, 10), (5, 5)):
        contains(found, None, float(Fraction(12 + used, 10 + online)))


@given(any_states())
def test_a_sum_is_unknown_only_if_all_of_it_is(states: list[PoolState]) -> None:
    assume(any(one.expected and one.online_pflops is not None for one in states))
    assert rates_of(states).online_pflops is not None
