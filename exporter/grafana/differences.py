"""What would change in a board: panel by panel, and line by line of its JSON."""

from __future__ import annotations

import difflib
import json
from typing import Any

from exporter.grafana.mark import content

Json = dict[str, Any]


def panels(found: Json | None, wanted: Json) -> dict[str, list[str]]:
    """The titles of the panels that are added, changed and removed, and the other keys that change (`board`)."""
    before, after = _by_id(found or {}), _by_id(wanted)
    return {
        "added": [_title(after[key]) for key in after if key not in before],
        "changed": [_title(after[key]) for key in after if key in before and before[key] != after[key]],
        "removed": [_title(before[key]) for key in before if key not in after],
        "board": _other_keys(content(found or {}), content(wanted)) if found else [],
    }


def unified(found: Json | None, wanted: Json) -> list[str]:
    """A unified diff of the two boards as JSON with sorted keys, without what is Grafana's own; empty when equal."""
    before = [] if found is None else _lines(found)
    name = wanted["uid"]
    return list(difflib.unified_diff(before, _lines(wanted), f"grafana/{name}", f"suanli/{name}", lineterm=""))


def _lines(board: Json) -> list[str]:
    return json.dumps(content(board), ensure_ascii=False, indent=1, sort_keys=True).splitlines()


def _by_id(board: Json) -> dict[Any, Json]:
    return {panel.get("id"): panel for panel in board.get("panels") or []}


def _title(panel: Json) -> str:
    return str(panel.get("title") or panel.get("type") or panel.get("id"))


def _other_keys(before: Json, after: Json) -> list[str]:
    keys = (before.keys() | after.keys()) - {"panels"}
    return sorted(key for key in keys if before.get(key) != after.get(key))
