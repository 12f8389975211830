"""InfluxDB line protocol: tags sorted, only known fields, seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from suanli.model.metric import INFLUX_MEASUREMENT, INFLUX_RUNGS
from suanli.store.sql import Point

_BLANKS = str.maketrans("\n\r\t", "   ")
_SPECIAL = re.compile(r"(\\*)([,= ]|\Z)")
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
    """A tag's value. A backslash before a comma, blank, equals sign or the end would change what that means, so an odd
    number of them gets one more."""
    return _SPECIAL.sub(_told_apart, text.translate(_BLANKS))


def _told_apart(found: re.Match[str]) -> str:
    backslashes, special = found.groups()
    return backslashes + "\\" * (len(backslashes) & 1) + ("\\" + special if special else "")
