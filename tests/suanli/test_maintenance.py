"""Maintenance windows: repeated by the local clock, whatever the clock does."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from suanli.model.errors import InputError
from suanli.model.maintenance import Window, first_occurrence, merged, occurrences
from suanli.model.yamlfile import YamlFile

Stretch = tuple[int, int]
DAY = 86400
SHANGHAI, NEW_YORK, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
LORD_HOWE, APIA = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text + "Z").timestamp())


def window(start: Any, end: Any, rule: str | None = None, **more: Any) -> Window:
    start, end = (datetime.fromisoformat(each) if isinstance(each, str) else each for each in (start, end))
    return Window.model_validate({"site": "s", "from": start, "until": end, "rule": rule, "reason": "works"} | more)


def found(start: str, end: str, rule: str | None, zone: ZoneInfo, lo: str, hi: str, cut: str | None = None) -> Any:
    """The occurrences of a window as people write it, as texts in UTC."""
    first = first_occurrence(window(start, end, rule), zone)
    stretches = occurrences(*first, rule, zone, utc(lo), utc(hi), None if cut is None else utc(cut))
    return [tuple(f"{datetime.fromtimestamp(at, UTC):%m-%dT%H:%M}" for at in stretch) for stretch in stretches]


@pytest.mark.parametrize(
    ("zone", "start", "end", "rule", "lo", "hi", "expected"),
    [
        pytest.param(
            SHANGHAI, "2026-01-04T02:00", "2026-01-04T04:00", "FREQ=WEEKLY;BYDAY=SU",
            "2026-03-01T00:00", "2026-03-15T00:00",
            [("03-07T18:00", "03-07T20:00"), ("03-14T18:00", "03-14T20:00")],
            id="no change"),
        pytest.param(
            NEW_YORK, "2024-01-07T02:00", "2024-01-07T04:00", "FREQ=WEEKLY;BYDAY=SU",
            "2026-03-01T00:00", "2026-03-16T00:00",
            [("03-01T07:00", "03-01T09:00"), ("03-08T07:00", "03-08T08:00"), ("03-15T06:00", "03-15T08:00")],
            id="spring: 02:00 is skipped, the hour that is left counts"),
        pytest.param(
            NEW_YORK, "2024-01-07T01:00", "2024-01-07T03:00", "FREQ=WEEKLY;BYDAY=SU",
            "2026-10-25T00:00", "2026-11-09T00:00",
            [("10-25T05:00", "10-25T07:00"), ("11-01T05:00", "11-01T08:00"), ("11-08T06:00", "11-08T08:00")],
            id="autumn: the earlier 01:00, and an hour more"),
        pytest.param(
            BERLIN, "2026-03-27T22:00", "2026-03-28T06:00", "FREQ=DAILY",
            "2026-03-28T12:00", "2026-03-30T12:00",
            [("03-28T21:00", "03-29T04:00"), ("03-29T20:00", "03-30T04:00")],
            id="a night of seven hours"),
        pytest.param(
            BERLIN, "2026-03-27T22:00", "2026-03-28T06:00", "FREQ=DAILY",
            "2026-10-24T12:00", "2026-10-26T12:00",
            [("10-24T20:00", "10-25T05:00"), ("10-25T21:00", "10-26T05:00")],
            id="a night of nine hours"),
        pytest.param(
            BERLIN, "2026-03-28T02:30", "2026-03-28T03:30", "FREQ=DAILY",
            "2026-03-28T00:00", "2026-03-31T00:00",
            [("03-28T01:30", "03-28T02:30"), ("03-29T01:00", "03-29T01:30"), ("03-30T00:30", "03-30T01:30")],
            id="a start that is skipped is the change itself"),
        pytest.param(
            BERLIN, "2026-03-28T02:15", "2026-03-28T02:45", "FREQ=DAILY;COUNT=3",
            "2026-03-28T00:00", "2026-04-30T00:00",
            [("03-28T01:15", "03-28T01:45"), ("03-30T00:15", "03-30T00:45")],
            id="wholly skipped: left out but counted"),
        pytest.param(
            BERLIN, "2026-03-29T00:00", "2026-03-29T00:30", "FREQ=HOURLY",
            "2026-03-28T23:00", "2026-03-29T03:00",
            [("03-28T23:00", "03-28T23:30"), ("03-29T00:00", "03-29T00:30"), ("03-29T01:00", "03-29T01:30"),
             ("03-29T02:00", "03-29T02:30")],
            id="hours of the clock: there is no 02:00"),
        pytest.param(
            LORD_HOWE, "2026-04-04T01:30", "2026-04-04T02:30", "FREQ=DAILY",
            "2026-04-03T14:30", "2026-04-05T20:00",
            [("04-03T14:30", "04-03T15:30"), ("04-04T14:30", "04-04T16:00"), ("04-05T15:00", "04-05T16:00")],
            id="half an hour twice"),
        pytest.param(
            LORD_HOWE, "2026-04-04T01:30", "2026-04-04T02:30", "FREQ=DAILY",
            "2026-10-02T20:00", "2026-10-04T20:00",
            [("10-03T15:00", "10-03T15:30"), ("10-04T14:30", "10-04T15:30")],
            id="half an hour skipped"),
        pytest.param(
            APIA, "2011-12-28T08:00", "2011-12-28T09:00", "FREQ=DAILY",
            "2011-12-29T00:00", "2011-12-31T00:00",
            [("12-29T18:00", "12-29T19:00"), ("12-30T18:00", "12-30T19:00")],
            id="a whole day skipped"),
        pytest.param(
            SHANGHAI, "2026-01-30T20:00", "2026-01-31T08:00", "FREQ=MONTHLY;BYDAY=FR;BYSETPOS=-1",
            "2026-02-01T00:00", "2026-04-01T00:00",
            [("02-27T12:00", "02-28T00:00"), ("03-27T12:00", "03-28T00:00")],
            id="the last Friday of a month"),
        pytest.param(
            SHANGHAI, "2026-01-11T20:00", "2026-01-11T22:00", "FREQ=MONTHLY;BYDAY=2SU",
            "2026-02-01T00:00", "2026-03-01T00:00",
            [("02-08T12:00", "02-08T14:00")],
            id="the second Sunday of a month"),
        pytest.param(
            BERLIN, "2026-10-20T02:30", "2026-10-20T02:45", "FREQ=DAILY",
            "2026-10-24T12:00", "2026-10-25T01:15",
            [("10-25T00:30", "10-25T00:45")],
            id="asked up to 02:15 of the later pass, after 02:30 of the earlier"),
        pytest.param(
            BERLIN, "2025-10-20T02:30", "2025-10-20T02:45", "FREQ=DAILY;COUNT=300",
            "2026-08-14T00:00", "2026-10-25T01:15",
            [("08-14T00:30", "08-14T00:45"), ("08-15T00:30", "08-15T00:45")],
            id="a count is of all since the first"),
        pytest.param(
            SHANGHAI, "2026-01-31T08:00", "2026-01-31T09:00", "FREQ=MONTHLY",
            "2026-01-31T00:30", "2026-05-01T00:00",
            [("01-31T00:00", "01-31T01:00"), ("03-31T00:00", "03-31T01:00")],
            id="no month is given a 31st"),
    ],
)  # fmt: skip
def test_a_window_repeats_by_the_local_clock(
    zone: ZoneInfo, start: str, end: str, rule: str, lo: str, hi: str, expected: list[tuple[str, str]]
) -> None:
    assert found(start, end, rule, zone, lo, hi) == expected


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20261025T013000", "10-24T23:30"),  # the earlier 01:30, by the clock
        ("20261025T012959", "10-23T23:30"),
        ("20261025", "10-24T23:30"),  # a day is in to its end
        ("20261024", "10-23T23:30"),
        ("99991231", "11-30T00:30"),
        ("20261024T233000Z", "10-24T23:30"),
        ("20261024T232959Z", "10-23T23:30"),
    ],
)
def test_until_is_local_time_or_a_day_or_with_z_a_moment_of_utc(until: str, last: str) -> None:
    rule = f"FREQ=DAILY;UNTIL={until}"
    starts = found("2026-10-20T01:30", "2026-10-20T02:00", rule, BERLIN, "2026-10-01T00:00", "2026-12-01T00:00")
    assert starts[-1][0] == last


def test_until_in_utc_tells_the_later_pass_of_an_hour_from_the_earlier() -> None:
    """02:15 CET comes after 02:30 CEST, though its clock shows less."""
    ask = ("2026-10-24T02:30", "2026-10-24T02:45")
    days = ("2026-10-24T22:00", "2026-10-25T22:00")
    assert found(*ask, "FREQ=DAILY;UNTIL=20261025T011500Z", BERLIN, *days) == [("10-25T00:30", "10-25T00:45")]
    assert found(*ask, "FREQ=DAILY;UNTIL=20261025T001500Z", BERLIN, *days) == []


def test_the_first_occurrence_is_as_written_even_in_the_later_pass_of_an_hour() -> None:
    start, end = utc("2026-11-01T06:30"), utc("2026-11-01T06:45")  # 01:30 EST; 01:30 EDT is an hour earlier
    later = occurrences(start, end, "FREQ=DAILY", NEW_YORK, start - DAY, start + 2 * DAY)
    assert later == [(start, end), (start + DAY, end + DAY)]
    asked = window("2026-11-01T01:30-05:00", "2026-11-01T01:45-05:00", "FREQ=DAILY")
    assert first_occurrence(asked, NEW_YORK) == (start, end)


def test_a_window_without_a_rule_is_one_stretch() -> None:
    ask = ("2026-03-08T01:00", "2026-03-09T00:00", None, NEW_YORK)
    assert found(*ask, "2026-03-08T00:00", "2026-03-08T06:00") == []
    assert found(*ask, "2026-03-08T00:00", "2026-03-08T06:01") == [("03-08T06:00", "03-09T04:00")]
    assert found(*ask, "2026-03-09T03:59", "2026-03-10T00:00") == [("03-08T06:00", "03-09T04:00")]
    assert found(*ask, "2026-03-09T04:00", "2026-03-10T00:00") == []
    assert found(*ask, "2026-03-08T07:00", "2026-03-08T07:00") == []


def test_days_are_midnights_and_a_skipped_time_of_a_single_window_is_the_change() -> None:
    days = window(date(2026, 3, 8), date(2026, 3, 9))
    assert first_occurrence(days, NEW_YORK) == (utc("2026-03-08T05:00"), utc("2026-03-09T04:00"))
    skipped = window("2026-03-08T02:30", "2026-03-08T03:30")
    assert first_occurrence(skipped, NEW_YORK) == (utc("2026-03-08T07:00"), utc("2026-03-08T07:30"))


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ("2026-01-03T01:00", [("01-02T00:00", "01-02T02:00"), ("01-03T00:00", "01-03T01:00")]),
        ("2026-01-03T00:00", [("01-02T00:00", "01-02T02:00")]),
        ("2026-01-02T02:00", [("01-02T00:00", "01-02T02:00")]),
        ("2026-01-02T00:30", []),  # ended before the range that is asked
        ("2025-12-01T00:00", []),
    ],
)
def test_a_window_ended_early_has_nothing_from_that_second_on(cut: str, expected: list[tuple[str, str]]) -> None:
    ask = ("2026-01-01T08:00", "2026-01-01T10:00", "FREQ=DAILY", SHANGHAI)
    assert found(*ask, "2026-01-02T00:30", "2026-01-05T00:00", cut) == expected


def test_a_range_far_from_the_first_occurrence_is_answered() -> None:
    rule, first = "FREQ=HOURLY;INTERVAL=5", (utc("1990-01-01T00:00"), utc("1990-01-01T01:00"))
    (one,) = occurrences(*first, rule, ZoneInfo("UTC"), utc("2090-01-01T00:00"), utc("2090-01-01T05:00"))
    assert (one[0] - first[0]) % (5 * 3600) == 0
    assert occurrences(*first, rule, SHANGHAI, -(2**60), first[0]) == []
    assert len(occurrences(*first, "FREQ=DAILY;COUNT=3", SHANGHAI, 0, 2**40)) == 3


CHANGES = [
    (NEW_YORK, date(2026, 3, 8)), (NEW_YORK, date(2026, 11, 1)), (BERLIN, date(2026, 3, 29)),
    (BERLIN, date(2026, 10, 25)), (LORD_HOWE, date(2026, 4, 5)), (LORD_HOWE, date(2026, 10, 4)),
    (APIA, date(2011, 12, 30)), (SHANGHAI, date(2026, 1, 1)),
]  # fmt: skip
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
QUARTER = timedelta(minutes=15)


def shown(wall: datetime, zone: ZoneInfo) -> int:
    """By trying every quarter of an hour: the first at which the clock shows `wall` or later."""
    begin = calendar.timegm(wall.timetuple()) - 30 * 3600
    quarters = range(begin, begin + 60 * 3600, 900)
    return next(at for at in quarters if datetime.fromtimestamp(at, zone).replace(tzinfo=None) >= wall)


def days_in(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def monday(day: date) -> int:
    return day.toordinal() - day.weekday()


@st.composite
def rules(draw: st.DrawFn, first: date) -> tuple[str, Callable[[date], bool]]:
    """The text of a rule that begins on this day, and the days on which it holds from then on."""
    interval = draw(st.integers(1, 5))
    weekdays = draw(st.sets(st.integers(0, 6), max_size=3)) | {first.weekday()}
    monthdays = draw(st.sets(st.sampled_from([1, 2, 15, 29, 31, -1, -2]), max_size=3))
    monthdays |= {draw(st.sampled_from([first.day, first.day - days_in(first) - 1]))}

    def daily(day: date) -> bool:
        return (day - first).days % interval == 0

    def weekly(day: date) -> bool:
        return (monday(day) - monday(first)) // 7 % interval == 0 and day.weekday() in weekdays

    def monthly(day: date) -> bool:
        months = (day.year - first.year) * 12 + day.month - first.month
        return months % interval == 0 and not monthdays.isdisjoint({day.day, day.day - days_in(day) - 1})

    listed = ",".join(WEEKDAYS[day] for day in weekdays), ",".join(map(str, monthdays))
    text, holds = draw(
        st.sampled_from(
            [
                ("FREQ=DAILY", daily),
                (f"FREQ=WEEKLY;BYDAY={listed[0]}", weekly),
                (f"FREQ=MONTHLY;BYMONTHDAY={listed[1]}", monthly),
            ]
        )
    )
    return f"{text};INTERVAL={interval}", holds


@st.composite
def cases(draw: st.DrawFn) -> tuple[ZoneInfo, date, datetime, timedelta, str, list[datetime], str]:
    """Zone, day of a change, first clock time, length, rule, the clock times walked by days, the rule's end."""
    zone, change = draw(st.sampled_from(CHANGES))
    first = datetime.combine(change - timedelta(days=draw(st.integers(2, 900))), datetime.min.time())
    first += QUARTER * draw(st.integers(0, 16) | st.integers(0, 95))
    length = QUARTER * draw(st.integers(1, 16) | st.integers(1, 200))
    assume(all(shown(each, zone) == shown(each - QUARTER, zone) + 900 for each in (first, first + length)))
    rule, holds = draw(rules(first.date()))
    walls = [first + timedelta(days=ahead) for ahead in range(2000) if holds(first.date() + timedelta(days=ahead))]
    near = datetime.combine(change, first.time()) + QUARTER * draw(st.integers(-12, 12))
    end = draw(st.sampled_from(["", "COUNT", "UNTIL", "DAY", "Z"]))
    if end == "COUNT":
        count = draw(st.integers(1, 900))
        return zone, change, first, length, f"{rule};COUNT={count}", walls[:count], end
    if end == "UNTIL":
        return zone, change, first, length, f"{rule};UNTIL={near:%Y%m%dT%H%M%S}", [w for w in walls if w <= near], end
    if end == "DAY":
        walls = [wall for wall in walls if wall.date() <= change]
        return zone, change, first, length, f"{rule};UNTIL={change:%Y%m%d}", walls, end
    if end == "Z":
        at = shown(near, zone) + 900 * draw(st.integers(-8, 8))
        walls = [wall for wall in walls if wall < near - timedelta(days=3) or shown(wall, zone) <= at]
        return zone, change, first, length, f"{rule};UNTIL={datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}", walls, end
    return zone, change, first, length, rule, walls, end


@given(cases(), st.integers(-20 * 24, 48), st.integers(1, 20 * 24))
def test_occurrences_are_those_of_a_walk_by_days(case: Any, since: int, hours: int) -> None:
    zone, change, first, length, rule, walls, _ = case
    lo = calendar.timegm(change.timetuple()) + since * 3600
    hi = lo + hours * 3600
    close = [wall for wall in walls if lo - 6 * DAY < calendar.timegm(wall.timetuple()) < hi + 3 * DAY]
    walked = [(shown(wall, zone), shown(wall + length, zone)) for wall in close]
    expected = [stretch for stretch in walked if stretch[0] < stretch[1] and stretch[0] < hi and stretch[1] > lo]
    assert occurrences(shown(first, zone), shown(first + length, zone), rule, zone, lo, hi) == expected


@given(cases())
def test_a_rule_passes_if_no_two_occurrences_overlap_and_then_none_do_in_utc_either(case: Any) -> None:
    zone, change, first, length, rule, walls, _ = case
    within = [wall for wall in walls if wall <= first + timedelta(days=5 * 366)]
    asked = window(first, first + length, rule)
    if any(one + length > other for one, other in pairwise(within)):
        with pytest.raises(ValueError, match="occurrences overlap"):
            first_occurrence(asked, zone)
        return
    start, end = first_occurrence(asked, zone)
    about = calendar.timegm(change.timetuple())
    stretches = occurrences(start, end, rule, zone, about - 10 * DAY, about + 10 * DAY)
    assert all(one[1] <= other[0] for one, other in pairwise(stretches))


@given(st.integers(1, 30), st.integers(0, 95), st.integers(1, 4 * 12), st.sampled_from(CHANGES))
def test_hours_are_those_of_a_walk_by_hours(interval: int, quarter: int, length: int, place: Any) -> None:
    zone, change = place
    first = datetime.combine(change - timedelta(days=40), datetime.min.time()) + QUARTER * quarter
    walls = [first + timedelta(hours=interval) * step for step in range(1000)]
    lo = calendar.timegm(change.timetuple()) - DAY
    close = [wall for wall in walls if lo - 2 * DAY < calendar.timegm(wall.timetuple()) < lo + 3 * DAY]
    walked = [(shown(wall, zone), shown(wall + QUARTER * length, zone)) for wall in close]
    expected = [
        stretch for stretch in walked if stretch[0] < stretch[1] and stretch[0] < lo + 2 * DAY and stretch[1] > lo
    ]
    start, end = shown(first, zone), shown(first + QUARTER * length, zone)
    assert occurrences(start, end, f"FREQ=HOURLY;INTERVAL={interval}", zone, lo, lo + 2 * DAY) == expected


stretches = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda two: (min(two), max(two))), max_size=12
)


@given(stretches)
def test_a_union_has_the_same_seconds_in_stretches_apart(given_: list[Stretch]) -> None:
    union = merged(given_)
    assert {at for one in union for at in range(*one)} == {at for one in given_ for at in range(*one)}
    assert all(one[1] < other[0] for one, other in pairwise(union))
    assert all(start < end for start, end in union)
    assert merged(union) == union


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("", "expected parts of BYDAY, BYHOUR"),
        ("every sunday", "expected only a rule's value, such as FREQ=WEEKLY;BYDAY=SU"),
        ("RRULE:FREQ=DAILY", "expected only a rule's value"),
        ("DTSTART:20260101T000000\nFREQ=DAILY", "its DTSTART is the window's from"),
        ("FREQ=DAILY\nEXDATE:20260101T000000", "EXDATE and RDATE are not known"),
        ("DAILY", "not 'DAILY'"),
        ("FREQ=DAILY;BYEASTER=1", "not 'BYEASTER'"),
        ("FREQ=DAILY;INTERVAL=2;INTERVAL=3", "each at most once, not 'INTERVAL'"),
        ("FREQ=DAILY;", "each at most once, not ''"),
        ("BYDAY=SU", "expected FREQ to be one of HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY"),
        ("FREQ=MINUTELY", "once an hour at most"),
        ("FREQ=SECONDLY;INTERVAL=7200", "once an hour at most"),
        ("FREQ=FORTNIGHTLY", "expected FREQ to be one of"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "expected COUNT or UNTIL, not both"),
        ("FREQ=HOURLY;BYHOUR=2", "write FREQ=DAILY with these hours"),
        ("FREQ=WEEKLY;BYDAY=1SU", "expected BYDAY without numbers"),
        ("FREQ=WEEKLY;BYDAY=SO", "expected a recurrence rule of RFC 5545: invalid 'BYDAY': SO"),
        ("FREQ=DAILY;INTERVAL=two", "expected a recurrence rule of RFC 5545"),
        ("FREQ=DAILY;INTERVAL=0", "expected INTERVAL to be 1 to 10000, not 0"),
        ("FREQ=DAILY;COUNT=0", "expected COUNT to be 1 to 10000, not 0"),
        ("FREQ=DAILY;COUNT=10001", "not 10001"),
        ("FREQ=DAILY;BYMONTH=1,13", "expected BYMONTH to be 1 to 12, not 13"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "expected BYMONTHDAY to be 1 to 31 (or as many from the end"),
        ("FREQ=DAILY;BYHOUR=-1", "expected"),
        ("FREQ=DAILY;UNTIL=tomorrow", "expected UNTIL as 20261231, as 20261231T235959 (local time)"),
        ("FREQ=DAILY;UNTIL=20260230", "expected UNTIL as 20261231"),
        ("FREQ=DAILY;UNTIL=2026-12-31", "expected UNTIL as 20261231"),
        ("FREQ=DAILY;BYMONTH=" + "1," * 300 + "1", "at most 500 characters"),
    ],
)
def test_a_rule_that_says_something_else_is_refused_with_what_was_expected(rule: str, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        window("2026-01-01T02:00", "2026-01-01T03:00", rule)
    (error,) = caught.value.errors()
    assert error["loc"] == ("rule",)
    assert told in error["msg"]


@pytest.mark.parametrize(
    ("start", "end", "rule", "told"),
    [
        ("2026-01-05T02:00", "2026-01-05T03:00", "FREQ=WEEKLY;BYDAY=SU", "rule gives; Monday 2026-01-05"),
        ("2026-01-05T02:00", "2026-01-05T03:00", "FREQ=DAILY;BYHOUR=3", "2026-01-05 02:00:00 is not"),
        ("2026-01-05T02:00", "2026-01-05T03:00", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "expected from to be the first"),
        ("2026-01-05T02:00", "2026-01-05T03:00", "FREQ=DAILY;UNTIL=20260104", "expected UNTIL not to come before from"),
        ("2026-01-05T02:00", "2026-01-06T02:01", "FREQ=DAILY", "until 2026-01-06 02:01:00, past"),
        ("2026-01-05T02:00", "2026-01-06T03:00", "FREQ=WEEKLY;BYDAY=MO,FR,SA", "that of 2026-01-09 02:00:00 lasts"),
        ("2026-03-08T02:30", "2026-03-08T04:00", "FREQ=DAILY", "New_York, which skips 2026-03-08 02:30"),
        ("2026-03-08T01:30", "2026-03-08T02:30", "FREQ=DAILY", "which skips 2026-03-08 02:30"),
        ("2026-11-01T01:30-04:00", "2026-11-01T01:15-05:00", "FREQ=DAILY", "by the clock of America/New_York"),
        ("2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00", "FREQ=DAILY", "by the clock of America/New_York"),
        ("2026-03-01T00:00", "2026-03-02T00:01", "FREQ=YEARLY;BYMONTH=2,3;BYMONTHDAY=1,29", "that of 2028-02-29"),
        ("2026-01-05T02:00", "2026-01-05T07:00+00:00", None, "until must come after from"),
        ("2026-03-08T02:00", "2026-03-08T03:00", None, "until must come after from"),
    ],
)  # fmt: skip
def test_what_only_the_zone_can_tell_is_told_by_the_first_occurrence(
    start: str, end: str, rule: str | None, told: str
) -> None:
    asked = window(start, end, rule)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at below
        first_occurrence(asked, NEW_YORK)
    assert told in str(caught.value)


def test_a_time_with_an_offset_and_one_without_compare_in_the_zone() -> None:
    mixed = window("2026-01-05T02:00", "2026-01-04T20:00+00:00")
    assert first_occurrence(mixed, SHANGHAI) == (utc("2026-01-04T18:00"), utc("2026-01-04T20:00"))


def test_a_window_as_long_as_its_period_is_allowed() -> None:
    found_ = found("2026-01-01", "2026-01-02", "FREQ=DAILY;COUNT=2", SHANGHAI, "2025-01-01T00:00", "2027-01-01T00:00")
    assert found_ == [("12-31T16:00", "01-01T16:00"), ("01-01T16:00", "01-02T16:00")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"until": "2026-01-01"}, "until must come after from"),
        ({"until": "2025-12-31T23:00:00+00:00", "from": "2026-01-01T00:00:00+00:00"}, "until must come after from"),
        ({"until": "9999-12-31"}, "expected a time from 1800 to 2999"),
        ({"from": "0001-01-01"}, "expected a time from 1800 to 2999"),
        ({"from": "1850-01-01"}, "between the years 1970 and 9000"),
        ({"until": "soon"}, "should be a valid date"),
        ({"until": None}, "Field required"),
        ({"site": "S 1"}, "String should match pattern"),
        ({"policy": "ignore"}, "'exclude', 'include' or 'hold'"),
        ({"reason": "''"}, "at least 1 character"),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"rule": "FREQ=MINUTELY"}, "once an hour at most"),
        ({"resaon": "x"}, "did you mean reason?"),
    ],
)
def test_a_wrong_window_in_a_file_is_told_with_its_line(change: dict[str, str | None], told: str) -> None:
    keys = {"site": "wh-1", "from": "2026-01-01", "until": "2026-01-02", "reason": "works"} | change
    text = "".join(f"{key}: {value}\n" for key, value in keys.items() if value is not None)
    with pytest.raises(InputError) as caught:
        YamlFile("w.yaml", text).load(Window)
    problems = caught.value.problems
    assert any(
        told in str(problem).replace("should match", "String should match") or told in str(problem)
        for problem in problems
    )
    assert all(problem.line for problem in problems)


def test_a_window_is_read_from_a_file_and_cannot_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(
        "site: wh-1\nfrom: 2026-01-04 02:00:00\nuntil: 2026-01-04 04:00:00\nrule: freq=weekly;byday=su\nreason: 巡检\n",
        encoding="utf-8",
    )
    read = YamlFile.read(file).load(Window)
    assert (read.pool, read.policy, read.rule) == (None, "exclude", "freq=weekly;byday=su")
    start, end = first_occurrence(read, SHANGHAI)
    assert (start, end) == (utc("2026-01-03T18:00"), utc("2026-01-03T20:00"))
    assert occurrences(start, end, read.rule, SHANGHAI, end, end + 8 * DAY) == [(start + 7 * DAY, end + 7 * DAY)]
    with pytest.raises(ValidationError, match="frozen"):
        read.policy = "hold"  # type: ignore[misc] # that is the point
