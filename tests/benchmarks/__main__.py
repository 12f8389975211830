"""`make bench`: python -m tests.benchmarks --sites 2000 --seconds 40 --interval 5 --turns 7 --scale 1 --output FILE

Ends with 1 when a poll failed or what was acknowledged is not what is stored; a goal that is missed is only told,
as a busy machine can miss it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.benchmarks import telegraf
from tests.benchmarks.alerting import alerting_figures
from tests.benchmarks.appending import appending_figures
from tests.benchmarks.boards import boards_figures
from tests.benchmarks.children import ROOT, BenchError, raise_limits
from tests.benchmarks.figures import Figure, show, write
from tests.benchmarks.forwarding import forwarding_figures
from tests.benchmarks.history import history_figures
from tests.benchmarks.kubernetes import kubernetes_figures
from tests.benchmarks.measuring import Load
from tests.benchmarks.polling import polling_figures
from tests.benchmarks.redfish import redfish_figures
from tests.benchmarks.rendering import rendering_figures
from tests.benchmarks.slurm import slurm_figures
from tests.benchmarks.startup import startup_figures

_NODES = 5000
"""Of one Slurm site."""
_CLUSTER = (1000, 10_000)
"""Nodes and pods of one Kubernetes site."""
_PARTS = ("polling", "startup", "appending", "forwarding", "history", "redfish", "boards")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; the exit status."""
    options = _options(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(
        f"{options.sites} sites every {options.interval} s, {options.seconds:g} s each: Suanli, Prometheus, Telegraf"
    )
    if telegraf.program() is None:
        console.print(f"no Telegraf beside us: {telegraf.BUILD} builds it (ten minutes)")
    raise_limits()
    try:
        figures = _measured(
            Load(options.sites, options.interval, options.seconds), options.turns, options.scale, options.bmcs
        )
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    show(figures, console)
    write(figures, options.output)
    lost = [one.name for one in figures if one.exact and not one.met]
    if lost:
        print(f"bench: not what was acknowledged: {', '.join(lost)}", file=sys.stderr)
    return 1 if lost else 0


def _measured(load: Load, turns: int, scale: float, bmcs: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="suanli-bench-") as name:
        folders = {part: Path(name) / part for part in _PARTS}
        for folder in folders.values():
            folder.mkdir()
        return [
            *polling_figures(load, folders["polling"]),
            *startup_figures(folders["startup"], turns),
            *rendering_figures((load.sites, 5 * load.sites)),
            *alerting_figures(5 * load.sites),
            *appending_figures(folders["appending"]),
            *forwarding_figures(folders["forwarding"], scale),
            *history_figures(folders["history"], scale),
            *redfish_figures(bmcs, folders["redfish"]),
            *slurm_figures(_NODES),
            *kubernetes_figures(*_CLUSTER),
            *boards_figures(folders["boards"]),
        ]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="What Suanli costs.")
    parser.add_argument("--sites", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=40.0, help="how long each program is measured")
    parser.add_argument("--interval", type=int, default=5, help="seconds between two polls of a site")
    parser.add_argument("--turns", type=int, default=7, help="how often each command is started")
    parser.add_argument("--scale", type=float, default=1.0, help="1: a year of 200 sites, which takes minutes")
    parser.add_argument("--bmcs", type=int, default=500, help="management controllers of one site")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
