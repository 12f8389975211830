"""`python -m dashboards [--check]`: writes the generated files, or says which are not as generated (exit 1)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards.build import PROVISIONING, problems, write


def main(arguments: Sequence[str] | None = None, folder: Path = PROVISIONING) -> int:
    """The exit code: 0 done, 1 the check failed."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Builds the boards for Grafana.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not as generated")
    return _check(folder) if parser.parse_args(arguments).check else _build(folder)


def _check(folder: Path) -> int:
    found = problems(folder)
    if not found:
        return 0
    advice = "The boards' files are not as generated; run `python -m dashboards` and commit the result."
    print("\n".join([*found, advice]), file=sys.stderr)
    return 1


def _build(folder: Path) -> int:
    for name in write(folder):
        print(f"wrote {folder / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
