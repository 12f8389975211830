"""Giving `suanli` commands as a person does, and looking at what is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from suanli.cli.main import main
from tests.suanli.engines import chosen

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
    """Run the command in this folder, in this process: as `started`, in a tenth of its time."""
    out, err, code = StringIO(), StringIO(), 0
    if databases := chosen():
        environment = {"SUANLI_STORE": databases.of(folder) or ""} | environment
    with (
        chdir(folder),
        patch.dict(os.environ, _environment(environment), clear=True),
        patch.object(sys, "argv", ["suanli", *words]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ended(code, out.getvalue(), err.getvalue())


def started(folder: Path, *words: str, **environment: str) -> Ended:
    """Run `python -m suanli` in this folder, in a process of its own."""
    command = [sys.executable, "-m", "suanli", *words]
    ended = subprocess.run(
        command,
        cwd=folder,
        env=_environment(environment),
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def begun(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """The same, which goes on by itself: whoever began it ends it."""
    command = [sys.executable, "-m", "suanli", *words]
    out, err = subprocess.PIPE, subprocess.PIPE
    env = _environment(environment)
    return subprocess.Popen(command, cwd=folder, env=env, encoding="utf-8", stdout=out, stderr=err)


def _environment(more: dict[str, str]) -> dict[str, str]:
    """Ours, with nothing of the caller's Suanli settings in it, nor of the caller's language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SUANLI_", "LC_", "LANG"))}
    return kept | {"LANG": "C.UTF-8"} | {"PYTHONPATH": str(REPO), "NO_COLOR": "1", "PYTHONUTF8": "1"} | more


def contents(folder: Path) -> dict[str, str]:
    """What is in every file of the folder; SQLite's side files come and go."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.endswith(("-wal", "-shm"))]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
