"""`suanli history`: series worked out by hand, in three forms; and how much may be asked for."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from suanli.model.errors import InputError
from suanli.period_answers import MOST_POINTS, AskedPeriod, history_answer, period_answer
from suanli.store.rollup import roll
from tests.suanli.an_hour import FROM, TO, H, an_hour, stop
from tests.suanli.making import ZONE, config
from tests.suanli.running import suanli

OVER = ("--from", FROM, "--to", TO)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with an_hour(tmp_path):
        return tmp_path


def series(folder: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = suanli(folder, "history", *words, "--json").data["series"]
    return found


def values(one: dict[str, Any], key: str) -> list[Any]:
    return [point[key] for point in one["points"]]


def test_a_series_is_the_fleets_piece_by_piece(folder: Path) -> None:
    answer = suanli(folder, "history", *OVER, "--every", "15m", "--json").data
    assert {key: answer[key] for key in ("from", "to", "every", "by", "basis", "maintenance")} == {
        "from": "2025-03-03T00:00:00Z",
        "to": "2025-03-03T01:00:00Z",
        "every": "15m",
        "by": None,
        "basis": "fp16",
        "maintenance": "include",
    }
    (fleet,) = answer["series"]
    assert fleet["group"] is None
    assert values(fleet, "from") == [f"2025-03-03T00:{minute}:00Z" for minute in ("00", "15", "30", "45")]
    assert values(fleet, "online_pflops") == [80.0, 80.0, 50.0, 110.0]
    assert values(fleet, "online_ratio") == [0.5, 0.5, 50 / 160, 110 / 160]
    assert values(fleet, "usage_ratio") == [0.5, 0.5, 0.8, 0.8]
    assert values(fleet, "online_pflops_hours") == [20.0, 20.0, 12.5, 27.5]
    assert values(fleet, "coverage_ratio") == [100 / 160, 100 / 160, 100 / 160, 1.0]


def test_a_piece_is_the_rates_of_its_period(folder: Path) -> None:
    with an_hour(folder) as store:
        answer = history_answer(store, AskedPeriod(H, H + 3600, "province"), 900, config())
        for place in range(4):
            rates = period_answer(store, AskedPeriod(H + 900 * place, H + 900 * (place + 1), "province"), config())
            for one, group in zip(answer["series"], rates["groups"], strict=True):
                assert one["group"] == group["province"]
                point = {key: value for key, value in one["points"][place].items() if key not in ("from", "to")}
                assert point == {key: group[key] for key in point}


def test_hours_that_are_summed_tell_the_same(folder: Path) -> None:
    words = ("--from", "2025-03-02T22:00Z", "--to", "2025-03-03T04:00Z", "--by", "pool")
    before = series(folder, *words)
    with an_hour(folder) as store:
        assert roll(store, ZONE) > 0
    assert series(folder, *words) == before
    assert [one["group"] for one in before] == ["a/p", "b/q"]
    assert values(before[0], "online_pflops") == [None, None, 65.0, None, None, None]


def test_by_default_it_is_the_last_day_by_the_hour(folder: Path) -> None:
    (fleet,) = series(folder)
    assert 24 <= len(fleet["points"]) <= 25
    assert set(values(fleet, "online_pflops")) == {None}
    (day,) = series(folder, "--to", "2025-03-04T00:00Z", "--every", "1d")
    assert values(day, "from") == ["2025-03-03T00:00:00Z", "2025-03-03T16:00:00Z"], "days begin at midnight in the zone"
    (months,) = series(folder, "--from", "2025-02", "--to", "2025-04", "--every", "month")
    assert values(months, "online_pflops_hours") == [None, pytest.approx(80)]


def test_csv_has_a_row_for_each_group_and_piece_and_unknown_is_empty(folder: Path) -> None:
    ended = suanli(folder, "history", *OVER, "--every", "30m", "--by", "site", "--format", "csv")
    assert (ended.code, ended.err) == (0, "")
    rows = list(csv.DictReader(StringIO(ended.out)))
    points = [{"group": one["group"], **point} for one in series(folder, *OVER, "--every", "30m", "--by", "site")
              for point in one["points"]]  # fmt: skip
    assert rows == [{key: "" if value is None else str(value) for key, value in point.items()} for point in points]
    assert [(row["group"], row["from"], row["online_pflops"], row["usage_ratio"]) for row in rows] == [
        ("a", "2025-03-03T00:00:00Z", "80.0", "0.5"),
        ("a", "2025-03-03T00:30:00Z", "50.0", "0.8"),
        ("b", "2025-03-03T00:00:00Z", "", ""),
        ("b", "2025-03-03T00:30:00Z", "30.0", ""),
    ]
    fleet = suanli(folder, "history", *OVER, "--format", "csv").out.splitlines()
    assert fleet[1].startswith(",2025-03-03T00:00:00Z,2025-03-03T01:00:00Z,,160.0,80.0,40.0,,0.5,")


@pytest.mark.parametrize(
    ("language", "told"), [("zh", ("站点", "上线率", "未知")), ("en", ("site", "online-rate", "unknown"))]
)
def test_the_table_shows_the_zones_clock(folder: Path, language: str, told: tuple[str, ...]) -> None:
    out = suanli(folder, "--lang", language, "history", *OVER, "--every", "30m", "--by", "site").out
    for text in (*told, "2025-03-03 08:00:00", "2025-03-03 09:00:00", "80.0 P", "50.0 %"):
        assert text in out


def test_maintenance_and_as_of(folder: Path) -> None:
    with an_hour(folder) as store:
        stop(store, H + 1800, H + 3600)
    words = (*OVER, "--every", "30m", "--maintenance", "policy")
    (fleet,) = series(folder, *words)
    assert values(fleet, "built_pflops") == [160.0, 100.0]
    assert values(fleet, "excluded_pflops_hours") == [0.0, 30.0]
    (then,) = series(folder, *words, "--as-of", "2025-03-03T00:31Z")
    assert values(then, "online_pflops") == [80.0, 50.0]
    (then,) = series(folder, *words, "--as-of", "2025-03-03T00:29Z")
    assert values(then, "used_pflops") == [40.0, 40.0], "the first word would have held for two hours"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--every", "7m"], "--every: '7m': expected a width that divides a day"),
        (["--every", "soon"], "--every: 'soon': expected a width such as"),
        (["--from", "2015-01", "--every", "1s"], "are more than 100,000: choose wider pieces"),
        (["--by", "planet"], "--by: 'planet' is none of fleet, site, pool"),
        (["--format", "xml"], "--format: 'xml' is none of table, csv, json"),
        (["--from", TO, "--to", FROM], "--to: expected a time after that of from"),
    ],
)
def test_what_cannot_be_asked_is_2(folder: Path, words: list[str], told: str) -> None:
    ended = suanli(folder, "history", *words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_points_are_counted_over_all_groups(folder: Path) -> None:
    with an_hour(folder) as store:
        most = AskedPeriod(H, H + MOST_POINTS // 2 * 60)
        assert len(history_answer(store, most, 60, config())["series"]) == 2
        more = AskedPeriod(H, H + (MOST_POINTS // 2 + 1) * 60)
        with pytest.raises(InputError, match="100,002 points by 1m"):
            history_answer(store, more, 60, config())
        assert len(history_answer(store, more, 60, config(), fleet=True)["series"]) == 1
