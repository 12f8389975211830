"""What is pushed, whatever it is, gives samples with sane figures or an error that names each wrong one."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from collectors.push.collector import CLOCKS_DIFFER, PushCollector
from suanli.model.errors import InputError
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.pushed import Pushed, PushedSample
from suanli.model.sample import Sample
from tests.collectors.cases import NOW, polled
from tests.suanli.making import a_pool, a_site

SITE = polled(a_site("s", a_pool("a"), a_pool("b"), source={"kind": "push", "interval": "60s"}))
FIGURES = [f"{rung.name}_{unit}" for rung in SAMPLE_RUNGS for unit in ("pflops", "devices")]
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, 1e5) | st.integers(-1, 2**64)
told = st.dictionaries(st.sampled_from(FIGURES), numbers | st.none(), max_size=4)
times = st.integers(NOW - 10_000, NOW + 10_000)
ones = st.builds(
    lambda pool, at, asked, figures: {"pool": pool, "at": at, "fetched_at": asked} | figures,
    st.sampled_from(["a", "b", "c"]),
    times,
    times | st.none(),
    told,
)


def received(*samples: dict[str, Any], now: int = NOW) -> list[Sample]:
    return PushCollector(SITE).received(Pushed.model_validate({"samples": list(samples)}), now)


@settings(max_examples=150, deadline=None)
@given(st.lists(ones, min_size=1, max_size=4))
def test_figures_are_sane_or_every_wrong_sample_is_named(samples: list[dict[str, Any]]) -> None:
    wrong = {place for place, one in enumerate(samples) if one["pool"] == "c"}
    try:
        found = received(*samples)
    except InputError as error:
        named = {int(problem.key.split("[")[1].split("]")[0]) for problem in error.problems}
        assert wrong <= named
        return
    assert not wrong
    assert len(found) == len(samples)
    for one, sample in zip(samples, found, strict=True):
        figures = [getattr(sample, rung.field) for rung in SAMPLE_RUNGS]
        assert all(value is None or (math.isfinite(value) and value >= 0) for value in figures)
        assert 0 <= sample.source_at == min(one["at"], NOW) <= sample.fetched_at <= NOW
        assert sample.at <= min(one["at"], NOW + CLOCKS_DIFFER)
        assert (sample.quality == "suspect") == (one["at"] > NOW + 300)


@given(times, st.integers(0, 100_000))
def test_a_time_that_is_near_or_past_names_its_slot_whenever_it_comes(at: int, later: int) -> None:
    one = {"pool": "a", "at": at, "online_pflops": 1.0}
    first, again = received(one)[0], received(one, now=NOW + later)[0]
    assert first.at == again.at or at > NOW + CLOCKS_DIFFER


@given(st.floats(0, 1e4), st.floats(0, 1e4) | st.none(), st.sampled_from(["ok", "partial", "suspect"]), times)
def test_what_an_agent_sends_is_what_its_collector_found(
    online: float, used: float | None, quality: Any, at: int
) -> None:
    plain = {
        "site": "s",
        "pool": "a",
        "at": at - at % 60,
        "source_at": at,
        "fetched_at": max(at, NOW),
        "quality": quality,
    }
    sample = Sample(**plain, online_pflops=online, used_pflops=used, online_devices=2.0, reason="两台\n不可读")
    found = received(PushedSample.of(sample).model_dump(exclude_defaults=True), now=NOW + 20_000)[0]
    same = ("source_at", "online_pflops", "used_pflops", "busy_pflops", "online_devices", "quality", "fetched_at")
    assert [getattr(found, name) for name in same] == [getattr(sample, name) for name in same]
    assert found.reason == "两台 不可读"


@pytest.mark.parametrize("more", [{"samples": []}, {"samples": [{"pool": "a", "at": NOW}] * 5001}, {"sample": 1}])
def test_a_request_has_one_sample_at_least_and_5000_at_most(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Pushed.model_validate(more)


@pytest.mark.parametrize(
    "source",
    [{"kind": "push", "url": "https://x.example"}, {"kind": "push", "timeout": "5s"}],
)
def test_only_a_source_that_is_asked_has_an_address_and_it_must(source: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"not asked|Field required"):
        a_site("s", source=source)


def test_a_second_signal_is_asked() -> None:
    with pytest.raises(ValidationError, match="cannot be of kind push"):
        a_site("s", source={"kind": "http_json", "url": "https://x.example"}, cross_check={"kind": "push"})
