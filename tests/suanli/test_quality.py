"""The entrance: each check at its threshold, and what may never happen to a figure."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.model.sample import Refused, Sample
from suanli.quality.base import Known
from suanli.quality.entrance import CHECKS, examined
from tests.suanli.making import T0, a_sample

PEAK = 0.312
FIGURES = ("online_pflops", "used_pflops", "busy_pflops", "online_devices", "used_devices")


def sampled(figures: dict[str, Any], **more: Any) -> Sample:
    """A sample at T0 of these figures by field."""
    return a_sample(T0).model_copy(update={**figures, **more})


def reasons(sample: Sample, **known: Any) -> dict[str, str]:
    """Check -> reason, of all checks that have one."""
    told = Known(**({"now": T0} | known))
    return {check.name: reason for check in CHECKS if (reason := check.judge(sample, told)) is not None}


def fired(sample: Sample, **known: Any) -> set[str]:
    return set(reasons(sample, **known))


def test_each_check_has_a_name_of_its_own_and_says_what_it_looks_for_in_both_languages() -> None:
    names = ["sentinel", "future", "unit", "ladder", "jump", "ahead", "past", "sparse", "precision"]
    assert [check.name for check in CHECKS] == names
    assert {check.name for check in CHECKS if check.action == "hold"} == {"sentinel", "future", "unit"}
    for check in CHECKS:
        assert check.why.endswith(".")
        assert check.zh.endswith("。")


# ---------------------------------------------------------------- marks for "no value"


@pytest.mark.parametrize(
    "mark", [-1, -5, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**63, 2**64, 2**31 - 14, math.nan, math.inf]
)
@pytest.mark.parametrize("field", ["online_devices", "used_devices"])
def test_a_count_that_is_no_amount_is_sentinel(field: str, mark: float) -> None:
    assert "sentinel" in fired(sampled({"online_pflops": 1.0, field: float(mark)}))


@pytest.mark.parametrize(
    ("pflops", "peak"),
    [
        (2.0**63 * 1e-15, None),
        (2.0**64 * 1e-15, PEAK),
        ((2**31 - 1) * 1e-15, None),
        (float(2**47) * 1e-15, None),
        ((2**31 - 1) * 1e-4, 1e-4),
    ],
)
@pytest.mark.parametrize("field", FIGURES[:3])
def test_a_mark_in_another_unit_is_sentinel(field: str, pflops: float, peak: float | None) -> None:
    assert "sentinel" in fired(sampled({field: pflops}), peak_pflops=peak)
    assert "sentinel" not in fired(sampled({field: pflops * (1 + 1e-9)}), peak_pflops=peak)


@pytest.mark.parametrize("devices", [0.0, 65_535.0, float(2**31 - 2), 2.0**31, 2.0**32])
def test_an_amount_beside_a_mark_is_none(devices: float) -> None:
    assert "sentinel" not in fired(a_sample(T0, 0.0, online_devices=devices))


# ---------------------------------------------------------------- the ladder


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"online_pflops": 10.0, "used_pflops": 12.0}, "used 12 is more than online 10 PFLOPS"),
        ({"online_pflops": 10.0, "used_pflops": 5.0, "busy_pflops": 6.0}, "busy 6 is more than used 5 PFLOPS"),
        ({"online_pflops": 10.0, "busy_pflops": 11.0}, "busy 11 is more than online 10 PFLOPS"),
        ({"online_pflops": 0.0, "used_pflops": 1e-9}, "used 1e-09 is more than online 0 PFLOPS"),
        ({"online_devices": 8.0, "used_devices": 9.0}, "used 9 is more than online 8 devices"),
    ],
)
def test_a_broken_ladder_is_told_with_its_figures(figures: dict[str, float], words: str) -> None:
    assert reasons(sampled(figures)) == {"ladder": words}


def test_a_ladder_may_be_level_and_differ_in_the_last_digits() -> None:
    assert fired(a_sample(T0, 10.0, 10.0, busy_pflops=10.0, online_devices=8.0, used_devices=8.0)) == set()
    assert fired(a_sample(T0, 10.0, 10.0 * (1 + 9e-10))) == set()
    assert fired(a_sample(T0, 10.0, 10.0 * (1 + 2e-9))) == {"ladder"}


# ---------------------------------------------------------------- jumps


@pytest.mark.parametrize(
    ("was", "is_", "built", "jumps"),
    [
        (100.0, 49.9, 100.0, True),
        (100.0, 50.0, 100.0, False),
        (20.0, 71.0, 100.0, True),
        (80.0, 0.0, 100.0, True),
        (0.0, 80.0, 100.0, True),
        (0.0, 0.0, 100.0, False),
        (50.0, 0.0, 100.0, False),
        (100.0, 49.9, None, True),
        (100.0, 50.0, None, False),
        (50.0, 100.0, None, False),
        (0.0, 1.0, None, True),
        (0.0, 0.0, None, False),
        (100.0, 49.9, 0.0, True),
    ],
)
def test_more_than_half_of_what_is_built_is_a_jump(was: float, is_: float, built: float | None, jumps: bool) -> None:
    before, sample = a_sample(T0 - 60, was), a_sample(T0, is_)
    assert ("jump" in fired(sample, before=before, built_pflops=built)) == jumps


def test_a_jump_says_from_what_to_what() -> None:
    assert reasons(a_sample(T0, 20.0), before=a_sample(T0 - 60, 100.0), built_pflops=110.0) == {
        "jump": "online went from 100 to 20 PFLOPS within 60 s; half of built is 55"
    }
    assert reasons(a_sample(T0, 20.0), before=a_sample(T0 - 60, 100.0)) == {
        "jump": "online went from 100 to 20 PFLOPS within 60 s; half of the larger of both is 50"
    }


def test_a_jump_is_from_a_word_that_still_holds() -> None:
    def jumps(seconds: int) -> bool:
        return "jump" in fired(a_sample(T0, 1.0), before=a_sample(T0 - seconds, 100.0, max_age=180))

    assert [jumps(seconds) for seconds in (-1, 0, 1, 180, 181)] == [False, True, True, True, False]


def test_a_sample_that_stays_at_the_new_level_is_no_jump() -> None:
    before = a_sample(T0 - 60, 100.0)
    down, _ = examined(a_sample(T0, 0.0), Known(now=T0, before=before, built_pflops=100.0))
    assert down is not None
    assert down.quality == "suspect"
    assert fired(a_sample(T0 + 60, 0.0), now=T0 + 60, before=down, built_pflops=100.0) == set()


# ---------------------------------------------------------------- clocks


@pytest.mark.parametrize(
    ("seconds", "names"),
    [
        (-60, set()),
        (0, set()),
        (300, set()),
        (301, {"ahead"}),
        (86_400, {"ahead"}),
        (86_401, {"future"}),
        (10**9, {"future"}),
    ],
)
def test_a_time_ahead_of_our_clock_is_flagged_and_from_a_day_on_held(seconds: int, names: set[str]) -> None:
    sample = a_sample(T0 + seconds, 1.0)
    assert fired(sample) == names
    assert all(text == f"its time is {seconds} s ahead of our clock" for text in reasons(sample).values())


def test_what_was_too_old_when_it_was_fetched_is_past_unless_a_person_said_it() -> None:
    def names(lag: int, quality: str = "ok") -> set[str]:
        return fired(a_sample(T0 - lag, 1.0, fetched_at=T0, max_age=600, quality=quality))

    assert names(600) == set()
    assert names(601) == names(601, "partial") == {"past"}
    assert names(10**7, "declared") == names(10**7, "estimated") == set()


# ---------------------------------------------------------------- units and precisions


@pytest.mark.parametrize(
    ("online", "holds"),
    [
        (100_000.0, True),
        (10_000.1, True),
        (10_000.0, False),
        (0.1, True),
        (100 / 900, True),
        (100 / 1100, True),
        (100 / 899, False),
        (100 / 1101, False),
        (0.0, False),
        (100.0, False),
    ],
)
def test_a_thousand_times_is_another_unit(online: float, holds: bool) -> None:
    assert ("unit" in fired(a_sample(T0, online), built_pflops=100.0)) == holds


def test_one_counted_device_of_a_thousand_is_no_mistake_of_units() -> None:
    built = 1000 * PEAK
    assert fired(a_sample(T0, PEAK, online_devices=1.0), built_pflops=built, peak_pflops=PEAK) == set()
    assert fired(a_sample(T0, PEAK), built_pflops=built, peak_pflops=PEAK) == {"unit"}
    # More than a hundred times is held however it was counted.
    assert "unit" in fired(a_sample(T0, 101 * PEAK, online_devices=101.0), built_pflops=PEAK, peak_pflops=PEAK)


TIMES = [
    (1.0, set()),
    (1.89, set()),
    (1.91, {"sparse"}),
    (2.0, {"sparse"}),
    (2.09, {"sparse"}),
    (2.11, set()),
    (3.79, set()),
    (3.81, {"precision"}),
    (4.19, {"precision"}),
    (4.21, set()),
    (7.49, set()),
    (7.51, {"precision"}),
    (8.49, {"precision"}),
    (8.51, set()),
]


@pytest.mark.parametrize(("times", "names"), TIMES)
def test_multiples_of_what_is_built(times: float, names: set[str]) -> None:
    assert fired(a_sample(T0, 100 * times), built_pflops=100.0) == names
    # Devices without a published peak cannot be measured by it.
    assert fired(a_sample(T0, 100 * times, online_devices=50.0), built_pflops=100.0) == names


@pytest.mark.parametrize(("times", "names"), TIMES)
def test_multiples_of_the_dense_peak_of_a_device(times: float, names: set[str]) -> None:
    sample = a_sample(T0, 100 * PEAK * times, online_devices=100.0)
    assert fired(sample, peak_pflops=PEAK) == names
    assert fired(sample, peak_pflops=PEAK, built_pflops=1000.0) == names


def test_counted_devices_at_the_dense_peak_are_not_sparse_however_little_the_ledger_has() -> None:
    sample = a_sample(T0, 100 * PEAK, online_devices=100.0)
    assert fired(sample, peak_pflops=PEAK, built_pflops=50 * PEAK) == set()


def test_the_reasons_have_their_figures() -> None:
    assert reasons(a_sample(T0, 200.0), built_pflops=100.0) == {
        "sparse": "online 200 PFLOPS is 2 times the 100 built: probably the sparse peak"
    }
    assert reasons(a_sample(T0, 64.0, online_devices=80.0), peak_pflops=0.1) == {
        "precision": "0.8 PFLOPS a device is 8 times the dense peak 0.1: "
        "probably the peak of another precision, such as FP4 with sparsity"
    }
    assert reasons(a_sample(T0, 1e5), built_pflops=100.0) == {
        "unit": "online 100000 PFLOPS is 1e+03 times the 100 built: "
        "its unit is wrong, or an entry of the ledger is missing"
    }


# ---------------------------------------------------------------- the entrance as a whole

figures = st.none() | st.just(0.0) | st.floats(0, 1e6) | st.sampled_from([2.0**63 * 1e-15, 1e-3, 100.0, 200.0, 1e5])
counts = st.none() | st.sampled_from([-1.0, 2.0**63, math.inf]) | st.integers(0, 10**6).map(float)
known = st.builds(
    Known,
    now=st.just(T0),
    built_pflops=figures,
    peak_pflops=st.none() | st.floats(1e-4, 5.0),
    before=st.none() | st.builds(a_sample, st.integers(T0 - 300, T0), figures),
)


@st.composite
def any_sample(draw: st.DrawFn) -> Sample:
    times = {"source_at": T0 + draw(st.integers(-400, 10**6)), "quality": draw(st.sampled_from(["ok", "partial"]))}
    told = {field: draw(figures if field.endswith("pflops") else counts) for field in FIGURES}
    return sampled(told, **times, reason=draw(st.sampled_from(["", "as it was"])))


@given(sample=any_sample(), beside=known)
def test_a_sample_is_recorded_or_held_and_no_figure_is_ever_changed(sample: Sample, beside: Known) -> None:
    passed, held = examined(sample, beside)

    holding = {check.name for check in CHECKS if check.action == "hold" and check.judge(sample, beside)}
    assert (passed is None) == bool(holding)
    if held is not None:
        assert held.sample is sample
        assert held.check in holding
        assert held.reason
    if passed is not None:
        changes = {"quality", "reason"}
        assert passed.model_dump(exclude=changes) == sample.model_dump(exclude=changes)
        flags = [f"{check.name}: {text}" for check in CHECKS if (text := check.judge(sample, beside))]
        assert passed.quality == ("suspect" if flags else sample.quality)
        assert passed.reason == "; ".join([sample.reason] * bool(sample.reason) + flags)


@given(beside=known)
def test_figures_that_nobody_knows_fire_nothing(beside: Known) -> None:
    sample = a_sample(T0)
    assert examined(sample, beside) == (sample, None)


def test_several_flags_stand_side_by_side_behind_what_was_known() -> None:
    sample = a_sample(T0, 10.0, 12.0, quality="partial", reason="b200 matches no pool")
    passed, held = examined(sample, Known(now=T0, before=a_sample(T0 - 60, 30.0)))

    assert held is None
    assert passed is not None
    assert passed.quality == "suspect"
    assert passed.reason == (
        "b200 matches no pool; ladder: used 12 is more than online 10 PFLOPS; "
        "jump: online went from 30 to 10 PFLOPS within 60 s; half of the larger of both is 15"
    )


def test_a_sample_with_refused_numbers_survives_json() -> None:
    refused = Refused(pool="p", rung="used", value="nan", why="not a number")
    sample = a_sample(T0, 1.0, refused=(refused,))
    assert Sample.model_validate_json(sample.model_dump_json()) == sample
    assert str(refused) == "p: used nan: not a number"
