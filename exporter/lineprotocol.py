"""InfluxDB line protocol: tags sorted, only known fields, seconds."""

from __future__ import annotations

from collections.abc import Iterable

from suanli.model.metric import INFLUX_MEASUREMENT, INFLUX_RUNGS
from suanli.store.sql import Point

# A real InfluxDB 2.7 reads a backslash before a comma as an escape however many there are: it cannot be written there.
_ESCAPED = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\=", "\\": "/", "\n": r"\ ", "\r": r"\ ", "\t": r"\ "})
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
    """A tag's value; what a line cannot carry is replaced: line ends and tabs by blanks, backslashes by slashes."""
    return text.translate(_ESCAPED)
