"""ModelArts' pools and nodes: what counts, what is passed over, and what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from collectors.answers import Answer
from collectors.base import CollectError, NotFound, Refused, Unreachable, Unreadable
from collectors.client import ClientPool
from collectors.modelarts.collector import ModelartsCollector, ModelartsSettings
from collectors.modelarts.monitor import utils_of
from collectors.tokens import GRANTS, TokenSignIn
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Auth, Match, Source
from tests.collectors.cases import NOW, FakeHttp
from tests.collectors.raw_server import RawServer, sends
from tests.oracle.signatures import authorization, of_head
from tests.reaching import loopback
from tests.searching import forms

SNT9, GPU = "huawei.com/ascend-snt9", "nvidia.com/gpu"
ASCEND = PolledPool("ascend", "910B", frozenset(), 0.5, Match(label="resource", value=SNT9))
A100 = PolledPool("a100", "A100", frozenset(), 1.0, Match(label="flavor", value="f.a100"))
HIDDEN = PolledPool("hidden", "undisclosed", frozenset(), None, Match(label="pool", value="暗池"))
START = 1_795_487_700_000


def pool(id_: str, **more: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {"metadata": {"name": id_, "labels": {"os.modelarts/name": more.pop("name", id_)}}}
    return parts | {"spec": {"controlMode": more.pop("mode", 0)}, "status": {"phase": "Running", **more}}


def node(name: str, has: Any = "8", free: Any = "8", resource: str = SNT9, **more: Any) -> dict[str, Any]:
    status = {"phase": "Available", "resources": {"cpu": "1", resource: has}, "availableResources": {resource: free}}
    labels, flavor = more.pop("labels", {}), more.pop("flavor", "f")
    return {"metadata": {"name": name, "labels": labels}, "spec": {"flavor": flavor}, "status": status | more}


def monitor(*values: Any, metric: str = "npuUtil", unit: str = "Percent") -> dict[str, Any]:
    points = [
        {"timestamp": START + 60_000 * at, "unit": unit, "statistics": [{"statistic": "average", "value": value}]}
        for at, value in enumerate(values)
    ]
    return {"metric": {"metricName": metric}, "dataPoints": points}


class ModelArts:
    """A fake of ModelArts: pools, their nodes page by page, and their monitors; an error is raised, not answered."""

    def __init__(self, **nodes: list[dict[str, Any]]) -> None:
        """Pool -> nodes."""
        self.nodes = nodes
        self.pools = [pool(id_) for id_ in nodes]
        self.monitors: dict[str, Any] = {}
        self.page = 1000
        self.asked: list[tuple[str, dict[str, str]]] = []

    def reply(self, path: str, params: Mapping[str, str] | None) -> JsonValue:
        asked = dict(params or {})
        self.asked.append((path, asked))
        parts = path.split("/")
        assert parts[:4] == ["", "v2", "p1", "pools"]
        if len(parts) == 4:
            assert asked["status"] == "created"
            return {"kind": "PoolList", "items": list(self.pools)}
        if parts[5] == "monitor":
            found = self.monitors.get(parts[4], NotFound("no monitor"))
            if isinstance(found, Exception):
                raise found
            return {"metrics": found}
        if parts[4] not in self.nodes:
            raise NotFound(path)
        start = int(asked.get("continue", "0"))
        following = str(start + self.page) if start + self.page < len(self.nodes[parts[4]]) else None
        return {"items": list(self.nodes[parts[4]][start : start + self.page]), "metadata": {"continue": following}}


def collector(cloud: ModelArts, *pools: PolledPool, **more: Any) -> ModelartsCollector:
    source = Source(kind="modelarts", url="http://127.0.0.1")
    site = PolledSite("m", source, pools or (ASCEND, A100), interval=60, timeout=10.0, max_age=180)
    return ModelartsCollector(site, ModelartsSettings.model_validate({"project": "p1"} | more), FakeHttp(cloud.reply))


async def collected(cloud: ModelArts, *pools: PolledPool, **more: Any) -> list[Sample]:
    return await collector(cloud, *pools, **more).collect(NOW)


async def figures(cloud: ModelArts, *pools: PolledPool, **more: Any) -> Any:
    return {one.pool: (one.online_devices, one.used_devices) for one in await collected(cloud, *pools, **more)}


@pytest.mark.parametrize(
    ("changed", "online", "used"),
    [
        ({}, 8, 5),
        ({"phase": "Abnormal"}, 0, 0),
        ({"phase": "Creating", "resources": None, "availableResources": None}, 0, 0),
        ({"phase": "Deleting"}, 0, 0),
        ({"phase": "Checking"}, 0, 0),
        ({"phase": ""}, 0, 0),
        ({"labels": {"os.modelarts/billing.status": "0"}}, 8, 5),
        ({"labels": {"os.modelarts/billing.status": "1"}}, 0, 0),
        ({"labels": {"os.modelarts.node/ha.redundant.enabled": "true"}}, 0, 0),
        ({"labels": {"os.modelarts.node/ha.redundant.enabled": "false"}}, 8, 5),
    ],
    ids=str,
)
async def test_nodes(changed: dict[str, Any], online: int, used: int) -> None:
    cloud = ModelArts(a=[node("first", "8", "6"), node("n", "8", "3", **changed)])

    assert await figures(cloud) == {"ascend": (8 + online, 2 + used)}


@pytest.mark.parametrize(("mode", "online"), [(0, 8), (1, 8), (7, 8), (8, 0), (9, 0), (16, 0), (31, 0)])
async def test_a_frozen_pool_is_not_online(mode: int, online: int) -> None:
    cloud = ModelArts(a=[node("n", "8", "0")])
    cloud.pools = [pool("a", mode=mode)]

    assert await figures(cloud) == {"ascend": (online, online)}


async def test_a_part_of_a_listed_pool_is_not_counted_again() -> None:
    cloud = ModelArts(a=[node("n")], part=[node("n")], alone=[node("m", "4", "1")])
    cloud.pools = [pool("a", root="a", parent="a"), pool("part", parent="a"), pool("alone", parent="not-ours")]

    assert await figures(cloud) == {"ascend": (12, 3)}
    assert not [path for path, _ in cloud.asked if "/part/" in path]


async def test_every_page_of_nodes_and_every_workspace_once() -> None:
    cloud = ModelArts(a=[node(f"n{number}", "8", "7") for number in range(7)])
    cloud.page = 3

    assert await figures(cloud, workspaces=["0", "w2"]) == {"ascend": (56, 7)}
    listed = [asked for path, asked in cloud.asked if path.endswith("pools")]
    assert [one["workspaceId"] for one in listed] == ["0", "w2"]
    pages = [asked for path, asked in cloud.asked if path.endswith("nodes")]
    assert [one.get("continue") for one in pages] == [None, "3", "6"]
    assert {one["limit"] for one in pages} == {"500"}


async def test_pages_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.modelarts.collector._MOST_PAGES", 3)
    cloud = ModelArts(a=[node(f"n{number}") for number in range(9)])
    cloud.page = 1

    with pytest.raises(Unreadable, match="pool a has more than 3 pages"):
        await collected(cloud)


async def test_whose_devices_they_are() -> None:
    cloud = ModelArts(
        a=[node("n"), node("g", "4", "4", GPU, flavor="f.a100")], dark=[node("d", "2", "0", GPU), node("e", "1", "1")]
    )
    cloud.pools = [pool("a"), pool("dark", name="暗池")]

    found = {one.pool: one for one in await collected(cloud, HIDDEN, ASCEND, A100)}

    assert {id_: (one.online_devices, one.used_devices) for id_, one in found.items()} == {
        "hidden": (3, 2),
        "ascend": (8, 0),
        "a100": (4, 0),
    }
    assert (found["hidden"].online_pflops, found["hidden"].used_pflops) == (None, None)  # and never 0
    assert (found["hidden"].quality, found["hidden"].reason) == (
        "partial",
        "no published peak for model undisclosed",
    )
    assert found["ascend"].quality == "ok"


async def test_strangers_are_named_and_nothing_is_taken_for_what_it_is_not() -> None:
    cloud = ModelArts(a=[node("n"), node("g", "4", "4", GPU), node("c", "8", "8", "example.com/fpga")])
    only = PolledPool("only", "A100", frozenset(), 1.0)

    (sample,) = await collected(cloud)
    assert (sample.online_devices, sample.quality) == (8, "partial")
    assert sample.reason == "nvidia.com/gpu (f) matches no pool"
    with pytest.raises(Unreadable, match=r"found: huawei\.com/ascend-snt9 \(f\), nvidia\.com/gpu \(f\)\); check"):
        await collected(cloud, only)


async def test_a_pool_of_which_every_node_is_down_is_online_with_0() -> None:
    down: dict[str, Any] = {"phase": "Abnormal", "resources": None, "availableResources": None}

    assert await figures(ModelArts(a=[node("n", flavor="f.a100", **down)])) == {"a100": (0, 0)}


async def test_a_pool_that_is_deleted_meanwhile_counts_nothing() -> None:
    cloud = ModelArts(a=[node("n")])
    cloud.pools.append(pool("gone"))

    assert await figures(cloud) == {"ascend": (8, 0)}


@pytest.mark.parametrize(
    ("has", "free", "expected", "refused"),
    [
        ("-1", "-1", (None, None), {"online", "used"}),  # whose difference would be a good 0
        ("8", "-1", (16, None), {"used"}),
        ("8", "9", (16, None), {"used"}),
        ("NaN", "0", (None, None), {"online", "used"}),
        ("9223372036854775807", "0", (None, None), {"online", "used"}),
        ("8", None, (16, None), set()),
        ("8", "many", (16, None), set()),
        (True, "0", (None, None), set()),
    ],
)
async def test_numbers_that_are_no_amounts(has: Any, free: Any, expected: Any, refused: set[str]) -> None:
    good = node("g", "1", "0", GPU, flavor="f.a100")
    found = {one.pool: one for one in await collected(ModelArts(a=[good, node("m"), node("n", has, free)]))}

    assert {one.rung for sample in found.values() for one in sample.refused} == refused
    if expected == (None, None):
        assert set(found) == {"a100"}
    else:
        assert (found["ascend"].online_devices, found["ascend"].used_devices) == expected
        assert found["ascend"].quality == "partial"


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([node("n"), node("n")], "node n is in the list twice"),
        ([node("")], "a node without a name"),
        ([node("n", resources=None)], "node n is available and does not say what it has"),
        ([node("n", resources={})], "node n is available and does not say what it has"),
        ([node("n", phase=5)], "node n: its phase cannot be read"),
        ([node("n", availableResources="8")], "node n: its availableResources cannot be read"),
        (["n"], "a node: its metadata cannot be read"),
    ],
)
async def test_nodes_that_cannot_be_read_are_never_none(items: Any, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        await collected(ModelArts(a=items))


async def busy(cloud: ModelArts, *pools: PolledPool, **more: Any) -> Any:
    peak = {"ascend": 0.5, "a100": 1.0}
    found = await collected(cloud, *pools, **more)
    return {one.pool: None if one.busy_pflops is None else one.busy_pflops / peak[one.pool] for one in found}


async def test_busy_is_a_share_of_the_cards_that_are_online() -> None:
    cloud = ModelArts(
        a=[node("n", "8", "0"), node("m", "8", "0", phase="Abnormal")], b=[node("o", "4", "4")], c=[node("p")]
    )
    cloud.monitors = {"a": [monitor(10, 50)], "b": [monitor(25.0)], "c": [monitor(0)]}

    assert await busy(cloud) == {"ascend": pytest.approx(8 * 0.5 + 4 * 0.25)}


async def test_without_data_busy_is_unknown_and_not_0() -> None:
    cloud = ModelArts(a=[node("n")], b=[node("m")])
    for told in ([monitor(-1, -1)], [], [monitor(5, unit="Megabytes")], [monitor(5), monitor(5)]):
        cloud.monitors = {"a": told}
        (sample,) = await collected(cloud)
        assert (sample.busy_pflops, sample.quality) == (None, "ok"), told

    cloud.monitors = {"a": [monitor(-1, -1)], "b": [monitor(50)]}
    (sample,) = await collected(cloud)
    assert (sample.busy_pflops, sample.online_devices) == (None, 16)
    assert (sample.quality, sample.reason) == ("partial", "busy is no believable number")


async def test_one_percentage_of_two_pools_devices_is_nobodys() -> None:
    cloud = ModelArts(a=[node("n"), node("m", flavor="f.b")], b=[node("g", "2", "0", GPU, flavor="f.a100")])
    cloud.monitors = {"a": [monitor(50)], "b": [monitor(50, metric="gpuUtil"), monitor(90)]}
    other = PolledPool("other", "910B4", frozenset(), 1.0, Match(label="flavor", value="f.b"))

    assert await busy(cloud, other, ASCEND, A100) == {"other": None, "ascend": None, "a100": 1.0}


@pytest.mark.parametrize("percent", [100.5, 1e9, -2, "NaN", 9223372036854775807])
async def test_a_percentage_that_is_none_is_refused(percent: Any) -> None:
    cloud = ModelArts(a=[node("n")], b=[node("m")])
    cloud.monitors = {"a": [monitor(percent)], "b": [monitor(50)]}

    (sample,) = await collected(cloud)

    assert (sample.busy_pflops, sample.online_devices, sample.quality) == (None, 16, "partial")
    assert {one.rung for one in sample.refused} == {"busy"}


@pytest.mark.parametrize("error", [Refused("403"), NotFound("404"), Unreachable("reset"), Unreadable("500")])
async def test_monitors_that_fail_take_busy_alone_unless_it_must_be_had(error: CollectError) -> None:
    cloud = ModelArts(a=[node("n")])
    cloud.monitors = {"a": error}
    door = collector(cloud)

    for at in (NOW, NOW + 60, NOW + 3600):
        (sample,) = await door.collect(at)
        assert (sample.online_devices, sample.busy_pflops, sample.quality) == (8, None, "ok")
    asked = [path for path, _ in cloud.asked if path.endswith("monitor")]
    assert len(asked) == (2 if type(error) is Refused else 3)
    with pytest.raises(type(error)):
        await collected(cloud, busy=True)
    cloud.asked.clear()
    assert await busy(cloud, busy=False) == {"ascend": None}
    assert not [path for path, _ in cloud.asked if path.endswith("monitor")]


def test_the_newest_minute_counts_and_an_old_one_does_not() -> None:
    assert utils_of({"metrics": [monitor(1, 2, 3, -1, -1)]}) == {"npuUtil": 3}
    assert utils_of({"metrics": [monitor(1, -1, -1, -1, -1, -1)]}) == {}
    old = [monitor(7), monitor(-1, -1, -1, -1, -1, 5, metric="gpuUtil")]
    assert utils_of({"metrics": old}) == {"gpuUtil": 5}


LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
KEYS = st.sampled_from(["metric", "metricName", "dataPoints", "timestamp", "unit", "statistics", "statistic", "value"])
ANY = st.recursive(
    LEAF | st.sampled_from(["npuUtil", "Percent", "average", -1]),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.just("metrics"), st.lists(ANY, max_size=3)) | ANY)
def test_whatever_a_monitor_says_is_read_or_unreadable(payload: Any) -> None:
    try:
        found = utils_of(payload)
    except Unreadable:
        return
    assert set(found) <= {"gpuUtil", "npuUtil"}
    assert -1.0 not in found.values()


@pytest.mark.parametrize("changed", [{}, {"project": "a/b"}, {"project": "p1", "workspaces": ["a&b"]}])
def test_settings_that_are_none(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelartsSettings.model_validate(changed)


async def test_every_question_is_signed_over_real_http(tmp_path: Path) -> None:
    """A fake of ModelArts that checks signatures as its gateway would, and refuses the last with what was signed."""
    secret = "made-up secret/of+nobody"
    (tmp_path / "secret").write_text(secret)
    auth = Auth.model_validate({"kind": "huawei_ak_sk", "user": "AK1", "password": {"file": str(tmp_path / "secret")}})
    more = {"items": [node("n")], "metadata": {"continue": "eyJ/+8=="}}
    denied = orjson.dumps({"error_code": "APIGW.0301", "error_msg": f"Incorrect IAM information: {secret}"})
    answers = [sends(orjson.dumps({"items": [pool("a b")]})), sends(orjson.dumps(more))]

    async with RawServer(*answers, sends(denied, "401 Unauthorized")) as server:
        source = Source(kind="modelarts", url=server.url, auth=auth)
        site = PolledSite("m", source, (ASCEND,), interval=60, timeout=10.0, max_age=180)
        door = ClientPool(loopback)
        with pytest.raises(Refused, match=r"answered 401 Unauthorized; .*; Incorrect IAM information: \*\*\*$") as told:
            await ModelartsCollector(site, ModelartsSettings(project="p1"), door.site(site)).collect(NOW)
        await door.aclose()

    heads = [of_head(head) for head in server.requests]
    assert [target for target, _ in heads] == [
        "/v2/p1/pools?status=created",
        "/v2/p1/pools/a%20b/nodes?limit=500",
        "/v2/p1/pools/a%20b/nodes?continue=eyJ%2F%2B8%3D%3D&limit=500",
    ]
    for target, headers in heads:
        assert headers["x-project-id"] == "p1"
        assert headers["authorization"] == authorization(target, headers, secret)
    assert not [form for form in forms(secret).values() if form in f"{told.value!r}".encode()]


async def test_a_token_of_iam_is_asked_for_as_its_api_says_and_renewed_once_before_it_ends(tmp_path: Path) -> None:
    """IAM answers as its API describes: the token in a header, and for how long it holds in the body."""
    (tmp_path / "secret").write_text("made-up password of nobody")
    named = {"url": "https://iam.example/v3", "user": "suanli", "domain": "account", "project": "cn-southwest-2"}
    auth = Auth.model_validate({"kind": "keystone", "password": {"file": str(tmp_path / "secret")}} | named)
    clock, asked = [0.0], []

    async def iam(url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        asked.append((url, orjson.loads(content)))
        life = {"issued_at": "2026-11-24T02:40:00.123000Z", "expires_at": "2026-11-25T02:40:00.123000Z"}
        given = httpx.Headers({"X-Subject-Token": f"MIIF-{len(asked)}"})
        return Answer(201, given, orjson.dumps({"token": {"methods": ["password"], **life}}))

    door = TokenSignIn(auth, GRANTS["keystone"], lambda: clock[0])
    seen = []
    for clock[0] in (0.0, 69_119.0, 69_120.0, 80_000.0):
        seen.append((await door.headers(iam))[b"X-Auth-Token"])

    assert seen == [b"MIIF-1", b"MIIF-1", b"MIIF-2", b"MIIF-2"]
    assert [url for url, _ in asked] == ["https://iam.example/v3/auth/tokens"] * 2
    user = {"name": "suanli", "password": "made-up password of nobody", "domain": {"name": "account"}}
    assert asked[0][1]["auth"]["identity"] == {"methods": ["password"], "password": {"user": user}}
    assert asked[0][1]["auth"]["scope"]["project"]["name"] == "cn-southwest-2"
    assert door.hide("MIIF-2 and made-up password of nobody") == "*** and ***"
