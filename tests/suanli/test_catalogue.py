"""The shipped facts: accelerators and benchmarks, read from the files by code of the test's own."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from suanli.catalog.accelerators import load_accelerators
from suanli.catalog.benchmarks import shipped_benchmarks
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


def test_the_national_averages_with_their_source() -> None:
    raw = yaml.safe_load((CATALOG / "benchmarks.yaml").read_text(encoding="utf-8"))
    shipped = shipped_benchmarks()
    assert {one.metric: one.value for one in shipped} == {"online_ratio": 0.60, "usage_ratio": 0.38}
    assert all(one.source == "市数据局2024年工作总结和2025年工作安排" for one in shipped)
    assert all(one.name == "national-2024" and one.until is None and one.basis is None for one in shipped)
    assert [one.since.year for one in shipped] == [2024, 2024]
    assert len(raw) == len(shipped)
