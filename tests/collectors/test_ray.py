"""Ray's dashboard: what counts, what is passed over, what is unknown, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.base import Unreadable
from collectors.ray.parse import camel, parse
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from tests.collectors.cases import NOW, cases

A100 = PolledPool("a100", "A100", frozenset({"a100"}), 1.0)
MAX = PolledPool("max", "Max 1550", frozenset(), 1.0, Match(label="accelerator_type", value="Intel-GPU-Max-1550"))
NPU = PolledPool("npu", "910B", frozenset(), 1.0, Match(label="resource", value="NPU"))
RESOURCES = ["GPU", "NPU", "my_chips"]


def node(name: str = "n", *, mark: str = "A100", gpus: Any = (), **more: Any) -> dict[str, Any]:
    total = {"CPU": 8.0, "GPU": 8.0, "node:10.0.0.1": 1.0} | ({f"acceleratorType:{mark}": 1.0} if mark else {})
    raylet = {"nodeId": name, "state": "ALIVE", "labels": {}, "resourcesTotal": total} | more
    return {"now": 1.0, "raylet": raylet, "gpus": list(gpus)}


def nodes(*listed: dict[str, Any], lines: Any = None) -> dict[str, Any]:
    return {"result": True, "msg": "", "data": {"summary": list(listed), "nodeLogicalResources": lines or {}}}


def status(time: Any = NOW, **usage: Any) -> dict[str, Any]:
    cluster = {"time": time, "loadMetricsReport": {"usageByNode": usage}}
    return {"result": True, "msg": "", "data": {"clusterStatus": cluster}}


NO_STATUS: dict[str, Any] = {"result": True, "msg": "", "data": {"clusterStatus": None}}


def parsed(told: Any, listed: Any, *pools: PolledPool) -> list[Sample]:
    source = Source(kind="ray", url="http://127.0.0.1:8265")
    site = PolledSite("ray", source, pools or (A100, MAX, NPU), interval=60, timeout=10.0, max_age=180)
    return parse(told, listed, site, NOW, RESOURCES)


def devices(told: Any, listed: Any, *pools: PolledPool) -> Any:
    return {one.pool: (one.online_devices, one.used_devices) for one in parsed(told, listed, *pools)}


def test_parts_of_devices_and_what_placement_groups_reserve_are_used() -> None:
    usage = {"GPU": [5.500000000000001, 8.0], "GPUGroupAbc": [0.0, 2.0], "GPUGroup0Abc": [0.0, 2.0]}

    assert devices(status(n=usage), nodes(node())) == {"a100": (8, 5.5)}


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ("0.0/8.0 GPU", 0),
        ("3.5/8.0 GPU (0.0 used of 2.0 reserved in placement groups)", 5.5),
        ("3.5/8.0 GPU (1.5 used of 2.0 reserved in placement groups)", 4),
        ("-4.440892098500626e-16/8.0 GPU", 0),
        ("3.5/8.0 GPU (something new)", None),
        ("2.0/8.0 GPU_group_0_abc", None),
        ("", None),
    ],
)
def test_the_lines_that_are_shown_where_the_status_is_empty(line: str, used: float | None) -> None:
    text = f"0.0/8.0 CPU\n{line}\n0B/22.26GiB memory"

    (sample,) = parsed(NO_STATUS, nodes(node(), lines={"n": text}))

    assert (sample.online_devices, sample.used_devices, sample.source_at) == (8, used, NOW)
    assert sample.quality == ("ok" if used is not None else "partial")


@given(used=st.floats(0, 8), within=st.floats(0, 4), reserved=st.floats(4, 8))
def test_lines_and_numbers_agree(used: float, within: float, reserved: float) -> None:
    """As Ray writes a line of its numbers: what is reserved leaves the used, and what runs in it comes back."""
    line = f"{used - reserved + within}/8.0 GPU ({within} used of {reserved} reserved in placement groups)"
    by_number = parsed(status(n={"GPU": [used, 8.0]}), nodes(node()))[0].used_devices
    by_line = parsed(NO_STATUS, nodes(node(), lines={"n": line}))[0].used_devices

    if by_line is not None:  # a hair below nothing is no amount
        assert by_line == pytest.approx(by_number, abs=3e-4)
    else:
        assert used < 1e-3


def test_a_dead_node_is_none_and_what_it_held_is_lost() -> None:
    dead = node("dead", state="DEAD", resourcesTotal={})
    usage = {"GPU": [8.0, 8.0]}

    assert devices(status(n=usage, dead=usage), nodes(node(), dead)) == {"a100": (8, 8)}


def test_a_node_that_is_not_counted_yet_makes_the_usage_unknown_and_not_less() -> None:
    (sample,) = parsed(status(n={"GPU": [4.0, 8.0]}), nodes(node(), node("new")))

    assert (sample.online_devices, sample.used_devices) == (16, None)
    assert (sample.quality, sample.reason) == ("partial", "used is no believable number")


def test_a_model_is_known_by_its_label_or_by_its_mark_in_whichever_case() -> None:
    usage = {"GPU": [1.0, 8.0]}
    labelled = node("b", mark="", labels={"ray.io/accelerator-type": "Intel-GPU-Max-1550"})
    marked = node("a", mark=camel("x_Intel-GPU-Max-1550")[1:])

    assert "Gpu" in str(marked)
    assert devices(status(a=usage, b=usage), nodes(marked, labelled)) == {"max": (16, 2)}


def test_a_mark_of_a_placement_group_is_none() -> None:
    total = {"GPU": 8.0, "acceleratorType:A100Group0D8847Bbc": 0.001, "acceleratorType:A100": 1.0}

    assert devices(status(n={"GPU": [0.0, 8.0]}), nodes(node(resourcesTotal=total))) == {"a100": (8, 0)}


def test_a_pool_may_be_all_of_a_resource_and_a_single_one_needs_no_mark() -> None:
    chips = node(mark="Ascend910B", resourcesTotal={"NPU": 16.0, "acceleratorType:Ascend910B": 1.0})
    plain = node(mark="")

    assert devices(status(n={"NPU": [9.0, 16.0]}), nodes(chips)) == {"npu": (16, 9)}
    assert devices(status(n={"GPU": [9.0, 16.0]}), nodes(plain), A100) == {"a100": (8, 9)}


def test_resources_of_ones_own_are_named_as_they_were_given() -> None:
    own = node(mark="", resourcesTotal={"myChips": 4.0})
    pool = PolledPool("own", "x", frozenset(), 1.0, Match(label="resource", value="my_chips"))

    assert devices(status(n={"myChips": [1.0, 4.0]}), nodes(own), pool) == {"own": (4, 1)}


def test_devices_of_no_pool_are_named() -> None:
    usage = {"GPU": [0.0, 8.0]}

    (sample,) = parsed(status(n=usage, other=usage), nodes(node(), node("other", mark="H100")), A100)

    assert (sample.online_devices, sample.reason) == (8, "H100 matches no pool")


def gpu(share: Any) -> dict[str, Any]:
    return {"index": 0, "uuid": "GPU-1", "name": "NVIDIA A100", "utilizationGpu": share}


@pytest.mark.parametrize(
    ("gpus", "busy"),
    [
        ([gpu(100)] * 4 + [gpu(25)] * 4, 5.0),
        ([gpu(0)] * 8, 0.0),
        ([gpu(50)] * 7, None),  # one of them is not seen
        ([gpu(50)] * 7 + [gpu(-1)], None),  # what could not be read
        ([gpu(50)] * 7 + [gpu(None)], None),
        ([gpu(50)] * 7 + [gpu(250)], None),
        ([gpu(50)] * 16, None),  # parts of devices, or devices that Ray was not given
        ([], None),
        (None, None),
    ],
    ids=str,
)
def test_busy_is_known_where_every_device_tells_it(gpus: Any, busy: float | None) -> None:
    usage = {"GPU": [8.0, 8.0]}

    (sample,) = parsed(status(n=usage), nodes(node(gpus=gpus or ())))
    (both,) = parsed(status(n=usage, o=usage), nodes(node(gpus=gpus or ()), node("o")))

    assert sample.busy_pflops == busy
    assert (both.busy_pflops, both.quality) == (None, "ok")


def test_the_time_is_that_of_the_count() -> None:
    (sample,) = parsed(status(NOW - 600.5, n={"GPU": [0.0, 8.0]}), nodes(node()))

    assert (sample.source_at, sample.fetched_at) == (NOW - 601, NOW)


@pytest.mark.parametrize("time", [None, "soon", 0, -1, 1e300, True, []])
def test_a_time_that_is_none_is_unreadable(time: Any) -> None:
    with pytest.raises(Unreadable):
        parsed(status(time, n={"GPU": [0.0, 8.0]}), nodes(node()))


@pytest.mark.parametrize(
    ("told", "listed"),
    [
        ({"result": False, "msg": "no GCS", "data": {}}, nodes(node())),
        (status(n={"GPU": [0.0]}), nodes(node())),
        (status(n={"GPU": "none"}), nodes(node())),
        (status(n={"GPU": [True, 8.0]}), nodes(node())),
        (status(n={"GPU": [10**400, 8.0]}), nodes(node())),
        (status(n={}), nodes(node(resourcesTotal={"GPU": "eight"}))),
        (status(n={}), nodes(node(resourcesTotal=None))),
        (status(n={}), nodes()),
        (status(n={}), nodes({"raylet": None})),
        (status(n={}), nodes(node(mark="", resourcesTotal={"CPU": 8.0}))),
        (NO_STATUS, {"result": True, "data": {"summary": [node()]}}),
        (NO_STATUS, nodes(node(), lines={"n": "1.2.3/8.0 GPU"})),
        (NO_STATUS, nodes(node(), lines={"n": "1e/8.0 GPU"})),
    ],
)
def test_what_cannot_be_read_is_never_none(told: Any, listed: Any) -> None:
    with pytest.raises(Unreadable):
        parsed(told, listed)


def test_usage_of_less_than_nothing_is_refused_and_kept() -> None:
    (sample,) = parsed(status(n={"GPU": [-2.0, 8.0]}), nodes(node()))

    assert sample.used_devices is None
    assert [(one.rung, one.value) for one in sample.refused] == [("used", "-2.0")]


def test_two_ways_of_telling_give_the_same_of_the_same_cluster() -> None:
    first, second = (
        {row["pool"]: (row["online_devices"], row["used_devices"]) for row in case.expected}
        for case in cases("ray")
        if "dead" not in case.folder.name
    )
    assert first == second
