"""The oracle itself: cases worked out by hand, and laws that any right answer keeps."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.periods import (
    Answer,
    EntryEvent,
    Extremes,
    PoolFacts,
    Question,
    SampleEvent,
    SiteFacts,
    Terms,
    WindowEvent,
    World,
    extremes,
    instant,
    period,
    series,
    state,
    terms,
)
from tests.oracle.recorded import Policy
from tests.oracle.worlds import Asked, asked, worlds

POLICY = Question(view="policy")
few = settings(max_examples=60, deadline=None)


@st.composite
def questions(draw: st.DrawFn) -> tuple[World, Asked]:
    world = draw(worlds())
    return world, draw(asked(world))


def told(
    source_at: int,
    online: float | None,
    used: float | None = None,
    busy: float | None = None,
    *,
    pool: str = "p",
    at: int | None = None,
    max_age: int = 1000,
    recorded_at: int | None = None,
    superseded_at: int | None = None,
) -> SampleEvent:
    recorded_at = source_at if recorded_at is None else recorded_at
    at = source_at if at is None else at
    return SampleEvent(pool, at, source_at, recorded_at, superseded_at, max_age, online, used, busy, "ok")


def site(id_: str = "s", status: str = "operational", province: str = "安徽") -> SiteFacts:
    return SiteFacts(id_, id_, province, "Alpha", status, 0, None, 0, None)


def pool(name: str = "p", at: str = "s", basis: str = "fp16") -> PoolFacts:
    return PoolFacts(name, at, name, "A100", basis, 0, None, 0, None)


def built(pflops: float | None, name: str = "p", since: int = 0, until: int | None = None) -> EntryEvent:
    return EntryEvent(name, "built", since, until, pflops, 0, None)


def world(*samples: SampleEvent, windows: tuple[WindowEvent, ...] = ()) -> World:
    """One site, one pool of 10 PFLOPS."""
    return World(list(samples), [built(10.0)], [pool()], [site()], list(windows))


def window(
    policy: Policy, *stretches: tuple[int, int], on: str | None = None, approved_at: int | None = 0
) -> WindowEvent:
    return WindowEvent("s", on, stretches, policy, 0, approved_at)


def fleet(of: World, lo: int, hi: int, question: Question = POLICY) -> Answer:
    return period(of, lo, hi, question)["fleet"]


def test_a_word_holds_for_max_age_inclusive_and_is_unknown_after() -> None:
    # The word of second 10 holds at 10, 11, ... 15: six seconds of 4 PFLOPS, of twenty that are expected.
    answer = fleet(world(told(10, 4.0, 1.0, max_age=5)), 0, 20)
    assert [answer.terms.online, answer.terms.used, answer.terms.built] == [24, 6, 200]
    assert answer.time_coverage == Fraction(6, 20)
    assert answer.rates["online_ratio"] == Fraction(24, 200)
    assert answer.rates["coverage_ratio"] == Fraction(60, 200)
    assert answer.rates["online_ratio_high"] == Fraction(24 + 140, 200)
    assert [answer.online_ratio_mean, answer.usage_ratio_mean] == [Fraction(4, 10), Fraction(1, 4)]


def test_the_ratio_of_sums_is_not_the_mean_of_the_ratios() -> None:
    # 10 seconds with 2 of 8 used, 10 with 2 of 2 used: 40 / 100; the mean is (1/4 + 1) / 2.
    answer = fleet(world(told(0, 8.0, 2.0), told(10, 2.0, 2.0)), 0, 20)
    assert [answer.rates["usage_ratio"], answer.usage_ratio_mean] == [Fraction(2, 5), Fraction(5, 8)]


def test_a_word_that_says_nothing_ends_the_word_before() -> None:
    answer = fleet(world(told(0, 8.0, 2.0), told(4, None)), 0, 10)
    assert [answer.terms.online, answer.terms.count_heard, answer.terms.count_expected] == [32, 4, 10]


def test_of_two_words_of_one_second_the_later_slot_counts() -> None:
    slots = world(told(5, 1.0, at=10), told(5, 7.0, at=0), told(6, 2.0, at=-4))
    assert [fleet(slots, t, t + 1).terms.online for t in (4, 5, 6, 7)] == [None, 1, 2, 2]


def test_nobody_heard_is_unknown_and_never_zero() -> None:
    answer = fleet(world(), 0, 10)
    assert [answer.terms.built, answer.terms.online, answer.terms.heard] == [100, None, None]
    assert answer.rates == {
        "online_ratio": None,
        "usage_ratio": None,
        "overall_ratio": None,
        "coverage_ratio": 0,
        "online_ratio_low": 0,
        "online_ratio_high": 1,
        "usage_ratio_low": 0,
        "usage_ratio_high": 1,
    }
    assert [answer.time_coverage, answer.sites_expected, answer.sites_heard] == [0, 1, 0]


@pytest.mark.parametrize(
    ("status", "amount"), [("building", 10.0), ("maintenance", 10.0), ("operational", None), ("operational", 0.0)]
)
def test_who_is_not_expected_is_in_no_sum(status: str, amount: float | None) -> None:
    answer = fleet(World([told(0, 4.0, 2.0)], [built(amount)], [pool()], [site(status=status)]), 0, 10)
    assert answer.terms == Terms()
    assert [answer.time_coverage, answer.sites_expected] == [None, 0]


def test_planned_counts_unless_the_site_is_retired() -> None:
    planned = EntryEvent("p", "planned", 3, 8, 2.5, 0, None)
    sums = [
        terms(World([], [planned], [pool()], [site(status=each)]), 0, 10, POLICY) for each in ("planned", "retired")
    ]
    assert [each["fleet"].planned for each in sums] == [Fraction(25, 2), None]


def test_capacity_that_grows_is_divided_by_what_was_true_at_each_second() -> None:
    grown = World([told(0, 10.0)], [built(10.0, until=6), built(20.0, since=6)], [pool()], [site()])
    answer = fleet(grown, 0, 10)
    assert [answer.terms.built, answer.rates["online_ratio"]] == [60 + 80, Fraction(100, 140)]
    assert answer.online_ratio_mean == Fraction(6 * 2 + 4, 20)


def test_the_usage_bounds_take_in_the_silent_and_those_whose_use_is_unknown() -> None:
    # p: 4 of 8 online used; q: 6 online, use unknown; r: 10 built and silent.
    pools = [pool(name) for name in "pqr"]
    three = World([told(0, 8.0, 4.0), told(0, 6.0, pool="q")], [built(10.0, name) for name in "pqr"], pools, [site()])
    sums, rates = instant(three, 0, POLICY)["fleet"][:2]
    assert [sums.built, sums.online, sums.told_online] == [30, 14, 8]
    assert [rates["online_ratio_low"], rates["online_ratio_high"]] == [Fraction(14, 30), Fraction(24, 30)]
    assert [rates["usage_ratio_low"], rates["usage_ratio_high"]] == [Fraction(4, 24), Fraction(4 + 10 + 6, 24)]
    assert [rates["usage_ratio"], rates["overall_ratio"]] == [Fraction(1, 2), Fraction(4, 30)]


def test_busy_is_published_only_when_it_is_known_wherever_used_is() -> None:
    both = world(told(0, 8.0, 4.0, 3.0), told(5, 8.0, 6.0))
    assert [fleet(both, 0, 5).busy, fleet(both, 0, 6).busy, fleet(both, 5, 6).busy] == [15, None, None]
    assert [fleet(both, 0, 6).terms.busy, fleet(both, 0, 6).terms.busy_used] == [15, 20]


def test_excluded_maintenance_leaves_both_sides_and_is_told_apart() -> None:
    kept = world(told(0, 5.0, 5.0), windows=(window("exclude", (2, 4), (6, 9)), window("include", (0, 20))))
    answer = fleet(kept, 0, 10)
    assert [answer.terms.built, answer.terms.online, answer.excluded] == [50, 25, 50]
    assert [answer.terms.count_expected, answer.time_coverage] == [5, 1]
    assert fleet(kept, 0, 10, Question()).terms.built == 100


def test_hold_keeps_what_was_known_at_the_second_before() -> None:
    words = (told(0, 5.0, max_age=3), told(4, 9.0, max_age=3), told(7, 1.0))
    assert fleet(world(*words, windows=(window("hold", (3, 9), on="p"),)), 0, 10).terms.online == 9 * 5 + 1
    # Nothing is fresh at second -1: unknown while it is held, whatever is told meanwhile.
    assert fleet(world(*words, windows=(window("hold", (0, 8)),)), 0, 10).terms.online == 2


def test_holds_that_touch_are_as_one() -> None:
    words = (told(0, 5.0), told(3, 6.0), told(5, 7.0), told(9, 8.0))
    one_by_one = (window("hold", (2, 4), (4, 6)), window("hold", (5, 8)))
    assert fleet(world(*words, windows=one_by_one), 0, 10).terms.online == 8 * 5 + 7 + 8


def test_a_window_counts_from_its_approval() -> None:
    waiting = world(windows=(window("exclude", (0, 10), approved_at=50), window("exclude", (0, 10), approved_at=None)))
    sums = [fleet(waiting, 0, 10, POLICY._replace(as_of=as_of)).excluded for as_of in (49, 50, None)]
    assert sums == [None, 100, 100]
    assert fleet(world(windows=(window("exclude", (0, 10), approved_at=None),)), 0, 10).excluded is None


def test_a_replaced_and_a_late_word_as_of_every_moment() -> None:
    first, second = told(0, 4.0, at=0, recorded_at=2, superseded_at=30), told(1, 6.0, at=0, recorded_at=30)
    late = told(5, 8.0, recorded_at=60)
    sums = [fleet(world(first, second, late), 0, 10, POLICY._replace(as_of=t)).terms.online for t in (1, 2, 29, 30, 60)]
    assert sums == [None, 40, 40, 54, 4 * 6 + 5 * 8]
    assert fleet(world(first, second, late), 0, 10).terms.online == 64


def test_a_corrected_ledger_as_of_then_and_now() -> None:
    wrong = EntryEvent("p", "built", 0, None, 20.0, 0, 100)
    corrected = World([told(0, 5.0)], [wrong, built(10.0)._replace(recorded_at=100)], [pool()], [site()])
    ratios = [fleet(corrected, 0, 10, POLICY._replace(as_of=t)).rates["online_ratio"] for t in (99, 100, None)]
    assert ratios == [Fraction(1, 4), Fraction(1, 2), Fraction(1, 2)]


def test_a_pool_counts_for_each_site_for_its_own_seconds() -> None:
    moves = [pool()._replace(valid_until=4), pool(at="other")._replace(valid_from=4, id="q")]
    moving = World([told(0, 5.0)], [built(10.0)], moves, [site(), site("other", province="江苏")])
    by_site, by_pool = (terms(moving, 0, 10, Question(group=group)) for group in ("site", "pool"))
    assert {name: one.online for name, one in by_site.items()} == {"s": 20, "other": 30}
    assert {name: one.built for name, one in by_pool.items()} == {"s/p": 40, "other/q": 60}
    assert [fleet(moving, 0, 10).sites_expected, fleet(moving, 0, 4).sites_heard] == [2, 1]
    by_vendor = terms(moving, 0, 10, Question(group="vendor", vendors={"A100": "NVIDIA"}))
    assert by_vendor["NVIDIA"].built == 100


def test_bases_are_never_added_and_nothing_is_counted_unregistered() -> None:
    pools = [pool(), pool("q", basis="fp32")._replace(valid_from=7)]
    two = World([told(0, 5.0), told(0, 3.0, pool="q")], [built(10.0), built(4.0, "q")], pools, [site()])
    assert [fleet(two, 0, 10, Question(basis=basis)).terms.online for basis in ("fp16", "fp32", "fp64")] == [
        50,
        9,
        None,
    ]
    assert state(two, "q", 6, None, "include") is None
    assert terms(two, 0, 7, Question(basis="fp32", group="site")) == {}


def test_extremes_are_those_of_fresh_words_whatever_is_expected() -> None:
    words = [told(0, 5.0, 2.0, max_age=3), told(6, 3.0, None, max_age=3), told(10, 99.0)]
    idle = World(words, [], [], [])
    assert extremes(idle, "p", 0, 10, None) == Extremes((3.0, 5.0), (2.0, 2.0), None)
    assert extremes(idle, "p", 4, 6, None) == Extremes(None, None, None)


@few
@given(questions(), st.data())
def test_pieces_add_up_to_the_whole(drawn: tuple[World, Asked], data: st.DataObject) -> None:
    of, (lo, hi, question) = drawn
    cut = data.draw(st.integers(lo, hi))
    pieces = series(of, [lo, cut, hi], question)
    for name, whole in period(of, lo, hi, question).items():
        assert sum((piece[name].terms for piece in pieces if name in piece), Terms()) == whole.terms


@few
@given(questions())
def test_groups_add_up_to_the_fleet(drawn: tuple[World, Asked]) -> None:
    of, (lo, hi, question) = drawn
    whole = terms(of, lo, hi, question._replace(group="fleet"))["fleet"]
    assert sum(terms(of, lo, hi, question).values(), Terms()) == whole


@few
@given(questions())
def test_views_differ_by_windows_only(drawn: tuple[World, Asked]) -> None:
    of, (lo, hi, question) = drawn
    include = period(of, lo, hi, question._replace(view="include"))
    of.windows = [one for one in of.windows if one.policy == "include" or one.approved_at is None]
    assert period(of, lo, hi, question._replace(view="policy")) == include


@few
@given(worlds())
def test_worlds_could_have_been_recorded(of: World) -> None:
    """Two rows that contradict each other were never current at one time."""
    rows: list[EntryEvent | PoolFacts | SiteFacts] = [*of.entries, *of.pools, *of.sites]
    owned = [(one[:2] if isinstance(one, EntryEvent) else one[:1], one) for one in rows]
    for (owner, one), (other_owner, other) in combinations(owned, 2):
        both_current = _meet(one.recorded_at, one.superseded_at, other.recorded_at, other.superseded_at)
        both_true = _meet(one.valid_from, one.valid_until, other.valid_from, other.valid_until)
        assert owner != other_owner or not (both_current and both_true), (one, other)
    for slot, same in combinations(of.samples, 2):
        both_current = _meet(slot.recorded_at, slot.superseded_at, same.recorded_at, same.superseded_at)
        assert (slot.pool, slot.at) != (same.pool, same.at) or not both_current, (slot, same)
    for word in of.samples:
        assert word.at - 10 <= word.source_at <= word.recorded_at + 300


def _meet(start: int, end: int | None, other_start: int, other_end: int | None) -> bool:
    return (other_end is None or start < other_end) and (end is None or other_start < end)


@few
@given(questions())
def test_bounds_hold_the_rates(drawn: tuple[World, Asked]) -> None:
    of, (lo, hi, question) = drawn
    for answer in period(of, lo, hi, question).values():
        for rate in ("online_ratio", "usage_ratio"):
            value, low, high = (answer.rates[name] for name in (rate, f"{rate}_low", f"{rate}_high"))
            assert value is None or (low is not None and high is not None and low <= value <= high)
