"""No URL of an operator makes us ask what only we can reach: refused in words, and not one connection is made.

The forbidden server is a real one on 127.0.0.1 (and ::1), and counts. What is allowed beside it is on 127.0.0.2.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network

import aiohttp
import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from collectors.base import CollectError, Refused, Unreachable
from collectors.client import ClientPool, SiteClient
from collectors.guard import GuardedResolver, opener, text_fault
from collectors.registry import check_source
from suanli.config import ReachConfig
from suanli.model.polled import PolledSite
from suanli.model.reach import Reach
from suanli.model.site import Site, Source, Tls
from tests.collectors.raw_server import Answer, RawServer, sends
from tests.reaching import loopback

PUBLIC_ONLY = Reach()
BESIDE = Reach((ip_network("127.0.0.2/32"),))
Resolved = tuple[str, ...]


class Names(AbstractResolver):
    """Each look-up of a name gives its next answer, and the last for ever; other names go to the system."""

    def __init__(self, names: Mapping[str, list[Resolved]]) -> None:
        self._answers = {name: list(answers) for name, answers in names.items()}
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answers = self._answers.get(host.rstrip("."))
        if answers is None:
            return await ThreadedResolver().resolve(host, port, family)
        self.asked += 1
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_UNSPEC, proto=0, flags=0)
            for one in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class Forbidden:
    """The same port of 127.0.0.1 and, where the machine has it, of ::1."""

    def __init__(self, *servers: RawServer) -> None:
        self._servers, self.port = servers, servers[0].port

    @property
    def connections(self) -> int:
        return sum(server.connections for server in self._servers)


@pytest.fixture
async def forbidden() -> AsyncIterator[Forbidden]:
    async with RawServer(sends()) as server:
        try:
            async with RawServer(sends(), host="::1", port=server.port) as second:
                yield Forbidden(server, second)
        except OSError:  # no IPv6 here, or the port is taken there
            yield Forbidden(server)


@asynccontextmanager
async def asking(
    url: str, reach: Callable[[str], Reach] | Reach = PUBLIC_ONLY, resolver: AbstractResolver | None = None
) -> AsyncIterator[SiteClient]:
    pool = ClientPool(reach if callable(reach) else lambda _: reach, resolver=resolver)
    try:
        door = pool.site(a_site(url))
        assert isinstance(door, SiteClient)
        yield door
    finally:
        await pool.aclose()


def a_site(url: str, id_: str = "a") -> PolledSite:
    # The registry's own pattern refuses some of these; the guard must not need it.
    source = Source.model_construct(kind="test", url=url)
    return PolledSite(id_, source, (), interval=5, timeout=5, max_age=15)


async def told(url: str, reach: Reach = PUBLIC_ONLY, resolver: AbstractResolver | None = None) -> str:
    """The words of the refusal."""
    async with asking(url, reach, resolver) as site, asyncio.timeout(20):
        with pytest.raises(CollectError) as caught:
            await site.get_json("/x")
    assert type(caught.value) is Refused, caught.value
    assert str(caught.value).isprintable()
    return str(caught.value)


# ---------------------------------------------------------------- refused by what is written

UNUSUAL = "write it as four decimal numbers"
HERE = "an address of this machine (loopback): if the API is really there, allow 127.0.0.0/8 under reach"
HERE6 = "an address of this machine (loopback): if the API is really there, allow ::1/128 under reach"
NOBODY = "neither a name nor an address"
METADATA = "an address of a cloud's metadata, which gives out credentials: if the API is really there, allow "
NOT_IPV4, NO_NAME = "not a URL", "not a URL"

WRITTEN = {
    # loopback, plainly
    "http://127.0.0.1:PORT/": HERE,
    "https://127.0.0.1:PORT/": HERE,
    "http://127.255.255.254:PORT/": HERE,
    "http://[::1]:PORT/": HERE6,
    "http://[0:0:0:0:0:0:0:1]:PORT/": HERE6,
    "http://[0000::0001]:PORT/a/b": HERE6,
    # other ways to write IPv4
    "http://2130706433:PORT/": UNUSUAL,
    "http://017700000001:PORT/": UNUSUAL,
    "http://0x7f000001:PORT/": UNUSUAL,
    "http://0X7F000001:PORT/": UNUSUAL,
    "http://0x7f.0x0.0x0.0x1:PORT/": UNUSUAL,
    "http://0x7f.1:PORT/": UNUSUAL,
    "http://127.1:PORT/": UNUSUAL,
    "http://127.0.1:PORT/": UNUSUAL,
    "http://0:PORT/": UNUSUAL,
    "http://0x:PORT/": UNUSUAL,
    "http://127.0.0.1.:PORT/": UNUSUAL,
    "http://127.0.0.0x1:PORT/": UNUSUAL,
    "http://127.0.0.256:PORT/": NOT_IPV4,
    "http://0177.0.0.1:PORT/": NOT_IPV4,
    "http://127.0.0.01:PORT/": NOT_IPV4,
    "http://00127.0.0.1:PORT/": NOT_IPV4,
    "http://127.0.0.1..:PORT/": NOBODY,
    "http://portal..example:PORT/": NOBODY,
    "http://127.0.0.1%2e:PORT/": NOBODY,
    "http://%31%32%37.0.0.1:PORT/": NOBODY,
    "http://127.0.0.1%00.example:PORT/": NOBODY,
    "http://127.0.0.1\\.portal.example:PORT/": NOBODY,
    "http://127.0.0.1,8.8.8.8:PORT/": NOBODY,
    # unicode
    "http://127\u30020\u30020\u30021:PORT/": HERE,
    "http://127\uff0e0\uff0e0\uff0e1:PORT/": HERE,
    "http://127\uff610\uff610\uff611:PORT/": HERE,
    "http://\uff11\uff12\uff17.0.0.1:PORT/": NO_NAME,
    "http://\u2460\u2461\u2466.0.0.1:PORT/": NO_NAME,
    "http://\u0661\u0662\u0667.0.0.1:PORT/": NO_NAME,
    "http://\u24dbocalhost:PORT/": NO_NAME,
    "http://loc\u00adalhost:PORT/": NO_NAME,
    "http://\u202e1.0.0.721:PORT/": NO_NAME,
    # IPv6 that means IPv4
    "http://[::ffff:127.0.0.1]:PORT/": "::ffff:7f00:1 is 127.0.0.1, " + HERE,
    "http://[::ffff:7f00:1]:PORT/": "127.0.0.1, " + HERE,
    "http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/": "127.0.0.1, " + HERE,
    "http://[::ffff:169.254.169.254]/": "169.254.169.254, " + METADATA + "169.254.169.254/32",
    "http://[64:ff9b::127.0.0.1]:PORT/": "127.0.0.1, " + HERE,
    "http://[64:ff9b::a9fe:a9fe]/": "169.254.169.254, " + METADATA,
    "http://[64:ff9b::10.0.0.1]/": "10.0.0.1, a private address",
    "http://[64:ff9b:1::7f00:1]:PORT/": "a local NAT64",
    "http://[::127.0.0.1]:PORT/": "a tunnel to an IPv4 address",
    "http://[::7f00:1]:PORT/": "a tunnel to an IPv4 address",
    "http://[::ffff:0:127.0.0.1]:PORT/": "a tunnel to an IPv4 address",
    "http://[2002:7f00:1::]:PORT/": "a tunnel to an IPv4 address",
    "http://[2002:a9fe:a9fe::1]/": "a tunnel to an IPv4 address",
    "http://[2001:0:7f00:1::]:PORT/": "a tunnel to an IPv4 address",
    "http://192.88.99.1:PORT/": "a tunnel to an IPv4 address",
    # zones
    "http://[fe80::1%25lo]:PORT/": "a zone",
    "http://[fe80::1%lo]:PORT/": "a zone",
    "http://[::1%25lo]:PORT/": "a zone",
    "http://[::1%251]:PORT/": "a zone",
    # private, shared, link-local
    "http://10.0.0.1/": "10.0.0.1 is a private address: if the API is really there, allow 10.0.0.0/8 under reach in ",
    "http://10.255.255.255:6820/": "allow 10.0.0.0/8 under reach in config.yaml",
    "http://172.16.0.1/": "allow 172.16.0.0/12 under reach",
    "http://172.31.255.255/": "allow 172.16.0.0/12 under reach",
    "http://192.168.1.1/": "allow 192.168.0.0/16 under reach",
    "http://[fd12:3456::1]/": "a private address: if the API is really there, allow fc00::/7 under reach",
    "http://[fc00::1]/": "allow fc00::/7 under reach",
    "http://100.64.0.1/": "a shared address (carrier-grade NAT): if the API is really there, allow 100.64.0.0/10",
    "http://100.127.255.255/": "allow 100.64.0.0/10",
    "http://198.18.0.1/": "a benchmarking address",
    "http://169.254.1.1/": "a link-local address: if the API is really there, allow 169.254.0.0/16",
    "http://[fe80::1]:PORT/": "a link-local address: if the API is really there, allow fe80::/10",
    # clouds
    "http://169.254.169.254/latest/meta-data/": METADATA + "169.254.169.254/32 under reach",
    "http://169.254.170.2/v2/credentials": METADATA,
    "http://169.254.170.23/": METADATA,
    "http://[fd00:ec2::254]/latest/": METADATA + "fd00:ec2::/32",
    "http://[fd20:ce::254]/computeMetadata/": METADATA,
    "http://[fe80::a9fe:a9fe]/": METADATA,
    "http://100.100.100.200/latest/meta-data/": METADATA + "100.100.100.200/32",
    "http://168.63.129.16/": METADATA,
    "http://192.0.0.192/": METADATA,
    # nobody's
    "http://0.0.0.0:PORT/": "an unspecified address: give the API's own address",
    "http://0.1.2.3:PORT/": "an unspecified address",
    "http://[::]:PORT/": "an unspecified address",
    "http://[::ffff:0.0.0.0]:PORT/": "0.0.0.0, an unspecified address",
    "http://224.0.0.1/": "a multicast address",
    "http://239.255.255.250:1900/": "a multicast address",
    "http://[ff02::1]/": "a multicast address",
    "http://255.255.255.255/": "the broadcast address",
    "http://240.0.0.1/": "a reserved address",
    "http://192.0.0.8/": "a reserved address",
    "http://192.0.2.1/": "a documentation address",
    "http://198.51.100.1/": "a documentation address",
    "http://203.0.113.1/": "a documentation address",
    "http://[2001:db8::1]/": "a documentation address",
    "http://[3fff::1]/": "a documentation address",
    "http://[100::1]/": "a reserved address",
    "http://[fec0::1]/": "a reserved address",
    "http://[4000::1]/": "a reserved address",
    # not the host
    "ftp://portal.example/": "ftp: only http and https are asked",
    "file:///etc/passwd": "file: only http and https are asked",
    "gopher://127.0.0.1:PORT/_GET": "gopher: only http and https are asked",
    "unix:///run/docker.sock": "only http and https are asked",
    "//127.0.0.1:PORT/": "no scheme",
    "http://li:s3cr3t@127.0.0.1:PORT/": "put them under auth",
    "http://portal.example@127.0.0.1:PORT/": "put them under auth",
    "http://a\\@127.0.0.1:PORT/": "put them under auth",
    "http://@127.0.0.1:PORT/": HERE,
    "http://127.0.0.1:PORT/@portal.example/": HERE,
    "http:///etc": NOBODY,
    "http://portal.example:22/": "port 22 is not asked (allowed: 80, 443, 1024-65535): if the API is really there, add",
    "http://portal.example:25/": "port 25 is not asked",
    "http://portal.example:0/": "port 0 is not asked",
    "https://portal.example:1023/": "port 1023 is not asked",
    "http://portal.example:99999/": "port 99999 is not asked",
    "http://127.0.0.1:PORT:80/": "not a URL",
}


@pytest.mark.parametrize(("url", "words"), WRITTEN.items(), ids=[ascii(url) for url in WRITTEN])
async def test_what_is_written_is_refused_and_not_asked(forbidden: Forbidden, url: str, words: str) -> None:
    url = url.replace("PORT", str(forbidden.port))
    message = await told(url)
    assert words in message
    assert "s3cr3t" not in message
    assert forbidden.connections == 0
    assert words in text_fault(url, Reach())


@pytest.mark.parametrize("url", ["http://127.0.0.1:PORT", "http://[::1]:PORT", "http://[::ffff:127.0.0.1]:PORT"])
async def test_the_socket_is_the_last_look(forbidden: Forbidden, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a URL ever be read in another way by the library than by us."""
    monkeypatch.setattr("collectors.client.url_fault", lambda _url, _reach: "")
    assert "(loopback)" in await told(url.replace("PORT", str(forbidden.port)))
    assert forbidden.connections == 0


def test_a_socket_is_opened_for_what_is_within_reach_only() -> None:
    made = opener(BESIDE)((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.2", 80)))
    made.close()
    for address in (("127.0.0.1", 80), ("127.0.0.2", 22), ("localhost", 80)):
        with pytest.raises(Refused):
            opener(BESIDE)((socket.AF_INET, socket.SOCK_STREAM, 0, "", address))


# ---------------------------------------------------------------- refused by what a name stands for

PUBLIC = "8.8.8.8"
NAMED: dict[str, tuple[list[Resolved], str]] = {
    "one private": ([("10.0.0.1",)], "portal.example:PORT/x: 10.0.0.1 is a private address"),
    "this machine": ([("127.0.0.1",)], HERE),
    "this machine, mapped": ([("::ffff:127.0.0.1",)], HERE),
    "one of several, last": ([(PUBLIC, "1.1.1.1", "127.0.0.1")], "one of 3 addresses: 127.0.0.1 is"),
    "one of several, first": ([("127.0.0.1", PUBLIC)], "one of 2 addresses: 127.0.0.1 is"),
    "one of two versions": ([(PUBLIC, "::1")], "one of 2 addresses: ::1 is"),
    "through NAT64": ([("64:ff9b::a00:1",)], "10.0.0.1, a private address"),
    "metadata": ([("169.254.169.254",)], METADATA),
    "metadata, IPv6": ([("fd00:ec2::254",)], METADATA),
    "a link": ([("fe80::1%lo",)], "a link-local address"),
    "unspecified": ([("0.0.0.0",)], "an unspecified address"),  # noqa: S104 - looked at, not listened on
    "another name": ([("localhost",)], "something that is no address"),
    "first here, then public": ([("127.0.0.1",), (PUBLIC,)], HERE),
}


@pytest.mark.parametrize(("answers", "words"), NAMED.values(), ids=NAMED.keys())
async def test_what_a_name_stands_for_is_refused_and_not_asked(
    forbidden: Forbidden, answers: list[Resolved], words: str
) -> None:
    names = Names({"portal.example": answers})
    message = await told(f"http://portal.example:{forbidden.port}", resolver=names)
    assert words.replace("PORT", str(forbidden.port)) in message
    assert (forbidden.connections, names.asked) == (0, 1)


@pytest.mark.parametrize(
    "name",
    ["localhost", "LOCALHOST", "localhost.", "lo\u3002cal\u3002host", "metadata.google.internal", "instance-data"],
)
async def test_names_of_this_machine_and_of_metadata(forbidden: Forbidden, name: str) -> None:
    clouds: list[Resolved] = [("169.254.169.254",)]
    names: dict[str, list[Resolved]] = {"metadata.google.internal": clouds, "instance-data": clouds}
    if name != "LOCALHOST":  # which the system is asked for
        names |= {"localhost": [("127.0.0.1",)], "lo.cal.host": [("127.0.0.1",)]}
    message = await told(f"http://{name}:{forbidden.port}", resolver=Names(names))
    assert "(loopback)" in message or METADATA in message
    assert forbidden.connections == 0


async def test_other_ways_to_write_an_address_are_no_names_to_the_resolver(
    forbidden: Forbidden, monkeypatch: pytest.MonkeyPatch
) -> None:
    """getaddrinfo reads 0x7f.1 as 127.0.0.1, whatever our pattern says."""
    monkeypatch.setattr("collectors.client.url_fault", lambda _url, _reach: "")
    assert HERE in await told(f"http://0x7f.1:{forbidden.port}")
    assert forbidden.connections == 0


async def test_a_name_without_an_address_is_unreachable() -> None:
    async with asking("http://portal.example", resolver=Names({"portal.example": [()]})) as site:
        with pytest.raises(Unreachable, match="the name has no address"):
            await site.get_json("/x")


# ---------------------------------------------------------------- rebinding


def flipping() -> Names:
    """First what is allowed, from then on what is forbidden."""
    return Names({"portal.example": [("127.0.0.2",), ("127.0.0.1",)]})


def forget_names(pool: ClientPool) -> None:
    """As ten seconds would."""
    session = pool.session(Tls(), BESIDE)
    assert isinstance(session.connector, aiohttp.TCPConnector)
    session.connector.clear_dns_cache()


async def test_the_address_that_was_looked_at_is_the_one_that_is_asked(forbidden: Forbidden) -> None:
    names = flipping()
    async with RawServer(sends(), host="127.0.0.2", port=forbidden.port) as beside:
        async with asking(f"http://portal.example:{beside.port}", BESIDE, names) as site:
            assert [await site.get_json(path) for path in ("/x", "/y", "/x")] == [{"a": 1}] * 3
        assert (names.asked, beside.connections, forbidden.connections) == (1, 1, 0)
        assert beside.header("host") == f"portal.example:{beside.port}"


async def test_a_new_connection_is_a_new_look(forbidden: Forbidden) -> None:
    names = flipping()
    pool = ClientPool(lambda _: BESIDE, resolver=names)
    async with RawServer(sends(close=True), host="127.0.0.2", port=forbidden.port) as beside:
        site = pool.site(a_site(f"http://portal.example:{beside.port}"))
        assert await site.get_json("/x") == {"a": 1}
        await beside.until_open(0)
        forget_names(pool)
        with pytest.raises(Refused, match=r"127\.0\.0\.1 is an address of this machine"):
            await site.get_json("/x")
        assert (names.asked, beside.connections, forbidden.connections) == (2, 1, 0)
    await pool.aclose()


async def test_a_site_does_not_find_a_connection_open_that_another_may_have(forbidden: Forbidden) -> None:
    policy = ReachConfig.model_validate({"sites": {"near": ["127.0.0.0/8"]}})
    pool = ClientPool(policy.of, resolver=Names({"portal.example": [("127.0.0.1",)]}))
    near, far = (pool.site(a_site(f"http://portal.example:{forbidden.port}", id_)) for id_ in ("near", "far"))
    assert await near.get_json("/x") == {"a": 1}
    with pytest.raises(Refused, match=r"\(loopback\)"):
        await far.get_json("/x")
    assert await near.get_json("/x") == {"a": 1}
    assert forbidden.connections == 1
    await pool.aclose()


# ---------------------------------------------------------------- redirects

MOVED = "302 Found"
ELSEWHERE = [
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "//127.0.0.1:PORT/",
    "http://2130706433:PORT/",
    "http://[::1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "https://127.0.0.2:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.2:22/",
    "http://li:pass@127.0.0.2:PORT/",
    "http://127.0.0.2@127.0.0.1:PORT/",
    "http://127.0.0.2:PORT@127.0.0.1:PORT/",
    "file:///etc/passwd",
    "\\\\127.0.0.1:PORT/",
]


@pytest.mark.parametrize("hops", [0, 2])
@pytest.mark.parametrize("target", ELSEWHERE)
async def test_a_redirect_is_looked_at_too(forbidden: Forbidden, target: str, hops: int) -> None:
    location = target.replace("PORT", str(forbidden.port))
    answers = [sends(b"", MOVED, Location=f"/hop/{number}") for number in range(hops)]
    answers += [sends(b"", MOVED, Location=location), sends(b"", "404 Not Found")]
    async with RawServer(*answers, host="127.0.0.2", port=forbidden.port) as beside:
        async with asking(f"http://127.0.0.2:{beside.port}", BESIDE) as site:
            with pytest.raises(Refused) as caught:
                await site.get_json("/x")
        if not target.startswith("\\"):  # which is a path, on the same host
            assert "redirected to" in str(caught.value)
            assert len(beside.requests) == hops + 1
    assert "pass@" not in str(caught.value)
    assert forbidden.connections == 0


async def test_a_name_that_changes_within_a_redirect_is_looked_at_again(forbidden: Forbidden) -> None:
    names = flipping()
    pool = ClientPool(lambda _: BESIDE, resolver=names)
    closing = sends(b"", MOVED, close=True, Location="/there", Connection="close")

    async def moves(writer: asyncio.StreamWriter) -> None:
        forget_names(pool)
        await closing(writer)

    answer: Answer = moves
    async with RawServer(answer, host="127.0.0.2", port=forbidden.port) as beside:
        with pytest.raises(Refused, match=r"127\.0\.0\.1 is an address of this machine"):
            await pool.site(a_site(f"http://portal.example:{beside.port}")).get_json("/x")
        assert (names.asked, len(beside.requests), forbidden.connections) == (2, 1, 0)
    await pool.aclose()


# ---------------------------------------------------------------- allowed

ALLOWED = [
    "http://127.0.0.1:PORT",
    "http://127.0.0.1:PORT/api/",
    "http://localhost:PORT",
    "http://LocalHost:PORT",
    "http://portal.example.:PORT",
    "http://[::ffff:127.0.0.1]:PORT",
    "http://127\u30020\u30020\u30021:PORT",
    "http://portal.example:PORT",
    "http://\u7b97\u529b.example:PORT",
    "http://under_score.example:PORT",
]


@pytest.mark.parametrize("url", ALLOWED)
async def test_what_is_allowed_is_asked(forbidden: Forbidden, url: str) -> None:
    """And so the server that counts none above is one that answers."""
    url = url.replace("PORT", str(forbidden.port))
    name = httpx.URL(url).raw_host.decode()
    names = Names({name.removesuffix("."): [("127.0.0.1",)]} if "example" in name else {})
    async with asking(url, loopback, names) as site:
        assert await site.get_json("/x") == {"a": 1}
    assert forbidden.connections == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "https://223.5.5.5:6443/",
        "http://[2400:3200::1]:8080/",
        "http://[64:ff9b::8.8.8.8]/",
        "http://[::ffff:8.8.8.8]/",
        "https://slurm.example:6820/api",
        "http://100.63.255.255/",
        "http://172.32.0.1/",
        "http://11.0.0.0/",
        "http://169.253.255.255/",
        "http://portal.example:80/",
        "http://portal.example:1024/",
        "http://a1.2b/",
    ],
)
def test_what_is_public_is_not_refused(url: str) -> None:
    assert text_fault(url, Reach()) == ""


async def test_a_public_name_goes_through_as_it_was_resolved() -> None:
    found = await GuardedResolver(Reach(), Names({"portal.example": [(PUBLIC, "2400:3200::1")]})).resolve(
        "portal.example", 80
    )
    assert [(one["host"], one["port"]) for one in found] == [(PUBLIC, 80), ("2400:3200::1", 80)]


async def test_nothing_is_allowed_that_nobody_allowed(forbidden: Forbidden) -> None:
    async with asking(f"http://127.0.0.1:{forbidden.port}", ReachConfig().of) as site:
        with pytest.raises(Refused):
            await site.get_json("/x")
    pool = ClientPool()
    with pytest.raises(Refused):
        await pool.site(a_site(f"http://localhost:{forbidden.port}")).get_json("/x")
    await pool.aclose()
    assert forbidden.connections == 0


# ---------------------------------------------------------------- at registration


def test_what_is_written_is_told_at_registration() -> None:
    source = {"kind": "slurm", "url": "http://10.1.2.3:6820"}
    site = Site.model_validate({"id": "a", "name": "a", "province": "x", "operator": "y", "source": source})
    assert [str(problem) for problem in check_source(site, Reach())] == [
        "site a: source.url: 10.1.2.3 is a private address: if the API is really there, allow 10.0.0.0/8 under reach "
        "in config.yaml"
    ]
    assert check_source(site) == check_source(site, Reach((ip_network("10.1.0.0/16"),))) == []
