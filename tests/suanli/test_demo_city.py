"""The demonstration city: its published opening, how it moves, how it fails, and what it refuses.

The oracle reads the catalogue and every answer with code of its own.
"""

from __future__ import annotations

import asyncio
import csv
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.answers import Answer
from collectors.base import NotFound
from collectors.registry import build, check_source
from suanli.catalog.accelerators import load_accelerators
from suanli.demo import registry
from suanli.demo.faults import EVERY_SECONDS, FAILING_SECONDS, FAULTS, fault_at
from suanli.demo.server import demo_app, demo_server
from suanli.demo.state import HOLD_SECONDS, TICK_SECONDS, City
from suanli.model.site import Site
from suanli.registry.file import read_sites, write_sites
from suanli.registry.polled import PollDefaults, polled_site

REPO = Path(__file__).parents[2]
START = 1_795_500_000.0
BASE = "http://demo"
PATHS = {"slurm": "/slurm/v0.0.42/nodes/", "prometheus": "/api/v1/query", "http_json": "/api/compute"}


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Seen:
    """PFLOPS by (site, pool), as the oracle makes them out."""

    built: dict[tuple[str, str], float]
    online: dict[tuple[str, str], float]
    used: dict[tuple[str, str], float]

    @property
    def online_ratio(self) -> float:
        return sum(self.online.values()) / sum(self.built.values())

    @property
    def usage_ratio(self) -> float:
        return sum(self.used.values()) / sum(self.online.values())


# ---------------------------------------------------------------- the oracle


def peaks() -> dict[str, float]:
    """Dense FP16 in PFLOPS of one device, by the catalogue's id, of rows that are not guesses."""
    with (REPO / "suanli/catalog/accelerators.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["fp16"] and row["confidence"] in ("high", "medium")]
    return {row["id"]: float(row["fp16"]) / 1000 for row in rows}


def headers_of(site: Site) -> dict[str, str]:
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


async def devices_of(client: httpx.AsyncClient, site: Site) -> dict[str, tuple[float, float]]:
    """(online, used) by the name that the site's API gives the pool."""
    assert site.source is not None
    if site.source.kind == "slurm":
        answer = (await ask(client, site, "/slurm/v0.0.42/nodes/")).raise_for_status().json()
        return slurm_devices(answer["nodes"])
    if site.source.kind == "http_json":
        answer = (await ask(client, site, "/api/compute")).raise_for_status().json()
        return {pool["name"]: (pool["deviceUp"], pool["deviceBusy"]) for pool in answer["data"]["pools"]}
    queries = site.source.settings["queries"]
    online, used = [await vector(client, site, queries[rung]) for rung in ("online", "used")]
    return {model: (online[model], used[model]) for model in online}


def slurm_devices(nodes: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for node in nodes:
        _, name, total = node["gres"].split(":")
        used = int(node["gres_used"].split(":")[2].split("(")[0])
        up = node["state"] in (["IDLE"], ["MIXED"], ["ALLOCATED"])
        assert used <= (int(total) if up else 0)
        before = found.get(name, (0, 0))
        found[name] = (before[0] + (int(total) if up else 0), before[1] + used)
    return found


async def vector(client: httpx.AsyncClient, site: Site, promql: str) -> dict[str, float]:
    answer = (await ask(client, site, "/api/v1/query", query=promql)).raise_for_status().json()
    assert answer["status"] == "success"
    assert answer["data"]["resultType"] == "vector"
    assert all(isinstance(one["value"][1], str) for one in answer["data"]["result"])
    return {one["metric"]["model"]: float(one["value"][1]) for one in answer["data"]["result"]}


async def look(client: httpx.AsyncClient, sites: list[Site]) -> Seen:
    """What the whole city says now, in PFLOPS."""
    seen, peak = Seen({}, {}, {}), peaks()
    for site in sites:
        devices = await devices_of(client, site)
        for pool in site.pools:
            assert pool.match is not None
            key, each = (site.id, pool.id), peak[pool.model]
            built = [entry.devices for entry in pool.capacity if entry.stage == "built"]
            seen.built[key] = float(built[-1] or 0) * each
            seen.online[key], seen.used[key] = (count * each for count in devices[pool.match.value])
    return seen


# ---------------------------------------------------------------- the city, in memory and on loopback


@asynccontextmanager
async def in_memory(seed: int, clock: Clock, folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, list[Site], City]]:
    tokens = registry.write_tokens(folder)
    city = City(seed, START)
    transport = httpx.ASGITransport(demo_app(city, tokens, clock, lambda _: None))
    async with httpx.AsyncClient(transport=transport) as client:
        yield client, registry.sites(BASE, 5, folder), city


@asynccontextmanager
async def on_loopback(
    seed: int, clock: Clock, folder: Path
) -> AsyncIterator[tuple[httpx.AsyncClient, list[Site], City]]:
    tokens = registry.write_tokens(folder)
    city = City(seed, START)
    async with demo_server(city, tokens, clock) as base, httpx.AsyncClient() as client:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", base)
        yield client, registry.sites(base, 5, folder), city


def site_of(sites: list[Site], kind: str) -> Site:
    return next(site for site in sites if site.source is not None and site.source.kind == kind)


# ---------------------------------------------------------------- the opening


@given(seed=st.integers())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_seed_opens_with_the_published_rates(seed: int, tmp_path: Path) -> None:
    async def opening() -> Seen:
        async with in_memory(seed, Clock(), tmp_path) as (client, sites, _):
            return await look(client, sites)

    seen = asyncio.run(opening())
    assert 2200 < sum(seen.built.values()) < 2230
    assert seen.online_ratio == pytest.approx(0.880, abs=0.0002)
    assert seen.usage_ratio == pytest.approx(0.598, abs=0.0002)
    online = {key: seen.online[key] / seen.built[key] for key in seen.built}
    usage = {key: seen.used[key] / seen.online[key] for key in seen.built}
    assert 0.945 < max(online.values()) < 1.0
    assert 0.68 < min(online.values()) < 0.73
    assert all(0.35 <= rate <= 0.86 for rate in usage.values())
    assert max(usage.values()) - min(usage.values()) > 0.35


async def test_opening_is_held_and_then_left(tmp_path: Path) -> None:
    clock = Clock()
    async with in_memory(7, clock, tmp_path) as (client, sites, city):
        first = await look(client, sites)
        clock.now = START + HOLD_SECONDS
        assert await look(client, sites) == first
        clock.now = START + HOLD_SECONDS + 6 * TICK_SECONDS
        moved = await look(client, sites)
        assert moved != first
        assert moved.usage_ratio == pytest.approx(0.598, abs=0.02)
        clock.now = START + HOLD_SECONDS + EVERY_SECONDS
        assert all([await devices_of(client, site) == truth(city, site.id) for site in sites])


def truth(city: City, site: str) -> dict[str, tuple[float, float]]:
    """What the API should say now: no answer is older than the state."""
    return {pool.plan.name: (pool.online, pool.used) for pool in city.sites[site]}


# ---------------------------------------------------------------- how it moves


def rates(city: City) -> tuple[float, float]:
    peak = peaks()
    pools = [(pool, peak[pool.plan.model]) for site in city.sites.values() for pool in site]
    online = sum(pool.online * each for pool, each in pools)
    used = sum(pool.used * each for pool, each in pools)
    return online / sum(len(pool.nodes) * pool.plan.per_node * each for pool, each in pools), used / online


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


async def test_a_failing_site_fails_in_turn_and_the_others_serve(tmp_path: Path) -> None:
    clock = Clock()
    met: dict[str, str] = {}
    async with on_loopback(3, clock, tmp_path) as (client, sites, city):
        for second in range(HOLD_SECONDS, HOLD_SECONDS + EVERY_SECONDS, 5):
            failing = [(site, fault) for site in sites if (fault := city.fault(site.id, START + second))]
            if not failing:
                continue
            clock.now = START + second
            ((site, fault),) = failing
            met[fault] = await failure(client, site)
            others = [other for other in sites if other is not site]
            assert all([await devices_of(client, other) for other in others])
        assert met == {"error": "500", "hang_up": "hung up", "garbage": "no JSON"}
        clock.now = START + HOLD_SECONDS + EVERY_SECONDS
        assert (await look(client, sites)).online_ratio == pytest.approx(0.88, abs=0.03)


async def failure(client: httpx.AsyncClient, site: Site) -> str:
    try:
        answer = await ask(client, site, PATHS[site.source.kind if site.source else ""])
    except httpx.RemoteProtocolError:
        return "hung up"
    if answer.status_code != 200:
        return str(answer.status_code)
    with pytest.raises(ValueError, match=r"."):
        answer.json()
    return "no JSON"


# ---------------------------------------------------------------- what it refuses


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


@pytest.mark.parametrize(("kind", "path"), PATHS.items())
async def test_without_the_token_of_the_site_the_answer_is_401(kind: str, path: str, tmp_path: Path) -> None:
    async with in_memory(1, Clock(), tmp_path) as (client, sites, _):
        site = site_of(sites, kind)
        assert site.source is not None
        right = headers_of(site)
        wrong: list[Mapping[str, str]] = [{}, {name: f"{value}x" for name, value in right.items()}]
        for headers in wrong:
            assert (await client.get(f"{site.source.url}{path}", headers=headers)).status_code == 401


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


class PlainHttp:
    """The collectors' HTTP, reduced to what a healthy site needs."""

    def __init__(self, client: httpx.AsyncClient, site: Site) -> None:
        self._client, self._site = client, site

    async def get_json(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        return orjson.loads((await self.ask(path, params)).body)

    async def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        answer = await ask(self._client, self._site, path, **(params or {}))
        if answer.status_code == 404:
            raise NotFound(path)
        return Answer(200, answer.headers, answer.raise_for_status().content)

    def at(self, url: str) -> PlainHttp:
        raise AssertionError(f"a site of the city has one address, not also {url}")


async def test_collectors_read_every_pool_without_a_doubt(tmp_path: Path) -> None:
    async with on_loopback(11, Clock(), tmp_path) as (client, sites, _):
        seen = await look(client, sites)
        for site in sites:
            polled = polled_site(site, PollDefaults(), load_accelerators())
            assert polled is not None
            samples = await build(polled, PlainHttp(client, site)).collect(int(START))
            assert [sample.pool for sample in samples] == [pool.id for pool in site.pools]
            for sample in samples:
                assert (sample.quality, sample.source_at) == ("ok", int(START))
                assert sample.online_pflops == pytest.approx(seen.online[site.id, sample.pool])
                assert sample.used_pflops == pytest.approx(seen.used[site.id, sample.pool])


async def test_stop_leaves_no_task_and_no_listener(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with on_loopback(1, Clock(), tmp_path) as (client, sites, _):
        await look(client, sites)
        source = sites[0].source
        assert source is not None
    assert asyncio.all_tasks() == before
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(str(source.url))
