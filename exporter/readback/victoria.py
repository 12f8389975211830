"""What a VictoriaMetrics holds: every point, exported, and counted here. A moment that is held twice counts twice."""

from __future__ import annotations

import orjson

from exporter.readback.asking import Asking
from exporter.readback.base import Tallies, add, tags_of
from suanli.config import SinkConfig
from suanli.model.metric import INFLUX_MEASUREMENT, INFLUX_RUNGS

_NAMES = {f"{INFLUX_MEASUREMENT}_{rung.field}": rung.field for rung in INFLUX_RUNGS}
_MATCH = f'{{__name__=~"{"|".join(_NAMES)}"}}'


class VictoriaReader:
    """One database, or one tenant of a cluster."""

    def __init__(self, config: SinkConfig) -> None:
        self._asking = Asking(config)

    def tallies(self, lo: int, hi: int) -> Tallies:
        found: Tallies = {}
        asked = {"match[]": _MATCH, "start": str(lo), "end": f"{hi - 0.001:.3f}"}
        with self._asking.get("/api/v1/export", **asked) as answer:
            for line in filter(None, answer.iter_lines()):
                try:
                    row = orjson.loads(line)
                    times = [at // 1000 for at in row["timestamps"]]
                    field = _NAMES[row["metric"]["__name__"]]
                    add(found, tags_of(row["metric"]), field, zip(times, row["values"], strict=True))
                except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                    raise self._asking.unreadable("its answer is none of VictoriaMetrics's") from None
        return found

    def close(self) -> None:
        self._asking.close()
