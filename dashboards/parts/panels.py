"""The kinds of panel: stat, gauge, bargauge, timeseries, state-timeline, text, and table (`parts/table.py`).

No other kind loads everywhere. Stats, gauges and bars ask for the present instant, or in InfluxQL for the last closed
hours: with the board's range they would show the last value known, for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Any

from dashboards.parts.form import Form
from dashboards.parts.language import Say, unknown
from dashboards.parts.look import Look

Panel = dict[str, Any]

LAST_HOURS = "3h"
"""How far back an InfluxQL panel looks for the last closed hour: one that is older than this is unknown."""


@dataclass(frozen=True, slots=True)
class About:
    """Who a panel is: a fixed id (links point at it), a title, and the definition of what it shows."""

    id: int
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One query of a panel: its name in the legend, and its own look where it differs from the panel's.

    by: a label that names its series, in place of a legend.
    """

    expr: str
    legend: str = ""
    look: Look | None = None
    dashed: bool = False
    by: str = ""


def stat(about: About, asks: Sequence[Ask], look: Look, form: Form) -> Panel:
    """Large numbers, side by side."""
    options = {
        "reduceOptions": _LAST,
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "vertical",
        "textMode": "auto",
    }
    return _now("stat", about, asks, defaults(look, form.say), options, form)


def gauge(about: About, ask: Ask, look: Look, form: Form) -> Panel:
    """A rate on a dial from 0 to 1; the number itself is not clamped."""
    options = {"reduceOptions": _LAST, "showThresholdLabels": False, "showThresholdMarkers": True}
    return _now("gauge", about, [ask], {**defaults(look, form.say), "min": 0, "max": 1}, options, form)


def bargauge(about: About, asks: Sequence[Ask], look: Look, form: Form, link: str = "") -> Panel:
    """Bars under each other, each with its name and number. link: where a click on a bar leads."""
    options = {
        "reduceOptions": _LAST,
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "minVizHeight": 10,
        "minVizWidth": 0,
    }
    ends = {"min": 0, "max": 1} if look.ratio else {"min": 0}
    field = {**defaults(replace(look, link=link), form.say), **ends}
    return _now("bargauge", about, asks, field, options, form)


def timeseries(about: About, asks: Sequence[Ask], look: Look, form: Form, *, within: str = "") -> Panel:
    """Lines over time; where nothing is known there is a gap. within: a range of its own, such as 24h."""
    custom = {"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": False}
    field = {**defaults(look, form.say), "color": {"mode": "palette-classic"}, "custom": custom}
    if not look.signed:
        field["min"] = 0
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["last", "min", "max"]},
        "tooltip": {"mode": "multi", "sort": "none"},
    }
    made = panel("timeseries", about, over_time(asks, form), field, overrides(asks, form.say), options, form)
    return {**made, **({"timeFrom": within} if within else {}), **({} if form.prometheus else {"interval": "1h"})}


def state_timeline(about: About, asks: Sequence[Ask], look: Look, form: Form) -> Panel:
    """States over time, each named in words: 9.4 writes them only where the colour does not come from thresholds."""
    field = {
        **defaults(look, form.say),
        "color": {"mode": "fixed", "fixedColor": "text"},
        "custom": {"fillOpacity": 70, "lineWidth": 0, "spanNulls": False},
    }
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.9,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", about, over_time(asks, form), field, overrides(asks, form.say), options, form)


def text(about: About, markdown: str, form: Form) -> Panel:
    """Words, which ask nothing."""
    return panel("text", about, [], defaults(Look("none", 0), form.say), [], _markdown(markdown), form)


def named(made: Panel, names: Sequence[tuple[str, str]]) -> Panel:
    """The same panel with other names for these series."""
    rules = [override("byName", name, {"displayName": title}) for name, title in names]
    field = made["fieldConfig"]
    return {**made, "fieldConfig": {**field, "overrides": [*field["overrides"], *rules]}}


def panel(
    kind: str, about: About, targets: list[Panel], field: Panel, rules: list[Panel], options: Panel, form: Form
) -> Panel:
    """What all kinds have in common; the grid position comes from the layouter."""
    return {
        "id": about.id,
        "type": kind,
        "title": about.title,
        "description": about.description,
        "datasource": form.source.reference,
        "targets": targets,
        "fieldConfig": {"defaults": field, "overrides": rules},
        "options": options,
    }


def instant(asks: Sequence[Ask], form: Form, kind: str = "time_series") -> list[Panel]:
    """Queries for now."""
    if form.prometheus:
        more = {"instant": True, "range": False, **({"format": "table"} if kind == "table" else {})}
        return [{**_target(i, ask, form), **more} for i, ask in enumerate(asks)]
    return [{**_target(i, ask, form), "resultFormat": kind} for i, ask in enumerate(asks)]


def over_time(asks: Sequence[Ask], form: Form) -> list[Panel]:
    """Queries for the board's whole range of time."""
    more = {"instant": False, "range": True} if form.prometheus else {"resultFormat": "time_series"}
    return [{**_target(i, ask, form), **more} for i, ask in enumerate(asks)]


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


def of_last_hours(made: Panel) -> Panel:
    """An InfluxQL panel of now: of the last closed hour."""
    return {**made, "timeFrom": LAST_HOURS, "interval": "1h", "hideTimeOverride": True}


_LAST = {"calcs": ["last"], "fields": "", "values": False}
_DASHED = {"custom.lineStyle": {"fill": "dash", "dash": [10, 10]}, "custom.lineWidth": 1}


def _now(kind: str, about: About, asks: Sequence[Ask], field: Panel, options: Panel, form: Form) -> Panel:
    made = panel(kind, about, instant(asks, form), field, overrides(asks, form.say), options, form)
    return made if form.prometheus else of_last_hours(made)


def _target(position: int, ask: Ask, form: Form) -> Panel:
    common = {"refId": ascii_uppercase[position], "datasource": form.source.reference}
    if form.prometheus:
        legend = f"{{{{{ask.by}}}}}" if ask.by else ask.legend
        return {**common, "expr": ask.expr, "editorMode": "code", **({"legendFormat": legend} if legend else {})}
    alias = f"$tag_{ask.by}" if ask.by else ask.legend
    return {**common, "query": ask.expr, "rawQuery": True, **({"alias": alias} if alias else {})}


def _properties(ask: Ask, say: Say) -> Panel:
    return {**(ask.look.options(say) if ask.look else {}), **(_DASHED if ask.dashed else {})}


def _markdown(content: str) -> Panel:
    return {"mode": "markdown", "content": content}
