"""A row with its place in its file, so that whatever is wrong with it can be told; and which columns it may have."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.yamlfile import dotted

REQUIRED = ("site", "pool", "at")
FIGURES = tuple(f"{rung.name}_{unit}" for unit in ("pflops", "devices") for rung in SAMPLE_RUNGS)
COLUMNS = (*REQUIRED, *FIGURES, "max_age", "quality", "reason")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns a table has. named: its names and ours, in pairs, where they differ; ignored: what is not read."""

    required: tuple[str, ...] = REQUIRED
    known: tuple[str, ...] = COLUMNS
    named: tuple[tuple[str, str], ...] = ()
    ignored: frozenset[str] = frozenset()

    def ours(self, names: list[str]) -> list[str]:
        """What we call these columns."""
        meant = dict(self.named)
        return [meant.get(name, name) for name in names]


HISTORY = Columns()
"""As `suanli import` reads them."""


class Spot(NamedTuple):
    """Where a row is: its line, or in a JSON list, which has no lines of its own, its place from 0."""

    file: str
    line: int | None = None
    place: int | None = None

    def problem(self, message: str, column: str = "") -> Problem:
        key = column if self.place is None else dotted((self.place, column) if column else (self.place,))
        return Problem(message, self.file, self.line, key)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.place is None else f"{self.file}: [{self.place}]"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: every name in `values` is a known column; a cell of a CSV file is stripped text."""

    spot: Spot
    values: Mapping[str, Any]


class Problems:
    """What was found wrong: the first `most` are kept, the others only counted."""

    def __init__(self, most: int = 100) -> None:
        self._most = most
        self._kept: list[Problem] = []
        self._more = 0

    def add(self, problem: Problem) -> None:
        if self.full:
            self._more += 1
        else:
            self._kept.append(problem)

    @property
    def full(self) -> bool:
        """Whether another one would only be counted."""
        return len(self._kept) >= self._most

    def __bool__(self) -> bool:
        return bool(self._kept)

    @property
    def kept(self) -> tuple[Problem, ...]:
        """Those that are told in full."""
        return tuple(self._kept)

    def lines(self) -> list[str]:
        """All of them, in words."""
        more = [str(Message("and {count} more problems", count=self._more))] if self._more else []
        return [*map(str, self._kept), *more]

    def raise_any(self) -> None:
        """An InputError of all of them; nothing when there is none."""
        if self._kept:
            more = [Problem(Message("and {count} more problems", count=self._more))] if self._more else []
            raise InputError([*self._kept, *more])


def right_columns(spot: Spot, names: list[str], problems: Problems, columns: Columns = HISTORY) -> bool:
    """Whether a row or header may have these columns; what is wrong with them is added."""
    faults = _faults(tuple(names), columns)
    for column, message in faults:
        problems.add(spot.problem(message, column))
    return not faults


@lru_cache(maxsize=64)
def _faults(names: tuple[str, ...], columns: Columns) -> list[tuple[str, str]]:
    """What is wrong with these names of columns: pairs of name and message."""
    read = columns.known
    wrong = [(name, _unknown(name, read)) for name in names if name not in read and name not in columns.ignored]
    twice = [(name, Message("this column comes twice")) for name in read if names.count(name) > 1]
    missing = [(name, Message("this column is missing")) for name in columns.required if name not in names]
    figures = (
        []
        if set(names) & set(FIGURES)
        else [("", Message("no column of figures; expected any of {known}", known=", ".join(FIGURES)))]
    )
    return wrong + twice + missing + figures


def _unknown(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return (
        Message("unknown column; did you mean {nearest}?", nearest=close[0])
        if close
        else Message("unknown column; known: {known}", known=", ".join(known))
    )
