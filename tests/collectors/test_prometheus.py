"""The query API's answers: strings, what is no number, and what is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import JsonValue

from collectors.base import Unreadable
from collectors.prometheus.collector import PrometheusCollector, PrometheusSettings
from collectors.prometheus.parse import vector_of
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from tests.collectors.cases import NOW, FakeHttp

A100 = PolledPool("a100", "A100", frozenset({"a100"}), 0.3, Match(label="chip", value="A100"))
H100 = PolledPool("h100", "H100", frozenset({"h100", "nvidia-h100"}), 1.0)


def site(*pools: PolledPool) -> PolledSite:
    source = Source(kind="prometheus", url="http://127.0.0.1:9090")
    return PolledSite("prometheus", source, pools or (A100, H100), interval=60, timeout=10.0, max_age=180)


def vector(*elements: tuple[str, object]) -> JsonValue:
    """Elements by the label chip; "" has no label."""
    result: Any = [
        {"metric": {"chip": chip, "gpu": str(place)} if chip else {}, "value": [NOW - 3.5, value]}
        for place, (chip, value) in enumerate(elements)
    ]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


async def collected(answers: Mapping[str, JsonValue], *pools: PolledPool, **settings: Any) -> list[Sample]:
    def reply(path: str, params: Mapping[str, str] | None) -> JsonValue:
        assert path == "/api/v1/query"
        assert params is not None
        return answers[params["query"]]

    asked = {name: name for name in answers if name != "time"}
    time = {"time": "time"} if "time" in answers else {}
    chosen = PrometheusSettings.model_validate({"queries": asked, "pool_label": "chip"} | time | settings)
    return await PrometheusCollector(site(*pools), chosen, FakeHttp(reply)).collect(NOW)


async def test_values_are_strings_and_times_the_peak() -> None:
    a100, h100 = await collected({"online": vector(("A100", "10"), ("H100", "2.5")), "used": vector(("A100", "1e1"))})

    assert (a100.online_pflops, a100.used_pflops) == pytest.approx((3.0, 3.0))
    assert a100.busy_pflops is None
    assert (a100.online_devices, a100.used_devices, a100.quality) == (10, 10, "ok")
    assert (h100.online_pflops, h100.used_pflops, h100.quality) == (2.5, None, "ok")
    assert (a100.source_at, a100.fetched_at) == (NOW, NOW)


@pytest.mark.parametrize(
    ("unit", "value", "pflops"),
    [
        ("FLOPS", "2e15", 2.0),
        ("TFLOPS", "2000", 2.0),
        ("PFLOPS", "2", 2.0),
        ("EFLOPS", "0.002", 2.0),
        ("devices", "2", 0.6),
    ],
)
async def test_units(unit: str, value: str, pflops: float) -> None:
    (sample,) = await collected({"used": vector(("A100", value))}, unit=unit)

    assert sample.used_pflops == pytest.approx(pflops)
    assert sample.used_devices == (2 if unit == "devices" else None)


async def test_zero_is_a_number() -> None:
    (sample,) = await collected({"used": vector(("A100", "0"))})

    assert (sample.used_pflops, sample.quality) == (0.0, "ok")


NO_AMOUNT = ["NaN", "+Inf", "-Inf", "-1", "9223372036854775794", "9.2e18", "1e300"]


@pytest.mark.parametrize("value", NO_AMOUNT)
async def test_what_is_no_amount_is_unknown_and_partial(value: str) -> None:
    (sample,) = await collected({"online": vector(("A100", "8")), "used": vector(("A100", value))})

    assert (sample.online_devices, sample.used_devices, sample.used_pflops) == (8, None, None)
    assert (sample.quality, sample.reason) == ("partial", "used is no believable number")


@pytest.mark.parametrize("value", NO_AMOUNT)
async def test_one_series_that_is_no_amount_makes_the_pools_sum_unknown(value: str) -> None:
    for series in ([("A100", "100"), ("A100", value)], [("A100", value), ("A100", "100")]):
        (sample,) = await collected({"online": vector(("A100", "8")), "used": vector(*series)})

        assert sample.used_devices is None


@pytest.mark.parametrize("value", NO_AMOUNT)
async def test_nothing_but_no_amounts_is_unreadable(value: str) -> None:
    with pytest.raises(Unreadable, match="no pool of this site has a number"):
        await collected({"used": vector(("A100", value))})


async def test_an_empty_vector_is_unknown_not_0() -> None:
    (sample,) = await collected({"online": vector(("A100", "8")), "used": vector()})
    assert (sample.online_devices, sample.used_devices, sample.used_pflops) == (8, None, None)

    with pytest.raises(Unreadable):
        await collected({"online": vector(), "used": vector()})


async def test_a_missing_pool_has_no_sample_and_the_other_is_ok() -> None:
    (sample,) = await collected({"online": vector(("H100", "8"))})

    assert (sample.pool, sample.quality) == ("h100", "ok")


async def test_series_of_one_pool_add_up() -> None:
    (sample,) = await collected({"used": vector(("h100", "1"), ("NVIDIA H100", "2"), ("nvidia_h100", "4"))})

    assert (sample.pool, sample.used_devices) == ("h100", 7)


async def test_strangers_make_the_samples_partial_and_are_named() -> None:
    (sample,) = await collected({"used": vector(("A100", "1"), ("B200", "2"), ("", "3"), ("x" * 99, "4"))})

    assert (sample.used_devices, sample.quality) == (1, "partial")
    assert sample.reason == (
        f"B200 matches no pool; a series without the pool label matches no pool; {'x' * 60} matches no pool"
    )


async def test_a_site_of_one_pool_needs_no_label() -> None:
    (sample,) = await collected({"used": vector(("", "3"))}, H100, pool_label="")
    assert sample.used_devices == 3
    (sample,) = await collected({"used": vector(("B200", "3"))}, H100, pool_label="")
    assert sample.used_devices == 3


async def test_a_scalar_is_the_only_pools() -> None:
    scalar: JsonValue = {"status": "success", "data": {"resultType": "scalar", "result": [NOW, "7"]}}

    (sample,) = await collected({"used": scalar}, H100)
    assert sample.used_devices == 7
    with pytest.raises(Unreadable):
        await collected({"used": scalar})


async def test_the_sources_own_time() -> None:
    (sample,) = await collected({"used": vector(("A100", "1")), "time": vector(("a", str(NOW - 90.5)), ("b", "NaN"))})

    assert (sample.at, sample.source_at, sample.fetched_at) == (NOW - 91, NOW - 91, NOW)


@pytest.mark.parametrize("answer", [vector(), vector(("", "NaN")), vector(("", "0")), vector(("", "-5"))])
async def test_without_its_time_the_answer_is_unreadable(answer: JsonValue) -> None:
    with pytest.raises(Unreadable, match="source's time found no time"):
        await collected({"used": vector(("A100", "1")), "time": answer})


async def test_one_failed_query_fails_the_poll() -> None:
    failed: JsonValue = {"status": "error", "errorType": "execution", "error": "many-to-many matching not allowed"}

    with pytest.raises(Unreadable, match="the query failed: many-to-many matching not allowed"):
        await collected({"online": vector(("A100", "1")), "used": failed})


def _data(data: JsonValue) -> JsonValue:
    return {"status": "success", "data": data}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "success",
        {},
        {"status": "success"},
        _data(None),
        _data([]),
        _data("vector"),
        _data({"resultType": "vector"}),
        _data({"resultType": "vector", "result": None}),
        _data({"resultType": "vector", "result": {"metric": {}}}),
        _data({"resultType": "vector", "result": [{"value": [1, "2"]}]}),
        _data({"resultType": "vector", "result": [{"metric": {}}]}),
        _data({"resultType": "vector", "result": [{"metric": {}, "value": []}]}),
        _data({"resultType": "vector", "result": [{"metric": {}, "value": [1]}]}),
        _data({"resultType": "vector", "result": [{"metric": {}, "value": "12"}]}),
        _data({"resultType": "vector", "result": [{"metric": {}, "value": [1, "many"]}]}),
        _data({"resultType": "vector", "result": [{"metric": {}, "value": [1, None]}]}),
        _data({"resultType": "vector", "result": [{"metric": {}, "value": [1, 10**400]}]}),
        _data({"resultType": "vector", "result": [{"metric": [], "value": [1, "2"]}]}),
        _data({"resultType": "vector", "result": [{"metric": {"chip": ["A100"]}, "value": [1, "2"]}]}),
        _data({"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "2"]]}]}),
        _data({"resultType": "string", "result": [1, "2"]}),
        _data({"resultType": "scalar", "result": "12"}),
        _data({"resultType": "scalar", "result": []}),
    ],
)
def test_other_shapes_are_unreadable(payload: JsonValue) -> None:
    with pytest.raises(Unreadable):
        vector_of(payload)
