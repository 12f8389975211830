"""A real Slurm with slurmdbd and MariaDB: the second word on `used`, and its past, counted again by sacct."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from collectors.base import Collector, Historian, NotFound, Unreadable
from collectors.client import ClientPool
from collectors.registry import build
from suanli.model.disagreement import disagreements
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from suanli.store import schema
from suanli.store.samples import sample_columns, sample_of
from tests.reaching import LOOPBACK, loopback
from tests.servers.processes import environment, wait_until
from tests.servers.slurm import Slurm, slurm_cluster
from tests.suanli.making import open_store
from tests.suanli.running import suanli

SECRET = "SUANLI_TEST_ACCOUNTING"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    """A cluster with accounting, for all tests here: each leaves it without jobs."""
    with slurm_cluster(nodes=4, message_timeout=2, accounting=True) as made:
        yield made


@pytest.fixture
async def clients() -> AsyncIterator[ClientPool]:
    pool = ClientPool(loopback)
    yield pool
    await pool.aclose()


@pytest.fixture
def site(cluster: Slurm, monkeypatch: pytest.MonkeyPatch) -> PolledSite:
    monkeypatch.setenv(SECRET, cluster.token)
    auth = {"kind": "slurm", "user": "root", "token": {"env": SECRET}}
    source = Source.model_validate({"kind": "slurm", "url": cluster.url, "auth": auth})
    pool = PolledPool("a100", "a100", frozenset(), 2.0, Match(label="gres", value="a100"))
    return PolledSite("real", source, (pool,), interval=60, timeout=30.0, max_age=180)


def asking(site: PolledSite, clients: ClientPool, **settings: Any) -> Collector:
    return build(one := replace(site, source=site.source.model_copy(update={"settings": settings})), clients.site(one))


def second(site: PolledSite, clients: ClientPool, **settings: Any) -> Collector:
    return asking(site, clients, asks="accounting", **settings)


async def used(collector: Collector) -> float | None:
    (sample,) = await collector.collect(int(time.time()))
    assert sample.quality == "ok"
    return sample.used_devices


def by_sacct(cluster: Slurm, moment: int) -> int:
    """Devices of the jobs that ran then, as Slurm's own program tells them."""
    told = cluster.run("sacct", "-XnPD", "-S", "2020-01-01", "--format=Start,End,AllocTRES")
    total = 0
    for line in told.splitlines():
        start, end, tres = line.split("|")
        devices = re.search(r"gres/gpu=(\d+)", tres)
        if devices and seconds(start) <= moment and (end == "Unknown" or moment < seconds(end)):
            total += int(devices[1])
    return total


def nothing_runs(cluster: Slurm) -> None:
    """slurmctld tells slurmdbd of an end when it comes to it."""
    wait_until(lambda: by_sacct(cluster, int(time.time()) + 1) == 0, within=30, what="the end of all jobs in slurmdbd")


def recorded(cluster: Slurm, *jobs: str) -> set[str]:
    """The states in which slurmdbd has these jobs."""
    return set(cluster.run("sacct", "-XnPD", f"--jobs={','.join(jobs)}", "--format=State").split())


def seconds(text: str) -> float:
    """In the zone of this machine, which is that of the cluster."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def told_to_the_database(cluster: Slurm, statement: str) -> None:
    socket = str(cluster.folder / "db" / "socket")
    command = ["mariadb", "--no-defaults", "-S", socket, "slurm_acct_db", "-e", statement]
    subprocess.run(command, check=True, capture_output=True, timeout=30, env=environment())


async def test_both_words_agree_and_a_job_that_the_database_forgot_is_a_disagreement(
    cluster: Slurm, site: PolledSite, clients: ClientPool
) -> None:
    source, other = asking(site, clients), second(site, clients)
    assert [await used(source), await used(other)] == [0, 0]  # slurmdbd says "Nothing found": that is 0

    jobs = [cluster.start_job(nodes=2, gpus=8), cluster.start_job(gpus=3)]
    wait_until(lambda: by_sacct(cluster, int(time.time()) + 1) == 19, within=30, what="both jobs in slurmdbd")
    (one,), (two,) = await source.collect(int(time.time()) + 1), await other.collect(int(time.time()) + 1)

    assert (one.online_devices, one.used_devices) == (32, 19)
    assert (two.online_devices, two.used_devices) == (None, 19)  # which nodes are up it does not tell
    assert [found.pflops for found in disagreements(one, two)] == [0.0]

    told_to_the_database(cluster, "UPDATE suanli_job_table SET time_end=time_start+1, state=3 WHERE nodes_alloc=2")
    (two,) = await other.collect(int(time.time()) + 1)
    assert [(found.rung, found.pflops) for found in disagreements(one, two)] == [("used", -32.0)]
    assert await used(source) == 19  # the source's own figure stands
    for job in jobs:
        cluster.cancel(job)
    wait_until(lambda: cluster.gpus_used() == 0, within=30, what="the end of the jobs")
    nothing_runs(cluster)


async def test_without_slurmdbd_the_nodes_are_told_and_the_second_word_is_unknown(
    cluster: Slurm, site: PolledSite, clients: ClientPool
) -> None:
    cluster.kill_accounting()
    try:
        assert await used(asking(site, clients)) == 0
        with pytest.raises(Unreadable, match=r"connecting to slurmdbd|connect to database"):
            await used(second(site, clients))
    finally:
        cluster.start_accounting()
    nothing_runs(cluster)
    assert await used(second(site, clients)) == 0


async def test_a_cluster_that_slurmdbd_does_not_know_is_no_cluster_without_jobs(
    site: PolledSite, clients: ClientPool
) -> None:
    with pytest.raises(Unreadable, match="has no cluster elsewhere"):
        await used(second(site, clients, cluster="elsewhere"))
    with pytest.raises(NotFound, match="of /slurmdb here"):
        await used(second(site, clients, version="v0.0.45"))


async def test_the_past_is_what_sacct_counts_and_before_the_first_job_unknown(
    cluster: Slurm, site: PolledSite, clients: ClientPool
) -> None:
    began = int(time.time())
    first = cluster.start_job(nodes=3, gpus=4)
    other = cluster.start_job(gpus=2, seconds=1)
    cluster.run("scontrol", "requeue", first)  # its first run has ended, its second waits
    wait_until(lambda: {"REQUEUED", "COMPLETED"} <= recorded(cluster, first, other), within=30, what="the end of both")
    collector = asking(site, clients)
    assert isinstance(collector, Historian)
    told_to_the_database(cluster, "DELETE FROM suanli_job_table WHERE state = 4 OR nodes_alloc=2")  # as if purged

    moments = range(began - 5, int(time.time()) + 1)
    samples = await collector.history(moments)

    wanted = {moment: by_sacct(cluster, moment) for moment in moments}
    start = min(moment for moment, count in wanted.items() if count)
    assert {one.at: one.used_devices for one in samples} == {at: wanted[at] for at in moments if at >= start}
    assert max(wanted.values()) >= 12
    assert wanted[moments[-1]] == 0
    assert {(one.online_pflops, one.quality, one.fetched_at - one.at) for one in samples} == {(None, "ok", 0)}
    assert await collector.history(range(began - 7200, began - 3600, 60)) == []
    later: list[Sample] = await collector.history(range(moments[-1], moments[-1] + 1))
    assert [one.used_devices for one in later] == [0]  # nothing runs, and an earlier job shows that this is known
    cluster.cancel(first)


def test_backfill_records_what_was_used_and_leaves_online_unknown(
    cluster: Slurm, site: PolledSite, tmp_path: Path
) -> None:
    began = int(time.time())
    job = cluster.start_job(gpus=6, seconds=4)
    wait_until(lambda: recorded(cluster, job) == {"COMPLETED"}, within=30, what="the end of the job")
    auth = {"kind": "slurm", "user": "root", "token": {"env": SECRET}}
    source = {"kind": "slurm", "url": cluster.url, "interval": "1s", "timeout": "30s", "auth": auth}
    capacity = [{"from": "2024-01-01", "stage": "built", "devices": 32, "source": "acceptance"}]
    pool = {"id": "a100", "model": "nvidia-a100-sxm4-80gb", "match": {"label": "gres", "value": "a100"}}
    named = {"id": "real", "name": "超算", "province": "安徽", "operator": "示例", "source": source}
    sites = {"sites": [named | {"pools": [pool | {"capacity": capacity}]}]}
    (tmp_path / "sites.yaml").write_text(yaml.safe_dump(sites, allow_unicode=True), encoding="utf-8")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"reach": LOOPBACK}), encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    lo, hi = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (began, int(time.time())))

    done = suanli(
        tmp_path, "--quiet", "backfill", site.id, "--from", lo, "--to", hi, "--json", **{SECRET: cluster.token}
    )

    assert done.code == 0, done.err
    with closing(open_store(f"sqlite:///{tmp_path}/suanli.db")) as store, store.reading() as connection:
        found = [
            sample_of(row, ("real", "a100")) for row in connection.execute(select(*sample_columns(schema.samples)))
        ]
    assert len(found) == done.data["samples"] > 0
    told: dict[int, Any] = {one.fetched_at: (one.used_pflops, one.online_pflops) for one in found}
    assert told == {at: (pytest.approx(0.312 * by_sacct(cluster, at)), None) for at in told}
    ran = cluster.run("sacct", "-XnPD", f"--jobs={job}", "--format=Start,End,AllocTRES")
    assert max(one.used_pflops or 0.0 for one in found) == pytest.approx(6 * 0.312), (lo, hi, ran, sorted(told))
