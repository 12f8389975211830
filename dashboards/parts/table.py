"""Tables of bounded length: instant queries joined by one label, the columns renamed and put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from dashboards.parts.form import Form
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
    """A column made from the value of a query of its own, which has the label that joins and no other.

    Without a query: the value of the first one.
    """

    title: str
    look: Look
    expr: str = ""
    wide: int = 90


Column = Label | Number


def table(about: About, rows: str, columns: Sequence[Column], form: Form, *, sort: str, join: str = "site") -> Panel:
    """`rows` is the query that has one series a row: how long the table is, it says. sort: a title, `-` for falling."""
    numbers = [column for column in columns if isinstance(column, Number) and column.expr]
    asks = [Ask(rows), *(Ask(column.expr) for column in numbers)]
    colour = {"mode": "fixed", "fixedColor": "text"}
    field = {**defaults(_TEXT, form.say), "color": colour, "custom": {"minWidth": 90, "filterable": False}}
    rules = [override("byName", column.title, _properties(column, form)) for column in columns]
    options = {"showHeader": True, "sortBy": [{"displayName": sort.lstrip("-"), "desc": sort.startswith("-")}]}
    made = panel("table", about, instant(asks, form, "table"), field, rules, options, form)
    return {**made, "transformations": _transformations(columns, numbers, join)}


def _properties(column: Column, form: Form) -> Panel:
    # A table whose columns have no minimum width is cut on narrow screens (seen in 9.4).
    look = {} if column.look is None else column.look.options(form.say)
    shown = {"custom.displayMode": "color-text"} if column.look and not column.look.link else {}
    return {**look, **shown, "custom.minWidth": column.wide}


def _transformations(columns: Sequence[Column], numbers: Sequence[Number], join: str) -> list[dict[str, Any]]:
    # One query alone keeps its names; what is joined gets the query's letter behind them.
    own = "Value #A" if numbers else "Value"
    values = {number.title: f"Value #{ascii_uppercase[i]}" for i, number in enumerate(numbers, start=1)}
    fields = {
        column.title: column.label if isinstance(column, Label) else values.get(column.title, own) for column in columns
    }
    times = ["Time", *(f"Time {i}" for i in range(1, len(numbers) + 2))]
    hidden = [*times, *([] if own in fields.values() else [own])]
    organize = {
        "excludeByName": dict.fromkeys(hidden, True),
        "indexByName": {field: i for i, field in enumerate(fields.values())},
        "renameByName": {field: title for title, field in fields.items()},
    }
    joined = [{"id": "joinByField", "options": {"byField": join, "mode": "outer"}}] if numbers else []
    return [*joined, {"id": "organize", "options": organize}]
