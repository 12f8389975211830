"""What happens when a real server cannot run here: the test is skipped, or fails when servers are required."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from tests.servers.processes import ISOLATED, environment

REQUIRED = "SUANLI_REQUIRE_SERVERS"
MISSING: dict[str, str] = {}
"""Every server that was asked for in vain, and how to get it: for the summary at the end of the run."""


def need(program: str, how: str) -> str:
    """The path of a program that can be started here; else the test is skipped, or fails if servers are required."""
    problem = isolation_problem()
    path = shutil.which(program, path=environment()["PATH"])
    if problem or path is None:
        _miss(program, problem or how)
    return path


@cache
def isolation_problem() -> str | None:
    """Why no tree of processes can be started here, whatever is installed; None when it can."""
    if os.geteuid() != 0:
        return "the servers are started as root only (they get namespaces and users of their own)"
    try:
        trial = subprocess.run([*ISOLATED, "true"], capture_output=True, timeout=30, text=True)
    except FileNotFoundError as error:
        return f"util-linux is not complete: {error.filename} is missing"
    return None if trial.returncode == 0 else f"no process namespace can be made: {trial.stderr.strip()}"


def _miss(program: str, how: str) -> NoReturn:
    name = Path(program).name
    MISSING[name] = how
    text = f"{name} missing: {how}"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
