"""Small words of PromQL."""

from __future__ import annotations

import json
from collections.abc import Iterable

HEARD = "max(suanli_build_info)"
"""There while Suanli is scraped with success."""


def number(value: float) -> str:
    """As PromQL reads it back, to the last bit: 0.8, 1000000000."""
    return repr(float(value)).removesuffix(".0")


def quoted(text: str) -> str:
    """A label's value; JSON's escapes are those of Go."""
    return json.dumps(text, ensure_ascii=False)


def selector(metric: str, labels: Iterable[tuple[str, str]]) -> str:
    """metric{a="x",b="y"}"""
    inside = ",".join(f"{name}={quoted(value)}" for name, value in labels)
    return f"{metric}{{{inside}}}" if inside else metric


def by(labels: Iterable[str], expr: str, how: str = "max") -> str:
    """One row for each value of these labels, and no other labels."""
    names = ", ".join(labels)
    return f"{how} by ({names}) ({expr})" if names else f"{how}({expr})"


def on(labels: Iterable[str]) -> str:
    return f"on ({', '.join(labels)})"
