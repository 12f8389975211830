"""Times within a question: {from}, {to} and {now}, each as ISO 8601, {to:s}, {to:ms} or {to:%Y-%m-%d}. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

_PLACE = re.compile(r"\{(?P<name>from|to|now)(?::(?P<form>[^{}]+))?\}")
_LOOKS_LIKE_ONE = re.compile(r"\{[^{}]*\}")
_DATE_WORDS = re.compile(r"(?:[^%]|%[YmdHMSyjzZ%])+")
_NUMBERS = {"s": 1, "ms": 1000}


@dataclass(frozen=True, slots=True)
class Times:
    """The times of one poll, UTC seconds. zone: of dates."""

    now: int
    window: int
    zone: ZoneInfo

    def params(self, params: Mapping[str, str]) -> dict[str, str]:
        """With every place filled in."""
        return {name: self._text(value) for name, value in params.items()}

    def body(self, value: Any) -> Any:
        """The same, wherever a text stands; a text that is nothing but {to:s} or {to:ms} becomes a number."""
        if isinstance(value, dict):
            return {name: self.body(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.body(inner) for inner in value]
        if not isinstance(value, str):
            return value
        whole = _PLACE.fullmatch(value)
        return int(self._filled(whole)) if whole and whole["form"] in _NUMBERS else self._text(value)

    def _text(self, text: str) -> str:
        return _PLACE.sub(self._filled, text)

    def _filled(self, place: re.Match[str]) -> str:
        at = self.now - self.window if place["name"] == "from" else self.now
        if place["form"] is None:
            return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if place["form"] in _NUMBERS:
            return str(at * _NUMBERS[place["form"]])
        return datetime.fromtimestamp(at, self.zone).strftime(place["form"])


def names_a_time(value: Any) -> bool:
    """Whether {from} or {to} is in it. {now} alone may be a stamp on the question, and not what it asks about."""
    if isinstance(value, dict | list):
        return any(names_a_time(one) for one in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and any(place["name"] != "now" for place in _PLACE.finditer(value))


def template_fault(value: Any) -> str:
    """What is wrong with the first place that nobody can fill in; nothing where all can be.

    Only what looks like one of ours is judged: JSON within a text, and query languages, have braces of their own.
    """
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return next((fault for one in inner if (fault := template_fault(one))), "")
    found = _LOOKS_LIKE_ONE.findall(value) if isinstance(value, str) else []
    return next((fault for one in found if (fault := _fault(one))), "")


def _fault(place: str) -> str:
    name = place[1:-1].partition(":")[0]
    if name not in ("from", "to", "now"):
        return ""
    match = _PLACE.fullmatch(place)
    form = match["form"] if match else ""
    if match and (form is None or form in _NUMBERS or ("%" in form and _DATE_WORDS.fullmatch(form))):
        return ""
    return (
        f"{place}: a time is {{{name}}} (ISO 8601), {{{name}:s}}, {{{name}:ms}} or a date such as {{{name}:%Y-%m-%d}}"
    )
