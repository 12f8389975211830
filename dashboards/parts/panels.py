"""The four kinds of panel: stat, gauge, timeseries and table (`parts/table.py`). No other kind loads everywhere.

Stats and gauges ask for the present instant: with a range they would show the last value known, for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from dashboards.parts.language import Say, unknown
from dashboards.parts.look import Look
from dashboards.parts.source import REFERENCE

Panel = dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """Who a panel is: a fixed id (links point at it), a title, and the definition of what it shows."""

    id: int
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One query of a panel: its name in the legend, and its own look where it differs from the panel's."""

    expr: str
    legend: str = ""
    look: Look | None = None
    dashed: bool = False


def stat(about: About, asks: Sequence[Ask], look: Look, say: Say) -> Panel:
    """Large numbers, side by side."""
    options = {
        "reduceOptions": _LAST,
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "vertical",
        "textMode": "auto",
    }
    return panel("stat", about, instant(asks), defaults(look, say), overrides(asks, say), options)


def gauge(about: About, ask: Ask, look: Look, say: Say) -> Panel:
    """A rate on a dial from 0 to 1; the number itself is not clamped."""
    options = {"reduceOptions": _LAST, "showThresholdLabels": False, "showThresholdMarkers": True}
    field = {**defaults(look, say), "min": 0, "max": 1}
    return panel("gauge", about, instant([ask]), field, overrides([ask], say), options)


def timeseries(about: About, asks: Sequence[Ask], look: Look, say: Say) -> Panel:
    """Lines over time; where nothing is known there is a gap."""
    custom = {"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": False}
    field = {**defaults(look, say), "color": {"mode": "palette-classic"}, "min": 0, "custom": custom}
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["last", "min", "max"]},
        "tooltip": {"mode": "multi", "sort": "none"},
    }
    return panel("timeseries", about, over_time(asks), field, overrides(asks, say), options)


def panel(kind: str, about: About, targets: list[Panel], field: Panel, rules: list[Panel], options: Panel) -> Panel:
    """What all kinds have in common; the grid position comes from the layouter."""
    return {
        "id": about.id,
        "type": kind,
        "title": about.title,
        "description": about.description,
        "datasource": dict(REFERENCE),
        "targets": targets,
        "fieldConfig": {"defaults": field, "overrides": rules},
        "options": options,
    }


def instant(asks: Sequence[Ask], **more: str) -> list[Panel]:
    """Queries for now."""
    return [{**_target(i, ask), "instant": True, "range": False, **more} for i, ask in enumerate(asks)]


def over_time(asks: Sequence[Ask]) -> list[Panel]:
    """Queries for the board's whole range of time."""
    return [{**_target(i, ask), "instant": False, "range": True} for i, ask in enumerate(asks)]


def defaults(look: Look, say: Say) -> Panel:
    """The look of every field that no override touches; absent is said in words."""
    return {**look.options(say), "noValue": unknown(say)}


def overrides(asks: Sequence[Ask], say: Say) -> list[Panel]:
    """The queries that look different from the rest of their panel."""
    found = ((ascii_uppercase[i], _properties(ask, say)) for i, ask in enumerate(asks))
    return [override("byFrameRefID", ref, properties) for ref, properties in found if properties]


def override(matcher: str, which: str, properties: Panel) -> Panel:
    """An override of Grafana: these properties for that field."""
    listed = [{"id": name, "value": value} for name, value in properties.items()]
    return {"matcher": {"id": matcher, "options": which}, "properties": listed}


_LAST = {"calcs": ["last"], "fields": "", "values": False}
_DASHED = {"custom.lineStyle": {"fill": "dash", "dash": [10, 10]}, "custom.lineWidth": 1}


def _target(position: int, ask: Ask) -> Panel:
    legend = {"legendFormat": ask.legend} if ask.legend else {}
    ref = ascii_uppercase[position]
    return {"refId": ref, "datasource": dict(REFERENCE), "expr": ask.expr, "editorMode": "code", **legend}


def _properties(ask: Ask, say: Say) -> Panel:
    return {**(ask.look.options(say) if ask.look else {}), **(_DASHED if ask.dashed else {})}
