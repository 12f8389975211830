"""Cells of a row: text or a JSON value in, a number, a time or a word out; ValueError says what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from suanli.model.capacity import instant
from suanli.model.message import Message
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.sample import Quality
from suanli.model.units import seconds_of

AHEAD = 300
"""Seconds that a row may lie ahead of our clock."""
MOST = {"pflops": 1e6, "devices": 1e7}
_EARLIEST = 10**8  # 1973; also keeps a day written as 20240301 from being taken for seconds
_LONGEST = 365 * 86400
_GIVEN: tuple[Quality, ...] = ("ok", "estimated", "declared")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SECONDS = re.compile(r"[+-]?\d{1,15}", re.ASCII)


def parsers(zone: ZoneInfo, now: int) -> dict[str, Callable[[Any], Any]]:
    """How each column but site and pool is read; naive times are in `zone`, `now` is UTC seconds."""
    figures = {f"{rung.name}_{unit}": _up_to(most) for unit, most in MOST.items() for rung in SAMPLE_RUNGS}
    words = {"max_age": _holding, "quality": _quality, "reason": _reason}
    return {"at": lambda value: _not_ahead(_second(value, zone), now), **figures, **words}


def filled(value: object) -> bool:
    """Whether a cell says anything."""
    return value is not None and value != ""


def _up_to(most: float) -> Callable[[Any], float]:
    def amount(value: Any) -> float:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(Message("expected a number, not {value!r}", value=value))
        if not 0 <= value <= most:
            raise ValueError(Message("expected a number from 0 to {most:,.0f}, not {value}", most=most, value=value))
        return abs(float(value))  # -0.0 is 0

    return amount


def _second(value: Any, zone: ZoneInfo) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError(Message("expected ISO 8601 or whole UTC seconds, not {value!r}", value=value))
    return int(value) if _SECONDS.fullmatch(value) else _of_iso(value, zone)


def _of_iso(text: str, zone: ZoneInfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        certain = moment.tzinfo is not None or local.utcoffset() == local.replace(fold=1).utcoffset()
        at = instant(local, zone)
    except (ValueError, OverflowError):
        raise ValueError(Message("expected ISO 8601 or whole UTC seconds, not {text!r}", text=text)) from None
    if not certain:
        raise ValueError(Message("{text} comes twice or never in {zone}: write its offset", text=text, zone=zone.key))
    return at


def _not_ahead(at: int, now: int) -> int:
    if at < _EARLIEST:
        raise ValueError(Message("{at} as UTC seconds is before 1973; a day is written 2024-03-01", at=at))
    if at > now + AHEAD:
        raise ValueError(Message("lies {ahead} s in the future; expected the past, in whole seconds", ahead=at - now))
    return at


def _holding(value: Any) -> int:
    seconds = seconds_of(value)
    if not isinstance(seconds, int) or seconds > _LONGEST:
        raise ValueError(Message("expected a duration of at most 1y"))
    return seconds


def _quality(value: Any) -> Quality:
    found = next((one for one in _GIVEN if one == value), None)
    if found is None:
        raise ValueError(Message("expected {known}, not {value!r}", known=", ".join(_GIVEN), value=value))
    return found


def _reason(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 500 or not value.isprintable():
        raise ValueError(Message("expected at most 500 characters in one line"))
    return value
