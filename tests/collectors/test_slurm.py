"""slurmrestd's nodes: what is online, what is used, which version is asked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import JsonValue

from collectors.base import NotFound, Refused, Unreadable
from collectors.registry import build
from collectors.slurm.asking import VERSIONS
from collectors.slurm.collector import SlurmCollector, SlurmSettings
from collectors.slurm.parse import parse
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from tests.collectors.cases import HERE, NOW, FakeHttp, cases

GRES = frozenset({"gpu", "npu"})


def pool(id_: str, *, match: str | None = None, peak: float | None = 1.0) -> PolledPool:
    return PolledPool(id_, f"model-{id_}", frozenset({f"model-{id_}"}), peak, Match(label="gres", value=match or id_))


def site(*pools: PolledPool) -> PolledSite:
    source = Source(kind="slurm", url="http://127.0.0.1:6820")
    return PolledSite("slurm", source, pools or (pool("a100"),), interval=60, timeout=10.0, max_age=180)


_NUMBERS = itertools.count(1)


def node(**changed: Any) -> dict[str, Any]:
    return {
        "name": f"n{next(_NUMBERS)}",
        "state": ["IDLE"],
        "gres": "gpu:a100:8",
        "gres_used": "gpu:a100:4(IDX:0-3)",
    } | changed


def parsed(*nodes: dict[str, Any], at: PolledSite | None = None) -> list[Sample]:
    return parse({"nodes": list(nodes), "errors": []}, at or site(), NOW, GRES)


def devices(*nodes: dict[str, Any], at: PolledSite | None = None) -> tuple[float | None, float | None]:
    (sample,) = parsed(*nodes, at=at)
    return sample.online_devices, sample.used_devices


RUNS = ["IDLE", "MIXED", "ALLOCATED"]
DOES_NOT_RUN = ["DOWN", "UNKNOWN", "INVALID", "ERROR"]
KEEPS_OUT = ["DRAIN", "NOT_RESPONDING", "FAIL", "MAINTENANCE", "INVALID_REG", "BLOCKED", "REBOOT_ISSUED"]
KEEPS_OUT += ["POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWER_DOWN_ASAP", "POWER_DOWN_FORCE", "POWER_DRAIN"]
KEEPS_OUT += ["POWERING_UP"]
LEAVES_IN = ["RESERVED", "UNDRAIN", "CLOUD", "RESUME", "COMPLETING", "REBOOT_REQUESTED", "REBOOT_CANCELED"]
LEAVES_IN += ["DYNAMIC_NORM", "DYNAMIC_FUTURE", "PLANNED"]


@pytest.mark.parametrize("base", RUNS + DOES_NOT_RUN)
@pytest.mark.parametrize("flag", ["", *KEEPS_OUT, *LEAVES_IN])
def test_states_and_flags_in_both_layouts(base: str, flag: str) -> None:
    online = 8 if base in RUNS and flag not in KEEPS_OUT else 0

    assert devices(node(state=[base] + ([flag] if flag else []))) == (online, 4)
    assert devices(node(state=base.lower(), state_flags=[flag] if flag else [])) == (online, 4)  # v0.0.38


@pytest.mark.parametrize("base", ["FUTURE", "future", "EXTERNAL"])
def test_a_node_that_is_none_does_not_count(base: str) -> None:
    assert devices(node(), node(state=[base], gres_used="gpu:a100:8")) == (8, 4)


@pytest.mark.parametrize("mark", list("*~#!%$@^-"))
def test_marks_behind_a_state_say_nothing_more(mark: str) -> None:
    assert devices(node(state=f"idle{mark}")) == (8, 4)


def test_a_draining_node_leaves_online_and_its_jobs_stay_in_used() -> None:
    assert devices(node(), node(state=["MIXED", "DRAIN"], gres_used="gpu:a100:8(IDX:0-7)")) == (8, 12)


@pytest.mark.parametrize("state", [None, [], 3, "", [""], [None], {"current": "IDLE"}])
def test_a_node_without_a_readable_state_makes_the_answer_unreadable(state: object) -> None:
    if state == []:
        assert devices(node(), node(state=state, gres_used="")) == (8, 4)  # no base state: it runs no jobs
    else:
        with pytest.raises(Unreadable, match=r"node n\d+ has no readable state"):
            parsed(node(state=state))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gpu:8", {"": 8}),
        ("gpu:8(S:0-1)", {"": 8}),
        ("gpu:a100:8", {"a100": 8}),
        ("gpu:a100:8(S:0-1)", {"a100": 8}),
        ("gpu:a100:4(IDX:0-3,5)", {"a100": 4}),
        ("gpu:a100:0(IDX:N/A)", {"a100": 0}),
        ("gpu:(null):3(IDX:0-2)", {"": 3}),
        ("gpu:a100:4(IDX:0,2,5,7),gpu:h100:2(IDX:0,1)", {"a100": 4, "h100": 2}),
        ("gpu:a100:8(S:0-1),gpu:h100:4(S:0,1),npu:910b:16", {"a100": 8, "h100": 4, "910b": 16}),
        ("gpu:a100:4,gpu:a100:4", {"a100": 8}),
        ("craynetwork:4,gpu:a100:8,shard:a100:32(0/4,0/4),license:x:9", {"a100": 8}),
        ("gpu:a100_80gb-sxm.4:8", {"a100_80gb-sxm.4": 8}),
        ("gpuish:a100:8", {}),
        ("", {}),
        ("(null)", {}),
        ("N/A", {}),
    ],
)
def test_gres_texts(text: str, found: dict[str, int]) -> None:
    pools = [pool("none")] + [pool(f"pool-{index}", match=type_ or None) for index, type_ in enumerate(found)]
    at = site(*(_unmatched(one) if not type_ else one for one, type_ in zip(pools[1:], found, strict=True)), pools[0])
    if "" in found:
        at = site(_unmatched(pools[1]))  # devices of no type can only be the pool of a site that has one
    if not found:
        with pytest.raises(Unreadable, match="none of the pools"):
            parsed(node(gres=text, gres_used=text), at=at)
        return

    samples = parsed(node(gres=text, gres_used=text), at=at)

    assert [sample.online_devices for sample in samples] == list(found.values())
    assert [sample.used_devices for sample in samples] == list(found.values())


def _unmatched(one: PolledPool) -> PolledPool:
    return PolledPool(one.id, one.model, one.aliases, one.peak_pflops)


@pytest.mark.parametrize("text", ["gpu", "gpu:a100", "gpu:a100:many", "gpu:a100:-1", "gpu:a100:8K", "gpu:" + "9" * 400])
@pytest.mark.parametrize("key", ["gres", "gres_used"])
def test_accelerators_that_cannot_be_read_do_not_pass_for_none(key: str, text: str) -> None:
    with pytest.raises(Unreadable, match=rf"node n\d+: {key} has no readable count"):
        parsed(node(), node(**{key: text}))


@pytest.mark.parametrize("key", ["gres", "gres_used"])
@pytest.mark.parametrize("value", [None, 8, ["gpu:8"]])
def test_a_node_without_gres_texts_makes_the_answer_unreadable(key: str, value: object) -> None:
    with pytest.raises(Unreadable, match=rf"node n\d+.*{key}"):
        parsed(node(**{key: value}))


def test_devices_in_use_of_no_named_type_belong_to_the_only_pool() -> None:
    at = site(_unmatched(pool("a100")))

    assert devices(node(gres="gpu:8(S:0-1)", gres_used="gpu:(null):3(IDX:0-2)"), at=at) == (8, 3)
    assert devices(node(gres="gpu:8", gres_used="gpu:a100:3"), at=at) == (8, 3)


def test_unknown_types_make_every_pool_partial_and_are_told() -> None:
    one, two = parsed(
        node(gres="gpu:a100:8,gpu:b200:4"),
        node(gres="gpu:h100:2,gpu:b200:4", gres_used=""),
        node(gres="gpu:8", gres_used="gpu:8"),
        at=site(pool("a100"), pool("h100")),
    )

    for sample in (one, two):
        assert sample.quality == "partial"
        assert sample.reason == "8 devices of no named type match no pool; 8 devices of b200 match no pool"
    assert (one.online_devices, two.online_devices) == (8, 2)


def test_a_thousand_unknown_types_are_told_in_brief() -> None:
    (sample,) = parsed(node(), node(gres=",".join(f"gpu:t{n:04}:1" for n in range(1000)), gres_used=""))

    assert sample.reason.endswith("1 devices of t0004 match no pool; and 995 more")


def test_a_type_is_found_by_the_pools_match_then_by_its_id_then_by_the_models_aliases() -> None:
    claimed, named = pool("x", match="a100"), _unmatched(pool("h100"))
    aliased = PolledPool("ascend", "m", frozenset({"ascend-910b3"}), 1.0)
    samples = parsed(
        node(gres="gpu:a100:1,gpu:h100:2,npu:Ascend_910B3:3", gres_used=""), at=site(claimed, named, aliased)
    )

    assert {sample.pool: sample.online_devices for sample in samples} == {"x": 1, "h100": 2, "ascend": 3}


def test_a_pool_that_is_not_in_the_answer_has_no_sample() -> None:
    assert [sample.pool for sample in parsed(node(), at=site(pool("a100"), pool("h100")))] == ["a100"]


def test_an_unknown_peak_leaves_pflops_unknown() -> None:
    (sample,) = parsed(node(), at=site(pool("a100", peak=None)))

    assert (sample.online_pflops, sample.used_pflops) == (None, None)
    assert (sample.online_devices, sample.quality) == (8, "partial")
    assert sample.reason == "no published peak for model model-a100"


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([{"errno": -1, "error": "Unspecified error"}], r"Unspecified error \(error -1\)"),
        (
            [{"error_number": 1007, "description": "Protocol authentication error"}],
            r"authentication error \(error 1007\)",
        ),
        (["plain"], "plain"),
        ("plain", "plain"),
        ([{}], r"unspecified error \(error \?\)"),
    ],
)
@pytest.mark.parametrize("nodes", [[], [node()]])
def test_an_error_beside_the_list_is_not_0_devices(errors: JsonValue, told: str, nodes: list[Any]) -> None:
    with pytest.raises(Unreadable, match=f"slurmrestd says: .*{told}"):
        parse({"nodes": nodes, "errors": errors}, site(), NOW, GRES)


@pytest.mark.parametrize("payload", [None, [], {}, {"nodes": None}, {"nodes": {}}, {"nodes": []}, {"nodes": [1]}])
def test_no_nodes_are_unreadable(payload: JsonValue) -> None:
    with pytest.raises(Unreadable, match="list of nodes"):
        parse(payload, site(), NOW, GRES)


class Slurmrestd:
    """A fake Http like a server of these versions; `served` can change, as in an upgrade."""

    def __init__(self, *served: str) -> None:
        self.served = set(served)
        self.http = FakeHttp(self._reply)

    def asked(self) -> list[str]:
        asked = [path.removeprefix("/slurm/") for path in self.http.asked]
        self.http.asked.clear()
        return asked

    def _reply(self, path: str, _params: Mapping[str, str] | None) -> JsonValue:
        if path.split("/")[2] in self.served:
            return {"nodes": [node()]}
        raise NotFound("Unable find requested URL.")


def collector(server: Slurmrestd, **settings: Any) -> SlurmCollector:
    return SlurmCollector(site(), SlurmSettings(**settings), server.http)


async def test_versions_are_tried_from_the_newest_and_the_answer_is_remembered() -> None:
    server = Slurmrestd("v0.0.40", "v0.0.41")
    asking = collector(server)

    await asking.collect(NOW)
    assert server.asked() == ["v0.0.45/nodes/", "v0.0.44/nodes/", "v0.0.43/nodes/", "v0.0.42/nodes/", "v0.0.41/nodes/"]
    await asking.collect(NOW)
    assert server.asked() == ["v0.0.41/nodes/"]


async def test_old_versions_have_no_slash_at_the_end() -> None:
    server = Slurmrestd("v0.0.36")

    await collector(server).collect(NOW)

    assert server.asked() == [f"{version}/nodes/" for version in VERSIONS[:6]] + [
        f"{version}/nodes" for version in ("v0.0.39", "v0.0.38", "v0.0.37", "v0.0.36")
    ]


async def test_after_an_upgrade_the_version_is_found_anew() -> None:
    server = Slurmrestd("v0.0.38")
    asking = collector(server)
    await asking.collect(NOW)
    server.asked()

    server.served = {"v0.0.45"}
    with pytest.raises(NotFound):
        await asking.collect(NOW)
    assert server.asked() == ["v0.0.38/nodes"]
    await asking.collect(NOW)
    await asking.collect(NOW)
    assert server.asked() == ["v0.0.45/nodes/"] * 2


async def test_no_version_is_told() -> None:
    with pytest.raises(NotFound, match=r"serves none of v0.0.36 to v0.0.45 of /slurm here; check source.url"):
        await collector(Slurmrestd()).collect(NOW)


async def test_a_version_that_is_set_is_the_only_one_asked() -> None:
    server = Slurmrestd("v0.0.45")
    asking = collector(server, version="v0.0.42")

    for _ in range(2):
        with pytest.raises(NotFound):
            await asking.collect(NOW)
    assert server.asked() == ["v0.0.42/nodes/"] * 2


async def test_a_refusal_ends_the_probing_and_is_no_version() -> None:
    def reply(_path: str, _params: object) -> JsonValue:
        raise Refused("401")

    http = FakeHttp(reply)
    asking = SlurmCollector(site(), SlurmSettings(), http)
    for _ in range(2):
        with pytest.raises(Refused):
            await asking.collect(NOW)

    assert http.asked == ["/slurm/v0.0.45/nodes/"] * 2


async def test_the_recorded_servers_are_asked_in_the_newest_version_recorded() -> None:
    for case in cases("slurm"):
        http = case.http()
        await build(case.site, http).collect(NOW)
        assert http.asked[-1].split("/")[2] == case.folder.name.rsplit("-", 1)[1]


async def test_gres_names_are_the_sites_own() -> None:
    def reply(_path: str, _params: object) -> JsonValue:
        return {"nodes": [node(gres="vpu:a100:3,gpu:a100:8", gres_used="vpu:a100:1")]}

    (sample,) = await SlurmCollector(site(), SlurmSettings(gres=["vpu"]), FakeHttp(reply)).collect(NOW)

    assert (sample.online_devices, sample.used_devices) == (3, 1)


def test_the_cases_hold_both_layouts() -> None:
    states = {case.folder.name: case.body["nodes"][0]["state"] for case in cases("slurm") if "nodes" in case.body}

    assert len(states) == 9
    assert {type(state) for state in states.values()} == {str, list}
    assert (HERE / "slurm").is_dir()


def test_what_is_left_out_is_told_with_the_words_that_keep_it_out() -> None:
    down = [node(state="down", state_flags=[]), node(state="idle", state_flags=["DRAIN"]), node()]
    (sample,) = parse({"nodes": down, "errors": []}, site(pool("a100")), NOW, GRES)

    assert sample.online_devices == 8
    assert sorted(sample.left_out) == ["8 devices: DOWN", "8 devices: DRAIN"]
    assert "left_out" not in sample.model_dump()


@pytest.mark.parametrize("features", [["a", "fast"], "a,fast"])
def test_partitions_and_features_choose_whole_nodes_each_counted_once(features: JsonValue) -> None:
    def by(label: str, value: str) -> PolledPool:
        return PolledPool(value, "a100", frozenset(), 1.0, Match(label=label, value=value))

    nodes = [
        node(partitions=["hpc", "all"], active_features=features),
        node(partitions=["all"], active_features=features, gres="gpu:h100:2,npu:1", gres_used=""),
        node(partitions=["all"], gres="gpu:4", gres_used="gpu:1"),
    ]
    found = parse({"nodes": nodes, "errors": []}, site(by("partition", "hpc"), by("feature", "fast")), NOW, GRES)

    assert [(one.pool, one.online_devices, one.used_devices) for one in found] == [("hpc", 8, 4), ("fast", 3, 0)]
    assert all("4 devices of no named type match no pool" in one.reason for one in found)


@pytest.mark.parametrize("partitions", [{}, 7, [None], [{"name": "hpc"}]])
def test_partitions_that_cannot_be_read_are_unreadable_where_they_matter(partitions: JsonValue) -> None:
    here = PolledPool("hpc", "a100", frozenset(), 1.0, Match(label="partition", value="hpc"))
    if not partitions:
        with pytest.raises(Unreadable, match="none of the pools"):
            parsed(node(partitions=partitions), at=site(here))
        return
    with pytest.raises(Unreadable, match="no readable partitions"):
        parsed(node(partitions=partitions), at=site(here))
