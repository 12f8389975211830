"""The shipped facts: accelerators and benchmarks, read from the files by code of the test's own."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import ValidationError

from suanli.catalog.accelerators import load_accelerators
from suanli.catalog.benchmarks import Benchmark, Scope, caution, comparable, delta, shipped_benchmarks
from suanli.model.units import BASES

CATALOG = Path(__file__).parents[2] / "suanli" / "catalog"
with (CATALOG / "accelerators.csv").open(encoding="utf-8", newline="") as lines:
    ROWS = list(csv.DictReader(lines))


def same(name: str) -> str:
    return re.sub(r"[-_\s]+", "-", name.strip().lower())


def test_the_catalogue_is_found() -> None:
    assert len(ROWS) >= 100
    assert [row.id for row in load_accelerators().rows] == [row["id"] for row in ROWS]
    assert len({row["id"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_row_has_a_source_and_peaks_that_are_positive_or_unknown(row: dict[str, str]) -> None:
    found = load_accelerators().find(row["id"])
    assert found is not None
    assert found.id == row["id"]
    assert re.fullmatch(r"https?://\S+", found.source_url)
    assert found.confidence in {"high", "medium", "low"}
    assert row["basis"] == "dense"
    for basis in BASES:
        peak = found.peak_pflops(basis)
        if row[basis] == "":
            assert peak is None, "blank is unknown, never 0"
        else:
            assert peak is not None
            assert peak == pytest.approx(float(row[basis]) / 1000)
            assert 0 < peak < 100


def test_an_alias_leads_to_one_row_and_never_changes_what_an_id_means() -> None:
    owners: dict[str, set[str]] = {}
    for row in ROWS:
        for name in filter(None, [row["model"], *row["aliases"].split(";")]):
            owners.setdefault(same(name), set()).add(row["id"])
    own_ids = {same(row["id"]): row["id"] for row in ROWS}
    catalogue = load_accelerators()
    assert {name: ids for name, ids in owners.items() if len(ids) > 1} == {}
    for name, ids in owners.items():
        assert ids <= {own_ids.get(name, *ids)}
        found = catalogue.find(name)
        assert found is not None
        assert {found.id} == ids
    assert all(id_ == found.id for name, id_ in own_ids.items() if (found := catalogue.find(name)))


def test_letter_case_blanks_and_hyphens_do_not_matter() -> None:
    find = load_accelerators().find
    assert find("  NVIDIA_A100 SXM4 80GB ") == find("nvidia-a100-sxm4-80gb")
    assert find("nvidia-a100-sxm4-80gb") is not None
    assert find("nvidia-a100-sxm4-80") is None


def test_an_unknown_model_is_unknown_and_has_nearest_rows() -> None:
    catalogue = load_accelerators()
    assert catalogue.find("nvidia-a100-sxm4-80g") is None
    assert "nvidia-a100-sxm4-80gb" in catalogue.nearest("nvidia-a100-sxm4-80g")
    assert catalogue.nearest("完全不同") == []
    assert len(catalogue.nearest("nvidia")) <= 3


@pytest.mark.parametrize("name", ["undisclosed", "Undisclosed Accelerator", "未公开型号"])
def test_a_model_that_its_source_hides_has_a_row_without_any_peak(name: str) -> None:
    found = load_accelerators().find(name)
    assert found is not None
    assert (found.id, found.vendor, found.tflops) == ("undisclosed", "undisclosed", {})
    (row,) = (row for row in ROWS if row["vendor"] == "undisclosed")
    assert not any(row[column] for column in ("memory_gb", "tdp_w", "tf32", "bf16", "fp8", "int8", "fp4"))
    assert "model its source hides" in row["note"]


def test_the_national_averages_with_their_source() -> None:
    shipped = shipped_benchmarks()
    assert {one.metric: one.value for one in shipped} == {"online_ratio": 0.60, "usage_ratio": 0.38}
    assert all(one.source == "市数据局2024年工作总结和2025年工作安排" for one in shipped)
    assert all(one.name == "national-2024" and one.until is None and one.basis is None for one in shipped)
    assert [one.since.year for one in shipped] == [2024, 2024]


def test_the_published_city_above_them() -> None:
    city = {one.metric: one for one in shipped_benchmarks("city")}
    assert {metric: one.value for metric, one in city.items()} == {"online_ratio": 0.88, "usage_ratio": 0.598}
    for nation in shipped_benchmarks():
        mine = city[nation.metric]
        assert (mine.source, mine.since, mine.unit, mine.basis) == (nation.source, nation.since, "pflops", None)
        assert (mine.name, mine.more_than_pflops, nation.more_than_pflops) == ("city-2024", 2200.0, None)
        assert mine.value > nation.value


def test_every_shipped_benchmark_has_a_scope_that_it_is_found_by() -> None:
    raw = yaml.safe_load((CATALOG / "benchmarks.yaml").read_text(encoding="utf-8"))
    by_scope = [one for scope in get_args(Scope) for one in shipped_benchmarks(scope)]
    assert sorted((one.name, one.metric) for one in by_scope) == sorted((row["name"], row["metric"]) for row in raw)
    assert len({(one.name, one.metric) for one in by_scope}) == len(raw)


def published(**more: object) -> Benchmark:
    row = {"name": "theirs", "metric": "usage_ratio", "value": 0.38, "from": date(2024, 1, 1), "source": "x"}
    return Benchmark.model_validate({**row, **more})


@pytest.mark.parametrize(
    ("more", "verdict", "above", "zh", "en"),
    [
        ({"basis": "fp16"}, "yes", 0.12, "", ""),
        ({}, "basis-unknown", 0.12, "未说明", "does not say"),
        ({"basis": "fp32"}, "basis-differs", 0.12, "按 FP32 计算，本处按 FP16", "counts in FP32 and we count in FP16"),
        ({"unit": "racks"}, "unit-differs", None, "上架率", "racks"),
    ],
)
def test_trap_rack_occupancy_and_other_bases_are_told_apart(
    more: dict[str, str], verdict: str, above: float | None, zh: str, en: str
) -> None:
    theirs = published(**more)
    assert comparable(theirs, "fp16") == verdict
    assert delta(theirs, "fp16", 0.5) == (None if above is None else pytest.approx(above))
    assert delta(theirs, "fp16", None) is None
    told = caution(theirs, "fp16", "zh"), caution(theirs, "fp16", "en")
    assert zh in told[0]
    assert en in told[1]
    assert [bool(sentence) for sentence in told] == [verdict != "yes"] * 2
    assert not any("{" in sentence for sentence in told)


@pytest.mark.parametrize(
    "more",
    [{"unit": "racks", "basis": "fp16"}, {"unit": "percent"}, {"scope": "village"}, {"more_than_pflops": 0.0}],
    ids=str,
)
def test_a_benchmark_that_cannot_be_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        published(**more)
