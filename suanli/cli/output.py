"""How data is printed: JSON for programs, a table for people. Unknown is said, never printed as 0."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from suanli.cli.language import _

_WIDE = 400


def unknown() -> str:
    return _("unknown")


def print_json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=1))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Numbers stand right; a column of numbers is one whose heading ends with a space."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, title=title or None, title_justify="left")
    for column in columns:
        table.add_column(column.strip(), justify="right" if column.endswith(" ") else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # A pipe has no width: a row is one line there, whatever its length.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def percent(value: float | None) -> str:
    return unknown() if value is None else f"{value:.1%}".replace("%", " %")


def pflops(value: float | None) -> str:
    return unknown() if value is None else f"{value:,.1f} P"
