"""The demonstration city: its published opening, how it moves, how it fails, and what it refuses.

The oracle of every figure is the state of the city's devices, and the catalogue as this file reads it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.base import CollectError, Collector, Keeper, Refused, Silent, Unreachable, Unreadable
from collectors.client import ClientPool
from collectors.registry import REGISTRY, build, check_source
from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.demo import registry
from suanli.demo.city import CITY, Kind, SitePlan
from suanli.demo.dialects.base import Asked, Dialect, Simulated
from suanli.demo.dialects.modelarts import Modelarts
from suanli.demo.dialects.pai import Pai
from suanli.demo.drop import drop, tables_dropped
from suanli.demo.faults import EVERY_SECONDS, FAILING_SECONDS, FAULTS, Fault, fault_at
from suanli.demo.kinds import DIALECTS
from suanli.demo.server import demo_app, demo_server
from suanli.demo.state import HOLD_SECONDS, TICK_SECONDS, City
from suanli.model.grants import Grants
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.registry.file import read_sites, write_sites
from suanli.registry.polled import PollDefaults, polled_cross_check, polled_site
from tests.oracle.signatures import authorization
from tests.reaching import loopback

REPO = Path(__file__).parents[2]
START = 1_795_500_000.0
BASE = "http://demo"
NOT_OF_THE_CITY = {"push": "nobody is asked: the server is Suanli itself (tests/exporter/test_push_routes.py)"}
WITHOUT_A_SERVER = {"exec": "a program of this machine", "file": "a folder of this machine"}
SIGNALS = [
    *((plan, False) for plan in CITY),
    *((plan, True) for plan in CITY if plan.second not in (None, "file")),
]
"""Whatever of the city is asked: a site, or its second signal."""


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Failing(City):
    """A city of which every site fails in this way, or none."""

    how: Fault | None = None

    def fault(self, site: str, now: float) -> Fault | None:
        return self.how


# ---------------------------------------------------------------- the oracle


def peaks() -> dict[str, float]:
    """Dense FP16 in PFLOPS of one device, by the catalogue's id, of rows that are not guesses."""
    with (REPO / "suanli/catalog/accelerators.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["fp16"] and row["confidence"] in ("high", "medium")]
    return {row["id"]: float(row["fp16"]) / 1000 for row in rows}


def headers_of(site: Site) -> dict[str, str]:
    """Of a site whose API takes the token itself."""
    assert site.source is not None
    auth = site.source.auth
    assert auth.token is not None
    token = Path(str(auth.token.file)).read_text(encoding="utf-8")
    if auth.kind == "slurm":
        return {"X-SLURM-USER-NAME": str(auth.user), "X-SLURM-USER-TOKEN": token}
    assert auth.kind == "bearer"
    return {"Authorization": f"Bearer {token}"}


async def ask(client: httpx.AsyncClient, site: Site, path: str, **params: str) -> httpx.Response:
    assert site.source is not None
    return await client.get(f"{site.source.url}{path}", params=params, headers=headers_of(site))


async def vector(client: httpx.AsyncClient, site: Site, promql: str) -> dict[str, float]:
    answer = (await ask(client, site, "/api/v1/query", query=promql)).raise_for_status().json()
    assert answer["status"] == "success"
    assert answer["data"]["resultType"] == "vector"
    assert all(isinstance(one["value"][1], str) for one in answer["data"]["result"])
    return {one["metric"]["model"]: float(one["value"][1]) for one in answer["data"]["result"]}


def truth(city: City, site: str) -> dict[str, tuple[float, float]]:
    """Devices online and used by pool, as they are."""
    return {
        pool.plan.id: (
            sum(node.devices for node in pool.nodes if node.state == "up"),
            sum(node.used for node in pool.nodes),
        )
        for pool in city.sites[site]
    }


def rates(city: City) -> tuple[float, float]:
    """Of the whole city: a ratio of sums."""
    peak = peaks()
    pools = [
        (pool, peak[pool.plan.model], truth(city, site)[pool.plan.id])
        for site in city.sites
        for pool in city.sites[site]
    ]
    online = sum(each * found[0] for _, each, found in pools)
    used = sum(each * found[1] for _, each, found in pools)
    return online / sum(len(pool.nodes) * pool.plan.per_node * each for pool, each, _ in pools), used / online


# ---------------------------------------------------------------- the city, in memory and on loopback


@asynccontextmanager
async def in_memory(seed: int, clock: Clock, folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, list[Site], City]]:
    tokens = registry.write_tokens(folder)
    city = City(seed, START)
    transport = httpx.ASGITransport(demo_app(city, tokens, clock, lambda _: None))
    async with httpx.AsyncClient(transport=transport) as client:
        yield client, registry.sites(BASE, 5, folder), city


@dataclass
class Polled:
    """The city on loopback, and the product's own client and collectors, which stay from poll to poll."""

    city: Failing
    clock: Clock
    sites: dict[str, Site]
    pool: ClientPool
    dropped: Path
    grants: Callable[[str], Grants]
    kept: dict[tuple[str, bool], Collector] = field(default_factory=dict)

    async def poll(self, plan: SitePlan, second: bool) -> list[Sample]:
        key = plan.id, second
        if key not in self.kept:
            signal = polled_cross_check if second else polled_site
            site = signal(self.sites[plan.id], PollDefaults(grants=self.grants), load_accelerators())
            assert site is not None
            self.kept[key] = build(site, self.pool.site(site))
        return await self.kept[key].collect(int(self.clock.now))


@asynccontextmanager
async def polled(seed: int, folder: Path) -> AsyncIterator[Polled]:
    """It begins now, as signatures have their time from the machine's own clock."""
    clock = Clock(float(int(time.time())))
    tokens = registry.write_tokens(folder)
    city, pool = Failing(seed, clock.now), ClientPool(loopback)
    async with demo_server(city, tokens, clock) as base:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", base)
        try:
            sites = {site.id: site for site in registry.sites(base, 5, folder)}
            grants = Config.model_validate(registry.granted(base, folder, folder / "dropped")).grants
            yield Polled(city, clock, sites, pool, folder / "dropped", grants)
        finally:
            await pool.aclose()


def site_of(sites: list[Site], kind: str) -> Site:
    return next(site for site in sites if site.source is not None and site.source.kind == kind)


def is_true(samples: list[Sample], plan: SitePlan, second: bool, at: Polled) -> bool:
    """Whether these are exactly the devices of the state, times the catalogue's peaks, and without a doubt."""
    peak, told = peaks(), {}
    for sample, pool in zip(samples, plan.pools, strict=True):
        quality = "declared" if second and plan.second == "file" else "ok"
        assert (sample.quality, sample.reason, sample.refused) == (quality, "", ())
        assert at.clock.now - 60 <= sample.source_at <= at.clock.now
        each = peak[pool.model]
        assert sample.online_pflops == pytest.approx((sample.online_devices or 0) * each)
        told[sample.pool] = (sample.online_devices, sample.used_devices)
    knows_use = (plan.second if second else plan.kind) != "redfish"
    found = truth(at.city, plan.id)
    return told == {pool: (online, used if knows_use else None) for pool, (online, used) in found.items()}


# ---------------------------------------------------------------- the opening


@given(seed=st.integers())
@settings(max_examples=40, deadline=None)
def test_every_seed_opens_with_the_published_rates(seed: int) -> None:
    city, peak = City(seed, START), peaks()
    built = sum(
        len(pool.nodes) * pool.plan.per_node * peak[pool.plan.model] for site in city.sites.values() for pool in site
    )
    assert 2200 < built < 2230
    assert rates(city) == pytest.approx((0.880, 0.598), abs=0.0002)
    pools = [(pool, truth(city, site)[pool.plan.id]) for site in city.sites for pool in city.sites[site]]
    online = [found[0] / (len(pool.nodes) * pool.plan.per_node) for pool, found in pools]
    usage = [used / up for _, (up, used) in pools]
    assert 0.945 < max(online) < 1.0
    assert 0.68 < min(online) < 0.73
    assert all(0.35 <= rate <= 0.86 for rate in usage)
    assert max(usage) - min(usage) > 0.35


def test_opening_is_held_and_then_left() -> None:
    city = City(7, START)
    first = {site: truth(city, site) for site in city.sites}
    city.advance(START + HOLD_SECONDS)
    assert {site: truth(city, site) for site in city.sites} == first
    city.advance(START + HOLD_SECONDS + 6 * TICK_SECONDS)
    assert {site: truth(city, site) for site in city.sites} != first
    assert rates(city)[1] == pytest.approx(0.598, abs=0.02)


# ---------------------------------------------------------------- what it speaks


def test_the_city_speaks_every_kind_that_suanli_asks() -> None:
    spoken = {kind for plan in CITY for kind in (plan.kind, plan.second) if kind}
    assert len(REGISTRY) >= 13
    assert spoken == set(REGISTRY) - set(NOT_OF_THE_CITY)
    by_http = {name for name in REGISTRY if REGISTRY[name].Settings.reached_by == "http"}
    assert by_http == spoken - set(WITHOUT_A_SERVER)


async def test_collectors_read_exactly_the_devices_of_the_state_without_a_doubt_and_never_older_ones(
    tmp_path: Path,
) -> None:
    async with polled(11, tmp_path) as at:
        for seconds in (0, HOLD_SECONDS + 2 * TICK_SECONDS, HOLD_SECONDS + 40 * TICK_SECONDS):
            at.clock.now += seconds
            for plan, second in SIGNALS:
                assert is_true(await at.poll(plan, second), plan, second, at), (plan.id, second)


async def test_a_site_without_a_node_up_is_told_as_zero_where_its_api_still_tells_of_it(tmp_path: Path) -> None:
    """Prometheus has no series of what is away, and a Ray cluster no node that lives: of these nothing is known."""
    async with polled(11, tmp_path) as at:
        for pools in at.city.sites.values():
            for node in pools[0].nodes:
                node.state, node.used = "down", 0
        for plan, second in SIGNALS:
            if (plan.second if second else plan.kind) in ("prometheus", "ray"):
                with pytest.raises(Unreadable):
                    await at.poll(plan, second)
            else:
                assert is_true(await at.poll(plan, second), plan, second, at), (plan.id, second)


# ---------------------------------------------------------------- how it moves


@pytest.mark.parametrize("seed", [0, 20_261_124])
def test_a_day_stays_in_plausible_bands(seed: int) -> None:
    city, seen = City(seed, START), []
    began = time.process_time()
    for minute in range(0, 24 * 60, 10):
        city.advance(START + 60 * minute)
        seen.append(rates(city))
        assert all(0 <= node.used <= (node.devices if node.state == "up" else 0) for node in nodes(city))
    assert time.process_time() - began < 5
    assert all(0.84 <= online <= 0.92 for online, _ in seen)
    assert all(0.50 <= usage <= 0.70 for _, usage in seen)
    assert max(usage for _, usage in seen) - min(usage for _, usage in seen) > 0.05


def nodes(city: City) -> list[Any]:
    return [node for site in city.sites.values() for pool in site for node in pool.nodes]


def test_same_seed_and_times_give_the_same_city() -> None:
    steps, jump, other = City(5, START), City(5, START), City(6, START)
    for second in range(0, 3601, 8):
        steps.advance(START + second)
    for city in (jump, other):
        city.advance(START + 3600)
    jump.advance(START)  # time does not run back
    assert nodes(steps) == nodes(jump)
    assert nodes(jump) != nodes(other)


# ---------------------------------------------------------------- how it fails


@given(seed=st.integers())
def test_one_site_fails_a_minute_of_every_eight_after_the_opening(seed: int) -> None:
    sites = ["a", "b", "c"]
    assert fault_at(seed, sites, -1) is None
    seen = [fault_at(seed, sites, second) for second in range(0, 3 * EVERY_SECONDS, 5)]
    failing = [fault for fault in seen if fault is not None]
    assert 3 * (FAILING_SECONDS / 5 - 1) <= len(failing) <= 3 * (FAILING_SECONDS / 5 + 1)
    assert {fault for _, fault in failing} == set(FAULTS)


@pytest.mark.parametrize(("how", "error"), [("error", Unreadable), ("hang_up", Unreachable), ("garbage", Unreadable)])
async def test_every_dialect_fails_in_every_way_and_answers_again(
    how: Fault, error: type[CollectError], tmp_path: Path
) -> None:
    """Before a sign-in and after it."""
    async with polled(3, tmp_path) as at:
        for plan, second in SIGNALS:
            for _ in range(2):
                at.city.how = how
                with pytest.raises(CollectError) as caught:
                    await at.poll(plan, second)
                told = Unreadable if second and plan.second == "exec" else error  # a program ended; why, it says itself
                assert type(caught.value) is told, (plan.id, second, caught.value)
                at.city.how = None
                assert is_true(await at.poll(plan, second), plan, second, at)


async def test_a_failing_site_fails_with_its_second_signal_and_the_others_serve(tmp_path: Path) -> None:
    async with polled(3, tmp_path) as at:
        moments = [at.clock.now + HOLD_SECONDS + second for second in range(0, EVERY_SECONDS, 5)]
        found = {moment: [plan for plan in CITY if City.fault(at.city, plan.id, moment)] for moment in moments}
        moment, (failing,) = next((moment, plans) for moment, plans in found.items() if plans)
        at.clock.now = moment
        at.city.fault = lambda site, now: City.fault(at.city, site, now)  # type: ignore[method-assign] # its own again
        for plan, second in SIGNALS:
            if plan is failing:
                with pytest.raises(Unreadable):
                    await at.poll(plan, second)
            else:
                assert is_true(await at.poll(plan, second), plan, second, at)


async def test_tables_come_as_long_as_their_site_does_not_fail(tmp_path: Path) -> None:
    (plan,) = (plan for plan in CITY if plan.second == "file")
    async with polled(5, tmp_path) as at, tables_dropped(at.city, at.dropped, at.clock):
        (first,) = (at.dropped / plan.id).glob("*.csv")
        assert await told_by_tables(at, plan) is True
        assert not first.exists()
        at.city.how = "garbage"
        assert "is neither UTF-8 nor GB18030" in str(await told_by_tables(at, plan, HOLD_SECONDS + 400))
        assert "the last table is refused" in str(await told_by_tables(at, plan))
        at.city.how = "hang_up"
        drop(plan, at.city, at.dropped, at.clock.now)
        assert list((at.dropped / plan.id).glob("*.csv")) == []
        at.city.how = None
        assert await told_by_tables(at, plan, 10) is True


async def told_by_tables(at: Polled, plan: SitePlan, seconds: float = 0) -> bool | CollectError:
    """After a table of so many seconds later: whether it tells the state, when it has been left alone for a while."""
    at.clock.now += seconds
    if seconds:
        drop(plan, at.city, at.dropped, at.clock.now)
    with suppress(Silent, Unreadable):
        await at.poll(plan, True)
    at.clock.now += 2
    try:
        return is_true(await at.poll(plan, True), plan, True, at)
    except CollectError as error:
        return error
    finally:
        keeper = at.kept[plan.id, True]
        assert isinstance(keeper, Keeper)
        await keeper.let_go()


def test_a_centre_clears_away_what_was_read_a_day_ago(tmp_path: Path) -> None:
    (plan,) = (plan for plan in CITY if plan.second == "file")
    for name in ("old", "new"):
        (tmp_path / plan.id / "done").mkdir(parents=True, exist_ok=True)
        (tmp_path / plan.id / "done" / name).touch()
    os.utime(tmp_path / plan.id / "done" / "old", (START - 90_000, START - 90_000))
    os.utime(tmp_path / plan.id / "done" / "new", (START - 80_000, START - 80_000))
    drop(plan, City(1, START), tmp_path, START)
    assert [one.name for one in (tmp_path / plan.id / "done").iterdir()] == ["new"]


# ---------------------------------------------------------------- what it refuses


async def test_without_the_secret_of_the_site_every_dialect_refuses(tmp_path: Path) -> None:
    async with polled(1, tmp_path) as at, httpx.AsyncClient() as client:
        for plan, second in SIGNALS:
            site = at.sites[plan.id]
            source = site.cross_check if second else site.source
            assert source is not None
            if source.url:
                assert (await client.get(f"{source.url}/anything")).status_code == 401
            file = registry.token_file(tmp_path, plan.id)
            right = file.read_text(encoding="utf-8")
            file.write_text(f"{right}x", encoding="utf-8")
            with pytest.raises(Unreadable if source.kind == "exec" else Refused, match="401"):
                await at.poll(plan, second)
            file.write_text(right, encoding="utf-8")
            assert is_true(await at.poll(plan, second), plan, second, at)


@pytest.mark.parametrize(
    ("dialect", "date", "stamp"),
    [(Modelarts, "x-sdk-date", "20261124T060000Z"), (Pai, "x-acs-date", "2026-11-24T06:00:00Z")],
)
def test_a_signature_is_of_this_request_this_secret_and_this_time(
    dialect: type[Modelarts] | type[Pai], date: str, stamp: str
) -> None:
    """The signature is made by the oracle, which shares no code with the product."""
    names = f"host;{date}" + (";x-acs-signature-nonce" if dialect is Pai else "")
    scheme = "SDK-HMAC-SHA256 Access" if dialect is Modelarts else "ACS3-HMAC-SHA256 Credential"
    comma = ", " if dialect is Modelarts else ","
    headers = {"host": "demo", date: stamp} | ({"x-acs-signature-nonce": "1"} if dialect is Pai else {})
    if dialect is Pai:
        headers["x-acs-content-sha256"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        names = "host;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce"
    headers["authorization"] = f"{scheme}=suanli{comma}SignedHeaders={names}{comma}Signature={'0' * 64}"
    headers["authorization"] = authorization("/a/b?c=d", headers, "secret")
    asked = Asked("GET", "http://demo/a/b?c=d", "/b", {"c": "d"}, headers, b"", START)
    plan = next(plan for plan in CITY if plan.kind in ("modelarts", "pai"))
    api = dialect(Simulated(plan, City(1, START), "secret"))
    assert api.knows(asked)
    assert not api.knows(replace(asked, url="http://demo/a/b?c=e"))
    assert not api.knows(replace(asked, at=START + 3600))
    assert not api.knows(replace(asked, headers=headers | {date: "yesterday"}))
    assert not dialect(Simulated(plan, City(1, START), "another")).knows(asked)


async def test_a_bmc_gets_its_sessions_back(tmp_path: Path) -> None:
    plan = next(plan for plan in CITY if plan.second == "redfish")
    async with polled(1, tmp_path) as at:
        for _ in range(6):
            other = replace(at, pool=ClientPool(loopback), kept={})
            assert is_true(await other.poll(plan, True), plan, True, at)
            await other.pool.aclose()


async def test_slurm_speaks_one_version_to_those_it_knows(tmp_path: Path) -> None:
    async with in_memory(1, Clock(), tmp_path) as (client, sites, _):
        site = site_of(sites, "slurm")
        for path in ("/slurm/v0.0.45/nodes/", "/slurm/v0.0.38/nodes", "/slurm/v0.0.42/jobs/"):
            unknown = await ask(client, site, path)
            assert unknown.status_code == 404
            assert unknown.text.startswith("Unable find requested URL")
        answer = (await ask(client, site, "/slurm/v0.0.42/nodes/")).json()
        assert answer["errors"] == []
        assert answer["last_update"] == {"set": True, "infinite": False, "number": int(START)}
        assert {"name", "state", "gres", "gres_used", "gres_drained", "partitions", "reason", "tres"} <= set(
            answer["nodes"][0]
        )


def api_of(kind: Kind, city: City) -> Dialect:
    return DIALECTS[kind](Simulated(next(plan for plan in CITY if plan.kind == kind), city, "secret"))


def told(api: Dialect, path: str, **query: str) -> tuple[int, Any]:
    answer = api.told(Asked("GET", f"{BASE}{path}", path, query, {}, b"", START))
    assert answer is not None
    return answer.status, json.loads(answer.body)


def test_kubernetes_gives_pages_of_one_state_only() -> None:
    city = City(1, START)
    api = api_of("kubernetes", city)
    status, whole = told(api, "/api/v1/nodes")
    assert (status, len(whole["items"])) == (200, 96)
    _, first = told(api, "/api/v1/nodes", limit="60")
    token = first["metadata"]["continue"]
    assert (len(first["items"]), first["metadata"]["remainingItemCount"]) == (60, 36)
    _, second = told(api, "/api/v1/nodes", limit="60", **{"continue": token})
    assert first["items"] + second["items"] == whole["items"]
    assert "continue" not in second["metadata"]
    city.advance(START + HOLD_SECONDS + TICK_SECONDS)
    status, gone = told(api, "/api/v1/nodes", limit="60", **{"continue": token})
    assert (status, gone["reason"]) == (410, "Expired")
    assert told(api, "/apis/resource.k8s.io/v1/resourceslices")[0] == 404


def test_a_generation_of_placement_grows_with_each_change_of_what_is_offered() -> None:
    city = City(1, START)
    api, (pool,) = api_of("openstack", city), city.sites["yh-infer"]
    node = next(node for node in pool.nodes if node.state == "up" and node.used)

    def seen() -> tuple[int, int]:
        (provider,) = (
            one for one in told(api, "/resource_providers")[1]["resource_providers"] if one["name"] == node.name
        )
        _, found = told(api, f"/resource_providers/{provider['uuid']}/inventories")
        return provider["generation"], found["inventories"]["CUSTOM_GPU_L40S"]["reserved"]

    assert seen() == (1, 0)
    node.state, city.version = "down", 1
    assert seen() == (2, 8)
    node.used, city.version = 0, 2
    assert seen() == (2, 8)
    node.state, city.version = "up", 3
    assert seen() == (3, 0)


async def test_prometheus_knows_its_queries_only(tmp_path: Path) -> None:
    async with in_memory(1, Clock(), tmp_path) as (client, sites, _):
        dcgm, ascend = (next(site for site in sites if site.id == id_) for id_ in ("nx-partner", "yh-ascend"))
        unknown = await ask(client, dcgm, "/api/v1/query", query="sum(rate(")
        assert (unknown.status_code, unknown.json()["errorType"]) == (400, "bad_data")
        assert ascend.source is not None
        assert await vector(client, dcgm, ascend.source.settings["queries"]["online"]) == {}


async def test_queries_agree_with_the_exposition(tmp_path: Path) -> None:
    async with in_memory(1, Clock(), tmp_path) as (client, sites, _):
        dcgm, ascend = (next(site for site in sites if site.id == id_) for id_ in ("nx-partner", "yh-ascend"))
        page = (await ask(client, dcgm, "/metrics")).text
        lines = re.findall(r'^DCGM_FI_DEV_GPU_UTIL\{.*pod="(.*)"\} \d+$', page, re.MULTILINE)
        busy = re.findall(r"^DCGM_FI_PROF_PIPE_TENSOR_ACTIVE\{.*\} ([\d.]+)$", page, re.MULTILINE)
        assert await rungs(client, dcgm) == pytest.approx(
            [len(lines), len([pod for pod in lines if pod]), sum(map(float, busy))], rel=1e-4
        )
        page = (await ask(client, ascend, "/metrics")).text
        told = [
            re.findall(rf"^npu_chip_info_{name}\{{.*\}} ([\d.]+)$", page, re.MULTILINE)
            for name in ("health_status", "process_info_num", "utilization")
        ]
        assert "0" in told[0]
        health, jobs, load = (sum(map(float, values)) for values in told)
        assert await rungs(client, ascend) == pytest.approx([health, jobs, load / 100], rel=1e-4)


async def rungs(client: httpx.AsyncClient, site: Site) -> list[float]:
    assert site.source is not None
    queries = site.source.settings["queries"]
    vectors = [await vector(client, site, queries[rung]) for rung in ("online", "used", "busy")]
    return [value for one in vectors for value in one.values()]


# ---------------------------------------------------------------- what the rest of the product makes of it


def test_the_registry_reads_the_city_as_a_file(tmp_path: Path) -> None:
    written = registry.sites(BASE, 5, tmp_path)
    file = tmp_path / "sites.yaml"
    file.write_text(write_sites(written), encoding="utf-8")
    assert read_sites([file], ZoneInfo("Asia/Shanghai"), load_accelerators()) == written
    assert [problem for site in written for problem in check_source(site)] == []
    assert len(written) == len({site.id for site in written}) == 10
    entries = [(pool, entry) for site in written for pool in site.pools for entry in pool.capacity]
    assert all(date(2023, 1, 1) <= entry.since <= date(2025, 12, 31) for _, entry in entries)
    planned = sum((entry.devices or 0) * peaks()[pool.model] for pool, entry in entries if entry.stage == "planned")
    assert planned == pytest.approx(400, abs=10)


def test_tokens_are_new_each_run_and_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    first, second = registry.write_tokens(folder), registry.write_tokens(folder)
    assert not set(first.values()) & set(second.values())
    assert all((folder / f"{site}.token").stat().st_mode & 0o777 == 0o600 for site in second)
