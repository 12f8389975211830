"""How numbers look: units, thresholds (all of them are here), and words in place of codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboards.parts.language import Say, unknown

PFLOPS = "suffix:P"
RATIO = "percentunit"
COUNT = "none"
SECONDS = "suffix:s"
DAYS = "suffix:d"
BYTES = "bytes"
PER_SECOND = "ops"

Steps = tuple[tuple[str, float | None], ...]
"""Colours, each with the value from which it holds; the first holds from the beginning."""

PLAIN: Steps = (("blue", None),)
REFERENCE: Steps = (("text", None),)
CHANGE: Steps = (("orange", None), ("green", 0.0))
NONE_IS_GOOD: Steps = (("green", None), ("orange", 1.0))
ANY_IS_BAD: Steps = (("green", None), ("red", 1.0))
SHORT: Steps = (("green", None), ("orange", 1e-9))
COVERAGE: Steps = (("red", None), ("orange", 0.8), ("green", 0.95))
AGE: Steps = (("green", None), ("orange", 180.0), ("red", 900.0))  # 180 s is the default max_age

Words = tuple[tuple[str, str, str], ...]
"""(code, text, colour)"""


@dataclass(frozen=True, slots=True)
class Look:
    """The appearance of a number. signed: it may be below 0. link: where a click on it leads."""

    unit: str
    decimals: int
    steps: Steps = PLAIN
    words: Words = ()
    signed: bool = False
    link: str = ""

    @property
    def ratio(self) -> bool:
        return self.unit == RATIO

    def options(self, say: Say) -> dict[str, Any]:
        """This look as options of a field, by their names in Grafana; also used for overrides."""
        return {
            "unit": self.unit,
            "decimals": self.decimals,
            "color": {"mode": "thresholds"},
            "thresholds": thresholds(self.steps),
            "mappings": _mappings(self.words, say),
            **({"links": [{"title": say("打开", "Open"), "url": self.link}]} if self.link else {}),
        }


def thresholds(steps: Steps) -> dict[str, Any]:
    """Absolute thresholds; the first value is null, as Grafana writes it."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in steps]}


def site_states(say: Say) -> Words:
    """The words for `suanli_site_up`."""
    return (("0", say("失联", "silent"), "red"), ("1", say("正常", "up"), "green"))


def site_conditions(say: Say) -> Words:
    """The words for what is known of a site at an instant: `promql.site_condition`."""
    return (
        ("0", say("未知", "unknown"), "red"),
        ("1", say("有数据", "heard"), "green"),
        ("2", say("维护", "maintenance"), "blue"),
    )


def firing(say: Say) -> Words:
    """The words for an alert that fires."""
    return (("1", say("触发", "firing"), "red"),)


def stages(say: Say) -> Words:
    """The words for the stage in which a pool waits."""
    return (
        ("planned", say("规划,未建成", "planned, not built"), "text"),
        ("built", say("已建成,未上线", "built, not online"), "orange"),
    )


def site_statuses(say: Say) -> Words:
    """The words for the label `status` of a site."""
    return (
        ("planned", say("规划", "planned"), "text"),
        ("building", say("在建", "building"), "text"),
        ("operational", say("运营", "operational"), "text"),
        ("maintenance", say("维护", "maintenance"), "orange"),
        ("retired", say("退役", "retired"), "text"),
    )


def _mappings(words: Words, say: Say) -> list[dict[str, Any]]:
    absent = {"match": "null+nan", "result": {"text": unknown(say), "color": "text", "index": len(words)}}
    named = {code: {"text": text, "color": color, "index": i} for i, (code, text, color) in enumerate(words)}
    special = [{"type": "special", "options": absent}]
    return [{"type": "value", "options": named}, *special] if named else special
