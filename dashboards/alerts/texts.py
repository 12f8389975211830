"""What an alert says, in Chinese and English: the words are those of the table, the numbers come when it fires."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.alerts.rules import Rule
from dashboards.parts.language import LANGUAGES, Language, speaker
from suanli.model.units import duration_text

_SHOWN = {
    "ratio": "{v} | humanizePercentage",
    "seconds": "{v} | humanizeDuration",
    "bytes": "{v} | humanize1024",
    "samples": '{v} | printf "%.0f"',
    "": "{v}",
}
"""How Prometheus and Grafana print a number in each unit."""
_AFTER = {"bytes": "B"}


@dataclass(frozen=True, slots=True)
class Manner:
    """How an engine's templates name things. label: of the subject; value: the number; known: whether there is one."""

    label: str
    value: str
    known: str


def summary(rule: Rule, manner: Manner, language: Language) -> str:
    """One line with the subject, the number and its threshold."""
    kind = rule.kind
    words = {name: "{{ " + manner.label.format(name) + " }}" for name in kind.subject}
    text = kind.zh if language == "zh" else kind.en
    return text.format(**words, value=_value(rule, manner, language), threshold=threshold_text(rule))


def threshold_text(rule: Rule) -> str:
    """The threshold as a person writes it: 80 %, 15m, 1 GB."""
    value = rule.threshold
    if value is None:
        return ""
    shown = {"ratio": f"{value * 100:.6g} %", "bytes": f"{value / 1e9:.6g} GB"}
    if rule.kind.unit == "seconds" and value == int(value):
        return duration_text(int(value))
    return shown.get(rule.kind.unit, f"{value:.6g}")


def description(rule: Rule, stake: str, language: Language) -> str:
    """How much is concerned, and when it ends. stake: a template that prints PFLOPS, or nothing."""
    say = speaker(language)
    lasted = duration_text(rule.hold) if rule.hold else ""
    parts = [say(f"已持续超过 {lasted}。", f"It has been so for {lasted}.")] if lasted else []
    parts += [say(f"涉及算力：{stake}。", f"Computing power concerned: {stake}.")] if stake else []
    parts += [say("数据中断不会使告警恢复。", "Silence does not resolve it.")] if rule.kind.name != "dead_man" else []
    return say("", " ").join(parts) or summary_of_always(language)


def summary_of_always(language: Language) -> str:
    return speaker(language)("每次评估都会发出。", "It is sent at every evaluation.")


def unknown(language: Language) -> str:
    return speaker(language)("未知", "unknown")


def spoken() -> tuple[Language, ...]:
    """English first: `summary` is what every receiver shows, `summary_zh` is beside it."""
    return tuple(reversed(LANGUAGES))


def suffix(language: Language) -> str:
    """What the name of an annotation in this language ends with."""
    return "" if language == "en" else f"_{language}"


def _value(rule: Rule, manner: Manner, language: Language) -> str:
    shown = _SHOWN[rule.kind.unit].format(v=manner.value)
    after = _AFTER.get(rule.kind.unit, "")
    return f"{{{{ if {manner.known} }}}}{{{{ {shown} }}}}{after}{{{{ else }}}}{unknown(language)}{{{{ end }}}}"
