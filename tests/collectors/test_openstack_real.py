"""The collector against a real Placement and a real Ironic behind a real Keystone; and Keystone's OAuth 2.0."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from collectors.answers import Answer
from collectors.base import NotFound, Refused, Unreadable
from collectors.client import ClientPool, SiteClient
from collectors.openstack.collector import CLASS
from collectors.registry import build
from collectors.tokens import OAuth2, TokenSignIn
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.site import Match, Source
from tests.collectors.cases import NOW
from tests.reaching import loopback
from tests.servers.ironic import Ironic, ironic_server
from tests.servers.openstack import PASSWORD, OpenStack

A100, H100, DISABLED = "CUSTOM_GPU_A100", "CUSTOM_PCI_10DE_2330", "COMPUTE_STATUS_DISABLED"


@dataclass
class Cloud:
    """Four hosts of four devices each under one another, as Nova makes them: two of A100, one disabled, one of H100."""

    server: OpenStack
    devices: list[tuple[str, str]] = field(default_factory=list)
    consumers: list[str] = field(default_factory=list)

    def make(self) -> None:
        for name in (A100, H100):
            self.server.put(f"/resource_classes/{name}")
        for host, name in enumerate((A100, A100, A100, H100)):
            root = self._provider(f"host-{host}")
            for slot in range(4):
                child = self._provider(f"host-{host}_{slot}", root)
                taken_out = host == 0 and slot == 3
                self._inventory(child, {name: {"total": 1, "reserved": int(taken_out)}})
                self.devices.append((child, name))
            if host == 2:
                traits = {"resource_provider_generation": 0, "traits": [DISABLED]}
                self.server.put(f"/resource_providers/{root}/traits", traits)

    def give(self, device: int) -> str:
        """Allocates one device to a new instance."""
        child, name = self.devices[device]
        consumer = str(uuid.uuid4())
        body = {"project_id": "p", "user_id": "u", "consumer_generation": None, "consumer_type": "INSTANCE"}
        self.server.put(f"/allocations/{consumer}", {**body, "allocations": {child: {"resources": {name: 1}}}})
        return consumer

    def take_back(self, consumer: str) -> None:
        self.server.ask("DELETE", f"{self.server.placement}/allocations/{consumer}")

    def _provider(self, name: str, parent: str | None = None) -> str:
        made = {"name": name, "parent_provider_uuid": parent} if parent else {"name": name}
        found: str = self.server.ask("POST", f"{self.server.placement}/resource_providers", made)["uuid"]
        return found

    def _inventory(self, provider: str, inventories: dict[str, Any]) -> None:
        body = {"resource_provider_generation": 0, "inventories": inventories}
        self.server.put(f"/resource_providers/{provider}/inventories", body)


@pytest.fixture(scope="module")
def cloud(openstack: OpenStack) -> Cloud:
    made = Cloud(openstack)
    openstack.sign_in()
    made.make()
    return made


@pytest.fixture
async def clients() -> AsyncIterator[ClientPool]:
    pool = ClientPool(loopback)
    yield pool
    await pool.aclose()


def site_of(server: OpenStack, tmp_path: Path, **auth: str) -> PolledSite:
    secret = tmp_path / "secret"
    secret.write_text(auth.pop("secret"))
    source = Source.model_validate(
        {"kind": "openstack", "url": server.placement, "auth": {"password": {"file": str(secret)}, **auth}}
    )
    pools = (
        PolledPool("a100", "A100", frozenset({"a100"}), 1.0, Match(label="class", value=A100)),
        PolledPool("h100", "H100", frozenset({"pci:10de:2330"}), 1.0),
    )
    return PolledSite("openstack", source, pools, interval=60, timeout=10.0, max_age=180)


def by_keystone(server: OpenStack, tmp_path: Path) -> PolledSite:
    name, secret = server.application_credential(uuid.uuid4().hex)
    return site_of(server, tmp_path, kind="keystone", url=server.keystone, user=name, secret=secret)


async def counted(collector: Any) -> dict[str, tuple[float | None, float | None]]:
    return {one.pool: (one.online_devices, one.used_devices) for one in await collector.collect(NOW)}


async def test_what_can_be_given_and_what_is_given_poll_by_poll(
    cloud: Cloud, clients: ClientPool, tmp_path: Path
) -> None:
    site = by_keystone(cloud.server, tmp_path)
    collector = build(site, clients.site(site))

    assert await counted(collector) == {"a100": (7, 0), "h100": (4, 0)}
    first, *_ = (cloud.give(device) for device in (0, 8, 12, 13))  # device 8 is of the host that is disabled
    assert await counted(collector) == {"a100": (7, 2), "h100": (4, 2)}
    cloud.take_back(first)
    assert await counted(collector) == {"a100": (7, 1), "h100": (4, 2)}


async def test_a_poll_asks_for_offers_that_changed_and_for_the_usage_of_devices(
    cloud: Cloud, clients: ClientPool, tmp_path: Path
) -> None:
    site = by_keystone(cloud.server, tmp_path)
    door = clients.site(site)
    asked: list[str] = []
    get_json = door.get_json

    async def noted(path: str, *more: Any, **named: Any) -> Any:
        asked.append(path)
        return await get_json(path, *more, **named)

    door.get_json = noted  # type: ignore[method-assign] # only looks at what goes through
    collector = build(site, door)

    await collector.collect(NOW)
    assert len(asked) == 2 + 20 + 16  # lists, inventories of hosts and devices, usages of devices
    asked.clear()
    consumer = cloud.give(1)
    await collector.collect(NOW)
    changed = f"/resource_providers/{cloud.devices[1][0]}/inventories"
    assert [path for path in asked if path.endswith("inventories")] == [changed]
    assert len(asked) == 2 + 1 + 16
    cloud.take_back(consumer)


async def test_a_token_that_is_refused_is_replaced_once_for_all_who_asked_with_it(
    cloud: Cloud, clients: ClientPool, tmp_path: Path
) -> None:
    site = by_keystone(cloud.server, tmp_path)
    door = clients.site(site)
    assert isinstance(door, SiteClient)
    signed: list[str] = []
    post = door._post  # what a sign-in goes through

    async def noted(url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        answer = await post(url, headers, content)
        signed.append(answer.headers["x-subject-token"])
        return answer

    door._post = noted  # type: ignore[method-assign] # only looks at what goes through
    await door.get_json("/resource_providers")
    cloud.server.revoke(signed[0])

    await asyncio.gather(*(door.get_json("/resource_providers") for _ in range(8)))

    assert len(signed) == 2


async def test_a_user_of_a_project_signs_in_too(cloud: Cloud, clients: ClientPool, tmp_path: Path) -> None:
    site = site_of(
        cloud.server,
        tmp_path,
        kind="keystone",
        url=cloud.server.keystone,
        user="admin",
        project="admin",
        secret=PASSWORD,
    )

    assert (await counted(build(site, clients.site(site))))["h100"][0] == 4


async def test_a_wrong_secret_is_refused_and_not_shown(cloud: Cloud, clients: ClientPool, tmp_path: Path) -> None:
    wrong = ({"user": "nobody"}, "404; Could not find"), ({"user": "admin", "project": "admin"}, "401; The request you")
    for auth, told in wrong:
        site = site_of(
            cloud.server, tmp_path, kind="keystone", url=cloud.server.keystone, secret="wr0ng-secret", **auth
        )

        with pytest.raises(Refused, match=f"no token is given, answered {told}") as caught:
            await build(site, clients.site(site)).collect(NOW)
        assert "wr0ng-secret" not in str(caught.value)


async def test_client_credentials_of_a_real_oauth2_server(cloud: Cloud, tmp_path: Path) -> None:
    """Keystone is one too. Placement takes its tokens in a header of its own only, so it is asked with that."""
    name, secret = cloud.server.application_credential(uuid.uuid4().hex)
    url = f"{cloud.server.keystone}/OS-OAUTH2/token"
    site = site_of(cloud.server, tmp_path, kind="oauth2", url=url, user=name, secret=secret)
    asked: list[str] = []

    async def post(where: str, headers: Mapping[str, str], content: bytes) -> Answer:
        asked.append(where)
        async with httpx.AsyncClient(trust_env=False) as client:
            found = await client.post(where, headers=headers, content=content)
        return Answer(found.status_code, found.headers, found.content)

    sign_in = TokenSignIn(site.source.auth, OAuth2())
    headers = await sign_in.headers(post)
    token = headers[b"Authorization"].decode().removeprefix("Bearer ")
    path = f"{cloud.server.placement}/resource_providers"
    answer = cloud.server.client.get(path, headers={"X-Auth-Token": token})

    assert answer.status_code == 200
    assert await sign_in.headers(post) is headers
    assert asked == [url]
    wrong = TokenSignIn(
        site_of(cloud.server, tmp_path, kind="oauth2", url=url, user=name, secret="n0").source.auth, OAuth2()
    )
    with pytest.raises(Refused, match=r"no token is given, answered 401; .*; check the site's auth"):
        await wrong.headers(post)


PAGE = 4
MACHINES: dict[str, tuple[int, int]] = {
    "free": (8, 0),
    "given": (8, 8),
    "enrolled": (0, 0),
    "manageable": (0, 0),
    "clean-failed": (0, 0),
    "free-under-maintenance": (0, 0),
    "given-under-maintenance": (0, 8),
    "given-without-power": (0, 8),
    "given-and-retired": (0, 8),
}
"""How a machine of eight devices is, and what is online and used of it. Each is of a class of its own."""


@pytest.fixture(scope="module")
def ironic(openstack: OpenStack) -> Iterator[Ironic]:
    """Also two machines of one class, and one of none."""
    with ironic_server(openstack, page=PAGE) as server:
        for name in MACHINES:
            server.enroll(name, f"metal.{name}", properties={"capabilities": "gpu_count:8"}, extra={"rack": "r1"})
        for name, resource_class in (("one", "metal.h100x8"), ("two", "metal.h100x8"), ("plain", None)):
            server.enroll(name, resource_class)
        for name in ("one", "two", "free", "given", "free-under-maintenance", "given-under-maintenance"):
            server.offer(name)
        for name in ("given-without-power", "given-and-retired"):
            server.offer(name)
        for name in ("given", "given-under-maintenance", "given-without-power", "given-and-retired"):
            server.give(name)
        for name in ("manageable", "clean-failed"):
            server.turn(name, "manage", "manageable")
        nothing = [{"interface": "deploy", "step": "no_such_step"}]
        server.turn("clean-failed", "clean", "clean failed", clean_steps=nothing)
        for name in ("free-under-maintenance", "given-under-maintenance"):
            server.maintain(name)
        server.break_("given-without-power")
        server.change("given-and-retired", retired=True)
        yield server


def of_metal(server: Ironic, tmp_path: Path, *classes: str, **auth: str) -> PolledSite:
    """A site with a pool for each class of machines, which have eight devices each."""
    if not auth:
        name, secret = server.cloud.application_credential(uuid.uuid4().hex)
        auth = {"user": name, "secret": secret}
    cloud = site_of(server.cloud, tmp_path, kind="keystone", url=server.cloud.keystone, **auth)
    known = {f"metal.{name}": 8 for name in classes}
    settings = {"service": "ironic", "devices": known}
    source = Source.model_validate(cloud.source.model_dump() | {"url": server.url, "settings": settings})
    pools = (PolledPool(name, "H100", frozenset(), 1.0, Match(label=CLASS, value=f"metal.{name}")) for name in classes)
    return replace(cloud, source=source, pools=tuple(pools))


async def test_what_a_machine_counts_in_each_of_its_states(ironic: Ironic, clients: ClientPool, tmp_path: Path) -> None:
    site = of_metal(ironic, tmp_path, *MACHINES, "h100x8")

    found = await counted(build(site, clients.site(site)))

    assert found == {**MACHINES, "h100x8": (16, 0)}
    assert {address for address, _ in ironic.tree.listening()} == {"127.0.0.1"}


async def test_machines_come_and_go_poll_by_poll(ironic: Ironic, clients: ClientPool, tmp_path: Path) -> None:
    site = of_metal(ironic, tmp_path, "h100x8")
    collector = build(site, clients.site(site))

    assert await counted(collector) == {"h100x8": (16, 0)}
    ironic.give("one")
    assert await counted(collector) == {"h100x8": (16, 8)}
    ironic.turn("one", "deleted", "available")
    assert await counted(collector) == {"h100x8": (16, 0)}
    ironic.enroll("three", "metal.h100x8")
    assert await counted(collector) == {"h100x8": (16, 0)}
    ironic.offer("three")
    assert await counted(collector) == {"h100x8": (24, 0)}
    ironic.ask("DELETE", "/nodes/three")
    assert await counted(collector) == {"h100x8": (16, 0)}


async def test_all_pages_are_read_and_an_empty_last_one(ironic: Ironic, clients: ClientPool, tmp_path: Path) -> None:
    site = of_metal(ironic, tmp_path, "h100x8")
    asked: list[Mapping[str, str]] = []
    door = clients.site(site)
    get_json = door.get_json

    async def noted(path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Any:
        asked.append(params)
        return await get_json(path, params, headers)

    door.get_json = noted  # type: ignore[method-assign, assignment] # only looks at what goes through
    nodes = ironic.ask("GET", "/nodes?limit=1")["nodes"]
    assert len(nodes) == 1
    assert len(MACHINES) + 3 == 3 * PAGE

    assert await counted(build(site, door)) == {"h100x8": (16, 0)}
    assert ["marker" in params for params in asked] == [False, True, True, True]
    ironic.enroll("beyond", "metal.h100x8")
    ironic.offer("beyond")
    asked.clear()
    assert await counted(build(site, door)) == {"h100x8": (24, 0)}
    assert len(asked) == 4
    ironic.ask("DELETE", "/nodes/beyond")


async def test_machines_of_no_pool_are_named(ironic: Ironic, clients: ClientPool, tmp_path: Path) -> None:
    site = of_metal(ironic, tmp_path, *(name for name in MACHINES if name != "given"))

    samples = await build(site, clients.site(site)).collect(NOW)

    assert {one.quality for one in samples} == {"partial"}
    assert "metal.given" in samples[0].reason
    assert "metal.h100x8" in samples[0].reason


async def test_who_reads_for_another_project_sees_no_machine_and_that_is_not_none(
    ironic: Ironic, clients: ClientPool, tmp_path: Path
) -> None:
    ironic.cloud.add_user("onlooker", "onl00ker-secret", project="elsewhere", role="reader")
    site = of_metal(ironic, tmp_path, "h100x8", user="onlooker", secret="onl00ker-secret", project="elsewhere")

    with pytest.raises(Unreadable, match=r"none of the pools of this site is in the answer \(found: nothing\)"):
        await counted(build(site, clients.site(site)))


async def test_what_ironic_complains_of_is_told_in_its_words(
    ironic: Ironic, clients: ClientPool, tmp_path: Path
) -> None:
    site = of_metal(ironic, tmp_path, "h100x8")

    door = clients.site(site)

    with pytest.raises(
        Refused, match=r"answered 406 Not Acceptable; Version 1\.9999 was requested but the minor version is"
    ):
        await door.get_json("/v1/nodes", headers={"X-OpenStack-Ironic-API-Version": "1.9999"})
    unknown = str(uuid.uuid4())
    with pytest.raises(NotFound, match=f"answered 404 .*; Node {unknown} could not be found"):
        await door.get_json("/v1/nodes/detail", {"marker": unknown})
