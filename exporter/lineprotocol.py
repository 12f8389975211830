"""InfluxDB line protocol: tags sorted, only known fields, seconds."""

from __future__ import annotations

from collections.abc import Iterable

from suanli.model.metric import INFLUX_MEASUREMENT, INFLUX_ROLLUPS, INFLUX_RUNGS
from suanli.store.points import Point, RollupPoint

# A real InfluxDB 2.7 reads a backslash before a comma as an escape however many there are: it cannot be written there.
_CARRIED = {"\\": "/", "\n": " ", "\r": " ", "\t": " "}
_CARRY = str.maketrans(_CARRIED)
_BEFORE = {",": r"\,", " ": r"\ ", "=": r"\="}
_ESCAPED = str.maketrans(_BEFORE | {bad: _BEFORE.get(good, good) for bad, good in _CARRIED.items()})
_FIELDS = sorted((rung.field, place) for place, rung in enumerate(INFLUX_RUNGS))


def lines_of(points: Iterable[Point]) -> bytes:
    """The points as lines; a point of which nothing is known has no line."""
    return "\n".join(line for point in points if (line := line_of(point))).encode()


def line_of(point: Point) -> str:
    """One point; unknown fields are left out, and "" when all of them are."""
    if isinstance(point, RollupPoint):
        return _rollup_line(point)
    fields = ",".join(f"{name}={point.values[place]!r}" for name, place in _FIELDS if point.values[place] is not None)
    return f"{_series(point, INFLUX_MEASUREMENT)} {fields} {point.at}" if fields else ""


def _rollup_line(point: RollupPoint) -> str:
    """Pools of different bases are never added: here their basis is a tag."""
    fields = ",".join(f"{name}={value!r}" for name, value in point.fields)
    return f"{_series(point, INFLUX_ROLLUPS[point.width], ('basis', point.basis))} {fields} {point.at}"


def _series(point: Point, measurement: str, *first: tuple[str, str]) -> str:
    names = (("operator", point.operator), ("pool", point.pool), ("province", point.province), ("site", point.site))
    tags = (*first, *names)
    return measurement + "".join(f",{name}={escaped(value)}" for name, value in tags)


def escaped(text: str) -> str:
    """A tag's value; what a line cannot carry is replaced: line ends and tabs by blanks, backslashes by slashes."""
    return text.translate(_ESCAPED)


def carried(text: str) -> str:
    """A tag's value as it comes back from where the line was sent."""
    return text.translate(_CARRY)
