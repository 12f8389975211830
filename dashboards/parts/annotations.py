"""Marks on the lines of a board."""

from __future__ import annotations

from typing import Any

from dashboards.parts import promql
from dashboards.parts.form import Form


def capacity_changes(form: Form) -> dict[str, Any]:
    """Where what is built of a pool changed, found by a query: nobody has to write it down a second time."""
    return {
        "name": form.say("容量变更", "Capacity changes"),
        "datasource": form.source.reference,
        "enable": True,
        "hide": False,
        "iconColor": "blue",
        "expr": promql.capacity_changes(),
        "step": "60s",
        "titleFormat": form.say("容量变更", "Capacity changed"),
        "textFormat": "{{pool}}",
        "tagKeys": "pool",
        "useValueForTime": False,
    }
