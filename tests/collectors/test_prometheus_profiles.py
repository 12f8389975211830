"""The profiles of well-known exporters, each asked of a real Prometheus that scrapes that exporter's text.

The texts lie in prometheus/exporters and say who wrote them; what is expected was counted in them by eye.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from collectors.base import Unreadable
from collectors.client import ClientPool
from collectors.prometheus.collector import PrometheusCollector, PrometheusSettings
from collectors.prometheus.profiles import PROFILES
from suanli.catalog.accelerators import folded
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Source
from tests.exporter_double import serving
from tests.reaching import loopback
from tests.servers.prometheus import Prometheus, Scrape, prometheus_server

TEXTS = Path(__file__).with_name("prometheus") / "exporters"
H100, T4 = "NVIDIA H100 80GB HBM3", "Tesla T4"


NPU, AMD = "910B3", "102-G30211"


@pytest.fixture(scope="module")
def prometheuses() -> Iterator[dict[str, Prometheus]]:
    """One Prometheus a text, as one centre has one exporter of a kind; all wait for their first scrape at once."""
    names = sorted(file.stem for file in TEXTS.glob("*.txt"))
    with ExitStack() as stack:
        address = stack.enter_context(serving(lambda path: (TEXTS / f"{path.strip('/')}.txt").read_bytes()))
        scrapes = {name: Scrape("e", [address], path=f"/{name}", honor_labels=True) for name in names}
        found = {name: stack.enter_context(prometheus_server(scrape)) for name, scrape in scrapes.items()}
        for server in found.values():
            server.wait_for_target(address)
        yield found


@pytest.fixture
async def clients() -> AsyncIterator[ClientPool]:
    pool = ClientPool(loopback)
    yield pool
    await pool.aclose()


async def told(
    server: Prometheus, clients: ClientPool, *models: str, **settings: Any
) -> dict[str, tuple[float | None, float | None, float | None]]:
    """Model -> online, used and busy in devices, of which each has a peak of 1 PFLOPS."""
    samples = await collected(server, clients, *models, **settings)
    return {one.pool: (one.online_pflops, one.used_pflops, one.busy_pflops) for one in samples}


async def collected(server: Prometheus, clients: ClientPool, *models: str, **settings: Any) -> list[Sample]:
    pools = tuple(PolledPool(model, model, frozenset({folded(model)}), 1.0) for model in models)
    source = Source(kind="prometheus", url=server.url)
    site = PolledSite("profiles", source, pools, interval=60, timeout=10.0, max_age=180)
    chosen = PrometheusSettings.model_validate(settings)
    return await PrometheusCollector(site, chosen, clients.site(site)).collect(int(time.time()))


def about(*rungs: float | None) -> Any:
    return pytest.approx(rungs)


async def test_dcgm_counts_devices_by_uuid_and_is_busy_by_its_tensor_cores(
    prometheuses: dict[str, Prometheus], clients: ClientPool
) -> None:
    server = prometheuses["dcgm"]

    assert await told(server, clients, H100, T4, profile="dcgm") == {
        H100: about(4, None, 0.5 + (0.2 + 0.1) / 2),
        T4: about(1, None, 0.25),
    }
    assert await told(server, clients, H100, T4, profile="dcgm", pod_label="pod") == {
        H100: about(4, 2, 0.65),
        T4: about(1, 0, 0.25),
    }
    # Where the exporter's own labels win, nobody's pod is named so: no device is held by that name.
    assert (await told(server, clients, H100, T4, profile="dcgm", pod_label="exported_pod"))[H100] == about(4, 0, 0.65)


async def test_a_device_that_tells_a_mark_for_no_value_makes_busy_unknown(
    prometheuses: dict[str, Prometheus], clients: ClientPool
) -> None:
    h100, t4 = await collected(prometheuses["dcgm-blank"], clients, H100, T4, profile="dcgm")

    assert (h100.online_pflops, h100.busy_pflops, h100.quality) == (4, None, "partial")
    assert (t4.online_pflops, t4.busy_pflops) == (1, 0.25)


async def test_dcgm_of_another_author(prometheuses: dict[str, Prometheus], clients: ClientPool) -> None:
    model = "NVIDIA GB300"

    assert await told(prometheuses["dcgm-simhall"], clients, model, profile="dcgm") == {model: about(4, None, None)}


async def test_npus(prometheuses: dict[str, Prometheus], clients: ClientPool) -> None:
    assert await told(prometheuses["npu-exporter"], clients, NPU, profile="npu-exporter") == {NPU: about(3, None, 0.95)}
    (failed,) = await collected(prometheuses["npu-exporter-failed"], clients, NPU, profile="npu-exporter")
    assert (failed.online_pflops, failed.busy_pflops, failed.quality) == (3, None, "partial")


@pytest.mark.parametrize("text", ["amd-smi", "amd-smi-prefixed"])
async def test_amd_devices(prometheuses: dict[str, Prometheus], clients: ClientPool, text: str) -> None:
    server = prometheuses[text]

    assert await told(server, clients, AMD, profile="amd-smi") == {AMD: about(2, None, 0.94)}
    assert await told(server, clients, AMD, profile="amd-smi", pod_label="pod") == {AMD: about(2, 1, 0.94)}


async def test_what_kube_state_metrics_knows_of_a_cluster(
    prometheuses: dict[str, Prometheus], clients: ClientPool
) -> None:
    gpu, npu = "nvidia_com_gpu", "huawei_com_Ascend910"

    found = await told(prometheuses["kube-state-metrics"], clients, gpu, npu, profile="kube-state-metrics")

    assert found == {gpu: about(8, 7, None), npu: about(16, 0, None)}
    nodes_only = await told(prometheuses["kube-state-metrics-nodes"], clients, gpu, npu, profile="kube-state-metrics")
    assert nodes_only == {gpu: about(8, None, None), npu: about(16, None, None)}


async def test_a_slurm_exporter_tells_one_pool(prometheuses: dict[str, Prometheus], clients: ClientPool) -> None:
    found = await told(prometheuses["slurm-exporter"], clients, "any", profile="slurm-exporter")

    assert found == {"any": about(128, 37, None)}


async def test_slurms_own_metrics_tell_what_is_held_and_believe_no_0_without_devices(
    prometheuses: dict[str, Prometheus], clients: ClientPool
) -> None:
    found = await told(prometheuses["slurm-openmetrics"], clients, "any", profile="slurm-openmetrics")
    assert found == {"any": about(None, 60, None)}

    idle = prometheuses["slurm-openmetrics-idle"]
    by_node = await told(idle, clients, "old", "new", profile="slurm-openmetrics", pool_label="node")
    assert by_node == {"old": about(None, 0, None)}


async def test_a_query_of_ones_own_stands_in_place_of_the_profiles(
    prometheuses: dict[str, Prometheus], clients: ClientPool
) -> None:
    used = {"used": "sum by (model_name) (npu_chip_info_utilization > bool 0)"}

    found = await told(prometheuses["npu-exporter"], clients, NPU, profile="npu-exporter", queries=used)

    assert found == {NPU: about(3, 2, 0.95)}


@pytest.mark.parametrize("profile", sorted(PROFILES))
async def test_an_exporter_that_is_not_there_is_no_zero(
    prometheuses: dict[str, Prometheus], clients: ClientPool, profile: str
) -> None:
    elsewhere = prometheuses["slurm-exporter" if profile != "slurm-exporter" else "dcgm"]

    with pytest.raises(Unreadable):
        await collected(elsewhere, clients, "any", profile=profile, pod_label="pod")


async def test_the_time_is_the_exporters(prometheuses: dict[str, Prometheus], clients: ClientPool) -> None:
    for profile in sorted(PROFILES):
        models = ["any"] if profile.startswith("slurm-") else [H100, NPU, AMD, "nvidia_com_gpu"]
        first = (await collected(prometheuses[profile], clients, *models, profile=profile))[0]
        assert 0 <= time.time() - first.source_at < 30


@pytest.mark.parametrize(
    ("settings", "told_"),
    [
        ({}, "queries or a profile are needed; profiles: dcgm, npu-exporter"),
        ({"profile": "dcgm", "unit": "PFLOPS"}, "a profile counts devices"),
        ({"profile": "gpustat"}, "'dcgm', 'npu-exporter'"),
        ({"profile": "dcgm", "pool_label": 'x") or vector(1'}, "pattern"),
        ({"profile": "dcgm", "pod_label": "a b"}, "pattern"),
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, Any], told_: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told_)):
        PrometheusSettings.model_validate(settings)
