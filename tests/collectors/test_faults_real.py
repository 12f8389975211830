"""Real servers behind a real mitmproxy that spoils their answers: each poll gives the right figures or the right error.

And its TLS: an authority of the site's own, trusted or not, and a certificate that changes.
"""

from __future__ import annotations

import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from collectors.base import CollectError, Collector, Unreachable, Unreadable
from collectors.client import ClientPool
from collectors.poller import Poller
from collectors.registry import build
from collectors.schedule import first_turn
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.site import Match, Source
from tests.collectors.cases import NOW
from tests.collectors.test_kubernetes_real import A100, add_node, add_pod, pool
from tests.reaching import loopback
from tests.servers.kubernetes import READER, Kubernetes
from tests.servers.mitmproxy import Fault, Mitmproxy, mitmproxy_before
from tests.servers.processes import free_port
from tests.servers.prometheus import prometheus_server
from tests.servers.slurm import slurm_cluster

pytestmark = pytest.mark.server
KINDS = ("slurm", "prometheus", "kubernetes")
QUESTIONS = {"slurm": 1, "prometheus": 2, "kubernetes": 4}
"""How many answers make a poll: of the rungs, and of pages of nodes and pods."""
Figures = dict[str, tuple[float | None, float | None]]


@dataclass(frozen=True)
class Spoiled:
    """A real server, what is in front of it, and what is true."""

    proxy: Mitmproxy
    source: dict[str, Any]
    pool: PolledPool
    figures: Figures

    def site(self, url: str | None = None, timeout: float = 10.0, **tls: str) -> PolledSite:
        source = Source.model_validate({**self.source, "url": url or self.proxy.url, "tls": tls})
        return PolledSite("spoiled", source, (self.pool,), interval=60, timeout=timeout, max_age=180)


@pytest.fixture(scope="module")
def slurm_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoiled]:
    with slurm_cluster(nodes=3) as cluster, mitmproxy_before(cluster.url) as proxy:
        cluster.start_job(nodes=2, gpus=6)
        token = tmp_path_factory.mktemp("slurm") / "token"
        token.write_text(cluster.token)
        source = {"kind": "slurm", "auth": {"kind": "slurm", "user": "root", "token": {"file": str(token)}}}
        a100 = PolledPool("a100", "A100", frozenset(), 1.0, Match(label="gres", value="a100"))
        yield Spoiled(proxy, source, a100, {"a100": (24, 12)})


@pytest.fixture(scope="module")
def prometheus_behind() -> Iterator[Spoiled]:
    with prometheus_server() as server, mitmproxy_before(server.url) as proxy:
        online, used = (f'label_replace(vector({count}), "model", "H800", "", "")' for count in (64, 40))
        settings = {"unit": "devices", "pool_label": "model", "queries": {"online": online, "used": used}}
        h800 = PolledPool("h800", "H800", frozenset(), 1.0, Match(label="model", value="H800"))
        yield Spoiled(proxy, {"kind": "prometheus", "settings": settings}, h800, {"h800": (64, 40)})


@pytest.fixture(scope="module")
def kubernetes_behind(kubernetes: Kubernetes) -> Iterator[Spoiled]:
    """Two pages of nodes and two of pods."""
    for number in range(12):
        add_node(kubernetes, f"n{number}", 8)
        add_pod(kubernetes, f"p{number}", 1, f"n{number}")
    kubernetes.allow({"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]})
    token = kubernetes.folder / "reader.token"
    token.write_text(READER)
    auth = {"kind": "bearer", "token": {"file": str(token)}}
    with mitmproxy_before(kubernetes.url) as proxy:
        source = {"kind": "kubernetes", "auth": auth, "settings": {"page": 10, "dynamic": False}}
        yield Spoiled(proxy, source, pool("a100", A100), {"a100": (96, 12)})


@pytest.fixture(params=KINDS)
def behind(request: pytest.FixtureRequest) -> Spoiled:
    found: Spoiled = request.getfixturevalue(f"{request.param}_behind")
    found.proxy.will("none")
    return found


@pytest.fixture
async def clients() -> AsyncIterator[ClientPool]:
    made = ClientPool(loopback)
    yield made
    await made.aclose()


async def polled(collector: Collector) -> Figures:
    return {one.pool: (one.online_devices, one.used_devices) for one in await collector.collect(NOW)}


async def figures(site: PolledSite, clients: ClientPool) -> Figures:
    return await polled(build(site, clients.site(site)))


TOLD: dict[Fault, tuple[type[CollectError], str]] = {
    "busy": (Unreadable, "answered 503 Service Unavailable; come back later"),
    "truncated": (Unreadable, "the answer is not JSON"),
    "cut": (Unreadable, "cut off"),
    "killed": (Unreachable, "closed"),
    "page": (Unreadable, "the answer is not JSON: <html>"),
    "empty": (Unreadable, "answered 200 with nothing in it"),
}


@pytest.mark.parametrize("fault", TOLD)
async def test_a_spoiled_answer_is_its_error_and_never_a_figure_be_it_the_first_or_the_last(
    behind: Spoiled, clients: ClientPool, fault: Fault
) -> None:
    site = behind.site()
    collector = build(site, clients.site(site))
    kind, told = TOLD[fault]

    for good in {0, QUESTIONS[site.source.kind] - 1}:
        behind.proxy.will(fault, after=good)
        with pytest.raises(kind, match=told) as caught:
            await polled(collector)
        assert type(caught.value) is kind
        assert caught.value.retry_after == (7.0 if fault == "busy" else None)

        behind.proxy.will("none")
        assert await polled(collector) == behind.figures


@pytest.mark.parametrize("fault", ["none", "slow", "mislabelled"])
async def test_an_answer_that_is_late_or_called_another_type_is_as_good(
    behind: Spoiled, clients: ClientPool, fault: Fault
) -> None:
    site = behind.site()
    collector = build(site, clients.site(site))
    assert await polled(collector) == behind.figures
    behind.proxy.will(fault)

    assert await polled(collector) == behind.figures


async def test_an_answer_later_than_the_sites_timeout_is_unreachable_and_nothing_is_kept(
    behind: Spoiled, clients: ClientPool
) -> None:
    site = behind.site(timeout=0.25)
    behind.proxy.will("slow")

    turn = first_turn(site, build(site, clients.site(site)), 0.0)
    outcome = await Poller(_keeps, lambda _: None, clock=lambda: NOW).poll(turn)

    assert (outcome.result, outcome.samples) == ("unreachable", ())


async def _keeps(_samples: list[Any]) -> None:
    raise AssertionError("nothing is to be kept")


async def test_the_sites_own_authority_is_trusted_where_it_is_named_and_nowhere_else(
    behind: Spoiled, clients: ClientPool, tmp_path: Path
) -> None:
    url = behind.proxy.tls_url

    assert await figures(behind.site(url, ca=str(behind.proxy.ca)), clients) == behind.figures
    with pytest.raises(Unreachable, match=r"the certificate is not accepted: check tls\.ca and url"):
        await figures(behind.site(url), clients)


async def test_another_certificate_is_accepted_of_the_same_authority_and_of_another_once_it_is_named(
    prometheus_behind: Spoiled, clients: ClientPool, tmp_path: Path
) -> None:
    known, other, port = tmp_path / "known", tmp_path / "other", free_port()
    known.mkdir()
    other.mkdir()
    site = prometheus_behind.site(f"https://127.0.0.1:{port}", ca=str(known / "mitmproxy-ca-cert.pem"))
    collector = build(site, clients.site(site))
    shown = []

    for _ in range(2):
        with mitmproxy_before(prometheus_behind.proxy.url, port=port, keys=known):
            assert await polled(collector) == prometheus_behind.figures
            shown.append(ssl.get_server_certificate(("127.0.0.1", port)))
    with mitmproxy_before(prometheus_behind.proxy.url, port=port, keys=other) as proxy:
        with pytest.raises(Unreachable, match="the certificate is not accepted"):
            await polled(collector)
        shutil.copy(proxy.ca, known)  # by whom we are told that it is the right one
        assert await polled(collector) == prometheus_behind.figures

    assert shown[0] != shown[1]
