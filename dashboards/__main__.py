"""`python -m dashboards [--check]`: writes the generated files, or says which are not as generated (exit 1)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards.build import DOCUMENT, PROVISIONING, document_problems, problems, write, write_document


def main(arguments: Sequence[str] | None = None, folder: Path = PROVISIONING, page: Path = DOCUMENT) -> int:
    """The exit code: 0 done, 1 the check failed."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Builds the boards for Grafana.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not as generated")
    return _check(folder, page) if parser.parse_args(arguments).check else _build(folder, page)


def _check(folder: Path, page: Path) -> int:
    found = problems(folder) + document_problems(page)
    if not found:
        return 0
    advice = "The boards' files are not as generated; run `python -m dashboards` and commit the result."
    print("\n".join([*found, advice]), file=sys.stderr)
    return 1


def _build(folder: Path, page: Path) -> int:
    written = [folder / name for name in write(folder)] + [page.with_name(name) for name in write_document(page)]
    for file in written:
        print(f"wrote {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
