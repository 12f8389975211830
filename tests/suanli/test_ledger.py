"""The capacity ledger: half-open in time, closed by the next entry, never overlapping."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.catalog.accelerators import load_accelerators
from suanli.model.capacity import instant, written
from suanli.model.errors import InputError
from suanli.model.site import Pool
from suanli.registry.file import read_sites
from suanli.registry.ledger import LedgerError, amount_at, entries_of
from tests.suanli.making import A100, ZONE, a_pool, built, capacities, days, local, moments

HEAD = f"""\
sites:
  - id: wh-1
    name: 芜湖一号
    province: 安徽
    operator: 示例运营方
    pools:
      - id: a100
        model: {A100}
        capacity:
"""


def pool(*capacity: dict[str, Any], **more: Any) -> Pool:
    return Pool.model_validate(a_pool("p", *capacity, **more))


def lines(*capacity: dict[str, Any], **more: Any) -> list[Any]:
    return entries_of(pool(*capacity, **more), ZONE, load_accelerators())


def refused(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "sites.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_sites([file], ZONE, load_accelerators())
    return str(caught.value).replace(str(file), "sites.yaml").splitlines()


# ---------------------------------------------------------------- time


def test_an_entry_holds_from_its_first_second_to_the_one_before_its_end() -> None:
    (line,) = lines(built(5.0, date(2024, 3, 1), until=date(2024, 9, 1)))
    start, end = local(date(2024, 3, 1)), local(date(2024, 9, 1))
    assert (line.valid_from, line.valid_until) == (start, end)
    assert [line.holds(at) for at in (start - 1, start, end - 1, end)] == [False, True, True, False]


def test_an_open_end_is_closed_by_the_next_entry_of_its_stage_in_whatever_order_they_are_written() -> None:
    later, first, planned = (
        built(9.0, date(2025, 1, 1)),
        built(5.0, date(2024, 1, 1)),
        {**built(3.0), "stage": "planned"},
    )
    found = lines(later, first, planned)
    assert [(line.stage, line.pflops, line.valid_until) for line in found] == [
        ("planned", 3.0, None),
        ("built", 5.0, local(date(2025, 1, 1))),
        ("built", 9.0, None),
    ]


def test_a_written_end_before_the_next_entry_leaves_a_gap_in_which_nothing_is_known() -> None:
    found = lines(built(5.0, date(2024, 1, 1), until=date(2024, 2, 1)), built(9.0, date(2024, 3, 1)))
    assert amount_at(found, "built", local(date(2024, 1, 31))) == 5.0
    assert amount_at(found, "built", local(date(2024, 2, 1))) is None
    assert amount_at(found, "planned", local(date(2024, 1, 31))) is None


def test_a_day_is_midnight_in_the_zone_and_a_naive_time_is_in_the_zone() -> None:
    assert instant(date(2024, 3, 1), ZONE) == local(date(2024, 3, 1))
    assert instant(datetime(2024, 3, 1, 8), ZONE) == local(date(2024, 3, 1)) + 8 * 3600  # noqa: DTZ001 - that is the point
    assert instant(datetime(2024, 3, 1, 8, tzinfo=UTC), ZONE) == local(date(2024, 3, 1)) + 16 * 3600


@given(moments)
def test_what_is_written_is_read_as_the_same_instant(moment: date | datetime) -> None:
    at = instant(moment, ZONE)
    assert instant(written(at, ZONE), ZONE) == at


@given(days)
def test_a_day_is_written_as_a_day(day: date) -> None:
    assert written(instant(day, ZONE), ZONE) == day


@given(capacities(), days)
def test_at_most_one_entry_of_a_stage_holds_and_it_is_the_last_that_began(
    capacity: list[dict[str, Any]], day: date
) -> None:
    found, at = lines(*capacity), local(day)
    for stage in ("planned", "built", "retired"):
        holding = [line for line in found if line.stage == stage and line.holds(at)]
        assert len(holding) <= 1
        begun = [entry for entry in capacity if entry["stage"] == stage and entry["from"] <= day]
        if not begun:
            assert holding == []
            continue
        last = max(begun, key=lambda entry: entry["from"])
        over = last["until"] is not None and last["until"] <= day
        assert [line.source for line in holding] == ([] if over else [last["source"]])


# ---------------------------------------------------------------- amounts


def test_devices_count_with_the_catalogues_peak_of_the_pools_basis() -> None:
    entry = {"from": date(2024, 1, 1), "stage": "built", "devices": 1000, "source": "x"}
    peak = load_accelerators().find(A100)
    assert peak is not None
    assert lines(entry)[0].pflops == pytest.approx(1000 * 0.312)
    assert lines(entry, basis="fp64")[0].pflops == pytest.approx(1000 * peak.tflops["fp64"] / 1000)


def test_an_unknown_peak_leaves_the_pflops_unknown_never_zero() -> None:
    (line,) = lines({"from": date(2024, 1, 1), "stage": "built", "devices": 8, "source": "x"}, model="nvidia-p4")
    assert (line.devices, line.pflops) == (8, None)
    assert amount_at([line], "built", line.valid_from) is None


# ---------------------------------------------------------------- refusals, with the line


@pytest.mark.parametrize("second", ["2024-03-01", "2024-05-01"])
def test_an_overlap_is_refused_with_its_line(tmp_path: Path, second: str) -> None:
    found = refused(
        tmp_path,
        HEAD + "          - {from: 2024-03-01, until: 2024-09-01, stage: built, devices: 1, source: x}\n"
        f"          - {{from: {second}, stage: built, devices: 2, source: x}}\n",
    )
    assert found == ["sites.yaml:11: sites[0].pools[0].capacity[1]: overlaps another built entry of this pool"]


@given(capacities(), st.data())
def test_a_second_entry_within_another_is_always_refused(capacity: list[dict[str, Any]], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(capacity)) if capacity else built(1.0)
    with pytest.raises(LedgerError, match="overlaps another"):
        lines(*(capacity or [one]), {**one, "until": None})


@pytest.mark.parametrize("until", ["2024-03-01", "2024-02-29"])
def test_an_end_not_after_its_start_is_refused_with_its_line(tmp_path: Path, until: str) -> None:
    text = HEAD + f"          - {{from: 2024-03-01, until: {until}, stage: built, devices: 1, source: x}}\n"
    assert refused(tmp_path, text) == ["sites.yaml:10: sites[0].pools[0].capacity[0]: until must come after from"]


def test_an_unknown_model_is_refused_with_the_nearest(tmp_path: Path) -> None:
    text = (
        HEAD.replace(A100, "nvidia-a100-sxm4-80g")
        + "          - {from: 2024-03-01, stage: built, devices: 1, source: x}\n"
    )
    (problem,) = refused(tmp_path, text)
    assert problem.startswith(
        "sites.yaml:8: sites[0].pools[0].model: model 'nvidia-a100-sxm4-80g' is not in the catalogue"
    )
    assert f"nearest: {A100}" in problem


def test_a_day_that_does_not_exist_is_refused_with_its_line(tmp_path: Path) -> None:
    text = HEAD + "          - {from: 2024-02-30, stage: built, devices: 1, source: x}\n"
    found = refused(tmp_path, text)
    assert all(
        line.startswith("sites.yaml:10: sites[0].pools[0].capacity[0].from: should be a valid date") for line in found
    )


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{from: 2024-03-01, stage: built, source: x}", "expected exactly one of devices and pflops"),
        ("{from: 2024-03-01, stage: built, devices: 1, pflops: 2, source: x}", "expected exactly one of"),
        ("{from: 2024-03-01, stage: built, devices: -1, source: x}", "should be greater than or equal to 0"),
        ("{from: 2024-03-01, stage: built, devices: 1.5, source: x}", "should be a valid integer"),
        ("{from: 2024-03-01, stage: built, pflops: 9.2e+18, source: x}", "should be less than or equal to 1000000"),
        ("{from: 2024-03-01, stage: built, pflops: .nan, source: x}", "should be"),
        ("{from: 2024-03-01, stage: bilt, devices: 1, source: x}", "should be 'planned', 'built' or 'retired'"),
        ("{from: 2024-03-01, stage: built, devices: 1, sorce: x}", "unknown key; did you mean source?"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused_with_its_line(tmp_path: Path, entry: str, told: str) -> None:
    found = refused(tmp_path, HEAD + f"          - {entry}\n")
    assert all(line.startswith("sites.yaml:10: sites[0].pools[0].capacity[0]") for line in found)
    assert any(told in line for line in found), found


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    good = HEAD + "          - {from: 2024-03-01, stage: built, devices: 1, source: x}\n"
    files = [tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml")]
    for file, text in zip(files, [good, good, good.replace(A100, "zzz")], strict=True):
        file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_sites([*files, tmp_path / "missing.yaml"], ZONE, load_accelerators())
    told = str(caught.value).splitlines()
    assert len(told) == 4
    assert "b.yaml:2: sites[0].id: site wh-1 is listed twice" in told[0]
    assert "missing.yaml: cannot be read" in told[-1]
