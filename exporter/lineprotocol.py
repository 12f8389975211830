"""InfluxDB line protocol: tags sorted, only known fields, seconds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

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
    values = point.values
    fields = ",".join([f"{name}={values[place]!r}" for name, place in _FIELDS if values[place] is not None])
    if not fields:
        return ""
    return f"{_series(INFLUX_MEASUREMENT, point.operator, point.pool, point.province, point.site)} {fields} {point.at}"


def _rollup_line(point: RollupPoint) -> str:
    """Pools of different bases are never added: here their basis is a tag."""
    fields = ",".join(f"{name}={value!r}" for name, value in point.fields)
    series = _series(INFLUX_ROLLUPS[point.width], point.operator, point.pool, point.province, point.site, point.basis)
    return f"{series} {fields} {point.at}"


@lru_cache(maxsize=1 << 14)
def _series(measurement: str, operator: str, pool: str, province: str, site: str, basis: str = "") -> str:
    """Pools are few beside their points: kept, as this was a third of a line's cost."""
    tags = {"basis": basis} if basis else {}
    tags |= {"operator": operator, "pool": pool, "province": province, "site": site}
    return measurement + "".join(f",{name}={escaped(value)}" for name, value in tags.items())


def escaped(text: str) -> str:
    """A tag's value; what a line cannot carry is replaced: line ends and tabs by blanks, backslashes by slashes."""
    return text.translate(_ESCAPED)


def carried(text: str) -> str:
    """A tag's value as it comes back from where the line was sent."""
    return text.translate(_CARRY)
