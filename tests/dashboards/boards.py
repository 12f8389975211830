"""What the tests of the boards share."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dashboards.alerts.grafana import grafana_rules
from dashboards.alerts.prometheus import prometheus_rules
from dashboards.build import PROVISIONING, plan
from dashboards.parts.board import queries
from tests.servers.missing import need

Board = dict[str, Any]

LANGUAGES = ("zh", "en")
FOLDER = PROVISIONING / "dashboards"
CHOSEN = {"province": "安徽", "operator": ".*", "site": "yh-univ", "__rate_interval": "1h"}
"""What a reader chose, in the tests."""


def read(uid: str) -> Board:
    """A board as it lies in the repository."""
    board: Board = json.loads((FOLDER / f"{uid}.json").read_text(encoding="utf-8"))
    return board


UIDS = sorted(file.stem for file in FOLDER.glob("*.json"))
PROMETHEUS_UIDS = [uid for uid in UIDS if "influx" not in uid]


def committed(language: str) -> Board:
    """The overview as it lies in the repository."""
    return read("suanli-overview" if language == "zh" else "suanli-overview-en")


def expressions() -> list[str]:
    """All PromQL of all boards, as it is written."""
    return sorted({asked.expr for uid in PROMETHEUS_UIDS for asked in queries(read(uid))})


def names_read() -> set[str]:
    """The metrics that boards and rules read, queries in the rules' texts included; not those that rules record."""
    made = [*expressions(), str(prometheus_rules(plan())), *_grafana_expressions()]
    return {name for text in made for name in re.findall(r"(?<![:\w])(?:suanli|process)_\w+", text)}


def _grafana_expressions() -> Iterator[str]:
    groups = grafana_rules(plan())["groups"]
    models = [one["model"] for group in groups for rule in group["rules"] for one in rule["data"]]
    yield from (model["expr"] for model in models if "expr" in model)


def filled(query: str) -> str:
    """As Grafana would send it: with what the reader chose."""
    return re.sub(r"\$(\w+)", lambda found: CHOSEN.get(found[1], found[0]), query)


def promtool(arguments: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the real promtool; without it the test is skipped, or fails when servers are required."""
    program = shutil.which("promtool") or need("promtool", "apt-get install --no-install-recommends prometheus")
    command = [program, *map(str, arguments)]
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, env=environment)
