"""The one HTTP client against servers that behave, misbehave and lie."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import os
import socket
import ssl
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import JsonValue

from collectors.base import CollectError, Gone, Http, NotFound, Refused, Unreachable, Unreadable
from collectors.client import ClientPool, SiteClient
from suanli.model.polled import PolledSite
from suanli.model.reach import Reach
from suanli.model.secret import SecretRef
from suanli.model.site import Auth, Source, Tls
from tests.collectors.raw_server import (
    Answer,
    RawServer,
    drips,
    hangs_up,
    never_ends,
    resets_in_the_body,
    says_nothing,
    sends,
    sends_bytes,
)
from tests.reaching import loopback

SECRET = 's3cr3t/密-"token"'
CAP = 100_000
NOW, DAY = datetime.now(UTC), timedelta(days=1)
Door = Callable[..., SiteClient]


class Pinned(AbstractResolver):
    """Every name is this machine, except one that nobody knows."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host == "nobody.example":
            raise OSError("no such name")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool(loopback, max_body=CAP, resolver=Pinned())
    yield pool
    await pool.aclose()


@pytest.fixture
def door(pool: ClientPool) -> Door:
    def make(url: str, auth: Auth | None = None, tls: Tls | None = None) -> SiteClient:
        source = Source(kind="test", url=url, auth=auth or Auth(), tls=tls or Tls())
        found = pool.site(PolledSite("a", source, (), interval=5, timeout=5, max_age=15))
        assert isinstance(found, SiteClient)
        return found

    return make


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> SecretRef:
    monkeypatch.setenv("THE_SECRET", SECRET)
    return SecretRef(env="THE_SECRET")


async def fails(asking: Http, kind: type[CollectError], *words: str, path: str = "/x") -> CollectError:
    with pytest.raises(CollectError) as caught:
        await asking.get_json(path)
    assert type(caught.value) is kind, caught.value
    for word in words:
        assert word in str(caught.value)
    return caught.value


async def failing(door: Door, answer: Answer, kind: type[CollectError], *words: str) -> CollectError:
    async with RawServer(answer) as server:
        return await fails(door(server.url), kind, *words)


# --- what is asked ---


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("", "/x", "/x"),
        ("/", "/x", "/x"),
        ("/api", "x/y", "/api/x/y"),
        ("/api/", "", "/api/"),
        ("", "", "/"),
        ("", "@elsewhere.example/x", "/@elsewhere.example/x"),
        ("", "//elsewhere.example/x", "/elsewhere.example/x"),
        ("", "/x?all=1", "/x?all=1"),
    ],
)
async def test_the_path_is_put_behind_the_url(door: Door, base: str, path: str, target: str) -> None:
    async with RawServer(sends()) as server:
        assert await door(server.url + base).get_json(path) == {"a": 1}
        assert server.target == target
        assert server.header("host") == f"localhost:{server.port}"


async def test_parameters_arrive_as_they_were_meant(door: Door) -> None:
    query = 'sum(rate(x{a="b+c&d=e", z=~"1%2B|#"}[5m])) / 100 > 1 or 算力'
    async with RawServer(sends()) as server:
        await door(server.url).get_json("/query", {"query": query, "time": "1"})
        assert server.query == {"query": [query], "time": ["1"]}


async def test_every_request_of_a_site_is_its_own(door: Door) -> None:
    async with RawServer(sends()) as server:
        site = door(server.url)
        targets = [f"/x?n={number}" for number in range(250)] * 2 + ["/x", "/x?", "/y", "/x"]
        for target in targets:
            path, mark, number = target.partition("?")
            await site.get_json(path, {"n": number[2:]} if number else {} if mark else None)
        assert [request.split(" ")[1].removesuffix("?") for request in server.requests] == [
            target.removesuffix("?") for target in targets
        ]


async def test_connections_are_kept_and_no_cookie_is(door: Door) -> None:
    async with RawServer(sends(Set_Cookie="a=b")) as server:
        site = door(server.url)
        for path in ("/x", "/x", "/y"):
            await site.get_json(path)
        assert (server.connections, len(server.requests)) == (1, 3)
        assert server.header("cookie") is None


async def test_proxies_of_the_environment_are_ignored(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with RawServer(sends()) as server:
        assert await door(server.url).get_json("/x") == {"a": 1}


async def test_many_hosts_are_asked_at_once(door: Door) -> None:
    async with RawServer(sends()) as server:
        sites = [door(f"http://site-{number}.example:{server.port}") for number in range(300)]
        assert await asyncio.gather(*(site.get_json("/x") for site in sites)) == [{"a": 1}] * 300
        assert {server.header("host", n) for n in range(300)} == {f"site-{n}.example:{server.port}" for n in range(300)}


# --- who we are ---


@pytest.mark.parametrize("kind", ["none", "basic", "bearer", "header", "slurm"])
async def test_each_kind_of_auth_sends_its_headers(door: Door, secret: SecretRef, kind: str) -> None:
    basic = base64.b64encode(f"li:{SECRET}".encode()).decode()
    kinds: dict[str, tuple[Auth, dict[str, str | None]]] = {
        "none": (Auth(), {"authorization": None}),
        "basic": (Auth(kind="basic", user="li", password=secret), {"authorization": f"Basic {basic}"}),
        "bearer": (Auth(kind="bearer", token=secret), {"authorization": f"Bearer {SECRET}"}),
        "header": (Auth(kind="header", header="X-Auth-Token", token=secret), {"x-auth-token": SECRET}),
        "slurm": (
            Auth(kind="slurm", user="李", token=secret),
            {"x-slurm-user-name": "李", "x-slurm-user-token": SECRET, "authorization": None},
        ),
    }
    auth, expected = kinds[kind]
    async with RawServer(sends()) as server:
        await door(server.url, auth).get_json("/x")
        assert {name: server.header(name) for name in expected} == expected


async def test_a_changed_secret_is_sent_at_the_next_poll(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    async with RawServer(sends()) as server:
        site = door(server.url, Auth(kind="bearer", token=SecretRef(file=str(file))))
        for text in ("first", "first", "second"):
            replacement = tmp_path / "new"
            replacement.write_text(text)
            replacement.replace(file)
            await site.get_json("/x")
        assert [server.header("authorization", n) for n in range(3)] == ["Bearer first"] * 2 + ["Bearer second"]


async def test_a_changed_variable_is_sent_at_the_next_poll(
    door: Door, secret: SecretRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RawServer(sends()) as server:
        site = door(server.url, Auth(kind="bearer", token=secret))
        await site.get_json("/x")
        monkeypatch.setenv("THE_SECRET", "other")
        await site.get_json("/x")
        assert server.header("authorization") == "Bearer other"


async def test_a_missing_secret_is_refused_until_it_is_there(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THE_SECRET", raising=False)
    file = tmp_path / "token"
    async with RawServer(sends()) as server:
        await fails(door(server.url, Auth(kind="bearer", token=SecretRef(env="THE_SECRET"))), Refused, "THE_SECRET")
        site = door(server.url, Auth(kind="bearer", token=SecretRef(file=str(file))))
        await fails(site, Refused, str(file))
        assert not server.requests
        file.write_text("now")
        assert await site.get_json("/x") == {"a": 1}


async def test_a_secret_that_no_header_can_carry_is_refused(
    door: Door, secret: SecretRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", "one\r\nX-Evil: two")
    async with RawServer(sends()) as server:
        error = await fails(door(server.url, Auth(kind="bearer", token=secret)), Refused, "characters")
        assert "Evil" not in str(error)
        assert not server.requests


ECHOES = [
    sends(SECRET.encode(), "500 Oops"),
    sends(b'{"errors": [{"error": ' + (b'"bad token ' + SECRET.replace('"', '\\"').encode()) + b'"}]}', "500 Oops"),
    sends(b'{"message": "bad ' + base64.b64encode(f"li:{SECRET}".encode()) + b'"}', "401 Unauthorized"),
    sends(b"x" * 110 + SECRET.encode(), "403 Forbidden"),
    sends(b"not JSON " + SECRET.encode()),
    sends(b"", "302 Found", Location="http://s3cr3t.example/"),
    sends_bytes(SECRET.encode() + b"\r\n\r\n"),
    hangs_up,
]


@pytest.mark.parametrize("answer", ECHOES)
async def test_a_secret_is_never_told_even_if_the_server_repeats_it(
    door: Door, secret: SecretRef, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with RawServer(answer) as server:
        site = door(server.url, Auth(kind="basic", user="li", password=secret))
        with pytest.raises(CollectError) as caught:
            await site.get_json("/x")
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(site)
    told += caplog.text
    assert SECRET[:6] not in told.replace("s3cr3t.example", "")
    assert base64.b64encode(f"li:{SECRET}".encode()).decode()[:8] not in told


# --- what the answer says ---


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        ("400 Bad Request", Refused, "400 Bad Request"),
        ("401 Unauthorized", Refused, "auth"),
        ("403 Forbidden", Refused, "right to read"),
        ("404 Not Found", NotFound, "nothing at this path"),
        ("410 Gone", Gone, "answered 410 Gone"),
        ("407 Proxy Authentication Required", Refused, "proxy"),
        ("429 Too Many Requests", Refused, "interval"),
        ("499 Whatever", Refused, "499"),
        ("500 Internal Server Error", Unreadable, "500 Internal Server Error"),
        ("502 Bad Gateway", Unreadable, "502"),
        ("503 Service Unavailable", Unreadable, "503"),
        ("504 Gateway Timeout", Unreadable, "504"),
        ("304 Not Modified", Unreadable, "304"),
        ("204 No Content", Unreadable, "nothing in it"),
    ],
)
async def test_a_status_decides_whose_fault_it_is(door: Door, status: str, kind: type[CollectError], word: str) -> None:
    body = b"" if status[:3] in ("204", "304") else b"{}"
    error = await failing(door, sends(body, status), kind, word)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"meta": {"a": "' + b"m" * 200 + b'"}, "errors": [{"error_number": 2002, "error": "no ctld"}]}',
            '"no ctld"',
        ),
        (b'{"kind": "Status", "message": "token expired"}', "; token expired"),
        (b'{"detail": ""}', '{"detail": ""}'),
        (b"<html>\r\n <b>\x1b[31mOops\x00 \xff</b>", "; <html> <b> [31mOops"),
        (b"[1]", "; [1]"),
    ],
)
async def test_a_failing_server_is_quoted_in_brief(door: Door, body: bytes, said: str) -> None:
    error = await failing(door, sends(body, "500 Internal Server Error"), Unreadable, said)
    assert str(error).isprintable()


async def test_a_long_complaint_is_cut(door: Door) -> None:
    error = await failing(door, sends(b"long " * 1000, "500 Internal Server Error"), Unreadable)
    assert str(error).endswith("…")
    assert len(str(error)) < 250


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOON - timedelta(seconds=90), usegmt=True), 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_retry_after_is_read_in_both_forms(door: Door, header: str, seconds: float | None, status: str) -> None:
    answer = sends(b"", status, Retry_After=header, Date=format_datetime(NOON, usegmt=True))
    error = await failing(door, answer, Refused if status.startswith("4") else Unreadable)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    "body",
    [b"<html>login</html>", b'{"a": NaN}', b"[1e999]", b"Infinity", b'{"a": 1', b"[" * 100_000, b'"\xff"', b"{} {}"],
)
async def test_what_is_not_json_is_unreadable(door: Door, body: bytes) -> None:
    await failing(door, sends(body), Unreadable, "not JSON")


@pytest.mark.parametrize("body", [b"", b" \r\n"])
async def test_an_empty_answer_is_unreadable(door: Door, body: bytes) -> None:
    await failing(door, sends(body), Unreadable, "nothing in it")


@pytest.mark.parametrize(
    ("body", "value"), [(b"null", None), (b"[]", []), (b'{"a": [1.5, "\xe7\xae\x97"]}', {"a": [1.5, "算"]})]
)
async def test_any_json_value_is_an_answer(door: Door, body: bytes, value: JsonValue) -> None:
    async with RawServer(sends(body)) as server:
        assert await door(server.url).get_json("/x") == value


# --- how much of it ---


@pytest.mark.parametrize("size", [CAP, CAP + 1])
@pytest.mark.parametrize("packed", [False, True])
async def test_the_cap_is_exact_and_counts_what_is_unpacked(door: Door, size: int, packed: bool) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    answer = sends(gzip.compress(body), Content_Encoding="gzip") if packed else sends(body)
    if size > CAP:
        await failing(door, answer, Unreadable, "larger than")
    else:
        async with RawServer(answer) as server:
            assert await door(server.url).get_json("/x") == "x" * (size - 2)


@pytest.mark.parametrize("answer", [never_ends, sends(gzip.compress(bytes(200 << 20), 9), Content_Encoding="gzip")])
async def test_a_flood_is_cut_off_and_its_connection_closed(door: Door, answer: Answer) -> None:
    async with RawServer(answer) as server:
        tracemalloc.start()
        await fails(door(server.url), Unreadable, "larger than")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5_000_000
        await server.until_open(0)


async def test_gzip_is_asked_for_and_unpacked(door: Door) -> None:
    async with RawServer(sends(gzip.compress(b'{"a": 2}'), Content_Encoding="GZIP")) as server:
        assert await door(server.url).get_json("/x") == {"a": 2}
        assert server.header("accept-encoding") == "gzip"


@pytest.mark.parametrize(
    ("body", "coding", "word"),
    [
        (gzip.compress(gzip.compress(b"{}")), "gzip, gzip", "not asked for"),
        (b"{}", "br", "not asked for"),
        (b"{}", "gzip", "is gzip and is not"),
        (gzip.compress(b"{}" + b" " * 9999)[:-9], "gzip", "cut off"),
    ],
    ids=["packed twice", "another coding", "not packed", "cut off"],
)
async def test_a_body_that_cannot_be_unpacked_is_unreadable(door: Door, body: bytes, coding: str, word: str) -> None:
    await failing(door, sends(body, Content_Encoding=coding), Unreadable, word)


# --- no answer, or half of one ---


async def test_a_closed_port_is_unreachable(door: Door) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take the port meanwhile
        await fails(door(f"http://localhost:{taken.getsockname()[1]}"), Unreachable, "Connection refused")


async def test_an_unknown_name_is_unreachable(door: Door) -> None:
    await fails(door("http://nobody.example"), Unreachable, "nobody.example", "name")


@pytest.mark.parametrize("url", ["http://localhost:99999", "http://[zz]", "http://2130706433", "http://a..b.example"])
async def test_an_impossible_address_is_an_error_that_is_counted(door: Door, url: str) -> None:
    with pytest.raises(CollectError):
        await door(url).get_json("/x")


@pytest.mark.parametrize(
    ("answer", "kind", "word"),
    [
        (hangs_up, Unreachable, "closed before an answer"),
        (sends_bytes(b"HTTP/1.1 200 OK\r\nContent-Le"), Unreachable, "closed before an answer"),
        (resets_in_the_body, Unreadable, "cut off"),
        (sends_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"), Unreadable, "cut off"),
        (sends_bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), Unreadable, "cut off"),
        (sends_bytes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), Unreadable, "not HTTP"),
        (sends(X_Big="a" * 300_000), Unreadable, "headers beyond measure"),
        (sends_bytes(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n"), Unreadable, "headers beyond measure"),
    ],
)
async def test_half_an_answer_is_no_answer(door: Door, answer: Answer, kind: type[CollectError], word: str) -> None:
    await failing(door, answer, kind, word)


async def test_an_answer_without_a_length_ends_with_its_connection(door: Door) -> None:
    async with RawServer(sends_bytes(b"HTTP/1.0 200 OK\r\n\r\n{}")) as server:
        assert await door(server.url).get_json("/x") == {}


async def test_a_connection_is_waited_for_but_not_for_ever(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.carrying._PATIENCE", aiohttp.ClientTimeout(connect=0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, and nobody answers the handshake
        url = f"https://localhost:{silent.getsockname()[1]}"
        await fails(door(url), Unreachable, "no connection within")


@pytest.mark.parametrize("answer", [says_nothing, drips])
async def test_a_deadline_ends_the_poll_and_its_connection(door: Door, answer: Answer) -> None:
    async with RawServer(answer) as server:
        asking = asyncio.create_task(door(server.url).get_json("/x"))
        await server.until_open(1)
        await asyncio.sleep(0.1)  # into the wait for the body
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.until_open(0)


# --- once, or once more ---


async def test_a_kept_connection_that_died_between_polls_is_replaced(door: Door) -> None:
    async with RawServer(sends(close=True), sends()) as server:
        site = door(server.url)
        await site.get_json("/x")
        await server.until_open(0)
        assert await site.get_json("/x") == {"a": 1}
        assert (server.connections, len(server.requests)) == (2, 2)


async def test_a_kept_connection_that_dies_of_the_next_poll_is_replaced(door: Door) -> None:
    async with RawServer(sends(), hangs_up, sends()) as server:
        site = door(server.url)
        await site.get_json("/x")
        assert await site.get_json("/x") == {"a": 1}
        assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_new_connection_that_dies_is_not_tried_again(door: Door) -> None:
    async with RawServer(hangs_up) as server:
        await fails(door(server.url), Unreachable)
        assert (server.connections, len(server.requests)) == (1, 1)


async def test_a_failed_answer_is_not_asked_for_again(door: Door) -> None:
    async with RawServer(sends(b"", "503 Service Unavailable")) as server:
        await fails(door(server.url), Unreadable)
        assert len(server.requests) == 1


# --- sent elsewhere ---


async def test_a_redirect_on_the_same_host_is_followed_with_our_credentials(door: Door, secret: SecretRef) -> None:
    there = sends(b"", "302 Found", Location="/there?b=2")
    async with RawServer(there, there, there, sends(b"3")) as server:
        assert await door(server.url, Auth(kind="bearer", token=secret)).get_json("/x") == 3
        assert server.target == "/there?b=2"
        assert server.header("authorization") == f"Bearer {SECRET}"


async def test_the_fourth_redirect_is_refused(door: Door) -> None:
    async with RawServer(sends(b"", "301 Moved Permanently", Location="/x")) as server:
        await fails(door(server.url), Refused, "more than 3")
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://elsewhere.example/login?ticket=hidden", "http://elsewhere.example:"),
        ("//elsewhere.example/?hidden", "http://elsewhere.example:"),
        ("https://localhost:PORT/", "https://localhost:PORT:"),
        ("http://localhost:1/", "http://localhost:1:"),
        ("http://hidden:hidden@localhost:PORT/", "http://localhost:PORT:"),
        ("file:///etc/passwd", "file://"),
    ],
)
async def test_a_redirect_elsewhere_is_refused_and_named(door: Door, location: str, shown: str) -> None:
    answers: list[Answer] = []
    async with RawServer(lambda writer: answers[0](writer)) as server:
        port = str(server.port)
        answers.append(sends(b"", "307 Temporary Redirect", Location=location.replace("PORT", port)))
        error = await fails(door(server.url), Refused, "redirected to " + shown.replace("PORT", port))
        assert "hidden" not in str(error)
        assert len(server.requests) == 1


async def test_a_redirect_to_nowhere_is_unreadable(door: Door) -> None:
    await failing(door, sends(b"", "302 Found", Location="http://[zz]/"), Unreadable, "not a URL")


# --- TLS ---


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


def pem(folder: Path, ca: trustme.CA) -> str:
    file = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return str(file)


def serving(ca: trustme.CA, *names: str, clients: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    if clients:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_site_is_trusted_by_its_own_authority_at_a_pinned_address(
    door: Door, ca: trustme.CA, tmp_path: Path
) -> None:
    asked: list[str | None] = []
    context = serving(ca, "api.example")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with RawServer(sends(), tls=context) as server:
        site = door(f"https://api.example:{server.port}", tls=Tls(ca=pem(tmp_path, ca)))
        assert await site.get_json("/x") == {"a": 1}
        assert await site.get_json("/y") == {"a": 1}
        assert asked == ["api.example"]
        assert server.header("host") == f"api.example:{server.port}"
        assert server.connections == 1


@pytest.mark.parametrize("tls", ["none", "other"])
async def test_a_certificate_of_an_unknown_authority_is_unreachable(
    door: Door, ca: trustme.CA, tmp_path: Path, tls: str
) -> None:
    setting = Tls() if tls == "none" else Tls(ca=pem(tmp_path, trustme.CA()))
    async with RawServer(sends(), tls=serving(ca, "localhost")) as server:
        await fails(door(server.url, tls=setting), Unreachable, "certificate is not accepted", "issuer")
        assert not server.requests


async def test_a_certificate_of_another_host_is_unreachable(door: Door, ca: trustme.CA, tmp_path: Path) -> None:
    async with RawServer(sends(), tls=serving(ca, "other.example")) as server:
        site = door(server.url, tls=Tls(ca=pem(tmp_path, ca)))
        await fails(site, Unreachable, "Hostname mismatch", "localhost")


async def test_a_certificate_may_be_its_own_authority(door: Door, tmp_path: Path) -> None:
    """What `openssl req -x509` makes, and so what many management controllers serve."""
    cert, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with RawServer(sends(), tls=context) as server:
        assert await door(server.url, tls=Tls(ca=cert)).get_json("/x") == {"a": 1}


async def test_an_intermediate_authority_may_be_the_trusted_one(door: Door, ca: trustme.CA, tmp_path: Path) -> None:
    department = ca.create_child_ca()
    async with RawServer(sends(), tls=serving(department, "localhost")) as server:
        assert await door(server.url, tls=Tls(ca=pem(tmp_path, department))).get_json("/x") == {"a": 1}


async def test_our_certificate_is_shown_where_it_is_asked_for(door: Door, ca: trustme.CA, tmp_path: Path) -> None:
    clients, trusted = trustme.CA(), pem(tmp_path, ca)
    ours = clients.issue_cert("suanli.example")
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    ours.cert_chain_pems[0].write_to_path(cert)
    ours.private_key_pem.write_to_path(key)
    async with RawServer(sends(), tls=serving(ca, "localhost", clients=clients)) as server:
        await fails(door(server.url, tls=Tls(ca=trusted)), Unreachable)
        assert await door(server.url, tls=Tls(ca=trusted, cert=cert, key=key)).get_json("/x") == {"a": 1}


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_a_certificate_file_that_cannot_be_used_is_refused(
    door: Door, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    await fails(door("https://localhost:1024", tls=Tls(ca=str(file))), Refused, str(file))


async def test_an_encrypted_key_is_refused(door: Door, tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, password=b"unknown")
    await fails(door("https://localhost:1024", tls=Tls(cert=cert, key=key)), Refused, key)


async def test_plain_http_where_tls_is_spoken_says_so_and_the_other_way_round(
    door: Door, ca: trustme.CA, tmp_path: Path
) -> None:
    trusted = pem(tmp_path, ca)
    async with RawServer(sends(), tls=serving(ca, "localhost")) as server:
        await fails(door(server.url.replace("https", "http")), Unreachable, "check http or https")
    plain = await asyncio.start_server(_speaks_first, "127.0.0.1", 0)
    async with plain:
        url = f"https://localhost:{plain.sockets[0].getsockname()[1]}"
        await fails(door(url, tls=Tls(ca=trusted)), Unreachable, "check http or https")


async def _speaks_first(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def test_sites_with_equal_tls_settings_share_one_session(ca: trustme.CA, tmp_path: Path) -> None:
    pool, trusted = ClientPool(loopback), pem(tmp_path, ca)
    assert pool.session(Tls(), Reach()) is pool.session(Tls(), Reach())
    assert pool.session(Tls(ca=trusted), Reach()) is pool.session(Tls(ca=trusted), Reach())
    assert pool.session(Tls(ca=trusted), Reach()) is not pool.session(Tls(), Reach())
    await pool.aclose()


async def test_tls_files_that_change_are_read_again_and_the_connections_of_before_are_closed(
    ca: trustme.CA, tmp_path: Path
) -> None:
    pool, other, changes = ClientPool(loopback), trustme.CA(), iter(range(1, 9))

    def becomes(content: bytes) -> str:
        file = tmp_path / "ca.pem"
        file.write_bytes(content)
        os.utime(file, (0, next(changes)))  # the clock of files may not have moved between two of ours
        return str(file)

    tls = Tls(ca=becomes(ca.cert_pem.bytes()))
    async with (
        RawServer(sends(), tls=serving(ca, "localhost")) as old,
        RawServer(sends(), tls=serving(other, "localhost")) as new,
    ):
        before, after = (pool.site(PolledSite("a", source_at(one, tls), (), 5, 5, 15)) for one in (old, new))
        assert await before.get_json("/x") == {"a": 1}
        await fails(after, Unreachable, "certificate is not accepted")
        becomes(b"half of it")
        await fails(after, Refused, "cannot use a certificate file of")
        becomes(other.cert_pem.bytes())
        assert await after.get_json("/x") == {"a": 1}
        await fails(before, Unreachable, "certificate is not accepted")

        assert old.open == 1  # somebody might still wait for an answer on it
        becomes(other.cert_pem.bytes())
        assert await after.get_json("/x") == {"a": 1}
        await old.until_open(0)
        assert new.open == 2
        await pool.aclose()
        await new.until_open(0)


def source_at(server: RawServer, tls: Tls) -> Source:
    return Source(kind="test", url=server.url, tls=tls)


async def test_closing_the_pool_closes_every_connection(ca: trustme.CA, tmp_path: Path) -> None:
    pool = ClientPool(loopback)
    async with RawServer(sends()) as plain, RawServer(sends(), tls=serving(ca, "localhost")) as secure:
        for server, tls in ((plain, Tls()), (secure, Tls(ca=pem(tmp_path, ca)))):
            source = Source(kind="test", url=server.url, tls=tls)
            await pool.site(PolledSite("a", source, (), interval=5, timeout=5, max_age=15)).get_json("/x")
        assert (plain.open, secure.open) == (1, 1)
        await pool.aclose()
        await plain.until_open(0)
        await secure.until_open(0)


def self_signed(folder: Path, password: bytes | None = None) -> tuple[str, str]:

    made = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, made.public_key(), 1, NOW - DAY, NOW + DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    cert, key = folder / "self.pem", folder / "self.key"
    cert.write_bytes(builder.sign(made, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock),
    )
    return str(cert), str(key)
