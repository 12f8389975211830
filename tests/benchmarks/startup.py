"""How long a command takes to answer, beside a Python that does nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.children import BenchError, child_environment, suanli
from tests.benchmarks.figures import Figure
from tests.benchmarks.polling import Load, write_registry

_TURNS = 7
_SMALL = Load(sites=9, interval=60, seconds=0)


def startup_figures(folder: Path) -> list[Figure]:
    """`--help`, and `rates` on a small store; the programs take turns, so that a busy moment meets all of them."""
    config = write_registry(_SMALL, folder, port=1, listen=1)
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "help": suanli("--help"),
        "rates": suanli("--config", str(config), "rates", "--json"),
    }
    walls: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_TURNS):
        for name, command in commands.items():
            walls[name].append(_wall_ms(command, folder))
    middle = {name: statistics.median(found) for name, found in walls.items()}
    return [
        Figure(f"start_{name}_ms", middle[name], "ms", "python_pass_ms", middle["python"]) for name in list(walls)[1:]
    ]


def _wall_ms(command: Sequence[str], folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=child_environment(), capture_output=True, text=True, timeout=30)
    wall = (time.perf_counter() - start) * 1e3
    if done.returncode:
        raise BenchError(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    return wall
