"""Three engines on one fixture: our own store, PromQL in a Prometheus that scraped us, InfluxQL in an InfluxDB 2.7."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.instance import Instance, instance
from tests.servers.influxdb import InfluxDB
from tests.servers.processes import wait_until
from tests.servers.prometheus import Prometheus, Scrape
from tests.suanli.making import a_pool, a_sample, open_store

MINUTE, HOUR = 60, 3600
EXACT = 1e-9
SITES = {"a-1": ("安徽", ("p", "q")), "a-2": ("安徽", ("p",)), "j-1": ("江苏", ("p", "q"))}
POOLS = [(site, pool) for site, (_, pools) in SITES.items() for pool in pools]


def built(site: str, pool: str) -> float:
    return 100.0 + 7.3 * POOLS.index((site, pool))


def written(site: str) -> dict[str, Any]:
    province, pools = SITES[site]
    entry = {"from": date(2025, 1, 1), "stage": "built", "source": "test"}
    listed = [a_pool(pool, {**entry, "pflops": built(site, pool)}) for pool in pools]
    return {"id": site, "name": site, "province": province, "operator": "op", "pools": listed}


@pytest.fixture
def recorded(tmp_path: Path, influxdb: InfluxDB) -> Iterator[tuple[Instance, int]]:
    """An instance with two whole hours of minutes on record, a hole in the second hour, and a last word that is fresh.

    The first of the two hours comes with it.
    """
    now = int(time.time())
    first = now // HOUR * HOUR - 2 * HOUR
    rng = random.Random(4)  # noqa: S311 - figures that can be had again
    with instance(tmp_path, ENGINES_TOKEN=influxdb.token) as suanli:
        influx = {"name": "influx", "kind": "influxdb", "url": influxdb.url, "org": influxdb.org}
        suanli.configure(sinks=[influx | {"bucket": influxdb.bucket, "token": {"env": "ENGINES_TOKEN"}}])
        suanli.apply(*map(written, SITES))
        samples = []
        for at in (*range(first, first + 2 * HOUR, MINUTE), now):
            for site, pool in POOLS:
                if (site, pool) != ("a-2", "p") or not first + HOUR + 600 <= at < first + 2 * HOUR - 900:
                    online = built(site, pool) * rng.uniform(0.7, 1.0)
                    used, holds = online * rng.uniform(0.2, 0.9), 900 if at == now else MINUTE - 1
                    samples.append(a_sample(at, online, used, site=site, pool=pool, max_age=holds))
        with closing(open_store(f"sqlite:///{tmp_path / 'suanli.db'}")) as store:
            assert store.append(samples) == len(samples)
        suanli.start()
        yield suanli, first


def hourly(suanli: Instance, first: int, by: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Our own figures of the two hours, by group and the hour's beginning."""
    span = ("--from", iso(first), "--to", iso(first + 2 * HOUR), "--every", "1h", "--format", "json")
    answer = json.loads(suanli.run("history", *span, "--by", by).stdout)
    return {(one["group"], point["from"]): point for one in answer["series"] for point in one["points"]}


def iso(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def test_influxql_gives_the_hours_that_our_store_gives(recorded: tuple[Instance, int], influxdb: InfluxDB) -> None:
    suanli, first = recorded
    wait_until(lambda: suanli.metric("suanli_sink_pending_samples", sink="influx") == 0, within=30, what="the sink")
    where = f"time >= {first}s AND time < {first + 2 * HOUR}s"
    query = (
        "SELECT sum(used_pflops) AS used, sum(online_pflops) AS online, sum(built_pflops) AS built "  # noqa: S608 - ours
        f"FROM compute WHERE {where} GROUP BY time(1h), province"
    )
    found = 0
    ours = hourly(suanli, first, "province")
    for row in influxdb.influxql(query):
        mine = ours[row["province"], iso(row["time"])]
        assert mine["usage_ratio"] == pytest.approx(row["used"] / row["online"], rel=EXACT)
        assert mine["online_pflops_hours"] == pytest.approx(row["online"] / MINUTE, rel=EXACT)
        assert mine["used_pflops_hours"] == pytest.approx(row["used"] / MINUTE, rel=EXACT)
        if mine["coverage_ratio"] == 1.0:  # built goes out with what was heard: a hole is in neither of its sums
            assert mine["online_ratio"] == pytest.approx(row["online"] / row["built"], rel=EXACT)
        found += 1
    assert found == 4
    assert sorted(one["coverage_ratio"] for one in ours.values())[1:] == [1.0, 1.0, 1.0]
    assert min(one["coverage_ratio"] for one in ours.values()) < 1.0


def test_promql_gives_the_rates_that_our_store_gives(
    recorded: tuple[Instance, int], start_prometheus: Callable[..., Prometheus]
) -> None:
    suanli, _ = recorded
    prometheus = start_prometheus(Scrape("suanli", [suanli.address]))
    prometheus.wait_for_target(suanli.address)
    fleet = "sum(suanli_site_{}_pflops) / sum(suanli_site_{}_pflops)"
    answer = suanli.rates()
    for metric, (above, below) in {
        "online_ratio": ("online", "built"),
        "usage_ratio": ("used", "online"),
        "overall_ratio": ("used", "built"),
    }.items():
        mine = answer["fleet"][metric]
        assert prometheus.value(fleet.format(above, below)) == pytest.approx(mine, rel=EXACT)
        assert prometheus.value(f"suanli_fleet_{metric}") == pytest.approx(mine, rel=EXACT)
        joined = "sum by (province) (suanli_site_{}_pflops * on (site) group_left (province) suanli_site_info)"
        theirs = prometheus.query(f"{joined.format(above)} / {joined.format(below)}")
        by_province = {one["metric"]["province"]: float(one["value"][1]) for one in theirs}
        groups = json.loads(suanli.run("rates", "--by", "province", "--json").stdout)["groups"]
        assert by_province == {one["province"]: pytest.approx(one[metric], rel=EXACT) for one in groups}
    assert prometheus.value("suanli_fleet_coverage_ratio") == answer["fleet"]["coverage_ratio"] == 1.0
