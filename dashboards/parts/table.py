"""A table with one row a site: instant queries joined by the label `site`, the columns renamed and put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from dashboards.parts.language import Say
from dashboards.parts.look import COUNT, Look
from dashboards.parts.panels import About, Ask, Panel, defaults, instant, override, panel

_TEXT = Look(COUNT, 0)


@dataclass(frozen=True, slots=True)
class Label:
    """A column made from a label of the table's first query."""

    label: str
    title: str
    look: Look | None = None
    wide: int = 90


@dataclass(frozen=True, slots=True)
class Number:
    """A column made from the value of a query of its own, which has the label `site` and no other."""

    expr: str
    title: str
    look: Look
    wide: int = 90


def site_table(about: About, rows: str, columns: Sequence[Label | Number], say: Say, *, sort: str) -> Panel:
    """`rows` is the query that has one series a site; it is refId A, its value is not shown."""
    numbers = [column for column in columns if isinstance(column, Number)]
    asks = [Ask(rows), *(Ask(column.expr) for column in numbers)]
    field = {**defaults(_TEXT, say), "color": {"mode": "fixed", "fixedColor": "text"}, "custom": {"minWidth": 90}}
    rules = [override("byName", column.title, _properties(column, say)) for column in columns]
    options = {"showHeader": True, "sortBy": [{"displayName": sort, "desc": True}]}
    made = panel("table", about, instant(asks, format="table"), field, rules, options)
    return {**made, "transformations": _transformations(columns, numbers)}


def _properties(column: Label | Number, say: Say) -> Panel:
    # A table whose columns have no minimum width is cut on narrow screens (seen in 9.4).
    options = {} if column.look is None else {**column.look.options(say), "custom.displayMode": "color-text"}
    return {**options, "custom.minWidth": column.wide}


def _transformations(columns: Sequence[Label | Number], numbers: Sequence[Number]) -> list[dict[str, Any]]:
    values = {number.title: f"Value #{ascii_uppercase[i]}" for i, number in enumerate(numbers, start=1)}
    fields = {column.title: column.label if isinstance(column, Label) else values[column.title] for column in columns}
    times = ["Time", *(f"Time {i}" for i in range(1, len(numbers) + 2))]
    organize = {
        "excludeByName": dict.fromkeys([*times, "Value #A"], True),
        "indexByName": {field: i for i, field in enumerate(fields.values())},
        "renameByName": {field: title for title, field in fields.items()},
    }
    return [
        {"id": "joinByField", "options": {"byField": "site", "mode": "outer"}},
        {"id": "organize", "options": organize},
    ]
