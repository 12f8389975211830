"""Where the published traces lie: beside the project, in shared/data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.servers.missing import MISSING, REQUIRED

SHARED = Path(__file__).parents[3] / "shared" / "data"


def need_data(name: str) -> Path:
    """The folder of this trace; where it is not there the test is skipped, or fails if servers are required."""
    folder = SHARED / name
    if not folder.is_dir():
        MISSING[name] = f"the trace's files in {folder.parent.name}/{name} beside the project"
        text = f"trace {name} missing: {MISSING[name]}"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(text, pytrace=False)
        pytest.skip(text)
    return folder
