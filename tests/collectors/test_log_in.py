"""Keys in the query and log-in forms over real HTTP: sent where they belong, renewed when refused, shown nowhere."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qs, quote, quote_plus

import httpx
import pytest
from aiohttp import web

from collectors.answers import Answer
from collectors.base import CollectError, Refused, Unreadable
from collectors.client import ClientPool, SiteClient
from collectors.tokens import GRANTS, TokenSignIn
from suanli.model.polled import PolledSite
from suanli.model.site import AUTH_KINDS, Auth, Source
from tests.collectors.raw_server import Answer as Reply
from tests.collectors.raw_server import RawServer, hangs_up, sends, sends_bytes
from tests.reaching import loopback

SECRET = 's3cr3t/密 &"key"=1'
SESSION = "session-0123456789abcdef"


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool(loopback)
    yield pool
    await pool.aclose()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    return file


def door(pool: ClientPool, address: str, **auth: Any) -> SiteClient:
    source = Source(kind="test", url=address, auth=Auth.model_validate(auth))
    found = pool.site(PolledSite("a", source, (), interval=5, timeout=5, max_age=15))
    assert isinstance(found, SiteClient)
    return found


def written(file: Path, text: str) -> None:
    """Outside of the tests that are asynchronous: they must not block."""
    file.write_text(text)


def with_key(pool: ClientPool, url: str, secret: Path) -> SiteClient:
    return door(pool, url, kind="query", parameter="api key", token={"file": str(secret)})


def test_the_docs_tell_every_kind_with_what_it_takes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "signing-in.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in text.splitlines() if line.startswith("| `")]

    told = {kind.strip("`"): (words(needs), words(more)) for kind, needs, more in rows}
    assert told == AUTH_KINDS
    assert tuple(told) == get_args(Auth.model_fields["kind"].annotation)


def words(cell: str) -> tuple[str, ...]:
    return tuple(word.strip("` ") for word in cell.split(",") if word.strip())


# --- a key in the query ---


async def test_a_key_goes_into_the_query_beside_what_is_asked(pool: ClientPool, secret: Path) -> None:
    async with RawServer(sends()) as server:
        site = with_key(pool, server.url, secret)
        await site.get_json("/x", {"query": "a+b&c"})
        assert server.query == {"query": ["a+b&c"], "api key": [SECRET]}
        await site.get_json("/x?all=1&api+key=old")
        assert server.query == {"all": ["1"], "api key": [SECRET]}
        assert server.header("authorization") is None
        written(secret, "another, longer key")
        await site.get_json("/x", {"query": "a+b&c"})
        assert server.query == {"query": ["a+b&c"], "api key": ["another, longer key"]}


async def test_a_key_goes_along_with_a_redirect(pool: ClientPool, secret: Path) -> None:
    async with RawServer(sends(b"", "302 Found", Location="/there?b=2"), sends(b"3")) as server:
        assert await with_key(pool, server.url, secret).get_json("/x") == 3
        assert server.query == {"b": ["2"], "api key": [SECRET]}


async def test_a_key_that_no_url_can_carry_is_refused(pool: ClientPool, secret: Path) -> None:
    written(secret, "k" * 70_000)
    async with RawServer(sends()) as server:
        with pytest.raises(Refused, match="longer than a URL may be") as caught:
            await with_key(pool, server.url, secret).get_json("/x")
        assert not server.requests
    assert "kkk" not in str(caught.value)


CODED = quote(SECRET, safe="").encode()
ECHOES = [
    sends(CODED, "500 Oops"),
    sends(b'{"error": "GET /x?api+key=' + quote_plus(SECRET).encode() + b' is not allowed"}', "401 Unauthorized"),
    sends(SECRET.encode(), "404 Not Found"),
    sends(b"not JSON " + SECRET.encode()),
    sends(b"", "302 Found", Location=f"/{CODED.decode()}/x"),
    sends(b"", "307 Moved", Location=f"http://{CODED.decode()[:6]}.example/?{CODED.decode()}"),
    sends(b"", "307 Moved", Location=f"http://[{CODED.decode()}/"),
    sends_bytes(CODED + b"\r\n\r\n"),
    sends_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + CODED),
    hangs_up,
]


@pytest.mark.parametrize("answer", ECHOES)
async def test_a_key_in_the_query_is_never_told(
    pool: ClientPool, secret: Path, answer: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with RawServer(answer, answer, answer, answer, sends(b"{", "404 Not Found")) as server:
        site = with_key(pool, server.url, secret)
        with pytest.raises(CollectError) as caught:
            await site.get_json("/x", {"n": "1"})
        assert server.query["api key"] == [SECRET]
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(site) + caplog.text
    for form in (SECRET, CODED.decode(), quote_plus(SECRET), repr(SECRET)[1:-1]):
        assert form not in told


async def test_nobody_at_the_address_is_told_without_the_key(pool: ClientPool, secret: Path) -> None:
    async with RawServer(sends()) as server:
        url = server.url
    with pytest.raises(CollectError) as caught:
        await with_key(pool, url, secret).get_json("/x")
    assert "?" not in str(caught.value).partition(":")[2].partition(": ")[0]
    assert "s3cr3t" not in str(caught.value)


# --- a log-in form ---


class Console:
    """A web console as browsers know it: a form, a session in a cookie, and a way to the form once that is over.

    over: how it says that a session is over. forgets: whether each is over at once.
    """

    def __init__(self, over: str = "way") -> None:
        self.over, self.password, self.forgets = over, SECRET, False
        self.log_ins: list[dict[str, str]] = []
        self.sessions: set[str] = set()
        self.asked = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/login", self._log_in)
        app.router.add_get("/login", self._form)
        app.router.add_get("/api/compute", self._compute)
        return app

    async def _form(self, _request: web.Request) -> web.Response:
        return web.Response(text="<form>Log in</form>", content_type="text/html")

    async def _log_in(self, request: web.Request) -> web.Response:
        self.log_ins.append({name: str(value) for name, value in (await request.post()).items()})
        if self.log_ins[-1]["password"] != self.password:
            return await self._form(request)
        session = f"{SESSION}-{len(self.log_ins)}"
        self.sessions |= set() if self.forgets else {session}
        answer = web.Response(status=302, headers={"Location": "/"})
        answer.set_cookie("sid", session, path="/api", httponly=True)
        answer.set_cookie("lang", "zh")
        answer.del_cookie("old")
        return answer

    async def _compute(self, request: web.Request) -> web.Response:
        self.asked += 1
        if request.cookies.get("sid") in self.sessions:
            return web.json_response({"cookies": dict(request.cookies)})
        if self.over == "way":
            return web.Response(status=302, headers={"Location": "/login"})
        if self.over == "page":
            return await self._form(request)
        return web.Response(status=int(self.over), text=f"{request.cookies} is over")


@pytest.fixture
async def console() -> AsyncIterator[tuple[Console, str]]:
    console = Console()
    runner = web.AppRunner(console.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield console, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def logged_in(pool: ClientPool, url: str, secret: Path, clock: list[float], **more: str) -> SiteClient:
    auth = {"kind": "form", "url": f"{url}/login", "user": "monitor", "password": {"file": str(secret)}} | more
    site = door(pool, f"{url}/api", **auth)
    site.sign_in = TokenSignIn(Auth.model_validate(auth), GRANTS["form"], lambda: clock[0])  # with the test's clock
    return site


async def test_the_form_is_posted_once_and_its_cookies_are_kept(
    pool: ClientPool, console: tuple[Console, str], secret: Path
) -> None:
    server, url = console
    site = logged_in(pool, url, secret, [0.0])

    found = await asyncio.gather(*(site.get_json("/compute") for _ in range(10)))
    found += [await site.get_json("/compute")]

    assert found == [{"cookies": {"sid": f"{SESSION}-1", "lang": "zh"}}] * 11
    assert server.log_ins == [{"username": "monitor", "password": SECRET}]


@pytest.mark.parametrize("over", ["way", "page", "401", "403", "440"])
async def test_a_session_that_is_over_is_renewed_once(
    pool: ClientPool, console: tuple[Console, str], secret: Path, over: str
) -> None:
    server, url = console
    server.over, clock = over, [0.0]
    site = logged_in(pool, url, secret, clock)
    await site.get_json("/compute")
    server.sessions.clear()
    clock[0] = 3600.0

    found = await asyncio.gather(*(site.get_json("/compute") for _ in range(10)))

    assert found == [{"cookies": {"sid": f"{SESSION}-2", "lang": "zh"}}] * 10
    assert len(server.log_ins) == 2


@pytest.mark.parametrize(
    ("over", "kind", "words"),
    [
        ("way", Refused, "answered 302 Found; sent elsewhere, as to a log-in page"),
        ("page", Unreadable, "the answer is not JSON: <form>"),
        ("401", Refused, "the credentials are not accepted"),
        ("403", Refused, "the credentials do not suffice"),
    ],
)
async def test_a_console_that_refuses_for_good_is_not_logged_in_to_by_each_poll(
    pool: ClientPool, console: tuple[Console, str], secret: Path, over: str, kind: type[CollectError], words: str
) -> None:
    server, url = console
    server.over, server.forgets, clock = over, True, [0.0]
    site = logged_in(pool, url, secret, clock)
    for at in range(0, 1200, 60):
        clock[0] = float(at)
        with pytest.raises(kind, match=words) as caught:
            await site.get_json("/compute")
        assert SESSION not in str(caught.value)
    assert len(server.log_ins) == 4  # one in five minutes


async def test_a_wrong_password_is_not_tried_by_each_poll_and_a_new_one_at_once(
    pool: ClientPool, console: tuple[Console, str], secret: Path
) -> None:
    server, url = console
    written(secret, "wr0ng password")
    clock = [0.0]
    site = logged_in(pool, url, secret, clock)
    for at in range(0, 600, 60):
        clock[0] = float(at)
        with pytest.raises(Refused, match="the log-in gave no cookie: check the site's auth") as caught:
            await site.get_json("/compute")
        assert "wr0ng" not in str(caught.value)
    assert (len(server.log_ins), server.asked) == (2, 0)

    written(secret, SECRET)
    await site.get_json("/compute")
    assert len(server.log_ins) == 3


async def test_the_fields_may_have_other_names(pool: ClientPool, console: tuple[Console, str], secret: Path) -> None:
    server, url = console
    site = logged_in(pool, url, secret, [0.0], user_field="j_user", password_field="password")

    await site.get_json("/compute")

    assert server.log_ins == [{"j_user": "monitor", "password": SECRET}]


class Posted:
    """A fake of a console's answers to the form, for what a real one says only by chance."""

    def __init__(self, *cookies: str, status: int = 200, body: bytes = b"") -> None:
        headers = httpx.Headers([("Set-Cookie", cookie) for cookie in cookies])
        self.answer = Answer(status, headers, body)
        self.asked: list[bytes] = []

    async def __call__(self, _url: str, _headers: Mapping[str, str], content: bytes) -> Answer:
        self.asked.append(content)
        return self.answer


def form(secret: Path, clock: list[float]) -> TokenSignIn:
    auth = {"kind": "form", "url": "https://c.example/login", "user": "li", "password": {"file": str(secret)}}
    return TokenSignIn(Auth.model_validate(auth), GRANTS["form"], lambda: clock[0])


async def test_a_cookie_that_says_how_long_it_lives_is_renewed_before(secret: Path) -> None:
    clock, posted = (
        [0.0],
        Posted("a=1; Max-Age=100; Path=/", "b=x=y;max-age=1000", "gone=; Max-Age=0", "c=z; Max-Age=-1"),
    )
    door = form(secret, clock)

    for at in (0.0, 79.9, 80.0, 80.1):
        clock[0] = at
        assert await door.headers(posted) == {b"Cookie": b"a=1; b=x=y"}
    assert len(posted.asked) == 2
    assert parse_qs(posted.asked[0].decode()) == {"username": ["li"], "password": [SECRET]}


async def test_a_session_is_never_shown_and_a_language_may_be(secret: Path) -> None:
    door = form(secret, [0.0])
    await door.headers(Posted(f"sid={SESSION}", "lang=zh"))

    told = door.hide(f"zh {SESSION} sid={SESSION}; lang=zh {SECRET} {quote_plus(SECRET)}")
    assert told == "zh *** *** *** ***"


@pytest.mark.parametrize(
    ("posted", "kind", "words"),
    [
        (Posted(status=401, body=SECRET.encode()), Refused, r"answered 401; \*\*\*; check the site's auth"),
        (Posted(status=500, body=SECRET.encode()), Unreadable, r"answered 500; \*\*\*"),
        (Posted("sid=; Max-Age=0"), Refused, "gave no cookie"),
        (Posted("sid=a\x07b"), Refused, "characters that no header can carry"),
    ],
)
async def test_a_log_in_that_fails_is_told_without_the_password(
    secret: Path, posted: Posted, kind: type[CollectError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        await form(secret, [0.0]).headers(posted)
    assert "s3cr3t" not in str(caught.value)


async def test_a_console_that_fails_is_asked_again_at_once(secret: Path) -> None:
    clock, door = [0.0], form(secret, [0.0])
    broken, whole = Posted(status=503), Posted("sid=1")

    with pytest.raises(Unreadable):
        await door.headers(broken)
    clock[0] = 1.0
    assert await door.headers(whole) == {b"Cookie": b"sid=1"}
