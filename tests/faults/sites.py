"""The sites of the fault tests: one pool each, asked over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Any


def a_site(id_: str, url: str, interval: str = "1s", time: str | None = None, **fields: str) -> dict[str, Any]:
    """fields: which of the answer's keys tells which rung; time: the one that tells when."""
    settings = {"unit": "PFLOPS", "fields": fields} | ({"time": time} if time else {})
    entry = {"from": date(2025, 1, 1), "stage": "built", "pflops": 1e6, "source": "test"}
    return {
        "id": id_,
        "name": id_,
        "province": "安徽",
        "operator": "test",
        "source": {"kind": "http_json", "url": url, "interval": interval, "settings": settings},
        "pools": [{"id": "all", "model": "nvidia-h20-96gb", "capacity": [entry]}],
    }
