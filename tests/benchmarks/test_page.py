"""docs/performance.md shows the figures that are kept, all of them and no others."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.page import KEPT, PAGE, table_of


def test_the_table_of_the_page_is_what_was_measured() -> None:
    assert table_of(KEPT) in PAGE.read_text()
    assert len(json.loads(KEPT.read_text())["figures"]) >= 20


def test_a_row_tells_the_ratio_and_whether_the_goal_was_met(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    row = {"name": "a_us", "value": 3.14159, "unit": "us", "beside": "b_us", "beside_value": 2000, "ratio": 0.00157}
    file.write_text(json.dumps({"figures": [row | {"goal": 1.0, "met": True}]}))
    assert table_of(file).splitlines()[-1] == "| a_us | 3.142 us | b_us | 2,000 | 0.00157 | 1 | yes |"
