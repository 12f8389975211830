"""A page in its shape: a poll says the same of it as of the whole page, also when it is spoiled."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import HealthCheck, example, given, settings

from collectors.base import Unreadable
from collectors.kubernetes.parse import Inventory, page_of
from collectors.kubernetes.shapes import decoded
from suanli.model.sample import Sample
from tests.collectors.cases import NOW
from tests.collectors.test_kubernetes import A100, pod, site, wants
from tests.fuzz.mutating import mutants

READY = [{"type": "Ready", "status": "True", "lastHeartbeatTime": None}]
HAMI = "GPU-1,10,81920,100,NVIDIA-A100,0,true:"
IMAGES = [{"names": ["安徽/名字"], "sizeBytes": 1}]


def node(name: str, **spec: Any) -> dict[str, Any]:
    status = {"capacity": {"cpu": "9"}, "allocatable": {"nvidia.com/gpu": "8"}, "conditions": READY, "images": IMAGES}
    return {"metadata": {"name": name, "uid": "u", "labels": A100}, "spec": {"podCIDR": "", **spec}, "status": status}


def shared(name: str) -> dict[str, Any]:
    found = node(name)
    return found | {"metadata": found["metadata"] | {"annotations": {"hami.io/node-nvidia-register": HAMI}}}


def page(kind: str, *items: Any) -> bytes:
    return orjson.dumps({"kind": kind, "apiVersion": "v1", "metadata": {"remainingItemCount": 1}, "items": items})


TAINT = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
NODES = page("NodeList", node("n1"), node("n2", unschedulable=True), node("n3", taints=[TAINT]), shared("n4"))
SIDECAR = wants("1", restartPolicy="Always")
PODS = page(
    "PodList",
    pod(wants("2"), {"name": "none", "env": [{"name": "a", "value": "b"}]}),
    pod(wants("1"), initContainers=[wants("4"), SIDECAR], tolerations=[TAINT]),
    pod(wants("8"), phase="Failed"),
    pod(wants("8"), on=None, phase="Pending"),
    pod(wants("1"), on="n4"),
)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much]


def told(nodes: bytes, pods: bytes, decode: Callable[[bytes, str], Any]) -> list[Sample] | str:
    """The samples, or that there are none because of what came."""
    found = Inventory(site(), NOW)
    try:
        found.add_nodes(page_of(decode(nodes, "NodeList"), "NodeList").items)
        found.add_pods(page_of(decode(pods, "PodList"), "PodList").items)
        return found.samples()
    except (Unreadable, json.JSONDecodeError):  # orjson's own is one of these
        return "unreadable"


def whole(body: bytes, _kind: str) -> Any:
    return orjson.loads(body)


def beyond(body: bytes, _kind: str) -> Any:
    """Also with a number that is larger than any float: where it is not read, it need not spoil the page."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "infinity" in str(error):
            return json.loads(body)
        raise


def test_what_is_not_read_is_not_kept() -> None:
    nodes, pods = page_of(decoded(NODES, "NodeList"), "NodeList"), page_of(decoded(PODS, "PodList"), "PodList")
    assert nodes.items[0] == {
        "metadata": {"name": "n1", "labels": A100},
        "spec": {},
        "status": {"allocatable": {"nvidia.com/gpu": "8"}, "conditions": READY},
    }
    assert isinstance(pods.items[0], dict)
    assert pods.items[0]["spec"] == {
        "nodeName": "n1",
        "containers": [{"resources": {"limits": {"nvidia.com/gpu": "2"}}}, {}],
    }


def test_the_well_formed_pages_are_counted() -> None:
    samples = told(NODES, PODS, decoded)
    assert isinstance(samples, list)
    (sample,) = samples
    assert (sample.online_devices, sample.used_devices) == (9, 7)  # 8 and HAMi's 1; 2, max(4, 1 + 1) and 1
    assert samples == told(NODES, PODS, whole)


@settings(max_examples=150, deadline=None, suppress_health_check=QUIET)
@given(nodes=mutants([NODES]), pods=mutants([PODS]))
@example(nodes=NODES.replace(b"unschedulable", b"unschedul\xffble"), pods=PODS)
@example(nodes=NODES, pods=PODS.replace(b"initContainers", b"\\u0069nitContainers"))
def test_spoiled_pages_are_judged_as_if_they_were_decoded_whole(nodes: bytes, pods: bytes) -> None:
    assert told(nodes, PODS, decoded) in (told(nodes, PODS, whole), told(nodes, PODS, beyond))
    assert told(NODES, pods, decoded) in (told(NODES, pods, whole), told(NODES, pods, beyond))
