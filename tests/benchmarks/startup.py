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
from tests.benchmarks.measuring import Load
from tests.benchmarks.polling import write_registry

_SMALL = Load(sites=9, interval=60, seconds=0)
_BOARDS_WITHIN_MS = 1000.0


def startup_figures(folder: Path, turns: int) -> list[Figure]:
    """`--help`, `rates` on a small store, and all boards and rules made anew.

    The programs take turns, so that a busy moment meets all of them. Each is run `turns` times, and the median told.
    """
    config = write_registry(_SMALL, folder, port=9999, listen=1)
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "help": suanli("--help"),
        "rates": suanli("--config", str(config), "rates", "--json"),
        "boards": [sys.executable, "-m", "dashboards", "--check"],
    }
    walls: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            walls[name].append(_wall_ms(command, folder))
    middle = {name: statistics.median(found) for name, found in walls.items()}
    nothing, boards = middle.pop("python"), middle.pop("boards")
    started = [Figure(f"start_{name}_ms", wall, "ms", "python_pass_ms", nothing) for name, wall in middle.items()]
    return [*started, Figure("boards_built_ms", boards, "ms", "limit_ms", _BOARDS_WITHIN_MS, 1.0)]


def _wall_ms(command: Sequence[str], folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=child_environment(), capture_output=True, text=True, timeout=30)
    wall = (time.perf_counter() - start) * 1e3
    if done.returncode:
        raise BenchError(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    return wall
