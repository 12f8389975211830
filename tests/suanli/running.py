"""Starting `suanli` as a person does, and looking at what is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def suanli(folder: Path, *words: str, **environment: str) -> Ended:
    """Run `python -m suanli` in this folder, with nothing of the caller's Suanli settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SUANLI_")}
    kept |= {"PYTHONPATH": str(REPO), "NO_COLOR": "1", "PYTHONUTF8": "1"} | environment
    command = [sys.executable, "-m", "suanli", *words]
    ended = subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def contents(folder: Path) -> dict[str, str]:
    """What is in every file of the folder; SQLite's side files come and go."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.endswith(("-wal", "-shm"))]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
