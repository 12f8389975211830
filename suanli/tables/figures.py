"""What the cells of a row mean: its figures in PFLOPS, and how good they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from suanli.model.message import Message, message_of
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.sample import Quality, worst
from suanli.tables.cells import MOST, filled
from suanli.tables.rows import Problems, Row

Parsers = Mapping[str, Callable[[Any], Any]]


def cells_of(row: Row, parsers: Parsers, problems: Problems) -> dict[str, Any]:
    """What its filled cells say; None where that is wrong, which is added."""
    return {column: _cell(row, column, parsers, problems) for column in parsers if filled(row.values.get(column))}


def figures_of(
    row: Row, cells: Mapping[str, Any], model: str, peak: float | None, problems: Problems, quality: Quality
) -> dict[str, Any]:
    """The rungs, devices, quality and reason of a Sample; peak: PFLOPS of one device, where that is published.

    quality: of a row that does not say it.
    """
    figures = {rung.field: _pflops(row, cells, rung.name, peak, problems) for rung in SAMPLE_RUNGS}
    devices = {name: cells.get(name) for name in ("online_devices", "used_devices")}
    return figures | devices | _word(cells, model, peak, quality)


def _cell(row: Row, column: str, parsers: Parsers, problems: Problems) -> Any:
    try:
        return parsers[column](row.values[column])
    except ValueError as error:
        problems.add(row.spot.problem(message_of(error), column))
        return None


def _pflops(row: Row, cells: Mapping[str, Any], rung: str, peak: float | None, problems: Problems) -> float | None:
    given: float | None = cells.get(f"{rung}_pflops")
    devices = cells.get(f"{rung}_devices")
    if given is not None or devices is None or peak is None:
        return given
    pflops: float = devices * peak
    if pflops > MOST["pflops"]:
        told = Message("these are {pflops:g} PFLOPS, more than there are", pflops=pflops)
        problems.add(row.spot.problem(told, f"{rung}_devices"))
    return pflops


def _word(cells: Mapping[str, Any], model: str, peak: float | None, given: Quality) -> dict[str, Any]:
    """The sample's quality and reason: devices that could not be counted make it partial."""
    quality, reason = cells.get("quality", given), cells.get("reason", "")
    rungs = [rung.name for rung in SAMPLE_RUNGS if f"{rung.name}_devices" in cells]
    if peak is not None or all(f"{rung}_pflops" in cells for rung in rungs):
        return {"quality": quality, "reason": reason}
    why = Message("no published peak for model {model}", model=model)
    return {"quality": worst([quality, "partial"]), "reason": "; ".join(filter(None, (reason, why)))}
