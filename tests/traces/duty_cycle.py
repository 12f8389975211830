"""A trace of GPU duty cycles by container, as rows of history: how much of what is assigned really computes.

Each line says how busy a container's GPU was, in percent. Taken here: one GPU a container (the trace tells none), of
the model A10 (it tells none either; any model would do, as every figure is a multiple of its peak). A container that
reports at a time is online and used then; one that does not is neither.

Seen in the data: 157,417 lines of 143 containers at 1,441 times, every 57 s and never on a grid of whole minutes
(22.8 hours in all); in order; no time and container comes twice; no cell is empty; from 0 to 99.67 percent, two
thirds of them 0. 72 containers report every time, others come, go, or leave out some times: 100 to 114 report at once.
So a line is taken to hold for the 57 s until the next, and max_age is one second less: a word holds through it.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

STEP = 57
MODEL = "nvidia-a10"
COLUMNS = ("site", "pool", "at", "online_devices", "used_devices", "busy_devices", "max_age", "quality")

SITES_YAML = f"""\
sites:
  - id: duty
    name: duty cycle
    province: unknown
    operator: unknown
    pools:
      - id: gpus
        model: {MODEL}
        capacity:
          - {{from: 2022-09-01, stage: built, devices: 143, source: containers of the trace}}
"""


def read_lines(folder: Path) -> Iterator[dict[str, str]]:
    """The trace's own lines: value, timestamp_anon, container_ip."""
    with gzip.open(folder / "pod_gpu_duty_cycle.csv.gz") as file:
        yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))


def history(lines: Iterator[dict[str, str]]) -> Iterator[tuple[str, str, int, int, int, float, str, str]]:
    """One row under COLUMNS for each time."""
    percents: dict[int, list[Fraction]] = defaultdict(list)
    for line in lines:
        percents[int(float(line["timestamp_anon"]))].append(Fraction(line["value"]))
    for at, found in sorted(percents.items()):
        yield ("duty", "gpus", at, len(found), len(found), float(sum(found) / 100), f"{STEP - 1}s", "ok")


def write_history(folder: Path, file: Path) -> int:
    """The rows as a CSV file; how many."""
    rows = list(history(read_lines(folder)))
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([COLUMNS, *rows])
    return len(rows)
