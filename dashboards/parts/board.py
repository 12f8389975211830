"""A whole board in the classic JSON that Grafana 9.4 to 13 read, and the list of what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.parts.form import Form
from dashboards.parts.grid import Row, lay_out
from dashboards.parts.links import links_from
from dashboards.parts.source import source_variable

SCHEMA_VERSION = 37  # what 9.4 itself writes; later versions migrate it
UID_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Query:
    """One query as a board asks it; `instant` or over the board's range of time."""

    panel: int
    ref: str
    expr: str
    instant: bool


@dataclass(frozen=True, slots=True)
class Named:
    """What a board is called. word: its part of the uid and of the slug."""

    word: str
    zh: str
    en: str
    description: str
    span: str = "24h"
    """How far back it looks when it is opened."""


def board(
    named: Named,
    rows: Sequence[Row],
    form: Form,
    variables: Sequence[dict[str, Any]] = (),
    annotations: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The board's JSON. `id` stays null: it belongs to the Grafana that loads it."""
    uid = form.uid(named.word)
    if len(uid) > UID_LENGTH:
        raise ValueError(f"the uid {uid} is longer than {UID_LENGTH} characters")
    return {
        "id": None,
        "uid": uid,
        "title": form.title(named.word, named.zh, named.en),
        "description": named.description,
        "tags": ["suanli"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": f"now-{named.span}", "to": "now"},
        "refresh": "1m",
        "annotations": {"list": list(annotations)},
        "links": links_from(uid, form),
        "templating": {"list": [source_variable(form.source, form.say), *variables]},
        "panels": lay_out(rows),
    }


def queries(board: dict[str, Any]) -> list[Query]:
    """Every query of a board's panels, in reading order."""
    return [
        Query(panel["id"], target["refId"], target.get("expr") or target["query"], target.get("instant", False))
        for panel in board["panels"]
        for target in panel["targets"]
    ]
