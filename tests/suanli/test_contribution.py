"""The parts of a change of a ratio of sums: nothing is left over, and each is the formula's, in exact fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from suanli.model.compare import Part, part_of
from suanli.model.contribution import Contribution, contributions
from suanli.model.rates import PoolState, rates_of, terms_of

figures = st.just(0.0) | st.floats(1e-2, 1e5)


@st.composite
def sides(draw: st.DrawFn) -> dict[str, Part]:
    """Any groups, some without a denominator, of numerators that may be unknown or above their denominators."""
    names = draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1))
    shares = st.none() | st.just(0.0) | st.floats(1e-6, 1.5)
    parts = {}
    for name in names:
        below, share = draw(figures), draw(shares)
        parts[name] = Part(None if share is None else share * (below or 1.0), below)
    assume(sum(part.denominator or 0 for part in parts.values()) > 1)
    assume(any(part.numerator is not None for part in parts.values()))
    return parts


def sums(parts: Mapping[str, Part]) -> tuple[Fraction, Fraction]:
    above = [Fraction(part.numerator or 0) for part in parts.values()]
    return sum(above, Fraction()), sum((Fraction(part.denominator or 0) for part in parts.values()), Fraction())


def by_hand(before: Mapping[str, Part], after: Mapping[str, Part], group: str) -> tuple[Fraction, Fraction]:
    """Rate effect and mix effect by the textbook formula, a missing rate being the one of the other side."""
    (n0, d0), (n1, d1) = sums(before), sums(after)
    old, new = (side.get(group, Part(0, 0)) for side in (before, after))
    w0, w1 = Fraction(old.denominator or 0) / d0, Fraction(new.denominator or 0) / d1
    r0 = Fraction(old.numerator or 0) / Fraction(old.denominator) if old.denominator else None
    r1 = Fraction(new.numerator or 0) / Fraction(new.denominator) if new.denominator else None
    r0, r1 = (r1 if r0 is None else r0) or Fraction(), (r0 if r1 is None else r1) or Fraction()
    return (w0 + w1) / 2 * (r1 - r0), ((r0 + r1) / 2 - (n0 / d0 + n1 / d1) / 2) * (w1 - w0)


def found(before: Mapping[str, Part], after: Mapping[str, Part]) -> dict[str, Contribution]:
    return {one.group: one for one in contributions(before, after) or ()}


@given(sides(), sides())
def test_the_totals_add_up_to_the_change(before: dict[str, Part], after: dict[str, Part]) -> None:
    parts = found(before, after)
    (n0, d0), (n1, d1) = sums(before), sums(after)
    assert parts.keys() == before.keys() | after.keys()
    exact = sum((Fraction(one.total) for one in parts.values()), Fraction())
    assert abs(exact - (n1 / d1 - n0 / d0)) < Fraction(1, 10**12)
    effects = sum((Fraction(one.rate_effect) + Fraction(one.mix_effect) for one in parts.values()), Fraction())
    assert abs(effects - exact) < Fraction(1, 10**12)


@given(sides(), sides())
def test_each_effect_is_the_formulas(before: dict[str, Part], after: dict[str, Part]) -> None:
    orphans = {
        name for side in (before, after) for name, part in side.items() if part.numerator and not part.denominator
    }
    for name, one in found(before, after).items():
        if name not in orphans:
            rate, mix = by_hand(before, after, name)
            assert one.rate_effect == pytest.approx(float(rate), abs=1e-12)
            assert one.mix_effect == pytest.approx(float(mix), abs=1e-12)
        assert one.total == pytest.approx(one.rate_effect + one.mix_effect, abs=1e-12)


@given(sides(), sides())
def test_backwards_every_effect_has_the_other_sign(before: dict[str, Part], after: dict[str, Part]) -> None:
    there, back = found(before, after), found(after, before)
    for name, one in there.items():
        mirrored = back[name]
        assert (one.rate_effect, one.mix_effect) == (-mirrored.rate_effect, -mirrored.mix_effect)


@given(sides(), st.integers(-3, 3))
def test_no_change_of_a_rate_or_a_share_is_no_contribution(before: dict[str, Part], power: int) -> None:
    """Sums of a period that is longer, or of a fleet that grew evenly, are the same rates and shares."""
    scale = 2.0**power
    grown = {
        name: Part(None if part.numerator is None else part.numerator * scale, (part.denominator or 0.0) * scale)
        for name, part in before.items()
    }
    assert {(one.rate_effect, one.mix_effect) for one in found(before, grown).values()} == {(0.0, 0.0)}


def test_trap_every_site_rises_and_the_city_falls() -> None:
    before = {"new": Part(10.0, 100.0), "old": Part(810.0, 900.0)}
    after = {"new": Part(180.0, 900.0), "old": Part(95.0, 100.0)}
    parts = found(before, after)
    assert sum(one.total for one in parts.values()) == pytest.approx(0.275 - 0.82)
    assert all(one.rate_effect > 0 for one in parts.values())
    assert parts["new"].rate_effect == pytest.approx(0.5 * 0.1)
    assert parts["new"].mix_effect == pytest.approx((0.15 - 0.5475) * 0.8)
    assert parts["old"].mix_effect == pytest.approx((0.925 - 0.5475) * -0.8)


def test_a_site_that_enters_is_all_mix_and_lowers_the_rate_if_its_own_is_lower() -> None:
    parts = found({"a": Part(80.0, 100.0)}, {"a": Part(80.0, 100.0), "b": Part(20.0, 100.0)})
    assert (parts["a"].rate_effect, parts["b"].rate_effect) == (0.0, 0.0)
    assert parts["b"].mix_effect == pytest.approx((0.2 - 0.65) * 0.5)
    assert parts["a"].mix_effect == pytest.approx((0.8 - 0.65) * -0.5)


def test_a_numerator_without_a_denominator_is_not_lost() -> None:
    """Used where nothing is online: broken, kept, and in the ratio of sums."""
    parts = found({"a": Part(50.0, 100.0), "b": Part(10.0, 0.0)}, {"a": Part(50.0, 100.0), "b": Part(0.0, 0.0)})
    assert parts["b"].rate_effect == 0.0
    assert (parts["b"].mix_effect, parts["b"].total) == pytest.approx((-0.1, -0.1))
    assert parts["a"].total == 0.0


def test_the_largest_comes_first_and_equal_ones_by_name() -> None:
    before = {name: Part(50.0, 100.0) for name in "cabd"}
    after = {"a": Part(60.0, 100.0), "b": Part(10.0, 100.0), "c": Part(60.0, 100.0), "d": Part(50.0, 100.0)}
    assert [one.group for one in contributions(before, after) or ()] == ["b", "a", "c", "d"]


@pytest.mark.parametrize(
    "nothing", [{}, {"a": Part(None, 100.0)}, {"a": Part(0.0, 0.0)}, {"a": Part(None, None)}], ids=str
)
def test_a_ratio_that_is_undefined_has_no_change(nothing: dict[str, Part]) -> None:
    something = {"a": Part(50.0, 100.0)}
    assert contributions(something, nothing) is None
    assert contributions(nothing, something) is None
    assert contributions(something, something) == (Contribution("a", 0.0, 0.0, 0.0),)


def test_a_site_that_fell_silent_lowers_the_published_online_rate_by_its_rate_effect() -> None:
    plain = PoolState("a", "p", "m", "安徽", "op", "fp16", "operational", built_pflops=100.0, online_pflops=80.0)
    before = {"a": [plain], "b": [replace(plain, site="b", built_pflops=300.0, online_pflops=300.0)]}
    after = {**before, "a": [replace(plain, online_pflops=None)]}
    parts = [
        {name: part_of(terms_of(pools), "online_ratio") for name, pools in side.items()} for side in (before, after)
    ]
    old, new = (rates_of(pool for pools in side.values() for pool in pools).online_ratio for side in (before, after))
    assert old is not None
    assert new is not None
    one = found(*parts)["a"]
    assert one.rate_effect == pytest.approx(new - old)
    assert one.mix_effect == 0.0
