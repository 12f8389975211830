"""The one HTTP client: connections per TLS setting and reach, shared by its sites, and a door per site.

Requests are built once and given straight to what carries them: the layers of httpx.AsyncClient above it would double
the cost of a poll (docs/decisions/0002-http-transport.md).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import aiohttp
import httpx
import orjson
from aiohttp.abc import AbstractResolver
from pydantic import JsonValue

from collectors.answers import Answer, clean, fault_of, gist_of, origin_of, retry_after, where
from collectors.base import CollectError, Decode, Gone, NotFound, Refused, Unreadable
from collectors.carrying import exchanged, new_session
from collectors.credentials import Credentials, SignIn
from collectors.exchange import Exchange, Note, unnoted
from collectors.guard import url_fault
from collectors.kubeconfig import Cluster, KnownToken, KubeconfigClient
from collectors.signing import SCHEMES, SESSIONS, SessionSignIn, SigningSignIn
from collectors.tokens import GRANTS, LENT, TokenSignIn
from collectors.trust import Contexts, Pem, Trust
from suanli.model.polled import PolledSite
from suanli.model.reach import Reach
from suanli.model.site import KUBECONFIG, Auth, Source

MAX_BODY = 32 << 20
"""Bytes of a decoded answer."""
_KEEP_ALIVE_SECONDS = 330.0  # outlives a poll interval of five minutes
_MAX_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_KEPT_REQUESTS = 100
_LEAVE_SECONDS = 5.0
_Items = tuple[tuple[str, str], ...] | None
_Key = tuple[str, _Items, _Items, bytes | None]
# Only gzip is asked for, because only its size is watched while it is unpacked.
_USUAL = {b"Accept": b"application/json", b"Accept-Encoding": b"gzip", b"User-Agent": b"suanli"}
_REFUSED: dict[int, type[Refused]] = {404: NotFound, 410: Gone}
_ADVICE = {
    **dict.fromkeys(_MOVED, "sent elsewhere, as to a log-in page: check the site's auth"),
    401: "the credentials are not accepted: check the site's auth",
    403: "the credentials do not suffice: ask the API's operator for the right to read",
    404: "there is nothing at this path: check the site's url and settings",
    407: "a proxy stands in between: give the url of the API itself",
    429: "we ask too often: raise the site's interval",
}


def _public(_site: str) -> Reach:
    return Reach()


def _nowhere(_source: Source) -> SiteClient:
    raise Refused("a kubeconfig names one server, and no other is asked by it")


class ClientPool:
    """Owns the connections. reach: what a site (by id) may have asked; the public addresses if nothing is said.

    resolver: how names become addresses, the system's way if None.
    """

    def __init__(
        self,
        reach: Callable[[str], Reach] = _public,
        *,
        max_body: int = MAX_BODY,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._reach, self._max_body, self._resolver = reach, max_body, resolver
        self._contexts = Contexts()
        self._sessions: dict[tuple[Trust, Reach], tuple[ssl.SSLContext, aiohttp.ClientSession]] = {}
        self._replaced: dict[tuple[Trust, Reach], aiohttp.ClientSession] = {}
        self._closing: set[asyncio.Future[None]] = set()
        self._lent: dict[tuple[str, str | None, Auth], SiteClient] = {}

    def site(self, site: PolledSite, note: Note = unnoted) -> SiteClient | KubeconfigClient:
        """The door to one site; nothing is opened or read before it is used. note: hears what was asked and came."""
        reach, source = self._reach(site.id), site.source
        if source.auth.kind != KUBECONFIG:
            return self._door(site.id, reach, note, source)
        door, retire = partial(self._door_by, reach, note, source), partial(self._retire, reach)
        return KubeconfigClient(site.id, source.auth, door, retire)

    def _door_by(self, reach: Reach, note: Note, source: Source, cluster: Cluster) -> SiteClient:
        """To the cluster that a kubeconfig names; its server is looked at by the guard as any other."""
        session = partial(self.session, cluster.pem, reach)
        named = source.model_copy(update={"url": cluster.server})
        return SiteClient(named, reach, session, self._max_body, KnownToken(cluster), _nowhere, note)

    async def _retire(self, reach: Reach, pem: Pem) -> None:
        self._contexts.forget(pem)
        if known := self._sessions.pop((pem, reach), None):
            await known[1].close()

    def _door(self, site: str, reach: Reach, note: Note, source: Source) -> SiteClient:
        """A site that is registered anew goes on with what it was lent: there is little of it to be had."""
        before = self._lent.get((site, source.url, source.auth))
        sign_in = before.sign_in if before else _sign_in(source)
        session, at = partial(self.session, source.tls, reach), partial(self._door, site, reach, note)
        door = SiteClient(source, reach, session, self._max_body, sign_in, at, note)
        if source.auth.kind in LENT:
            self._lent[site, source.url, source.auth] = door
        return door

    def session(self, trust: Trust, reach: Reach) -> aiohttp.ClientSession:
        """The connections of this TLS setting, the same until a file of it changes. Refused if one cannot be used.

        Sites of different reach share none: a connection that one may have, another would find open.
        """
        context = self._contexts.of(trust)
        known = self._sessions.get((trust, reach))
        if known is not None and known[0] is context:
            return known[1]
        if known is not None:
            self._replace((trust, reach), known[1])
        session = new_session(context, reach, self._resolver)
        self._sessions[trust, reach] = context, session
        return session

    def _replace(self, key: tuple[Trust, Reach], session: aiohttp.ClientSession) -> None:
        """Somebody may still wait for an answer of it: it is closed when the next one is replaced."""
        oldest, self._replaced[key] = self._replaced.get(key), session
        if oldest is not None:
            closing = asyncio.ensure_future(oldest.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Give back what we were lent, as far as it is taken back soon, and close every connection."""
        doors, self._lent = self._lent, {}
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await asyncio.gather(*(door.leave() for door in doors.values()))
        await asyncio.gather(*self._closing)
        while self._replaced:
            await self._replaced.popitem()[1].close()
        while self._sessions:
            await self._sessions.popitem()[1][1].close()


class SiteClient:
    """`collectors.base.Http` for one address of a site. at: makes the door of the site to another one."""

    def __init__(
        self,
        source: Source,
        reach: Reach,
        session: Callable[[], aiohttp.ClientSession],
        max_body: int,
        sign_in: SignIn,
        at: Callable[[Source], SiteClient],
        note: Note,
    ) -> None:
        self._source, self._url, self._reach, self._at = source, source.url or "", reach, at
        self.sign_in, self._note = sign_in, note
        self._session, self._max_body = session, max_body
        self._headers: Mapping[bytes, bytes] = {}
        self._kept: dict[_Key, httpx.Request] = {}

    async def get_json(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        decode: Decode = orjson.loads,
    ) -> JsonValue:
        """The decoded answer of GET url + path; raises Unreachable, Refused or Unreadable."""
        request, answer = await self._noted(path, params, headers, None)
        try:
            return self._decoded(request, answer, decode)
        except Unreadable as error:
            raise self._hidden(error) from None

    async def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """The same, undecoded; a POST where there is content."""
        return (await self._noted(path, params, headers, content))[1]

    async def _noted(
        self, path: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None, content: bytes | None
    ) -> tuple[httpx.Request, Answer]:
        """Signed in anew once if the API no longer accepts us; whatever comes is noted."""
        exchange = Exchange("GET" if content is None else "POST", path, dict(params or {}), content, base=self._url)
        try:
            signed = await self.sign_in.headers(self._post)
            request, answer = await self._asked(path, params, headers, content, signed)
            if self.sign_in.refused(answer) and self.sign_in.forget(signed):
                signed = await self.sign_in.headers(self._post)
                request, answer = await self._asked(path, params, headers, content, signed)
            exchange.answer = answer
            self._believed(request, answer)
        except CollectError as error:
            told = self._hidden(error)
            exchange.fault = str(told)
            raise told from None
        finally:
            self._note(exchange)
        return request, answer

    def _hidden(self, error: CollectError) -> CollectError:
        """Once for all: whatever is quoted of URLs and answers may hold a secret, also one of a query."""
        return type(error)(self.sign_in.hide(str(error)), error.retry_after)

    def at(self, url: str) -> SiteClient:
        """The same site's door at another address that its settings name, where it signs in by itself."""
        return self._at(self._source.model_copy(update={"url": url}))

    async def leave(self) -> None:
        """Give back what we were lent. Whoever does not take it ends it after a while by itself."""
        if lent := self.sign_in.lent():
            url, headers = lent
            with suppress(CollectError):
                await self._ask(self._sent("DELETE", url, headers))
            self.sign_in.forget(headers)

    async def _asked(
        self,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        signed: Mapping[bytes, bytes],
    ) -> tuple[httpx.Request, Answer]:
        """What was asked last, and the answer, after redirections."""
        request = self._request(path, params, headers, content, signed)
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._ask(self.sign_in.sealed(request))
            if answer.status not in _MOVED or self.sign_in.refused(answer):
                return request, answer
            request = self._moved(request, answer)
        raise Refused(f"{where(request)}: redirected more than {_MAX_REDIRECTS} times: check the site's url")

    def _request(
        self,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        signed: Mapping[bytes, bytes],
    ) -> httpx.Request:
        if signed is not self._headers or len(self._kept) >= _KEPT_REQUESTS:
            self._headers, self._kept = signed, {}
        key = (path, _items(params), _items(headers), content)
        if key not in self._kept:
            self._kept[key] = self._built(path, params, headers, content)
        return self._kept[key]

    def _built(
        self, path: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None, content: bytes | None
    ) -> httpx.Request:
        # The slash is ours: a path like "@elsewhere/" must not turn the site's host into a user's name.
        url = f"{self._url.rstrip('/')}/{path.lstrip('/')}" if path else self._url
        own = {name.encode(): value.encode() for name, value in (headers or {}).items()}
        sent = {**_USUAL, **self._headers, **own}
        method, signed = "GET" if content is None else "POST", self.sign_in.signed(self._url_of(url, params))
        return httpx.Request(method, signed, headers=sent, content=content)

    def _url_of(self, text: str, params: Mapping[str, str] | None = None) -> httpx.URL:
        try:
            return self._within_reach(httpx.URL(text) if params is None else httpx.URL(text, params=dict(params)))
        except httpx.InvalidURL as error:
            raise Refused(f"not a URL: {clean(text)}: {error}") from None

    def _within_reach(self, url: httpx.URL) -> httpx.URL:
        if fault := url_fault(url, self._reach):
            raise Refused(f"{origin_of(url)}: {fault}")
        return url

    async def _post(self, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """For a sign-in: any status is an answer, and a redirection is none that we follow with a secret in hand."""
        found = {name.encode(): value.encode() for name, value in headers.items()}
        return await self._ask(self._sent("POST", url, found, content))

    def _sent(
        self, method: str, url: str, headers: Mapping[bytes, bytes], content: bytes | None = None
    ) -> httpx.Request:
        return httpx.Request(method, self._url_of(url), headers={**_USUAL, **headers}, content=content)

    async def _ask(self, request: httpx.Request) -> Answer:
        session = self._session()
        try:
            return await exchanged(session, request, self._max_body)
        except CollectError as error:
            raise type(error)(f"{where(request)}: {error}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise fault_of(where(request), error) from None

    def _moved(self, request: httpx.Request, answer: Answer) -> httpx.Request:
        """The request for where we are sent; never to another host, which must not get our credentials."""
        try:
            url = request.url.join(answer.headers.get("location", ""))
        except httpx.InvalidURL:
            raise Unreadable(f"{where(request)}: redirected to something that is not a URL") from None
        if (origin_of(url), url.userinfo) != (origin_of(request.url), b""):
            target = self.sign_in.hide(origin_of(url))
            raise Refused(f"{where(request)}: redirected to {target}: if that is right, make it the site's url")
        if request.method != "GET":
            raise Refused(f"{where(request)}: a POST is redirected: make the place it is sent to the site's url")
        same = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        signed = self.sign_in.signed(self._within_reach(url))
        return httpx.Request("GET", signed, headers=same)

    def _believed(self, request: httpx.Request, answer: Answer) -> None:
        if not 200 <= answer.status < 300:
            raise self._declined(request, answer)
        if not answer.body.strip():
            raise Unreadable(f"{where(request)}: answered {answer.status} with nothing in it")

    def _decoded(self, request: httpx.Request, answer: Answer, decode: Decode) -> JsonValue:
        try:
            return decode(answer.body)
        except orjson.JSONDecodeError:
            raise Unreadable(f"{where(request)}: the answer is not JSON: {self._said(answer)}") from None

    def _declined(self, request: httpx.Request, answer: Answer) -> CollectError:
        refused = _REFUSED.get(answer.status, Refused)
        kind = refused if 400 <= answer.status < 500 or answer.status in _MOVED else Unreadable
        told = f"{where(request)}: answered {answer.status} {httpx.codes.get_reason_phrase(answer.status)}".rstrip()
        parts = filter(None, (told, _ADVICE.get(answer.status), self._said(answer)))
        return kind("; ".join(parts), retry_after(answer.headers))

    def _said(self, answer: Answer) -> str:
        """What the body says, in brief; an API may repeat the token that it does not like."""
        return clean(self.sign_in.hide(gist_of(answer.body)))


def _items(found: Mapping[str, str] | None) -> _Items:
    return None if found is None else tuple(found.items())


def _sign_in(source: Source) -> SignIn:
    auth = source.auth
    if auth.kind in SCHEMES:
        return SigningSignIn(auth, SCHEMES[auth.kind])
    if auth.kind in SESSIONS:
        return SessionSignIn(auth, SESSIONS[auth.kind])
    if auth.kind not in GRANTS:
        return Credentials(auth)
    # What is lent, each address lends for itself.
    own = auth.model_copy(update={"url": source.url}) if auth.kind in LENT else auth
    return TokenSignIn(own, GRANTS[auth.kind])
