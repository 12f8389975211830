"""A whole board in the classic JSON that Grafana 9.4 to 13 read, and the list of what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.parts.grid import Row, lay_out
from dashboards.parts.language import Say
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


def board(uid: str, title: str, description: str, rows: Sequence[Row], say: Say) -> dict[str, Any]:
    """The board's JSON. `id` stays null: it belongs to the Grafana that loads it."""
    if len(uid) > UID_LENGTH:
        raise ValueError(f"the uid {uid} is longer than {UID_LENGTH} characters")
    return {
        "id": None,
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["suanli"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [source_variable(say)]},
        "panels": lay_out(rows),
    }


def queries(board: dict[str, Any]) -> list[Query]:
    """Every query of a board, in reading order."""
    return [
        Query(panel["id"], target["refId"], target["expr"], target["instant"])
        for panel in board["panels"]
        for target in panel["targets"]
    ]
