"""InfluxDB line protocol: tags sorted, only known fields, seconds."""

from __future__ import annotations

from collections.abc import Iterable

from suanli.model.metric import INFLUX_MEASUREMENT, INFLUX_RUNGS
from suanli.store.sql import Point

_ESCAPED = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\=", "\n": " ", "\r": " ", "\t": " "})
_FIELDS = sorted((rung.field, place) for place, rung in enumerate(INFLUX_RUNGS))


def lines_of(points: Iterable[Point]) -> bytes:
    """The points as lines; a point of which nothing is known has no line."""
    return "\n".join(line for point in points if (line := line_of(point))).encode()


def line_of(point: Point) -> str:
    """One point; unknown fields are left out, and "" when all of them are."""
    fields = ",".join(f"{name}={point.values[place]!r}" for name, place in _FIELDS if point.values[place] is not None)
    return f"{_series(point)} {fields} {point.at}" if fields else ""


def _series(point: Point) -> str:
    tags = (("operator", point.operator), ("pool", point.pool), ("province", point.province), ("site", point.site))
    return INFLUX_MEASUREMENT + "".join(f",{name}={escaped(value)}" for name, value in tags)


def escaped(text: str) -> str:
    """A tag's value. A trailing backslash would swallow the comma that follows, so it gets a companion."""
    text = text.translate(_ESCAPED)
    return text + "\\" if text.endswith("\\") and len(text) - len(text.rstrip("\\")) & 1 else text
