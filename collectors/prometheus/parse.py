"""Prometheus' vectors -> samples. Pure. An empty vector is unknown, never 0: the series is not there."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Protocol

from collectors.amounts import Amounts, number_of, samples_of_amounts
from collectors.base import Unreadable
from collectors.matching import pool_of
from collectors.once import once
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.model.units import Unit

_END_OF_TIME = 1e11
Vector = list[tuple[dict[str, str], float]]
"""Labels and value of each element, NaN and infinity among them: a figure that is none is refused by its name."""


class Asked(Protocol):
    """The settings that matter here."""

    @property
    def unit(self) -> Unit: ...

    @property
    def label(self) -> str: ...


def vector_of(payload: object) -> Vector:
    """The answer to an instant query; Unreadable when it is an error or of another shape."""
    data = _data_of(payload)
    try:
        if data["resultType"] == "scalar":
            return [({}, _value(data["result"]))]
        if data["resultType"] != "vector":
            raise TypeError
        return [(labels, _value(one["value"])) for labels, one in _each(data["result"])]
    except (TypeError, KeyError, IndexError, ValueError, OverflowError):
        raise Unreadable("the answer is not an instant vector") from None


def evaluated_at(payload: Any) -> int:
    """When the answer to an instant query was made, by the clock of whoever answers; 0 where nothing was found."""
    result = payload["data"]["result"]
    pairs = [result] if payload["data"]["resultType"] == "scalar" else [element["value"] for element in result]
    times = (number_of(pair[0]) or 0.0 for pair in pairs)
    return max((int(at) for at in times if 0 < at < _END_OF_TIME), default=0)


def vectors_of(payload: object) -> dict[int, Vector]:
    """The answer to a range query as what the instant query of each moment answers; one without a series is missing."""
    data = _data_of(payload)
    found: defaultdict[int, Vector] = defaultdict(list)
    try:
        if data["resultType"] != "matrix":
            raise TypeError
        for labels, element in _each(data["result"]):
            for pair in element["values"]:
                found[int(pair[0])].append((labels, _value(pair)))
    except (TypeError, KeyError, IndexError, ValueError, OverflowError):
        raise Unreadable("the answer is not a range of vectors") from None
    return found


def _each(result: Any) -> Iterator[tuple[dict[str, str], Any]]:
    """Each element with its labels, by which it is told from the others."""
    seen: set[frozenset[tuple[str, str]]] = set()
    for element in result:
        labels = _labels(element["metric"])
        once(seen, frozenset(labels.items()), f"the series {labels}")
        yield labels, element


def _data_of(payload: object) -> Any:
    if not isinstance(payload, dict) or payload.get("status") != "success":
        said = payload.get("error") if isinstance(payload, dict) else None
        raise Unreadable(f"the query failed: {str(said or 'no status')[:200]}")
    return payload.get("data")


def parse(answers: dict[str, Vector], site: PolledSite, now: int, asked: Asked) -> list[Sample]:
    """Samples at the source's time where it was asked, else at `now`."""
    source_at = _source_time(answers.get("time"), now)
    amounts = Amounts()
    for rung, vector in answers.items():
        if rung != "time":
            _add(amounts, rung, vector, site, asked.label)
    return samples_of_amounts(site, amounts, asked.unit, source_at, now)


def _add(amounts: Amounts, rung: str, vector: Vector, site: PolledSite, label: str) -> None:
    for labels, value in vector:
        name = labels.get(label, "") if label else ""
        pool = pool_of(site, label, name)
        if pool is None:
            amounts.strangers.add(name[:60] or "a series without the pool label")
        else:
            amounts.add(pool.id, rung, value)


def _labels(metric: Any) -> dict[str, str]:
    if not isinstance(metric, dict) or not all(isinstance(value, str) for value in metric.values()):
        raise TypeError
    return metric


def _value(pair: Any) -> float:
    """The second of [time, "text"]."""
    if not isinstance(pair, list):
        raise TypeError
    return float(pair[1])


def _source_time(vector: Vector | None, now: int) -> int:
    if vector is None:
        return now
    times = [value for _, value in vector if math.isfinite(value)]
    if not times or max(times) <= 0:
        raise Unreadable("the query for the source's time found no time")
    return int(max(times))
