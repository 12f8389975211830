"""The figures of the cases on this machine, counted again: no line is shared with `collectors` or `suanli.tables`.

Of each pool the last row that is whole; it only has to be right for these cases.
"""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

TFLOPS = {"a100": 312.0, "h100": 989.4, "ascend": 313.0}
Figures = dict[str, dict[str, float | None]]
_NAMES = {"型号": "pool", "可用卡数": "online_devices", "已用卡数": "used_devices"}
_POOLS = {"A100": "a100", "昇腾910B3": "ascend"}


def counted_here(folder: Path) -> Figures:
    """Pool -> rung -> PFLOPS."""
    rows = _printed(folder / "program") if (folder / "program").exists() else _dropped(folder / "dropped")
    return {row["pool"]: {f"{rung}_pflops": _pflops(row, rung) for rung in ("online", "used", "busy")} for row in rows}


def _printed(program: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [program], capture_output=True, timeout=30, check=True, env={"SUANLI_SITE": "", "PATH": "/usr/bin:/bin"}
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [{"pool": "a100"} | row for row in rows if row["online_devices"] >= 0]


def _dropped(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for file in sorted(folder.iterdir()):
        if file.suffix == ".csv" and not file.name.startswith("~"):
            lines = csv.DictReader(file.read_text(encoding="gb18030").splitlines())
            rows += [{_NAMES.get(name, name): cell for name, cell in line.items()} for line in lines]
        elif file.suffix == ".xlsx":
            header, *filled = load_workbook(file).worksheets[0].iter_rows(values_only=True)
            rows += [dict(zip(map(str, header), line, strict=True)) for line in filled]
        elif file.suffix == ".jsonl":
            rows += [json.loads(line) for line in file.read_text(encoding="utf-8-sig").splitlines() if line]
    whole = [row for row in rows if row.get("used_devices") != "无"]
    return [row | {"pool": _POOLS.get(row["pool"], row["pool"])} for row in whole]


def _pflops(row: dict[str, Any], rung: str) -> float | None:
    if row.get(f"{rung}_pflops") is not None:
        return float(row[f"{rung}_pflops"])
    devices, peak = row.get(f"{rung}_devices"), TFLOPS.get(row["pool"])
    return None if devices is None or peak is None else float(devices) * peak / 1000
