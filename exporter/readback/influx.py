"""What an InfluxDB 2 holds, by InfluxQL: the database itself counts and adds."""

from __future__ import annotations

from typing import Any

import orjson

from exporter.readback.asking import Asking
from exporter.readback.base import Tallies, Tally, tags_of
from suanli.config import SinkConfig
from suanli.model.metric import INFLUX_MEASUREMENT, INFLUX_RUNGS, INFLUX_TAGS

_FIELDS = [rung.field for rung in INFLUX_RUNGS]
_ASKED = ", ".join(f"count({field}), sum({field})" for field in _FIELDS)
_QUERY = (
    f"SELECT {_ASKED} FROM {INFLUX_MEASUREMENT} WHERE time >= {{lo}}s AND time < {{hi}}s "  # noqa: S608 - numbers only
    f"GROUP BY time(1h), {', '.join(INFLUX_TAGS)} fill(none)"
)


class InfluxReader:
    """One bucket; it is its own database for InfluxQL, under its own name."""

    def __init__(self, config: SinkConfig) -> None:
        self._asking, self._bucket = Asking(config), config.bucket

    def tallies(self, lo: int, hi: int) -> Tallies:
        asked = {"db": self._bucket, "q": _QUERY.format(lo=lo, hi=hi), "epoch": "s"}
        with self._asking.get("/query", **asked) as answer:
            body = answer.read()
        found: Tallies = {}
        for series in self._series(body):
            names = tags_of(series["tags"])
            for hour, *numbers in series["values"]:
                for field, count, total in zip(_FIELDS, numbers[::2], numbers[1::2], strict=True):
                    if count:
                        found[names, field, hour] = Tally(count, total)
        return found

    def _series(self, body: bytes) -> list[dict[str, Any]]:
        """An unknown bucket is an error inside an answer of 200."""
        try:
            (result,) = orjson.loads(body)["results"]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise self._asking.unreadable("its answer is none of InfluxDB's") from None
        if "error" in result:
            raise self._asking.unreadable(result["error"])
        return list(result.get("series", []))

    def close(self) -> None:
        self._asking.close()
