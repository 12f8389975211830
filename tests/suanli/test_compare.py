"""What is missing to a value of a ratio, and how long it takes at a pace: examples by hand, laws in exact fractions."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from suanli.model.compare import Part, RatioMetric, Shortfall, days_at_pace, part_of, shortfall
from suanli.model.errors import InputError
from suanli.model.rates import PoolState, Terms, rates_from, terms_of, total

METRICS: tuple[RatioMetric, ...] = ("online_ratio", "usage_ratio", "overall_ratio")
figures = st.none() | st.just(0.0) | st.floats(1e-3, 1e5)
shares = st.floats(0.01, 0.99)


def pool(built: float | None, online: float | None, used: float | None) -> PoolState:
    plain = PoolState("s", "p", "m", "安徽", "op", "fp16", "operational")
    return replace(plain, built_pflops=built, online_pflops=online, used_pflops=used)


CITY = terms_of([pool(2000.0, 1800.0, 900.0), pool(200.0, None, None), pool(300.0, 200.0, None)])
"""built 2500, online 2000 of it; used 900 of the 1800 that told"""
any_terms = st.lists(st.builds(pool, figures, figures, figures), max_size=5).map(terms_of)


@pytest.mark.parametrize(
    ("metric", "value", "missing", "surplus"),
    [
        ("online_ratio", 0.88, 200.0, 0.0),
        ("online_ratio", 0.6, 0.0, 500.0),
        ("online_ratio", 0.8, 0.0, 0.0),
        ("usage_ratio", 0.6, 180.0, 0.0),
        ("usage_ratio", 0.38, 0.0, 216.0),
        ("overall_ratio", 0.4, 100.0, 0.0),
        ("overall_ratio", 0.3, 0.0, 150.0),
    ],
)
def test_what_is_missing_by_hand(metric: RatioMetric, value: float, missing: float, surplus: float) -> None:
    found = shortfall(CITY, metric, value)
    assert found
    assert (found.missing, found.surplus) == pytest.approx((missing, surplus))


def test_a_decimal_that_is_reached_leaves_no_crumb() -> None:
    """As floats 0.07 x 100 is 7.000000000000001."""
    assert shortfall(terms_of([pool(100.0, 7.0, 0.0)]), "online_ratio", 0.07) == Shortfall(0.0, 0.0)


@pytest.mark.parametrize(
    ("states", "unknown"),
    [
        ([], METRICS),
        ([pool(10.0, None, None)], METRICS),
        ([pool(10.0, 5.0, None)], ("usage_ratio", "overall_ratio")),
        ([pool(10.0, 0.0, 0.0)], ("usage_ratio",)),
    ],
)
def test_unknown_and_undefined_lack_nothing_that_could_be_said(
    states: list[PoolState], unknown: tuple[RatioMetric, ...]
) -> None:
    assert tuple(metric for metric in METRICS if shortfall(terms_of(states), metric, 0.5) is None) == unknown


@given(any_terms, st.sampled_from(METRICS))
def test_a_part_is_what_the_published_ratio_is_made_of(terms: Terms, metric: RatioMetric) -> None:
    above, below = part_of(terms, metric)
    ratio = getattr(rates_from(terms, 1, 1), metric)
    assert ratio == (None if above is None or not below else above / below)


def test_parts_that_nobody_told_are_unknown() -> None:
    assert [part_of(Terms(), metric) for metric in METRICS] == [Part(None, None)] * 3


@given(any_terms, st.sampled_from(METRICS), shares)
@example(terms_of([pool(3.0, 1.0, 1.0)]), "online_ratio", 1 / 3)
def test_something_is_missing_exactly_where_the_ratio_is_below(terms: Terms, metric: RatioMetric, value: float) -> None:
    ratio = getattr(rates_from(terms, 1, 1), metric)
    found = shortfall(terms, metric, value)
    if found is None:
        assert ratio is None
        return
    assert ratio is not None
    assert (found.missing > 0) == (ratio < value)
    assert found.surplus >= 0
    assert 0.0 in (found.missing, found.surplus)


@given(any_terms, st.sampled_from(METRICS), shares)
@example(terms_of([pool(0.01, 65537.0, 0.0)]), "online_ratio", 0.03125)
def test_with_what_is_missing_or_without_the_surplus_the_value_is_met(
    terms: Terms, metric: RatioMetric, value: float
) -> None:
    found = shortfall(terms, metric, value)
    if found is not None:
        above, below = (Fraction(one or 0) for one in part_of(terms, metric))
        met = (above + Fraction(found.missing) - Fraction(found.surplus)) / below
        rounding = float(above / below) * 2**-51  # of a surplus that is a float, where the rate is far above the value
        assert float(met) == pytest.approx(value, rel=1e-9, abs=rounding)


@given(any_terms, st.sampled_from(METRICS), shares, st.integers(2, 90))
def test_over_a_period_it_is_in_the_unit_of_the_sums(
    terms: Terms, metric: RatioMetric, value: float, seconds: int
) -> None:
    once, often = shortfall(terms, metric, value), shortfall(total([terms] * seconds), metric, value)
    assert (once is None) == (often is None)
    if once and often:
        scale = seconds * (part_of(terms, metric).denominator or 0.0)
        assert often.missing == pytest.approx(seconds * once.missing, abs=1e-9 * scale)
        assert often.surplus == pytest.approx(seconds * once.surplus, abs=1e-9 * scale)


@pytest.mark.parametrize(
    ("missing", "gained", "days"),
    [
        (200.0, 50.0, 120.0),
        (0.0, 50.0, 0.0),
        (0.0, -1.0, 0.0),
        (0.0, None, 0.0),
        (200.0, 0.0, "never"),
        (200.0, -50.0, "never"),
        (200.0, 5e-324, "never"),
        (200.0, None, None),
        (None, 50.0, None),
    ],
)
def test_days_at_the_pace_of_thirty_days(missing: float | None, gained: float | None, days: object) -> None:
    found = days_at_pace(missing, gained, 30)
    assert found == days
    json.dumps(found, allow_nan=False)


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.floats(1, 400))
def test_in_those_days_the_pace_brings_what_is_missing(missing: float, gained: float, over_days: float) -> None:
    days = days_at_pace(missing, gained, over_days)
    assert isinstance(days, float)
    assert days * gained / over_days == pytest.approx(missing)


@pytest.mark.parametrize("over_days", [0, -1.0, float("inf"), float("nan")])
def test_a_pace_is_taken_from_some_days(over_days: float) -> None:
    with pytest.raises(InputError, match="over_days: expected"):
        days_at_pace(1.0, 1.0, over_days)
