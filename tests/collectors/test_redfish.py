"""Redfish: what counts, how BMCs are asked, and what happens when some of them are silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.base import CollectError, NotFound, Refused, Unreachable, Unreadable
from collectors.client import ClientPool
from collectors.redfish.bmc import Bmc as Asked
from collectors.redfish.hosts import addresses_of, hosts_of
from collectors.redfish.parse import device_of
from collectors.registry import build, check_source
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.reach import Reach
from suanli.model.sample import Sample
from suanli.model.site import Match, Site, Source
from tests.collectors.cases import NOW, FakeHttp
from tests.collectors.raw_server import RawServer, says_nothing, sends
from tests.reaching import loopback
from tests.servers.redfish import PASSWORD, SESSIONS, USER, Bmc, Processor, System, changed, machine, redfish_bmc

H100 = PolledPool("h100", "H100", frozenset({"nvidia-h100-80gb-hbm3"}), 1.0)
A100 = PolledPool("a100", "A100", frozenset({"a100"}), 1.0)


class Served:
    """A site of these BMCs, each served for real, and one collector for all polls of a test."""

    def __init__(self, stack: AsyncExitStack, tmp_path: Path) -> None:
        self._stack, self._secret = stack, tmp_path / "secret"
        self._secret.write_text(PASSWORD)
        self.pool = ClientPool(loopback)
        stack.push_async_callback(self.pool.aclose)

    async def of(self, *bmcs: Bmc | str, pools: tuple[PolledPool, ...] = (H100,), **more: Any) -> Any:
        urls = [
            one if isinstance(one, str) else await self._stack.enter_async_context(redfish_bmc(one)) for one in bmcs
        ]
        return self.at(urls, pools, **more)

    def at(
        self,
        urls: list[str],
        pools: tuple[PolledPool, ...] = (H100,),
        kind: str = "redfish",
        timeout: float = 10.0,
        **settings: Any,
    ) -> Any:
        settings["hosts"] = [url.removeprefix("http://") for url in urls[1:]]
        auth = {"kind": kind, "user": USER, "password": {"file": str(self._secret)}}
        source = Source.model_validate({"kind": "redfish", "url": urls[0], "auth": auth, "settings": settings})
        site = PolledSite("redfish", source, pools, interval=60, timeout=timeout, max_age=180)
        return build(site, self.pool.site(site))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Served]:
    async with AsyncExitStack() as stack:
        yield Served(stack, tmp_path)


async def one(collector: Any) -> Sample:
    (sample,) = await collector.collect(NOW)
    assert isinstance(sample, Sample)
    return sample


def devices(sample: Sample) -> Any:
    """Online, used, and busy in devices, as one has a peak of 1 PFLOPS."""
    return sample.online_devices, sample.used_devices, sample.busy_pflops


async def test_enabled_and_not_critical_on_a_host_that_is_on_and_what_is_used_is_unknown(site: Served) -> None:
    bmc = machine("m")
    collector = await site.of(bmc)
    assert devices(await one(collector)) == (8, None, pytest.approx(sum(range(8)) * 0.125))

    changed(bmc, 1, 0, health="Critical")
    changed(bmc, 1, 1, state="UnavailableOffline")
    changed(bmc, 1, 2, health="Warning")
    changed(bmc, 1, 3, health=None)
    changed(bmc, 1, 7, state="Absent")
    sample = await one(collector)
    assert devices(sample) == (5, None, pytest.approx((2 + 3 + 4 + 5 + 6) * 0.125))
    assert (sample.quality, sample.used_pflops) == ("ok", None)


@pytest.mark.parametrize(
    ("host", "board", "online"),
    [("On", "On", 8), ("On", None, 8), ("Off", None, 0), ("Off", "Off", 0), ("On", "Off", 0), ("On", "PoweringOn", 0)],
)
async def test_a_baseboard_that_is_silent_has_the_power_of_its_host(
    site: Served, host: str, board: str | None, online: int
) -> None:
    bmc = machine("m")
    bmc.systems[0].power, bmc.systems[1].power = host, board

    assert (await one(await site.of(bmc))).online_devices == online


@pytest.mark.parametrize(
    ("state", "online"),
    [("Enabled", True), ("Disabled", False), ("UnavailableOffline", False), ("", False), (" ", False)],
)
def test_only_what_is_enabled_is_online(state: str, online: bool) -> None:
    device = device_of({"ProcessorType": "GPU", "Status": {"State": state}})

    assert device is not None
    assert (device.out == "") is online


async def test_devices_without_any_power_state_are_unreadable(site: Served) -> None:
    bmc = machine("m")
    bmc.systems[0].power = bmc.systems[1].power = None

    with pytest.raises(Unreadable, match="no PowerState is told of a system with accelerators"):
        await one(await site.of(bmc))


async def test_hosts_that_are_off_are_a_known_zero_even_where_they_list_nothing(site: Served) -> None:
    off, on = machine("a", gpus=0), machine("b")
    for system in off.systems:
        system.power = "Off"
    alone, both = await site.of(off), await site.of(off, on)

    assert devices(await one(alone)) == (0, None, None)
    assert (await one(both)).online_devices == 8


async def test_a_host_that_is_on_and_lists_nothing_is_no_zero(site: Served) -> None:
    with pytest.raises(Unreadable, match=r"none of the pools of this site is in the answer \(found: no accelerators\)"):
        await one(await site.of(machine("a", gpus=0)))


async def test_a_device_that_two_list_counts_once_and_a_boards_serial_number_tells_nothing_apart(site: Served) -> None:
    bmc = machine("m")
    bmc.systems[0].processors += bmc.systems[1].processors[:4]
    assert (await one(await site.of(bmc))).online_devices == 8
    assert (await one(await site.of(bmc, bmc))).online_devices == 8

    board = [Processor(f"GPU_{number}", "NVIDIA H100 80GB HBM3", serial="1650123") for number in range(4)]
    junk = [Processor(f"GPU_{number}", "NVIDIA H100 80GB HBM3", serial="N/A", uuid="00000000") for number in range(2)]
    several = Bmc([System("a", board), System("b", board), System("c", junk[:1]), System("d", junk[1:])])
    assert (await one(await site.of(several))).online_devices == 10


async def test_of_a_device_that_two_list_differently_the_worse_is_believed(site: Served) -> None:
    bmc = machine("m")
    bmc.systems[0].processors += bmc.systems[1].processors[:4]
    changed(bmc, 1, 0, health="Critical")

    assert (await one(await site.of(bmc))).online_devices == 7


async def test_a_pool_is_told_by_model_or_part_and_strangers_are_named(site: Served) -> None:
    found = [Processor("1", "A100"), Processor("2", "GH100", part="2330-885"), Processor("3", "Ascend 910B", "NPU")]
    found += [Processor("4", "A100", "Accelerator"), Processor("5", "A100", "CPU"), Processor("6", "A100", "Partition")]
    part = PolledPool("h", "H100", frozenset(), 1.0, Match(label="PartNumber", value="2330-885"))

    a100, h100 = await (await site.of(Bmc([System("s", found)]), pools=(A100, part))).collect(NOW)

    assert (a100.online_devices, h100.online_devices) == (2, 1)
    assert (a100.quality, a100.reason) == ("partial", "Ascend 910B matches no pool")


async def test_busy_is_unknown_where_not_all_tell_it_and_no_part_of_a_hundred_is_refused(site: Served) -> None:
    bmc = machine("m")
    changed(bmc, 1, 5, percent=None)
    collector = await site.of(bmc)
    assert (devices(sample := await one(collector)), sample.quality) == ((8, None, None), "ok")

    for percent, value in ((-1, "-1.0"), (100.5, "100.5"), (9.2e18, "9.2e+18")):
        changed(bmc, 1, 5, percent=percent)
        sample = await one(collector)
        assert devices(sample) == (8, None, None)
        assert (sample.quality, [(one.rung, one.value) for one in sample.refused]) == ("partial", [("busy", value)])


async def test_metrics_that_lead_nowhere_cost_nothing_but_themselves_and_need_not_be_asked(site: Served) -> None:
    bmc = machine("m")
    bmc.faults = {f"/redfish/v1/Systems/HGX_Baseboard_0/Processors/GPU_SXM_{n}/ProcessorMetrics": 404 for n in (1, 2)}
    assert devices(await one(await site.of(bmc))) == (8, None, None)

    bmc.asked.clear()
    assert devices(await one(await site.of(bmc, metrics=False))) == (8, None, None)
    assert not [path for path in bmc.asked if "Metrics" in path]


@pytest.mark.parametrize(
    ("levels", "offers", "asked"), [(6, None, 3), (2, None, 3), (1, None, 11), (0, 6, 25), (0, None, 23)]
)
async def test_a_collection_comes_whole_only_where_that_is_offered(
    site: Served, levels: int, offers: int | None, asked: int
) -> None:
    bmc = machine("m", levels=levels, offers=offers)
    collector = await site.of(bmc)
    first = await one(collector)
    bmc.asked.clear()

    assert await one(collector) == first
    assert first.busy_pflops == pytest.approx(3.5)
    # Systems, Processors of two; without $expand two systems, ten processors and eight metrics more.
    assert len(bmc.asked) == (asked if offers is None else 23)
    assert all(
        ("expand" in path) == (levels > 0)
        for path in bmc.asked
        if path.partition("?")[0].endswith(("Systems", "Processors"))
    )


@pytest.mark.parametrize("page", [1, 3, 8])
@pytest.mark.parametrize("levels", [0, 2])
async def test_pages_are_followed(site: Served, page: int, levels: int) -> None:
    assert devices(await one(await site.of(machine("m", page=page, levels=levels)))) == (8, None, pytest.approx(3.5))


async def test_pages_without_end_are_unreadable() -> None:
    def reply(path: str, _params: object) -> Any:
        systems = {"@odata.id": "/redfish/v1/Systems"}
        return {"Systems": systems, "Members": [], "Members@odata.nextLink": "/redfish/v1/Systems?$skip=0"}

    bmc = Asked("https://bmc.example", FakeHttp(reply), metrics=True)
    await bmc.listen(None)
    assert isinstance(bmc.fault, Unreadable)
    assert "more than 100 pages" in str(bmc.fault)


@pytest.mark.parametrize("link", ["https://elsewhere.example/redfish", "//elsewhere.example/x", "Systems", 5, None])
async def test_a_link_to_another_host_is_not_followed(link: Any) -> None:
    http = FakeHttp(lambda _path, _params: {"Systems": {"@odata.id": link}})
    bmc = Asked("https://bmc.example", http, metrics=True)

    await bmc.listen(None)

    assert isinstance(bmc.fault, Unreadable)
    assert http.asked == ["/redfish/v1/"]


async def test_one_session_serves_all_polls_and_is_given_back(site: Served) -> None:
    bmc, other = machine("m"), machine("n")
    collector = await site.of(bmc, other)
    for _ in range(3):
        assert (await one(collector)).online_devices == 16
    assert (bmc.opened, other.opened) == (1, 1)
    assert bmc.sessions.keys().isdisjoint(other.sessions)

    await site.pool.aclose()

    assert (bmc.sessions, other.sessions) == ({}, {})


async def test_a_session_that_has_ended_is_replaced_once(site: Served) -> None:
    bmc = machine("m")
    collector = await site.of(bmc)
    await one(collector)
    bmc.sessions.clear()

    assert (await one(collector)).online_devices == 8
    assert (bmc.opened, len(bmc.sessions)) == (2, 1)


async def test_a_site_that_is_registered_anew_goes_on_with_its_session(site: Served) -> None:
    bmc = machine("m")
    async with redfish_bmc(bmc) as url:
        for _ in range(3):
            await one(site.at([url]))
        assert bmc.opened == 1
        await site.pool.aclose()
    assert bmc.sessions == {}


async def test_a_bmc_without_room_for_a_session_says_so(site: Served) -> None:
    bmc = machine("m", most_sessions=0)
    with pytest.raises(Unreadable, match=r"no token is given, answered 503; The service has no room") as caught:
        await one(await site.of(bmc))
    assert PASSWORD not in str(caught.value)


async def test_a_wrong_password_is_refused_and_not_shown(site: Served) -> None:
    for kind in ("redfish", "basic"):
        bmc = machine("m", password="another")
        with pytest.raises(Refused, match="answered 401") as caught:
            await one(await site.of(bmc, kind=kind))
        assert PASSWORD not in str(caught.value)


async def test_basic_opens_no_session(site: Served) -> None:
    bmc = machine("m")
    assert (await one(await site.of(bmc, kind="basic"))).online_devices == 8
    assert bmc.opened == 0


async def test_where_a_session_ends_is_of_the_bmcs_own_origin(site: Served) -> None:
    """A Location elsewhere would be sent the token."""
    async with RawServer(sends(b"{}")) as thief:
        session = sends(b"{}", "201 Created", X_Auth_Token="t0ken", Location=f"{thief.url}/redfish/v1/Sessions/1")
        async with RawServer(session, sends(b"{}")) as server:
            with pytest.raises(Unreadable):
                await one(site.at([server.url]))
            await site.pool.aclose()
            assert [head.split(" /")[0].rpartition("}")[2] for head in server.requests] == ["POST", "GET"]
            assert server.header("X-Auth-Token") == "t0ken"
        assert thief.requests == []


async def test_the_password_is_not_sent_where_a_bmc_redirects_to(site: Served) -> None:
    async with RawServer(sends(b"{}")) as thief:
        async with RawServer(sends(b"", "307 Temporary Redirect", Location=thief.url + SESSIONS)) as server:
            with pytest.raises(Unreadable, match="no token is given, answered 307"):
                await one(site.at([server.url]))
        assert thief.requests == []


async def test_one_dark_bmc_is_partial_and_its_devices_are_unknown(site: Served) -> None:
    bright, dark = machine("a"), machine("b")
    collector = await site.of(bright, dark)
    assert (await one(collector)).quality == "ok"
    dark.faults = {"/redfish/v1/Systems": 500}

    sample = await one(collector)

    assert (devices(sample), sample.quality) == ((8, None, pytest.approx(3.5)), "partial")
    assert sample.reason.startswith("unknown: 1 of 2 BMCs (8 accelerators when they last answered): 127.0.0.1:")
    assert "answered 500" in sample.reason
    dark.faults.clear()
    sample = await one(collector)
    assert (sample.online_devices, sample.quality, sample.reason) == (16, "ok", "")


async def test_a_pool_whose_bmcs_are_all_dark_is_unknown_and_what_is_off_beside_it_proves_no_zero(site: Served) -> None:
    found, dark = machine("a"), Bmc([System("s", [Processor("1", "A100")])], name="b")
    collector = await site.of(found, dark, pools=(H100, A100))
    assert [one.pool for one in await collector.collect(NOW)] == ["h100", "a100"]
    dark.faults = {"/redfish/v1/Systems": 503}
    assert [one.pool for one in await collector.collect(NOW)] == ["h100"]

    off = machine("c", gpus=0)
    for system in off.systems:
        system.power = "Off"
    with pytest.raises(Unreadable, match=r"found: no accelerators\); check their match; unknown: 1 of 2 BMCs"):
        await one(await site.of(off, dark))


async def test_a_bmc_that_says_nothing_leaves_time_for_the_others(site: Served) -> None:
    async with RawServer(says_nothing) as silent:
        collector = await site.of(
            silent.url, machine("a"), silent.url.replace("localhost", "127.0.0.1"), timeout=1.0, kind="basic"
        )
        sample = await one(collector)
        await silent.until_open(0)

    assert (sample.online_devices, sample.quality) == (8, "partial")
    assert "unknown: 2 of 3 BMCs: " in sample.reason
    assert "no complete answer within 0.9 s" in sample.reason


async def test_a_bmc_that_stays_dark_is_asked_less_often_and_heard_again(site: Served) -> None:
    bright, dark = machine("a"), machine("b", faults={"/redfish/v1": 500})
    collector = await site.of(bright, dark, kind="basic")
    polls = []
    for _ in range(12):
        assert (await one(collector)).quality == "partial"
        polls.append(len(dark.asked))
    assert polls == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5]

    dark.faults.clear()
    assert [(await one(collector)).online_devices for _ in range(5)] == [8, 8, 8, 16, 16]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Refused), (403, Refused), (404, NotFound), (429, Refused), (500, Unreadable)]
)
async def test_all_dark_is_the_error_that_most_of_them_have(
    site: Served, status: int, kind: type[CollectError]
) -> None:
    bmcs = [machine(name, faults={"/redfish/v1": status}) for name in "abc"]
    async with RawServer() as gone:
        pass
    collector = await site.of(gone.url, *bmcs, kind="basic")
    for _ in range(3):  # the engine waits between polls of a site that fails; that no BMC is due is no reason to guess
        with pytest.raises(CollectError, match="none of 4 BMCs can be counted; ") as caught:
            await one(collector)
        assert type(caught.value) is kind
    assert [len(bmc.asked) for bmc in bmcs] == [3, 3, 3]


async def test_all_unreachable_is_unreachable(site: Served) -> None:
    async with RawServer() as one_, RawServer() as other:
        urls = [one_.url, other.url]
    with pytest.raises(Unreachable, match="none of 2 BMCs"):
        await one(site.at(urls))


async def test_many_at_once_but_no_more_than_said(site: Served) -> None:
    bmcs = [machine(str(number), gpus=1) for number in range(12)]
    collector = await site.of(*bmcs, concurrency=3)
    under_way, most = 0, 0
    listen = Asked.listen

    async def noted(self: Asked, patience: float | None) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        assert patience == pytest.approx(0.9 * 10.0 / 4)
        await listen(self, patience)
        under_way -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Asked, "listen", noted)
        assert (await one(collector)).online_devices == 12
    assert most == 3


async def test_a_poll_that_is_cancelled_leaves_nothing_behind(site: Served) -> None:
    async with RawServer(says_nothing) as silent:
        collector = site.at([silent.url, silent.url.replace("localhost", "127.0.0.1")], kind="basic")
        before = asyncio.all_tasks()
        poll = asyncio.create_task(collector.collect(NOW))
        await silent.until_open(2)
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)
        await silent.until_open(0)
        assert {
            task for task in asyncio.all_tasks() - before if not task.done() and "RawServer" not in str(task)
        } == set()


async def test_every_bmc_is_within_reach_or_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PASSWORD)
    bmc = machine("m")
    async with redfish_bmc(bmc) as url:
        port = url.rpartition(":")[2]
        pool = ClientPool(lambda _site: Reach())
        auth = {"kind": "redfish", "user": USER, "password": {"file": str(tmp_path / "secret")}}
        source = {
            "kind": "redfish",
            "url": f"http://localhost:{port}",
            "auth": auth,
            "settings": {"hosts": ["127.0.0.1"]},
        }
        site = PolledSite("s", Source.model_validate(source), (H100,), interval=60, timeout=10.0, max_age=180)
        with pytest.raises(
            Refused, match=r"none of 2 BMCs can be counted; .*is an address of this machine \(loopback\)"
        ):
            await build(site, pool.site(site)).collect(NOW)
        await pool.aclose()
    assert bmc.asked == []


def registered(**settings: Any) -> Site:
    source = {"kind": "redfish", "url": "https://bmc.example", "settings": settings}
    return Site.model_validate({"id": "s", "name": "s", "province": "p", "operator": "o", "source": source})


def test_hosts_out_of_reach_are_told_when_they_are_registered() -> None:
    problems = check_source(registered(hosts=["a.example", "10.1.0.[1-64]", "169.254.169.254"]), Reach())

    assert [problem.key for problem in problems] == [f"site s: source.settings.hosts[{index}]" for index in (1, 2)]
    assert problems[0].message.startswith("10.1.0.1 is a private address")
    assert check_source(registered(hosts=["a.example", "10.1.0.[1-64]"])) == []


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("me:secret@bmc", "expected a host such as"),
        ("https://bmc.example", "expected a host such as"),
        ("bmc/../x", "expected a host such as"),
        ("", "expected a host such as"),
        ("[::zz]", "expected a host such as"),
        ("bmc[9-1]", "[9-1] has no number: the lower one comes first"),
        ("bmc[0-9999]", "more than 5000 hosts"),
        ("bmc[0-99999999999999]", "more than 5000 hosts"),
        ("bmc[0-99][0-99]", "more than 5000 hosts"),
    ],
)
def test_hosts_that_cannot_be_meant(pattern: str, told: str) -> None:
    (problem,) = check_source(registered(hosts=[pattern]))
    assert told in problem.message
    assert check_source(registered(hosts=["a[1-3000].example", "b[1-3000].example"]))


def test_hosts_are_written_as_they_are_named() -> None:
    assert hosts_of("gpu[008-010]-bmc[1-2]:8443")[:3] == ["gpu008-bmc1:8443", "gpu008-bmc2:8443", "gpu009-bmc1:8443"]
    assert addresses_of("https://10.1.0.1:444/bmc", ["10.1.0.[1-2]", "[fd12::7]", "[fd12::7]:443", "x:80"]) == [
        "https://10.1.0.1:444/bmc",
        "https://10.1.0.2:444/bmc",
        "https://[fd12::7]:444/bmc",
        "https://[fd12::7]/bmc",
        "https://x:80/bmc",
    ]


@given(first=st.integers(0, 2000), more=st.integers(0, 99), digits=st.integers(1, 6))
def test_a_range_has_every_number_once_with_its_leading_zeros(first: int, more: int, digits: int) -> None:
    low = str(first).zfill(digits)
    found = hosts_of(f"n[{low}-{first + more}].example")

    assert len(set(found)) == more + 1
    assert [int(host[1:].removesuffix(".example")) for host in found] == list(range(first, first + more + 1))
    assert all(len(host) >= len(low) + 9 for host in found)
