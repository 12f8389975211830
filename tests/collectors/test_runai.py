"""Run:ai's telemetry: what counts, what is unknown, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.base import Unreadable
from collectors.runai.parse import TYPES, parse
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Source
from tests.collectors.cases import NOW

WHEN = "2026-11-24T02:39:30Z"


def told(kind: str, values: dict[str, Any], when: Any = WHEN) -> dict[str, Any]:
    rows = [{"value": value, "groups": [{"key": "k", "value": name}]} for name, value in values.items()]
    return {"type": kind, "timestamp": when, "values": rows}


def answers(ready: Any, allocated: Any, idle: Any) -> dict[str, Any]:
    return {kind: told(kind, values) for kind, values in zip(TYPES, (ready, allocated, idle), strict=True)}


def parsed(found: dict[str, Any]) -> list[Sample]:
    pools = (PolledPool("a", "A", frozenset(), 1.0), PolledPool("b", "B", frozenset(), 1.0))
    source = Source(kind="runai", url="http://127.0.0.1:8080")
    return parse(found, PolledSite("runai", source, pools, interval=60, timeout=10.0, max_age=180), NOW)


@pytest.mark.parametrize(
    ("allocated", "idle", "busy", "quality"),
    [("6.5", "1.25", 5.25, "ok"), ("6", "6", 0, "ok"), ("6", None, None, "partial"), ("1", "2", None, "partial")],
)
def test_busy_is_what_is_allocated_less_what_of_it_is_idle(
    allocated: str, idle: str | None, busy: float | None, quality: str
) -> None:
    (sample,) = parsed(answers({"a": "8"}, {"a": allocated}, {"a": idle} if idle else {}))

    assert (sample.online_devices, sample.used_devices) == (8, float(allocated))
    assert (sample.busy_pflops, sample.quality) == (busy, quality)


@pytest.mark.parametrize("mark", ["-1", "NaN", "9223372036854775807"])
def test_marks_for_no_value_are_unknown_and_their_difference_is_no_zero(mark: str) -> None:
    (sample,) = parsed(answers({"a": "8"}, {"a": mark}, {"a": mark}))

    assert (sample.online_devices, sample.used_devices, sample.busy_pflops) == (8, None, None)
    assert sample.quality == "partial"


def test_a_node_pool_that_is_not_told_is_unknown_and_a_strange_one_is_named() -> None:
    a, b = parsed(answers({"a": "8", "c": "4"}, {"a": "1", "b": "2"}, {"a": "0", "b": "0"}))

    assert (a.online_devices, b.online_devices, b.used_devices) == (8, None, 2)
    assert "c matches no pool" in a.reason


def test_the_time_is_the_oldest() -> None:
    found = answers({"a": "8"}, {"a": "1"}, {"a": "0"})
    found[TYPES[1]]["timestamp"] = "2026-11-24T10:30:00+08:00"

    assert parsed(found)[0].source_at == NOW - 600


@pytest.mark.parametrize("when", [None, "soon", "2026-11-24T02:39:30", 5, "0001-01-01T00:00:00+23:59"])
def test_a_time_that_is_none_is_unreadable(when: Any) -> None:
    with pytest.raises(Unreadable, match="no time"):
        parsed({kind: told(kind, {"a": "1"}, when) for kind in TYPES})


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "TOTAL_GPUS"},
        {"values": None},
        {"values": [{"value": "1"}]},
        {"values": [{"value": "1", "groups": [{"value": "a"}, {"value": "x"}]}]},
        {"values": [{"value": "1", "groups": [{"value": "a"}]}] * 2},
    ],
)
def test_what_cannot_be_read_is_never_none(broken: dict[str, Any]) -> None:
    found = answers({"a": "8"}, {"a": "1"}, {"a": "0"})
    found[TYPES[0]] |= broken

    with pytest.raises(Unreadable):
        parsed(found)
