"""An alert in a sentence: what its kind says, with the values in their units."""

from __future__ import annotations

from typing import Any, Literal

from suanli.model.alert import Alert, AlertKind

Language = Literal["zh", "en"]
UNKNOWN: dict[Language, str] = {"zh": "未知", "en": "unknown"}
_BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_SPANS: tuple[tuple[int, dict[Language, str]], ...] = (
    (86_400, {"zh": "{n:g} 天", "en": "{n:g} days"}),
    (3600, {"zh": "{n:g} 小时", "en": "{n:g} h"}),
    (60, {"zh": "{n:g} 分钟", "en": "{n:g} min"}),
    (1, {"zh": "{n:g} 秒", "en": "{n:g} s"}),
)


def what(alert: Alert, language: Language) -> str:
    """The sentence of its kind, filled in."""
    kind = alert.kind
    known = {"value": alert.value, "threshold": alert.threshold}
    amounts = {name: amount(kind, value, language) for name, value in known.items()}
    values: dict[str, Any] = {label: plain(text) for label, text in alert.subject} | amounts
    return (kind.zh if language == "zh" else kind.en).format_map(values)


def amount(kind: AlertKind, value: float | None, language: Language) -> str:
    """In the kind's unit: 59.8 %, 15 min, 1.2 GB."""
    if value is None:
        return UNKNOWN[language]
    if kind.unit == "ratio":
        return f"{100 * value:.1f} %"
    if kind.unit == "bytes":
        size, unit = next(((size, unit) for size, unit in _BYTES if value >= size), (1.0, "B"))
        return f"{value / size:.3g} {unit}"
    if kind.unit == "seconds":
        length, words = next((span for span in _SPANS if value >= span[0]), _SPANS[-1])
        return words[language].format(n=float(f"{value / length:.3g}"))
    return f"{value:g}"


def plain(text: str) -> str:
    """On one line, whatever somebody named something."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:120]
