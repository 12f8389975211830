"""Any JSON by JMESPath: units, times, numbers, and the fast way for plain paths."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from collectors.base import Unreadable
from collectors.http_json.collector import HttpJsonCollector
from collectors.http_json.parse import Expressions, Part, instant_of, parse, search_of
from collectors.http_json.settings import HttpJsonSettings
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from suanli.model.units import Unit
from tests.collectors.cases import NOW, always

A100 = PolledPool("a100", "A100", frozenset({"a100"}), 0.3, Match(label="pool", value="A 100"))
H100 = PolledPool("h100", "H100", frozenset({"h100"}), 1.0)
FIELDS = {"pool": "name", "online": "up", "used": "busy"}


def site(*pools: PolledPool) -> PolledSite:
    source = Source(kind="http_json", url="http://127.0.0.1:8080/api")
    return PolledSite("json", source, pools or (A100, H100), interval=60, timeout=10.0, max_age=180)


def parsed(
    payload: JsonValue,
    *pools: PolledPool,
    listed: str | None = "pools",
    fields: dict[str, str] = FIELDS,
    time: str | None = None,
    unit: Unit = "devices",
) -> list[Sample]:
    return parse([Part(Expressions.compiled(listed, fields, time), [payload])], site(*pools), NOW, unit)


def one(value: JsonValue) -> float | None:
    """What `used` becomes when the answer says this, beside a known online."""
    (sample,) = parsed({"up": 8, "busy": value}, H100, listed=None, fields={"online": "up", "used": "busy"})
    assert (sample.used_devices is None) == (sample.quality == "partial")
    return sample.used_devices


@pytest.mark.parametrize(
    ("unit", "value", "pflops"),
    [
        ("FLOPS", 2_000_000_000_000_000, 2.0),
        ("TFLOPS", 2000, 2.0),
        ("PFLOPS", 2.0, 2.0),
        ("EFLOPS", 0.002, 2.0),
        ("devices", 2, 0.6),
        ("FLOPS", 9.2e18, 9200),
        ("EFLOPS", 1e3, 1e6),
        ("devices", "2", 0.6),
    ],
)
def test_units(unit: Unit, value: JsonValue, pflops: float) -> None:
    (sample,) = parsed({"pools": [{"name": "A 100", "up": value}]}, unit=unit)

    assert sample.online_pflops == pytest.approx(pflops)
    assert sample.online_devices == (2 if unit == "devices" else None)


@pytest.mark.parametrize("unit", ["FLOPS", "TFLOPS", "PFLOPS", "EFLOPS", "devices"])
@pytest.mark.parametrize("value", [9223372036854775794, 2**63 - 1, 2**64 - 1, 9.2e28, -1, -0.001])
def test_sentinels_and_negative_amounts_are_unknown_in_every_unit(unit: Unit, value: float) -> None:
    (sample,) = parsed({"pools": [{"name": "A 100", "up": value, "busy": 1}]}, unit=unit)

    assert (sample.online_pflops, sample.online_devices, sample.quality) == (None, None, "partial")
    assert sample.used_pflops is not None


@pytest.mark.parametrize(("value", "number"), [(0, 0), (3, 3), (2.5, 2.5), ("7", 7), (" 7.5 ", 7.5), ("1e2", 100)])
def test_numbers_and_their_texts(value: JsonValue, number: float) -> None:
    assert one(value) == number


@pytest.mark.parametrize("value", [None, True, False, "", "n/a", "NaN", "inf", "-1", [], [3], {}, 10**400])
def test_what_is_no_number_is_unknown_not_0(value: JsonValue) -> None:
    assert one(value) is None


def test_a_missing_field_is_unknown_not_0_and_the_sample_partial() -> None:
    (sample,) = parsed({"pools": [{"name": "h100", "up": 8}]})

    assert (sample.online_devices, sample.used_devices, sample.used_pflops) == (8, None, None)
    assert (sample.quality, sample.reason) == ("partial", "used is no believable number")


def test_a_rung_that_is_not_asked_for_is_unknown_and_no_fault() -> None:
    (sample,) = parsed({"pools": [{"name": "h100", "up": 8}]}, fields={"pool": "name", "online": "up"})

    assert (sample.used_pflops, sample.busy_pflops, sample.quality) == (None, None, "ok")


def test_elements_of_one_pool_add_up_and_one_without_a_number_makes_the_sum_unknown() -> None:
    (sample,) = parsed(
        {
            "pools": [
                {"name": "h100", "up": 8, "busy": 1},
                {"name": "H100", "up": 4},
                {"name": "h100", "up": 1, "busy": 2},
            ]
        }
    )

    assert (sample.online_devices, sample.used_devices, sample.quality) == (13, None, "partial")


def test_strangers_make_every_sample_partial_and_are_named() -> None:
    samples = parsed(
        {"pools": [{"name": "A 100", "up": 1, "busy": 1}, {"name": "h100", "up": 2, "busy": 1}, {"name": "b200"}, {}]}
    )

    assert [sample.quality for sample in samples] == ["partial", "partial"]
    assert {sample.reason for sample in samples} == {"a pool without a name matches no pool; b200 matches no pool"}


def test_a_thousand_strangers_are_told_in_brief() -> None:
    rows: list[JsonValue] = [{"name": f"s{index:03}"} for index in range(1000)]
    (sample,) = parsed({"pools": [{"name": "h100", "up": 1, "busy": 1}, *rows]})

    assert sample.reason == "; ".join(f"s00{n} matches no pool" for n in range(5)) + "; and 995 more"


@pytest.mark.parametrize("payload", [None, [], {}, {"pools": None}, {"pools": {}}, {"pools": "x"}, {"error": "no"}])
def test_no_list_of_pools_is_unreadable(payload: JsonValue) -> None:
    with pytest.raises(Unreadable, match="no list of pools"):
        parsed(payload)


@pytest.mark.parametrize("pools", [[], [None], [1, "a"], [{"name": "b200", "up": 3}], [{"name": "h100"}]])
def test_no_number_for_any_pool_is_unreadable(pools: JsonValue) -> None:
    with pytest.raises(Unreadable, match="no pool of this site has a number"):
        parsed({"pools": pools})


AT = 1_795_487_848


@pytest.mark.parametrize(
    "value",
    [
        AT,
        AT + 0.678,
        str(AT),
        f"{AT}.678",
        AT * 1000 + 678,
        str(AT * 1000),
        "2026-11-24T02:37:28Z",
        "2026-11-24T02:37:28+00:00",
        "2026-11-24T10:37:28+08:00",
        "2026-11-24T10:37:28.999+08:00",
        "2026-11-23 21:37:28-05:00",
        "20261124T103728+0800",
    ],
)
def test_times(value: JsonValue) -> None:
    assert instant_of(value) == AT
    (sample,) = parsed({"t": value, "pools": [{"name": "h100", "up": 1, "busy": 0}]}, time="t")
    assert (sample.at, sample.source_at, sample.fetched_at) == (AT, AT, NOW)


@pytest.mark.parametrize("value", ["2026-11-24T10:37:28", "2026-11-24", "2026-11-24 10:37"])
def test_a_time_without_its_zone_is_refused(value: str) -> None:
    with pytest.raises(Unreadable, match="does not say its zone"):
        instant_of(value)


OUT_OF_RANGE = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1969-12-31T00:00:00Z", "x" * 500]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -AT,
        "",
        ".",
        "²",
        "yesterday",
        "24/11/2026",
        [],
        {},
        [AT],
        1e15,
        10**400,
        float("nan"),
        *OUT_OF_RANGE,
    ],
)
def test_what_is_no_time_is_unreadable(value: Any) -> None:
    with pytest.raises(Unreadable, match="time") as caught:
        instant_of(value)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    "expression",
    ["sum(@)", "length(@)", "ceil(to_number('nan'))", "floor(to_number('inf'))", "pools[::0]", "nosuch(@)"],
)
def test_an_expression_that_does_not_fit_is_unreadable(expression: str) -> None:
    with pytest.raises(Unreadable, match="does not fit"):
        parsed(
            {"pools": [1], "n": 3},
            H100,
            listed=None,
            fields={"online": f"n.{expression}" if "@" in expression else expression},
        )


def test_expressions_choose_and_count() -> None:
    payload: JsonValue = {
        "nodes": [{"n": "a", "ok": True, "gpu": 8}, {"n": "b", "ok": False, "gpu": 8}, {"n": "c", "ok": True}]
    }
    fields = {"online": "sum(nodes[?ok].gpu)", "used": "length(nodes[?ok])", "busy": "nodes[?n=='b'].gpu | [0]"}
    (sample,) = parsed(payload, H100, listed=None, fields=fields)

    assert (sample.online_pflops, sample.used_pflops, sample.busy_pflops) == (8, 2, 8)


NAMES = st.sampled_from(["a", "b", "up", "name", "_x1"])
TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(path=st.lists(NAMES, min_size=1, max_size=4), data=TREE)
@settings(deadline=None)
def test_the_fast_way_for_plain_paths_finds_what_jmespath_finds(path: list[str], data: Any) -> None:
    plain = ".".join(path)
    quoted = ".".join(f'"{name}"' for name in path)  # the same, but not plain: goes through JMESPath

    assert search_of(plain)(data) == jmespath.search(plain, data) == search_of(quoted)(data)


POOLS = st.lists(
    st.fixed_dictionaries({}, optional={"name": st.sampled_from(["h100", "A 100", "b"]), "up": st.integers(-1, 9)})
)


@given(pools=POOLS)
@settings(deadline=None)
def test_filters_and_plain_paths_give_the_same_samples(pools: list[Any]) -> None:
    def outcome(listed: str, fields: dict[str, str]) -> object:
        try:
            return parsed({"data": {"pools": pools}}, listed=listed, fields=fields)
        except Unreadable as error:
            return str(error)

    plain = outcome("data.pools", {"pool": "name", "online": "up"})
    filtered = outcome("data.pools[?name || !name]", {"pool": "[name] | [0]", "online": "@ | up"})

    assert plain == filtered


async def test_the_path_is_asked_and_read_as_the_settings_say() -> None:
    http = always({"pools": [{"name": "h100", "up": "3"}]})
    chosen = HttpJsonSettings(path="/v1/pools", pools="pools", unit="PFLOPS", fields={"pool": "name", "online": "up"})

    (sample,) = await HttpJsonCollector(site(), chosen, http).collect(NOW)

    assert http.asked == ["/v1/pools"]
    assert (sample.pool, sample.online_pflops, sample.online_devices, sample.source_at) == ("h100", 3.0, None, NOW)
