"""Two languages, side by side where they are used: ``say("上线率", "Online-rate")``.

Grafana cannot translate titles, so each board is generated once per language.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

Say = Callable[[str, str], str]
"""Picks one of (Chinese, English)."""


def speaker(language: Language) -> Say:
    """The Say of one language."""
    position = LANGUAGES.index(language)
    return lambda zh, en: (zh, en)[position]


def unknown(say: Say) -> str:
    """What stands where a number is absent: unknown is not zero."""
    return say("未知", "unknown")
