"""Numbers that are none are refused by their names and kept, from every source that can write them."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from collectors.schedule import stamped
from suanli.model.sample import Sample
from tests.collectors.test_http_json import H100, parsed
from tests.collectors.test_prometheus import collected, vector
from tests.collectors.test_schedule import sample, turn
from tests.suanli.making import T0


def told(one: Sample) -> list[tuple[str, str, str, str]]:
    return [(refused.pool, refused.rung, refused.value, refused.why) for refused in one.refused]


@pytest.mark.parametrize(
    ("text", "value", "why"),
    [("NaN", "nan", "not a number"), ("+Inf", "inf", "infinite"), ("-Inf", "-inf", "infinite")],
)
async def test_what_prometheus_writes_for_no_number_is_refused_by_its_name(text: str, value: str, why: str) -> None:
    a100, h100 = await collected({"online": vector(("A100", "8"), ("H100", "8")), "used": vector(("A100", text))})
    assert (a100.online_devices, a100.used_pflops, a100.quality) == (8, None, "partial")
    assert told(a100) == [("a100", "used", value, why)]
    assert told(h100) == []


async def test_a_time_that_is_no_number_is_passed_over() -> None:
    times = vector(("a", "NaN"), ("b", "1795487990"), ("c", "+Inf"))
    (one,) = await collected({"online": vector(("A100", "8")), "time": times})
    assert one.source_at == 1_795_487_990


@pytest.mark.parametrize(
    ("number", "value", "why"),
    [("NaN", "nan", "not a number"), (10**400, "inf", "infinite"), (-(10**400), "-inf", "infinite")],
    ids=["NaN", "huge", "minus-huge"],
)
def test_what_json_cannot_hold_is_refused_by_its_name(number: JsonValue, value: str, why: str) -> None:
    (one,) = parsed({"up": 8, "busy": number}, H100, listed=None, fields={"online": "up", "used": "busy"})
    assert (one.online_devices, one.used_devices) == (8, None)
    assert told(one) == [("h100", "used", value, why)]


def test_a_clock_that_runs_ahead_is_told_beside_what_was_already_wrong() -> None:
    lame = sample(T0 + 3600, "partial").model_copy(update={"reason": "used is no believable number"})
    (one,) = stamped(turn(), [lame], T0)
    assert one.reason == "used is no believable number; the source's clock is 3600 s ahead"
