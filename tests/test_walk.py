"""The walk, whole and real: Slurm and Prometheus -> samples -> rates -> InfluxDB, VictoriaMetrics, Prometheus, API.

Every expected figure is counted apart from the product: from `scontrol` and `squeue`, times the catalogue's peak.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.exporter_double import ExporterDouble, exporter_double
from tests.instance import Instance, instance
from tests.servers.influxdb import InfluxDB
from tests.servers.processes import wait_until
from tests.servers.prometheus import Prometheus, Scrape
from tests.servers.slurm import Slurm
from tests.servers.victoriametrics import VictoriaMetrics

CATALOGUE = Path(__file__).parents[1] / "suanli" / "catalog" / "accelerators.csv"
BUILT_A100, BUILT_H800 = 160, 24
MAX_AGE = 10


def peak(model: str) -> float:
    """PFLOPS of one device, read by csv alone."""
    with CATALOGUE.open(encoding="utf-8", newline="") as lines:
        return next(float(row["fp16"]) for row in csv.DictReader(lines) if row["id"] == model) / 1000


A100, H800 = peak("nvidia-a100-sxm4-80gb"), peak("nvidia-h800-sxm5-80gb")
BUILT = BUILT_A100 * A100 + BUILT_H800 * H800


@dataclass
class Walk:
    """Everything that runs."""

    slurm: Slurm
    prometheus: Prometheus
    exporter: ExporterDouble
    influxdb: InfluxDB
    victoriametrics: VictoriaMetrics
    suanli: Instance

    def online(self) -> float:
        """PFLOPS online in the Slurm site, from scontrol."""
        nodes = self.slurm.run("scontrol", "--oneliner", "show", "nodes").splitlines()
        states = [re.search(r" State=(\S+)", line)[1] for line in nodes if "NodeName=a100-" in line]  # type: ignore[index]
        return 8 * A100 * sum(state in {"IDLE", "MIXED", "ALLOCATED"} for state in states)

    def used(self) -> float:
        """PFLOPS used in the Slurm site, from squeue: nodes times devices a node of every running job."""
        jobs = self.slurm.run("squeue", "--noheader", "--states=RUNNING,COMPLETING", "--format=%D %b").splitlines()
        return A100 * sum(int(nodes) * int(gres.rpartition(":")[2]) for nodes, gres in map(str.split, jobs))

    def agrees(self) -> bool:
        """Whether the page's API says what the independent count says now."""
        site = self.suanli.site("walk-slurm")
        return (site["online_pflops"], site["used_pflops"]) == (
            pytest.approx(self.online(), rel=1e-12),
            pytest.approx(self.used(), rel=1e-12),
        )

    def wait_for_agreement(self, within: float = 45.0) -> dict[str, Any]:
        wait_until(self.agrees, within=within, what="the site's figures to equal scontrol's and squeue's", every=0.3)
        return self.suanli.site("walk-slurm")


def sites(slurm: Slurm, prometheus: Prometheus) -> list[dict[str, Any]]:
    """The two sites as an operator would write them."""
    return [
        {
            "id": "walk-slurm",
            "name": "行走一号",
            "province": "安徽",
            "operator": "示例运营方",
            "source": {
                "kind": "slurm",
                "url": slurm.url,
                "auth": {"kind": "slurm", "user": "root", "token": {"env": "WALK_SLURM_TOKEN"}},
                "interval": "2s",
                "max_age": f"{MAX_AGE}s",
            },
            "pools": [pool("a100", "nvidia-a100-sxm4-80gb", "gres", "a100", BUILT_A100)],
        },
        {
            "id": "walk-prom",
            "name": "Walk 2",
            "province": "江苏",
            "operator": "另一 运营,方",
            "source": {
                "kind": "prometheus",
                "url": prometheus.url,
                "interval": "2s",
                "max_age": f"{MAX_AGE}s",
                "settings": {
                    "pool_label": "model",
                    "queries": {"online": "sum by (model) (devices_up)", "used": "sum by (model) (devices_used)"},
                },
            },
            "pools": [pool("h800", "nvidia-h800-sxm5-80gb", "model", "H800", BUILT_H800)],
        },
    ]


def pool(id_: str, model: str, label: str, value: str, devices: int) -> dict[str, Any]:
    entry = {"from": "2025-01-01", "stage": "built", "devices": devices, "source": "test"}
    return {"id": id_, "model": model, "match": {"label": label, "value": value}, "capacity": [entry]}


@pytest.fixture
def walk(
    tmp_path: Path,
    start_slurm: Callable[..., Slurm],
    start_prometheus: Callable[..., Prometheus],
    influxdb: InfluxDB,
    victoriametrics: VictoriaMetrics,
) -> Iterator[Walk]:
    slurm = start_slurm(slurmd_timeout=5, message_timeout=2)
    for number in range(10):
        slurm.start_job(gpus=1 + number % 8)
    with (
        exporter_double({'devices_up{model="H800"}': 20, 'devices_used{model="H800"}': 9}) as exporter,
        instance(tmp_path, WALK_SLURM_TOKEN=slurm.token, WALK_INFLUX_TOKEN=influxdb.token) as suanli,
    ):
        prometheus = start_prometheus(Scrape("devices", [exporter.address]), Scrape("suanli", [suanli.address]))
        prometheus.wait_for_target(exporter.address)
        suanli.configure(
            sinks=[
                {"name": "influx", "kind": "influxdb", "url": influxdb.url, "org": influxdb.org}
                | {"bucket": influxdb.bucket, "token": {"env": "WALK_INFLUX_TOKEN"}},
                {"name": "victoria", "kind": "victoriametrics", "url": victoriametrics.url},
            ]
        )
        suanli.apply(*map(_yaml_dates, sites(slurm, prometheus)))
        suanli.start()
        yield Walk(slurm, prometheus, exporter, influxdb, victoriametrics, suanli)


def _yaml_dates(site: dict[str, Any]) -> dict[str, Any]:
    """YAML writes a day without quotes."""
    from datetime import date

    for one in site["pools"]:
        for entry in one["capacity"]:
            entry["from"] = date.fromisoformat(entry["from"])
    return site


def test_a_real_cluster_is_read_summed_and_found_again_everywhere(walk: Walk) -> None:
    site = walk.wait_for_agreement()
    assert site["online_pflops"] == pytest.approx(BUILT_A100 * A100)
    assert 0 < site["used_pflops"] < site["online_pflops"]

    fleet = walk.suanli.rates()["fleet"]
    online, used = walk.online() + 20 * H800, walk.used() + 9 * H800
    assert fleet["online_ratio"] == pytest.approx(online / BUILT, rel=1e-9)
    assert fleet["usage_ratio"] == pytest.approx(used / online, rel=1e-9)
    assert (fleet["coverage_ratio"], fleet["sites_heard"], fleet["sites_expected"]) == (1.0, 2, 2)

    labels = {"site": "walk-slurm", "pool": "a100"}
    assert walk.suanli.metric("suanli_site_online_pflops", **labels) == pytest.approx(walk.online())
    _read_back(walk)
    assert walk.suanli.stop() == 0


def _read_back(walk: Walk) -> None:
    """The same numbers from a Prometheus that scrapes us, from InfluxDB and from VictoriaMetrics."""
    online, used = walk.online(), walk.used()
    walk.prometheus.wait_for_target(walk.suanli.address)
    matcher = '{site="walk-slurm",pool="a100"}'
    for rung, expected in (("online", online), ("used", used)):
        query = f"suanli_site_{rung}_pflops{matcher}"
        wait_until(lambda: walk.prometheus.value(query), within=15, what=f"{query} to be scraped")  # noqa: B023 - used at once
        assert walk.prometheus.value(query) == pytest.approx(expected, rel=1e-12)

    wait_until(lambda: walk.influxdb.lines("compute") >= 4, within=20, what="points in InfluxDB")
    row = [row for row in walk.influxdb.rows("compute") if row["site"] == "walk-slurm"][-1]
    assert (row["online_pflops"], row["used_pflops"], row["built_pflops"]) == (
        pytest.approx(online, rel=1e-12),
        pytest.approx(used, rel=1e-12),
        pytest.approx(BUILT_A100 * A100, rel=1e-12),
    )
    assert (row["province"], row["operator"], row["pool"]) == ("安徽", "示例运营方", "a100")
    operators = {row["operator"] for row in walk.influxdb.rows("compute")}
    assert operators == {"示例运营方", "另一 运营,方"}  # a space and a comma come back as they were

    walk.victoriametrics.flush()
    series = walk.victoriametrics.export('compute_online_pflops{site="walk-slurm"}')
    assert series[0]["values"][-1] == pytest.approx(online, rel=1e-12)


def test_what_fails_is_told_and_never_becomes_zero(walk: Walk) -> None:
    before = walk.wait_for_agreement()

    busy = walk.slurm.start_job(gpus=8)
    drained = walk.slurm.run("squeue", "--noheader", f"--jobs={busy}", "--format=%N").strip()
    before = walk.wait_for_agreement()
    walk.slurm.drain(drained)
    site = walk.wait_for_agreement()
    assert site["online_pflops"] == pytest.approx(before["online_pflops"] - 8 * A100)
    assert site["used_pflops"] == pytest.approx(before["used_pflops"])  # the drained node's job runs on

    idle = sorted(name for name, node in walk.slurm.nodes().items() if node["state"] == "idle" and name != drained)[0]
    walk.slurm.kill_slurmd(idle)
    wait_until(lambda: "down" in walk.slurm.node(idle)["state"], within=60, what="Slurm to notice the dead node")
    site = walk.wait_for_agreement()
    assert site["online_pflops"] == pytest.approx(before["online_pflops"] - 16 * A100)

    healthy = walk.suanli.rates()["fleet"]
    walk.slurm.kill_controller()
    wait_until(
        lambda: walk.suanli.site("walk-slurm")["online_pflops"] is None, within=40, what="the site to be unknown"
    )
    _unknown_but_not_zero(walk, healthy)


def _unknown_but_not_zero(walk: Walk, healthy: dict[str, Any]) -> None:
    site, fleet = walk.suanli.site("walk-slurm"), walk.suanli.rates()["fleet"]
    assert (site["online_pflops"], site["used_pflops"], site["online_ratio"]) == (None, None, None)
    assert site["built_pflops"] == pytest.approx(BUILT_A100 * A100)
    assert fleet["coverage_ratio"] == pytest.approx(BUILT_H800 * H800 / BUILT)
    assert fleet["built_pflops"] == pytest.approx(BUILT)  # the silent site stays in the denominator
    for rate in ("online_ratio", "usage_ratio"):
        width = fleet[f"{rate}_high"] - fleet[f"{rate}_low"]
        assert width > healthy[f"{rate}_high"] - healthy[f"{rate}_low"]
        assert fleet[rate] > 0
    assert walk.suanli.metric("suanli_site_online_pflops", site="walk-slurm", pool="a100") is None
    assert walk.suanli.metric("suanli_site_up", site="walk-slurm") == 0
    assert walk.suanli.metric("suanli_site_up", site="walk-prom") == 1
    assert (walk.suanli.metric("suanli_site_polls_total", site="walk-slurm", result="unreadable") or 0) > 0
