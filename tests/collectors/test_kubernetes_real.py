"""The collector against a real API server with its etcd: pages, rights, dynamic allocation, an etcd that is frozen."""

from __future__ import annotations

import base64
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from collectors.base import Refused, Unreachable
from collectors.client import ClientPool
from collectors.poller import Poller
from collectors.registry import build
from collectors.schedule import first_turn
from suanli.catalog.accelerators import folded
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Source
from tests.collectors.cases import NOW
from tests.reaching import loopback
from tests.servers.kubernetes import CORE, DRA, RBAC, READER, Kubernetes, kubernetes_server

SOURCES = Path(__file__).parents[2] / "collectors" / "kubernetes"
PODS = f"{CORE}/namespaces/default/pods"
A100, H100 = "NVIDIA-A100-SXM4-80GB", "NVIDIA H100 80GB HBM3"
READY = [{"type": "Ready", "status": "True"}]


def pool(id_: str, alias: str) -> PolledPool:
    return PolledPool(id_, f"model-{id_}", frozenset({folded(alias)}), 1.0)


def add_node(server: Kubernetes, name: str, devices: int, **spec: Any) -> None:
    """A node as it is once its kubelet has reported: the server itself taints every new one as not ready."""
    status = {"allocatable": {"nvidia.com/gpu": str(devices)}, "conditions": READY}
    labels = {"nvidia.com/gpu.product": A100}
    server.create(f"{CORE}/nodes", "Node", name, labels=labels, status=status)
    changed = {"spec": {"taints": None, **spec}}
    server.request("PATCH", f"{CORE}/nodes/{name}", changed, kind="application/merge-patch+json")


def add_pod(server: Kubernetes, name: str, devices: int, on: str | None, phase: str = "Running", **spec: Any) -> None:
    container = {"name": "c", "image": "none", "resources": {"limits": {"nvidia.com/gpu": str(devices)}}}
    where = {"nodeName": on} if on else {}
    server.create(PODS, "Pod", name, spec={"containers": [container], **where, **spec})
    server.patch_status(f"{PODS}/{name}", {"phase": phase})


@pytest.fixture(scope="module")
def cluster(kubernetes: Kubernetes) -> Kubernetes:
    """25 nodes of 8 devices, one cordoned; 23 pods that hold one, three that hold none, two H100 by slices."""
    for i in range(25):
        add_node(kubernetes, f"n{i:02}", 8, **({"unschedulable": True} if i == 7 else {}))
    for i in range(21):
        add_pod(kubernetes, f"p{i:02}", 1, f"n{i:02}")
    sidecar = {"name": "s", "image": "none", "restartPolicy": "Always"}
    add_pod(kubernetes, "larger-init", 1, "n21", initContainers=[_init(2), sidecar])
    add_pod(kubernetes, "done", 8, "n22", phase="Succeeded")
    add_pod(kubernetes, "failed", 8, "n23", phase="Failed")
    add_pod(kubernetes, "queued", 8, None, phase="Pending")
    _add_slices(kubernetes)
    for document in yaml.safe_load_all((SOURCES / "rbac.yaml").read_text(encoding="utf-8")):
        if document["kind"] == "ClusterRole":
            kubernetes.allow(*document["rules"])
    return kubernetes


def _init(devices: int) -> dict[str, Any]:
    return {"name": "i", "image": "none", "resources": {"limits": {"nvidia.com/gpu": str(devices)}}}


def _add_slices(server: Kubernetes) -> None:
    attributes = {"productName": {"string": H100}, "type": {"string": "gpu"}}
    devices = [{"name": f"gpu-{i}", "attributes": attributes} for i in range(2)]
    pool_ = {"name": "n24", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.nvidia.com", "nodeName": "n24", "pool": pool_, "devices": devices}
    server.create(f"{DRA}/resourceslices", "ResourceSlice", "n24-gpus", spec=spec)
    request = {
        "name": "r",
        "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1},
    }
    claims = f"{DRA}/namespaces/default/resourceclaims"
    server.create(claims, "ResourceClaim", "train", spec={"devices": {"requests": [request]}})
    held = {"request": "r", "driver": "gpu.nvidia.com", "pool": "n24", "device": "gpu-1"}
    server.patch_status(f"{claims}/train", {"allocation": {"devices": {"results": [held]}}})


@pytest.fixture
async def clients() -> AsyncIterator[ClientPool]:
    pool_ = ClientPool(loopback)
    yield pool_
    await pool_.aclose()


def site_of(server: Kubernetes, token: str = READER, timeout: float = 10.0, **settings: Any) -> PolledSite:
    file = server.folder / f"{token}.token"
    file.write_text(token)
    source = Source.model_validate(
        {
            "kind": "kubernetes",
            "url": server.url,
            "auth": {"kind": "bearer", "token": {"file": str(file)}},
            "tls": {"ca": str(server.ca)},
            "settings": settings,
        }
    )
    pools = (pool("a100", A100), pool("h100", H100))
    return PolledSite("k8s", source, pools, interval=60, timeout=timeout, max_age=180)


async def counted(site: PolledSite, clients: ClientPool) -> dict[str, tuple[float | None, float | None]]:
    return devices(await build(site, clients.site(site)).collect(NOW))


def devices(samples: list[Sample]) -> dict[str, tuple[float | None, float | None]]:
    return {one.pool: (one.online_devices, one.used_devices) for one in samples}


@pytest.mark.parametrize("page", [10, 500])
async def test_nodes_pods_slices_and_claims_in_pages_with_the_rights_of_the_shipped_role(
    cluster: Kubernetes, clients: ClientPool, page: int
) -> None:
    found = await counted(site_of(cluster, page=page, dynamic=True), clients)

    assert found == {"a100": (24 * 8, 21 + 2), "h100": (2, 1)}


def kubeconfig(server: Kubernetes, user: dict[str, str], name: str) -> PolledSite:
    """A site that says nothing but where its kubeconfig is."""
    cluster = {"server": server.url, "certificate-authority-data": packed(server.ca.read_bytes())}
    document = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    file = server.folder / f"{name}.kubeconfig"
    file.write_text(yaml.safe_dump(document))
    auth = {"kind": "kubeconfig", "kubeconfig": {"file": str(file)}}
    source = Source.model_validate({"kind": "kubernetes", "auth": auth})
    return replace(site_of(server), id=name, source=source)


def packed(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def certified(server: Kubernetes, user: str) -> dict[str, str]:
    # Go does not take a certificate whose names are a critical list of none.
    pair = server.clients.issue_cert(f"{user}.example", common_name=user)
    cert, key = pair.cert_chain_pems[0].bytes(), pair.private_key_pem.bytes()
    return {"client-certificate-data": packed(cert), "client-key-data": packed(key)}


async def test_a_kubeconfig_with_a_client_certificate_and_then_with_a_token(
    cluster: Kubernetes, clients: ClientPool
) -> None:
    found = {"a100": (24 * 8, 21 + 2), "h100": (2, 1)}
    site = kubeconfig(cluster, certified(cluster, "suanli"), "by-file")
    collector = build(site, clients.site(site))
    assert devices(await collector.collect(NOW)) == found

    kubeconfig(cluster, certified(cluster, "somebody-else"), "by-file")
    with pytest.raises(Refused, match="403"):
        await collector.collect(NOW)

    kubeconfig(cluster, {"token": READER}, "by-file")
    assert devices(await collector.collect(NOW)) == found


async def test_within_the_cluster_the_service_accounts_token_is_read_again(
    cluster: Kubernetes, clients: ClientPool
) -> None:
    """As a pod has it: a token that the API server gave for a while, and its authority, in two files."""
    accounts = f"{CORE}/namespaces/default/serviceaccounts"
    cluster.create(accounts, "ServiceAccount", "poller")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "suanli"}
    subject = {"kind": "ServiceAccount", "name": "poller", "namespace": "default"}
    cluster.create(f"{RBAC}/clusterrolebindings", "ClusterRoleBinding", "poller", roleRef=role, subjects=[subject])
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = cluster.request("POST", f"{accounts}/poller/token", asked)["status"]["token"]
    site = site_of(cluster, "over")
    collector = build(site, clients.site(site))
    with pytest.raises(Refused, match="401"):
        await collector.collect(NOW)

    (cluster.folder / "over.token").write_text(token)
    assert devices(await collector.collect(NOW))["a100"] == (24 * 8, 21 + 2)


async def test_an_unknown_token_and_one_without_rights_are_refused(clients: ClientPool) -> None:
    with kubernetes_server() as bare:
        for token, told in (("nobody-knows-this", "401"), (READER, "403")):
            with pytest.raises(Refused, match=told) as caught:
                await counted(site_of(bare, token), clients)
            assert token not in str(caught.value)


async def test_without_the_right_to_see_slices_the_device_counts_stand(clients: ClientPool) -> None:
    with kubernetes_server() as server:
        add_node(server, "n1", 8)
        server.allow({"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]})

        assert await counted(site_of(server), clients) == {"a100": (8, 0)}
        with pytest.raises(Refused, match="403"):
            await counted(site_of(server, dynamic=True), clients)


async def test_a_frozen_etcd_is_unreachable_and_never_an_old_state(clients: ClientPool) -> None:
    with kubernetes_server() as server:
        add_node(server, "n1", 8)
        server.allow({"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]})
        site = site_of(server, timeout=2.0)
        collector = build(site, clients.site(site))
        assert [one.online_devices for one in await collector.collect(NOW)] == [8]
        server.tree.signal_from_pid_file(server.folder / "etcd.pid", signal.SIGSTOP)

        outcome = await Poller(_keeps, lambda _: None, clock=lambda: NOW).poll(first_turn(site, collector, 0.0))

        assert (outcome.result, outcome.samples) == (Unreachable.__name__.lower(), ())


async def _keeps(_samples: list[Any]) -> None:
    raise AssertionError("nothing is to be kept")
