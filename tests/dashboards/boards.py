"""What the tests of the boards share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dashboards.build import PROVISIONING
from tests.servers.missing import need

Board = dict[str, Any]

LANGUAGES = ("zh", "en")
FILES = {"zh": "suanli-overview.json", "en": "suanli-overview-en.json"}


def committed(language: str) -> Board:
    """A board as it lies in the repository."""
    board: Board = json.loads((PROVISIONING / "dashboards" / FILES[language]).read_text(encoding="utf-8"))
    return board


def promtool(arguments: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the real promtool; without it the test is skipped, or fails when servers are required."""
    program = shutil.which("promtool") or need("promtool", "apt-get install --no-install-recommends prometheus")
    command = [program, *map(str, arguments)]
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, env=environment)
