"""Inspections: what they find in made-up histories, and that honest pools are left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli.quality.copied import identical
from suanli.quality.deadline import month_ends, round_at_deadline
from suanli.quality.disagreeing import disagreement
from suanli.quality.history import Finding, Hourly
from suanli.quality.inspections import INSPECTIONS, inspected
from suanli.quality.standing import constant, silent_zero
from tests.suanli.making import ZONE, local, utc

DAY = 86_400
START = utc(2026, 11, 2)
FLAT = (60.0,)
Made = Sequence[float | None]


def hourly(
    used: Made, *, online: Made = (100.0,), busy: Made = (None,), site: str = "s", pool: str = "p", start: int = START
) -> Hourly:
    """As many hours as `used` has; a shorter figure goes on with its last value."""

    def whole(figures: Made) -> tuple[float | None, ...]:
        return (*figures, *[figures[-1]] * (len(used) - len(figures)))

    hours = tuple(start + 3600 * place for place in range(len(used)))
    return Hourly(site, pool, hours, whole(online), tuple(used), whole(busy))


def walk(seed: int, hours: int, devices: int = 512, peak: float = 0.25) -> list[float]:
    """Hourly means of a pool whose jobs come and go: four looks an hour at a count of devices."""
    random, count, means = Random(seed), devices // 2, []  # noqa: S311 - no secret is made of it
    for _ in range(hours):
        looks = []
        for _ in range(4):
            count = min(devices - 1, max(1, count + random.randint(-40, 40)))
            looks.append(count * peak)
        means.append(sum(looks) / 4)
    return means


def other(hours: int) -> Hourly:
    """Another pool of the fleet, that moves."""
    return hourly(walk(99, hours), online=(128.0,), site="z")


def spans(findings: list[Finding]) -> list[tuple[str, str, float, float]]:
    """Site, check, and from which hour to which."""
    return [(one.site, one.check, (one.since - START) / 3600, (one.until - START) / 3600) for one in findings]


def test_each_inspection_has_a_name_of_its_own_in_both_languages() -> None:
    assert [one.name for one in INSPECTIONS] == [
        *("constant", "silent-zero", "disagreement", "identical", "round-at-deadline")
    ]
    assert all(one.why.endswith(".") and one.zh.endswith("。") for one in INSPECTIONS)


def test_figures_must_be_as_many_as_the_hours() -> None:
    with pytest.raises(ValueError, match="s/p: the figures are not as many as the hours"):
        Hourly("s", "p", (START,), (1.0,), (1.0, 2.0), (None,))


# ---------------------------------------------------------------- constant


@pytest.mark.parametrize(("hours", "found"), [(71, []), (72, [("s", "constant", 0, 72)])])
def test_a_number_that_stands_for_three_days_is_constant(hours: int, found: list[object]) -> None:
    assert spans(constant([hourly(FLAT * hours), other(hours)], ZONE)) == found


def test_a_number_stands_still_only_where_something_else_moves() -> None:
    still = hourly(FLAT * 72)
    assert constant([still], ZONE) == []
    assert constant([still, hourly(FLAT * 72, site="z")], ZONE) == []
    online, busy = hourly(FLAT * 72, online=[100.0] * 30 + [96.0]), hourly(FLAT * 72, busy=[7.0, 8.0])
    for name, moving in (("online", online), ("busy", busy)):
        (finding,) = constant([moving], ZONE)
        assert finding.reason == (
            "used is 60 PFLOPS in every hour, "
            f"while its {name} changed: is it measured, or kept by hand? One long job looks the same"
        )


def test_only_what_moves_within_the_span_counts() -> None:
    before = hourly([50.0] * 10 + [60.0] * 72, online=[90.0] * 10 + [100.0])
    assert constant([before], ZONE) == []
    elsewhere = hourly([1.0] * 10 + [2.0] * 72, site="z", online=(2.5,))
    assert constant([before, elsewhere], ZONE) == []
    assert len(constant([before, hourly([1.0] * 11 + [2.0] * 71, site="z", online=(2.5,))], ZONE)) == 1


def test_full_and_idle_pools_stand_still_honestly() -> None:
    full = hourly([100.0] * 100, online=[100.0] * 50 + [100.0 * (1 + 1e-12)])
    idle = hourly([0.0] * 100)
    assert constant([full, idle, other(100)], ZONE) == []
    # A device came back from repair and stood idle for some hours.
    assert constant([hourly([100.0] * 100, online=[100.0] * 50 + [101.0] * 49 + [100.0]), other(100)], ZONE) == []
    assert constant([hourly([100.0] * 100, online=[100.0] * 49 + [101.0]), other(100)], ZONE) != []


def test_unknown_hours_neither_end_a_span_nor_make_one() -> None:
    half = [60.0, None] * 36 + [60.0]
    assert spans(constant([hourly(half), other(73)], ZONE)) == [("s", "constant", 0, 73)]
    assert constant([hourly([60.0, None, None] * 40), other(120)], ZONE) == []
    assert constant([hourly(FLAT * 80, online=(None,)), other(80)], ZONE) == []


def test_the_last_digits_of_a_mean_do_not_matter_and_a_change_does() -> None:
    digits = [60.0, 60.0 * (1 + 1e-12)] * 36
    assert len(constant([hourly(digits), other(72)], ZONE)) == 1
    assert constant([hourly([60.0] * 40 + [60.0001] + [60.0] * 40), other(81)], ZONE) == []
    drift = [60.0 * (1 + 1e-10) ** hour for hour in range(80)]
    assert constant([hourly(drift), other(80)], ZONE) == []


def test_the_days_can_be_chosen() -> None:
    assert len(constant([hourly(FLAT * 24), other(24)], ZONE, days=1)) == 1


# ---------------------------------------------------------------- zeros while there is work


@pytest.mark.parametrize(
    ("used", "busy", "silent", "works"), [(0.0, 50.0, "used", "busy"), (60.0, 0.0, "busy", "used")]
)
def test_zeros_beside_work_are_silent(used: float, busy: float, silent: str, works: str) -> None:
    (finding,) = silent_zero([hourly([used] * 48, busy=(busy,))], ZONE)

    assert (finding.check, finding.since, finding.until) == ("silent-zero", START, START + 2 * DAY)
    assert finding.reason == (f"{silent} is 0 in every hour, while {works} is not: has what measures {silent} stopped?")
    assert silent_zero([hourly([used] * 47, busy=(busy,))], ZONE) == []


@pytest.mark.parametrize(
    "series",
    [
        hourly([0.0] * 99, busy=(0.0,)),
        hourly([0.0] * 99, busy=(5.0,)),
        hourly([5.0] * 99, busy=(0.0,)),
        hourly([0.0] * 99, busy=(None,)),
        hourly([None] * 99, busy=(50.0,)),
        hourly([0.0] * 99, busy=(50.0,), online=(None,)),
        hourly([0.0] * 40 + [1.0] + [0.0] * 40, busy=(50.0,)),
        hourly([60.0] * 99, busy=(50.0,)),
        hourly([0.0] * 99, busy=[50.0] * 40 + [0.0]),
    ],
)
def test_little_work_none_or_nobodys_word_is_not_silent(series: Hourly) -> None:
    assert silent_zero([series], ZONE) == []


# ---------------------------------------------------------------- identical


def test_a_copy_on_another_site_is_found_for_both_and_days_in_a_row_are_one() -> None:
    used = walk(1, 72)
    found = identical([hourly(used, site="a"), hourly(used, site="b", online=(200.0,)), other(72)], ZONE)

    assert spans(found) == [("a", "identical", 0, 72), ("b", "identical", 0, 72)]
    assert [one.reason for one in found] == [
        f"used is that of {site}/p in every hour: whose figures are these?" for site in "ba"
    ]


def test_the_same_utilisation_of_another_size_is_a_copy_too() -> None:
    used = walk(1, 24, devices=256)
    found = identical(
        [hourly(used, site="a", online=(64.0,)), hourly([value * 3.7 for value in used], site="b", online=(64 * 3.7,))],
        ZONE,
    )

    assert [(one.site, one.reason.split(" is ")[0]) for one in found] == [("a", "used/online"), ("b", "used/online")]


def test_a_copy_needs_a_whole_day_and_six_values() -> None:
    def found(used: Made, start: int = START) -> int:
        return len(identical([hourly(used, site=site, start=start) for site in "ab"], ZONE))

    used = walk(1, 47)
    assert [found(used[:23]), found(used[:24]), found(used[:46], START + 3600), found(used, START + 3600)] == [
        0,
        2,
        0,
        2,
    ]
    assert [found([*range(1, 5), *[5.0] * 20]), found([*range(1, 6), *[6.0] * 19])] == [0, 2]
    assert found([*used[:5], None, *used[6:24]]) == 0


def test_a_day_without_an_hour_ends_a_span_of_days() -> None:
    used: list[float | None] = [*walk(1, 96)]
    used[30] = None
    found = identical([hourly(used, site=site) for site in "ab"], ZONE)
    assert spans(found) == [(site, "identical", *span) for span in ((0, 24), (48, 96)) for site in "ab"]
    kept = [hour for hour in range(96) if hour != 30]
    hours, known = tuple(START + 3600 * hour for hour in kept), tuple(used[hour] for hour in kept)
    without = Hourly("c", "p", hours, (100.0,) * 95, known, (None,) * 95)
    assert len(identical([without, hourly(used, site="a")], ZONE)) == 4


def test_pools_of_one_site_may_be_parts_of_one_cluster() -> None:
    used = walk(1, 24)
    assert identical([hourly(used, pool="a"), hourly(used, pool="b")], ZONE) == []
    found = identical([hourly(used, pool="a"), hourly(used, pool="b"), hourly(used, site="t")], ZONE)
    assert [(one.site, one.pool) for one in found] == [("s", "a"), ("s", "b"), ("t", "p")]


def test_nearly_the_same_is_not_the_same() -> None:
    used = walk(1, 24)
    near = [value * (1 + 1e-8) for value in used]
    assert identical([hourly(used, site="a"), hourly(near, site="b")], ZONE) == []
    last_bits = [value * (1 + 1e-14) for value in used]
    assert len(identical([hourly(used, site="a"), hourly(last_bits, site="b")], ZONE)) == 2


def test_shares_on_the_edge_of_rounding_still_meet() -> None:
    shares = [count / 256 for count in range(7, 7 + 48, 2)]
    above = [share * (1 + 1e-14) for share in shares]
    assert len(identical([hourly(shares, site="a"), hourly(above, site="b")], ZONE)) == 2


# ---------------------------------------------------------------- round at deadlines

LATE = local(date(2026, 11, 20))
END = (local(date(2026, 11, 30)) - LATE) // 3600  # the hour at which the last day begins, of a history to 6 December
HOURS = 16 * 24


Value = Callable[[int], float | None]


def reported(value: float | Value, hours: int = 48) -> list[float | None]:
    """A history that walks and is never round, and in the first of the deadline's 48 hours is as `value` says."""
    used: list[float | None] = [figure + 0.013 for figure in walk(3, HOURS)]
    used[END : END + hours] = [value(hour) if callable(value) else value for hour in range(hours)]
    return used


def test_month_ends() -> None:
    days = [date(2026, 11, 30), date(2026, 12, 1), date(2028, 2, 29), date(2026, 2, 28), date(2026, 12, 31)]
    assert all(map(month_ends, days))
    assert not any(map(month_ends, [date(2028, 2, 28), date(2026, 11, 29), date(2026, 12, 2)]))


@pytest.mark.parametrize(
    "value",
    [65.0, lambda hour: 60.0 + 5 * (hour % 3), lambda hour: (70.0, None)[hour % 2]],
    ids=["percent", "moving", "with gaps"],
)
def test_round_figures_when_a_report_is_due_are_found(value: float | Value) -> None:
    (finding,) = round_at_deadline([hourly(reported(value), start=LATE)], ZONE)

    assert finding.check == "round-at-deadline"
    assert local(date(2026, 11, 30)) == finding.since
    assert finding.until >= local(date(2026, 12, 2)) - 3600
    assert "from 2026-11-30 00:00 to 2026-12-0" in finding.reason
    assert finding.reason.endswith("of 336 at other times: who wrote it?")


def test_tens_of_pflops_are_round_too() -> None:
    used = reported(70.0)
    assert len(round_at_deadline([hourly(used, start=LATE, online=(131.7,))], ZONE)) == 1
    odd = reported(71.0)
    assert round_at_deadline([hourly(odd, start=LATE, online=(131.7,))], ZONE) == []


def test_what_is_round_always_never_or_by_nature_is_no_finding() -> None:
    always = hourly([60.0 + 5 * (hour % 4) for hour in range(HOURS)], start=LATE)
    never = hourly(walk(3, HOURS), start=LATE)
    full, idle = (hourly(reported(value), start=LATE) for value in (100.0, 0.0))
    few = hourly(reported(65.0, hours=11)[: END + 11], start=LATE)
    unknown = hourly(reported(65.0), start=LATE, online=(None,))
    assert round_at_deadline([always, never, full, idle, few, unknown], ZONE) == []
    enough = hourly(reported(65.0, hours=12)[: END + 12], start=LATE)
    assert len(round_at_deadline([enough], ZONE)) == 1


def test_four_in_five_hours_and_one_in_ten_besides() -> None:
    def found(odd: int, besides: int) -> int:
        used = reported(lambda hour: 61.7 if hour < odd else 65.0)
        used[:besides] = [65.0] * besides
        return len(round_at_deadline([hourly(used, start=LATE)], ZONE))

    assert [found(9, 0), found(10, 0)] == [1, 0]
    assert [found(0, 33), found(0, 34)] == [1, 0]
    assert round_at_deadline([hourly(reported(65.0)[END - 71 :], start=LATE + 3600 * (END - 71))], ZONE)
    short = reported(65.0)[END - 71 : END + 48]
    assert round_at_deadline([hourly(short, start=LATE + 3600 * (END - 71))], ZONE) == []


def test_other_deadlines_can_be_given() -> None:
    series = hourly(reported(65.0), start=LATE)
    assert round_at_deadline([series], ZONE, due=lambda day: day.day == 15) == []


# ---------------------------------------------------------------- honest fleets


@settings(max_examples=25, deadline=None)
@given(seeds=st.lists(st.integers(0, 2**32), min_size=3, max_size=3, unique=True), gaps=st.sets(st.integers(0, HOURS)))
def test_honest_pools_are_left_alone(seeds: list[int], gaps: set[int]) -> None:
    def gapped(figures: Sequence[float]) -> list[float | None]:
        return [None if hour in gaps else value for hour, value in enumerate(figures)]

    walks = [walk(seed, HOURS) for seed in seeds]
    fleet = [
        hourly(
            gapped(used), site=f"s{place}", online=(128.0,), busy=gapped([value * 0.7 for value in used]), start=LATE
        )
        for place, used in enumerate(walks)
    ]
    for name, level in (("full", 100.0), ("idle", 0.0)):
        fleet += [
            hourly(gapped([level] * HOURS), site=f"{name}{place}", busy=(level * 0.9,), start=LATE) for place in "ab"
        ]
    fleet.append(hourly([None] * HOURS, site="silent", online=(None,), start=LATE))
    fleet.append(Hourly("new", "p", (), (), (), ()))

    assert inspected(fleet, ZONE) == []


def test_all_that_is_found_comes_in_order() -> None:
    used = walk(1, 72)
    fleet = [
        hourly(used, site="b", busy=(0.0,)),
        hourly(used, site="a"),
        hourly(FLAT * 72, site="a", pool="hand"),
    ]
    found = [(one.site, one.pool, one.check) for one in inspected(fleet, ZONE)]
    assert found == [
        ("a", "hand", "constant"),
        ("a", "p", "identical"),
        ("b", "p", "identical"),
        ("b", "p", "silent-zero"),
    ]


# ---------------------------------------------------------------- two signals


def twice(second: Made, rung: str = "used", **more: Made) -> Hourly:
    """A pool whose source tells 60 of 100 in every hour, and whose second signal tells this of a rung."""
    one = hourly(FLAT * len(second), **more)  # type: ignore[arg-type] # figures only
    return replace(one, second={rung: tuple(second)})


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ([50.0] * 6, [(0, 6)]),
        ([50.0] * 5 + [60.0], []),
        ([54.0] * 9, []),
        ([53.9] * 9, [(0, 9)]),
        ([66.7] * 9, [(0, 9)]),
        ([66.6] * 9, []),
        ([0.0] * 6, [(0, 6)]),
        ([50.0] * 3 + [None] + [50.0] * 3, []),
        ([None] * 9, []),
        ([60.0] + [50.0] * 7 + [60.0] + [70.0] * 6, [(1, 8), (9, 15)]),
    ],
)
def test_two_signals_apart_for_hours(second: list[float | None], found: list[tuple[int, int]]) -> None:
    expected = [(START + 3600 * lo, START + 3600 * hi) for lo, hi in found]
    assert [(one.since, one.until) for one in disagreement([twice(second)], ZONE)] == expected


def test_which_rungs_are_apart_is_told_with_their_means() -> None:
    series = replace(twice([40.0] * 6), second={"used": (40.0, 50.0) * 3, "online": (100.0,) * 6, "busy": (9.0,) * 6})
    (finding,) = disagreement([series], ZONE)
    assert (finding.site, finding.pool, finding.check) == ("s", "p", "disagreement")
    assert finding.reason == (
        "two signals tell different things, on average used: 60 PFLOPS by the source and 45 by the second: "
        "which of them measures it?"
    )


def test_rungs_apart_in_turn_are_one_finding_and_hours_must_follow_each_other() -> None:
    series = twice([60.0] * 6)
    turns = replace(series, second={"used": (9.0,) * 3 + (60.0,) * 3, "online": (100.0,) * 3 + (9.0,) * 3})
    assert [(one.since, one.until) for one in disagreement([turns], ZONE)] == [(START, START + 6 * 3600)]
    gap = replace(twice([9.0] * 6), hours=tuple(START + 3600 * place for place in (0, 1, 2, 4, 5, 6)))
    assert disagreement([gap], ZONE) == []
