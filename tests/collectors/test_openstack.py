"""Placement and Ironic: what counts, what is passed over, and what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import JsonValue, ValidationError

from collectors.base import NotFound, Refused, Unreadable
from collectors.openstack.collector import OpenstackCollector, OpenstackSettings
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Match, Source
from tests.collectors.cases import NOW, FakeHttp

A100 = PolledPool("a100", "A100", frozenset({"a100"}), 1.0, Match(label="class", value="CUSTOM_GPU_A100"))
H100 = PolledPool("h100", "H100", frozenset({"pci:10de:2330"}), 1.0)


class Placement:
    """A fake of Placement, for what a real one does only by chance."""

    def __init__(self, **providers: tuple[dict[str, Any], dict[str, Any]]) -> None:
        """Uuid -> inventories and usages."""
        self.providers = providers
        self.disabled: list[str] = []
        self.roots: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.asked: list[str] = []

    def reply(self, path: str, params: Mapping[str, str] | None) -> JsonValue:
        self.asked.append(path)
        if path == "/resource_providers":
            listed = self.disabled if params else list(self.providers)
            root = self.roots.get
            return {
                "resource_providers": [
                    {"uuid": one, "root_provider_uuid": root(one, one), "generation": 1} for one in listed
                ]
            }
        _, _, uuid, what = path.split("/")
        if uuid in self.deleted:
            raise NotFound(uuid)
        return {what: self.providers[uuid][0 if what == "inventories" else 1]}


def has(total: int, reserved: int = 0, name: str = "CUSTOM_GPU_A100") -> dict[str, Any]:
    return {name: {"total": total, "reserved": reserved, "allocation_ratio": 16.0}}


async def collected(cloud: Placement, *pools: PolledPool, **settings: Any) -> list[Sample]:
    return await collector(cloud.reply, *pools, **settings).collect(NOW)


def collector(reply: Any, *pools: PolledPool, **settings: Any) -> OpenstackCollector:
    source = Source(kind="openstack", url="http://127.0.0.1:8778")
    site = PolledSite("openstack", source, pools or (A100, H100), interval=60, timeout=10.0, max_age=180)
    return OpenstackCollector(site, OpenstackSettings.model_validate(settings), FakeHttp(reply))


async def devices(cloud: Placement, *pools: PolledPool, **settings: Any) -> Any:
    return {one.pool: (one.online_devices, one.used_devices) for one in await collected(cloud, *pools, **settings)}


async def test_total_less_reserved_and_never_times_the_overcommitment() -> None:
    cloud = Placement(a=(has(8, 1), {"CUSTOM_GPU_A100": 5}), b=({"VCPU": {"total": 64, "reserved": 0}}, {"VCPU": 9}))

    assert await devices(cloud) == {"a100": (7, 5)}
    assert "/resource_providers/b/usages" not in cloud.asked


@pytest.mark.parametrize("disabled", ["host", "card"])
async def test_a_disabled_host_takes_its_devices_out_and_what_runs_there_stays_in_used(disabled: str) -> None:
    cloud = Placement(host=({}, {}), card=(has(4), {"CUSTOM_GPU_A100": 3}), other=(has(1), {}))
    cloud.roots = {"card": "host"}
    cloud.disabled = [disabled]

    assert await devices(cloud) == {"a100": (1, 3)}


async def test_a_class_may_be_parts_of_a_device() -> None:
    cloud = Placement(a=(has(32, name="VGPU"), {"VGPU": 8}), b=(has(1), {}))
    vgpu = PolledPool("shared", "A100", frozenset(), 1.0, Match(label="class", value="VGPU"))

    assert await devices(cloud, A100, vgpu, devices={"VGPU": 0.25}) == {"a100": (1, 0), "shared": (8, 2)}
    (only,) = await collected(cloud, A100, vgpu)
    assert (only.pool, only.quality, only.reason) == ("a100", "partial", "32 devices of VGPU match no pool")


async def test_devices_that_nobody_registered_are_named() -> None:
    cloud = Placement(
        a=(has(1), {}),
        b=(has(2, name="CUSTOM_PCI_1002_74A1"), {}),
        c=(has(9, name="CUSTOM_BAREMETAL"), {}),
        d=(has(3, name="CUSTOM_PCI_10DE_2330"), {"CUSTOM_PCI_10DE_2330": 1}),
    )

    a100, h100 = await collected(cloud)

    assert (a100.online_devices, h100.online_devices, h100.used_devices) == (1, 3, 1)
    assert a100.reason == "2 devices of CUSTOM_PCI_1002_74A1 match no pool"


async def test_a_provider_that_is_deleted_meanwhile_counts_nothing() -> None:
    cloud = Placement(a=(has(1), {}), b=(has(1), {"CUSTOM_GPU_A100": 1}))
    cloud.deleted = {"b"}

    assert await devices(cloud) == {"a100": (1, 0)}


async def test_one_refusal_of_many_questions_is_told_by_its_kind() -> None:
    cloud = Placement(**{f"p{i}": (has(1), {}) for i in range(30)})

    def reply(path: str, params: Mapping[str, str] | None) -> JsonValue:
        if "p17" in path:
            raise Refused("no")
        return cloud.reply(path, params)

    with pytest.raises(Refused, match="no"):
        await collector(reply).collect(NOW)


@pytest.mark.parametrize(
    "inventories",
    [[], {"CUSTOM_GPU_A100": 8}, has(-1), has(1, -1), {"CUSTOM_GPU_A100": {"total": "8", "reserved": 0}}, has(10**12)],
)
async def test_an_inventory_that_cannot_be_read_is_never_none(inventories: Any) -> None:
    with pytest.raises(Unreadable):
        await collected(Placement(a=(inventories, {})))


def machine(**changed: Any) -> dict[str, Any]:
    same = {
        "maintenance": False,
        "fault": None,
        "retired": False,
        "instance_uuid": None,
        "provision_state": "available",
    }
    return {"uuid": "u", "resource_class": "h100x8", **same, **changed}


@pytest.mark.parametrize(
    ("changed", "online", "used"),
    [
        ({}, 8, 0),
        ({"provision_state": "active"}, 8, 8),
        ({"instance_uuid": "i"}, 8, 8),
        ({"provision_state": "deploying"}, 0, 0),
        ({"provision_state": ""}, 0, 0),
        ({"provision_state": "error", "instance_uuid": "i"}, 0, 8),
        ({"maintenance": True}, 0, 0),
        ({"maintenance": None}, 0, 0),
        ({"fault": "power failure", "provision_state": "active"}, 0, 8),
        ({"retired": True}, 0, 0),
    ],
    ids=str,
)
async def test_machines(changed: dict[str, Any], online: int, used: int) -> None:
    pages = {
        None: {"nodes": [{**machine(), "uuid": "first"}, {"uuid": "plain", "resource_class": None}], "next": "more"},
        "plain": {"nodes": [machine(**changed)], "next": None},
    }

    def reply(path: str, params: Mapping[str, str] | None) -> JsonValue:
        assert path == "/v1/nodes/detail"
        found: Any = pages[(params or {}).get("marker")]
        return dict(found)

    metal = PolledPool("metal", "H100", frozenset(), 1.0, Match(label="class", value="h100x8"))
    (sample,) = await collector(reply, metal, service="ironic", devices={"h100x8": 8}).collect(NOW)

    assert (sample.online_devices, sample.used_devices) == (8 + online, used)


async def test_machines_of_which_nobody_said_how_many_devices_they_have_are_no_devices() -> None:
    listed = [machine(), {**machine(resource_class="h100x4"), "uuid": "other"}]
    metal = PolledPool("metal", "H100", frozenset(), 1.0, Match(label="class", value="h100x8"))
    half = PolledPool("half", "H100", frozenset(), 1.0, Match(label="class", value="h100x4"))
    payload: Any = {"nodes": listed, "next": None}

    (sample,) = await collector(
        lambda _path, _params: payload, metal, half, service="ironic", devices={"h100x8": 8}
    ).collect(NOW)

    assert (sample.pool, sample.online_devices, sample.quality) == ("metal", 8, "partial")
    with pytest.raises(ValidationError, match="service ironic needs devices"):
        OpenstackSettings.model_validate({"service": "ironic"})


@pytest.mark.parametrize("devices_", [{"VGPU": 0}, {"VGPU": -1}, {"VGPU": "many"}])
def test_a_share_that_is_none_is_refused(devices_: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenstackSettings.model_validate({"devices": devices_})
