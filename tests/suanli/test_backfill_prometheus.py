"""`suanli backfill` from a real Prometheus with two days of blocks: what is recorded is what polling then had given."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import JsonValue
from sqlalchemy import select

from collectors.base import Collector
from collectors.poller import Poller
from collectors.prometheus.collector import PrometheusCollector, PrometheusSettings
from collectors.schedule import first_turn
from suanli.app import polled
from suanli.config import load_config
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.sample import Sample
from suanli.store import schema
from suanli.store.samples import sample_columns, sample_of
from tests.collectors.cases import FakeHttp
from tests.reaching import LOOPBACK
from tests.servers.prometheus import Prometheus, prometheus_server
from tests.suanli.making import open_store
from tests.suanli.running import Ended, suanli

BEGINS = 1_740_787_200  # 2025-03-01T00:00:00Z
ENDS = BEGINS + 2 * 86_400
DEAD = (BEGINS + 40_000, BEGINS + 42_400)
"""Nothing is scraped for forty minutes."""
LOST = BEGINS + 100_000
"""From then on one device is not there."""
MODELS = {"NVIDIA A100-SXM4-80GB": 4, "NVIDIA H800": 3}
PEAKS = {"a100": 0.312, "h800": 0.9894}
LABELS = {"a100": "NVIDIA A100-SXM4-80GB", "h800": "NVIDIA H800"}
SITE = "szai"


def exposition() -> Iterator[str]:
    """A DCGM exporter of seven devices, scraped every half minute or so."""
    chance, at = random.Random(7), float(BEGINS)  # noqa: S311 - chooses what is looked at
    moments = []
    while at < ENDS:
        moments += [] if DEAD[0] <= at < DEAD[1] else [round(at, 3)]
        at += 30 + chance.uniform(-0.4, 0.4)
    for name in ("DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_GPU_UTIL"):
        yield f"# TYPE {name} gauge"
        for model, count in MODELS.items():
            for device in range(count):
                labels = f'UUID="GPU-{model[-3:]}-{device}",modelName="{model}"'
                for at in moments:
                    if device or at < LOST:
                        pod = f"job-{device}" if (int(at) // 5_000 + device) % 3 else ""
                        yield f'{name}{{{labels},pod="{pod}"}} {int(at * (device + 3)) // 7 % 101} {at}'
    yield "# EOF"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    file = tmp_path_factory.mktemp("history") / "scrapes.om"
    file.write_text("\n".join(exposition()) + "\n", encoding="utf-8")
    with prometheus_server(history=file, within=60.0) as started:
        yield started


@dataclass
class Here:
    """A folder in which the site is registered."""

    folder: Path
    server: Prometheus

    def run(self, *words: str) -> Ended:
        return suanli(self.folder, "--lang", "en", "--quiet", *words)

    def backfill(self, lo: int, hi: int, *words: str) -> Ended:
        return self.run("backfill", SITE, "--from", iso(lo), "--to", iso(hi), "--json", *words)

    @property
    def site(self) -> PolledSite:
        with closing(open_store(f"sqlite:///{self.folder}/suanli.db")) as store:
            (found,) = polled(store, load_config(self.folder / "config.yaml"))
        return found

    def recorded(self) -> dict[tuple[str, int], Sample]:
        """By pool and slot."""
        with closing(open_store(f"sqlite:///{self.folder}/suanli.db")) as store, store.reading() as connection:
            names = {pool.key: (site.site.id, pool.pool.id) for site in store.registry for pool in site.pools}
            rows = connection.execute(select(*sample_columns(schema.samples)))
            found = [sample_of(row, names[row.pool_key]) for row in rows]
        return {(one.pool, one.at): one for one in found}


@pytest.fixture
def here(server: Prometheus, tmp_path: Path) -> Here:
    settings = {"profile": "dcgm", "pod_label": "pod"}
    site = {
        "id": SITE,
        "name": "宿州",
        "province": "安徽",
        "operator": "示例",
        "source": {"kind": "prometheus", "url": server.url, "interval": "60s", "settings": settings},
        "pools": [
            pool("a100", "nvidia-a100-sxm4-80gb", 4),
            pool("h800", "nvidia-h800-sxm5-80gb", 3),
        ],
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"reach": LOOPBACK, "language": "en"}))
    (tmp_path / "sites.yaml").write_text(yaml.safe_dump({"sites": [site]}, allow_unicode=True), encoding="utf-8")
    found = Here(tmp_path, server)
    assert found.run("apply", "sites.yaml").code == 0
    return found


def pool(id_: str, model: str, devices: int) -> dict[str, Any]:
    capacity = [{"from": "2024-01-01", "stage": "built", "devices": devices, "source": "acceptance"}]
    match = {"label": "modelName", "value": LABELS[id_]}
    return {"id": id_, "model": model, "match": match, "capacity": capacity}


def iso(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))


async def polls(here: Here, moments: list[int]) -> dict[int, PollOutcome]:
    """The poller itself, at these moments: its instant queries are asked of the server as of then."""
    site, outcomes = here.site, {}
    for moment in moments:

        def as_of(path: str, params: Mapping[str, str] | None, at: int = moment) -> JsonValue:
            answer: JsonValue = httpx.get(
                f"{here.server.url}{path}", params={**(params or {}), "time": at}, trust_env=False
            ).json()
            return answer

        settings = PrometheusSettings.model_validate(site.source.settings)
        collector: Collector = PrometheusCollector(site, settings, FakeHttp(as_of))
        poller = Poller(_nowhere, lambda _outcome: None, clock=lambda at=moment: float(at))  # type: ignore[misc] # mypy: defaults of lambdas
        outcomes[moment] = await poller.poll(first_turn(site, collector, 0.0))
    return outcomes


async def _nowhere(_samples: list[Sample]) -> None: ...


def word(sample: Sample) -> tuple[Any, ...]:
    """What it says; the order in which a sum was made does not matter. The entrance adds its flags to both alike."""
    fields = ("site", "pool", "at", "source_at", "max_age")
    rungs = (sample.online_pflops, sample.used_pflops, sample.busy_pflops)
    return *(getattr(sample, field) for field in fields), *(None if one is None else round(one, 9) for one in rungs)


def test_what_is_recorded_is_what_polling_then_had_given(here: Here) -> None:
    done = here.backfill(BEGINS, ENDS)
    assert (done.code, done.data["held"], done.data["on_record"]) == (0, 0, 0), done.err
    assert done.data["moments"] == 2 * 1440
    recorded = here.recorded()
    assert done.data["samples"] == len(recorded)
    by_moment: dict[int, list[Sample]] = {}
    for one in recorded.values():
        by_moment.setdefault(one.fetched_at, []).append(one)
    assert {(at - BEGINS) % 60 for at in by_moment} == {(min(by_moment) - BEGINS) % 60}

    chance = random.Random(3)  # noqa: S311 - chooses what is looked at
    moments = sorted({*chance.sample(sorted(by_moment), 30), *range(min(by_moment), ENDS, 60)[655:715:4]})
    outcomes = asyncio.run(polls(here, moments))
    assert {one.result for one in outcomes.values()} == {"ok", "unreadable"}
    for moment, outcome in outcomes.items():
        for sample in outcome.samples:
            if sample.fetched_at - sample.source_at <= sample.max_age:
                told = recorded[sample.pool, sample.at]
                assert word(told) == word(sample)
                assert told.fetched_at <= sample.fetched_at  # a repeated word counts as when it was first heard
                assert "past: " not in told.reason
        assert bool(outcome.samples) or moment not in by_moment


def test_each_figure_is_what_the_query_says_at_its_moment(here: Here) -> None:
    """The oracle asks Prometheus in its own words, and multiplies."""
    assert here.backfill(ENDS - 90_000, ENDS).code == 0
    recorded = list(here.recorded().values())
    for one in random.Random(5).sample(recorded, 25):  # noqa: S311 - chooses what is looked at
        label = f'modelName="{LABELS[one.pool]}"'
        at, peak = one.fetched_at, PEAKS[one.pool]
        online = here.server.value(f"count(count by (UUID) (DCGM_FI_DEV_GPU_TEMP{{{label}}}))", at=at)
        idle = f'count(count by (UUID) (DCGM_FI_DEV_GPU_TEMP{{{label}, pod!=""}})) or vector(0)'
        used = here.server.value(idle, at=at)
        busy = here.server.value(f"sum(avg by (UUID) (DCGM_FI_DEV_GPU_UTIL{{{label}}})) / 100", at=at)
        heard = here.server.value("max(timestamp(DCGM_FI_DEV_GPU_TEMP))", at=at)
        assert None not in (online, used, busy, heard)
        told = (one.online_pflops, one.used_pflops, one.busy_pflops)
        assert told == pytest.approx(tuple((value or 0.0) * peak for value in (online, used, busy)))
        assert one.source_at == int(heard or 0)


def test_while_the_exporter_was_dead_nothing_is_known(here: Here) -> None:
    """The look-back repeats the last value for five minutes; it has one time, so it is one sample and grows old."""
    assert here.backfill(DEAD[0] - 600, DEAD[1] + 600).code == 0
    heard = sorted({one.source_at for one in here.recorded().values()})
    gaps = [(lo, hi) for lo, hi in pairwise(heard) if hi - lo > 120]
    assert len(gaps) == 1
    assert gaps[0][0] <= DEAD[0]
    assert gaps[0][1] >= DEAD[1]
    at = iso((DEAD[0] + DEAD[1]) // 2)
    fleet = here.run("rates", "--at", at, "--json").data["fleet"]
    assert (fleet["online_pflops"], fleet["coverage_ratio"]) == (None, 0.0)


def test_cut_in_the_middle_and_given_again_is_the_same_as_at_once(here: Here, tmp_path: Path) -> None:
    lo, hi = BEGINS + 3600, BEGINS + 7200
    assert here.backfill(lo, lo + 1200, "--chunk", "7m").data["samples"] == 40
    assert here.backfill(lo + 2400, hi).data["samples"] == 40
    whole = here.backfill(lo, hi, "--chunk", "11m").data
    assert (whole["moments"], whole["on_record"], whole["samples"]) == (60, 40, 40)
    record = here.recorded()
    again = here.backfill(lo, hi)
    assert (again.code, again.data["on_record"], again.data["samples"]) == (0, 60, 0)
    assert here.recorded() == record


def test_a_wide_step_holds_as_much_longer(here: Here) -> None:
    assert here.backfill(BEGINS, BEGINS + 36_000, "--every", "1h").data["samples"] == 20
    assert {one.max_age for one in here.recorded().values()} == {180 + 3600 - 60}
    span = ("--from", iso(BEGINS + 3600), "--to", iso(BEGINS + 7200))
    assert here.run("rates", *span, "--json").data["fleet"]["coverage_ratio"] == pytest.approx(1.0)


def test_a_query_of_a_ranges_ends_has_no_history(here: Here) -> None:
    sites = yaml.safe_load((here.folder / "sites.yaml").read_text(encoding="utf-8"))
    sites["sites"][0]["source"]["settings"] = {"queries": {"online": "count(up @ end())"}}
    (here.folder / "sites.yaml").write_text(yaml.safe_dump(sites), encoding="utf-8")
    assert here.run("apply", "sites.yaml").code == 0
    no = here.backfill(BEGINS, ENDS)
    assert (no.code, no.out) == (2, "")
    assert "the query for online uses @ start() or @ end()" in no.err


def test_a_wrong_query_is_told_and_nothing_is_asked_again(here: Here) -> None:
    sites = yaml.safe_load((here.folder / "sites.yaml").read_text(encoding="utf-8"))
    sites["sites"][0]["source"]["settings"] = {"queries": {"online": "count(up"}}
    (here.folder / "sites.yaml").write_text(yaml.safe_dump(sites), encoding="utf-8")
    assert here.run("apply", "sites.yaml").code == 0
    no = here.backfill(BEGINS, ENDS)
    assert (no.code, no.data["until"], no.data["samples"]) == (1, None, 0)
    assert "refused" in no.err
    assert "400" in no.err
