"""What is no amount is kept beside its reason, and costs no other figure."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.amounts import Amounts, samples_of_amounts
from collectors.base import Unreadable
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Refused, Sample
from suanli.model.site import Source
from suanli.model.units import Unit
from tests.collectors.cases import NOW

POOLS = tuple(PolledPool(id_, id_, frozenset(), peak) for id_, peak in (("a", 0.5), ("b", 2.0), ("c", None)))
SITE = PolledSite("s", Source(kind="http_json", url="http://127.0.0.1:9"), POOLS, interval=60, timeout=1.0, max_age=180)
NO_VALUE = 'a mark for "no value"'


def samples(*said: tuple[str, str, float | None], unit: Unit = "devices") -> list[Sample]:
    amounts = Amounts()
    for pool, rung, value in said:
        amounts.add(pool, rung, value)
    return samples_of_amounts(SITE, amounts, unit, NOW, NOW)


@pytest.mark.parametrize(
    ("value", "text", "why"),
    [
        (-1.0, "-1.0", NO_VALUE),
        (-3.0, "-3.0", "negative"),
        (-0.001, "-0.001", "negative"),
        (math.nan, "nan", "not a number"),
        (math.inf, "inf", "infinite"),
        (-math.inf, "-inf", "infinite"),
        (2.0**63, "9.223372036854775807e+18", NO_VALUE),
        (2.0**31 - 1, "2147483647.0", NO_VALUE),
        (1e9, "1000000000.0", "more than 1e+08 devices"),
        (1e7, "10000000.0", "more than 1e+06 PFLOPS"),
    ],
)
def test_a_number_that_is_no_amount_is_refused_by_name(value: float, text: str, why: str) -> None:
    pool = "c" if "devices" in why else "b"
    (sample,) = samples((pool, "online", 8.0), (pool, "used", value))

    (refused,) = sample.refused
    assert float(refused.value) == pytest.approx(float(text), nan_ok=True)
    assert refused == Refused(pool=pool, rung="used", value=repr(value), why=why)
    assert (sample.online_devices, sample.used_devices, sample.used_pflops) == (8.0, None, None)
    assert sample.quality == "partial"
    assert sample.reason.startswith("used is no believable number")


def test_a_missing_number_is_unknown_and_nothing_is_refused() -> None:
    (sample,) = samples(("a", "online", 8.0), ("a", "used", None))
    assert (sample.refused, sample.quality) == ((), "partial")


def test_a_mark_among_elements_is_refused_before_it_is_lost_in_a_sum() -> None:
    (sample,) = samples(("a", "online", 1e18), ("a", "used", 2.0**63), ("a", "used", 1e18), unit="FLOPS")
    assert [str(one) for one in sample.refused] == [f"a: used 9.223372036854776e+18: {NO_VALUE}"]
    assert sample.used_pflops is None


def test_a_sum_of_believable_numbers_may_be_beyond_belief() -> None:
    (sample,) = samples(("a", "online", 1.0), *[("a", "used", 6e5)] * 2, unit="PFLOPS")
    assert [str(one) for one in sample.refused] == ["a: used 1200000.0: more than 1e+06 PFLOPS"]
    (whole,) = samples(("a", "used", 5e5), ("a", "used", 5e5), unit="PFLOPS")
    assert (whole.used_pflops, whole.refused) == (1e6, ())


def test_equal_numbers_are_told_once_and_many_in_brief() -> None:
    said = [("a", "used", -1.0)] * 1000 + [("a", "used", -2.0 - n) for n in range(7)]
    (sample,) = samples(("a", "online", 8.0), *said)

    assert [(one.value, one.why) for one in sample.refused] == [
        ("-1.0", f"{NO_VALUE}, 1000 times"),
        *[(f"-{n}.0", "negative") for n in (2, 3, 4, 5)],
        ("and 3 more", "no amounts"),
    ]


def test_refused_numbers_of_a_pool_without_a_sample_are_told_by_the_first() -> None:
    a, b = samples(("a", "used", 1.0), ("b", "used", 1.0), ("b", "online", -1.0), ("c", "online", -2.0))

    assert [str(one) for one in a.refused] == ["c: online -2.0: negative"]
    assert [str(one) for one in b.refused] == [f"b: online -1.0: {NO_VALUE}"]
    assert (a.quality, b.quality) == ("ok", "partial")


def test_nothing_but_refused_numbers_is_unreadable_and_names_one() -> None:
    with pytest.raises(
        Unreadable, match=r"no pool of this site has a number in the answer \(a: used -2.0: negative\);"
    ):
        samples(("a", "used", -2.0), ("b", "used", None))


numbers = st.none() | st.floats() | st.sampled_from([-1.0, 2.0**63, 2.0**64, 1e8, 3.0])
said = st.tuples(st.sampled_from("abc"), st.sampled_from(["online", "used", "busy"]), numbers)


@given(elements=st.lists(said, max_size=8), unit=st.sampled_from(["devices", "FLOPS", "TFLOPS", "PFLOPS", "EFLOPS"]))
def test_whatever_comes_a_figure_is_the_sum_of_its_elements_or_unknown(
    elements: list[tuple[str, str, float | None]], unit: Unit
) -> None:
    try:
        found = {sample.pool: sample for sample in samples(*elements, unit=unit)}
    except Unreadable:
        return
    refused = {(one.pool, one.rung) for sample in found.values() for one in sample.refused}
    for pool, sample in found.items():
        for rung in ("online", "used"):
            values = [value for at, name, value in elements if (at, name) == (pool, rung)]
            figure = sample.online_devices if rung == "online" else sample.used_devices
            if unit == "devices" and figure is not None:
                assert figure == sum(value for value in values if value is not None)
                assert (pool, rung) not in refused
    bad = {(pool, rung) for pool, rung, value in elements if value is not None and not 0 <= value < math.inf}
    assert bad <= refused
