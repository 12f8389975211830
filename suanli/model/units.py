"""Units of computing power and of time, as people write them in files."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from suanli.model.message import Message

PowerUnit = Literal["FLOPS", "TFLOPS", "PFLOPS", "EFLOPS"]
Unit = Literal["FLOPS", "TFLOPS", "PFLOPS", "EFLOPS", "devices"]
Basis = Literal["fp16", "fp32", "fp64"]
CANONICAL_BASIS: Basis = "fp16"
BASES: tuple[Basis, ...] = get_args(Basis)

PFLOPS_PER: dict[PowerUnit, float] = {"FLOPS": 1e-15, "TFLOPS": 1e-3, "PFLOPS": 1.0, "EFLOPS": 1e3}

_SECONDS_PER = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}
_DURATION = re.compile(r"([0-9]{1,19})([smhdy])")
_LONGEST = 100 * _SECONDS_PER["y"]


def seconds_of(text: object) -> object:
    """Seconds of a duration such as `60s`, `10m`, `90d`; anything else is left for the model to refuse."""
    if isinstance(text, int) and not isinstance(text, bool):
        raise ValueError(Message("a duration needs its unit: write {text}s, not {text}", text=text))
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(Message("expected a duration such as 60s, 10m, 1h or 90d"))
    seconds = int(match[1]) * _SECONDS_PER[match[2]]
    if not 1 <= seconds <= _LONGEST:
        raise ValueError(Message("a duration must be at least 1s and at most 100y"))
    return seconds


def duration_text(seconds: int) -> str:
    """The shortest way to write this many seconds, as `seconds_of` reads it: 3600 -> 1h."""
    unit = next(unit for unit in "ydhms" if seconds % _SECONDS_PER[unit] == 0)
    return f"{seconds // _SECONDS_PER[unit]}{unit}"


_WRITTEN = {"type": "string", "pattern": "^[1-9][0-9]{0,9}[smhdy]$", "examples": ["60s", "10m", "90d"]}
Duration = Annotated[
    int, BeforeValidator(seconds_of), PlainSerializer(duration_text, return_type=str), WithJsonSchema(_WRITTEN)
]
"""Whole seconds, written with a unit."""
