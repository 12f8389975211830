"""Generated text and the folder where it lies: what differs, and writing it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def differing(expected: Mapping[str, str], folder: Path) -> list[str]:
    """A line for each file that is not as generated: missing, then stale."""
    present = {name: (folder / name).is_file() for name in sorted(expected)}
    missing = [f"missing: {name}" for name, there in present.items() if not there]
    return missing + [
        f"stale: {name}" for name, there in present.items() if there and _differs(folder / name, expected[name])
    ]


def write(expected: Mapping[str, str], folder: Path) -> list[str]:
    """Writes what differs, each file at once or not at all, and returns the names; raises OSError."""
    return [name for name, text in expected.items() if _write_changed(folder / name, text)]


def _differs(file: Path, text: str) -> bool:
    return file.read_bytes() != text.encode()


def _write_changed(file: Path, text: str) -> bool:
    if file.is_file() and not _differs(file, text):
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(text.encode())
    os.replace(beside, file)
    return True
