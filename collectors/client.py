"""The one HTTP client: a transport per TLS setting, shared by its sites, and a door per site.

Requests are built once and given straight to the transport: the layers of httpx.AsyncClient above it would double
the cost of a poll (docs/decisions/0002-http-transport.md).
"""

from __future__ import annotations

import base64
import os
import ssl
import zlib
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import dumps
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import aiohttp
import httpx
import orjson
from aiohttp.abc import AbstractResolver
from httpx_aiohttp import AiohttpTransport
from pydantic import JsonValue

from collectors.base import CollectError, NotFound, Refused, Unreachable, Unreadable
from suanli.model.errors import InputError
from suanli.model.polled import PolledSite
from suanli.model.secret import SecretRef
from suanli.model.site import Auth, Tls

MAX_BODY = 32 << 20
"""Bytes of a decoded answer."""
_CONNECT_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 330.0  # outlives a poll interval of five minutes
_MAX_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_KEPT_REQUESTS = 100
_SHOWN = 120
_Key = tuple[str, tuple[tuple[str, str], ...] | None]
_ADVICE = {
    401: "the credentials are not accepted: check the site's auth",
    403: "the credentials do not suffice: ask the API's operator for the right to read",
    404: "there is nothing at this path: check the site's url and settings",
    407: "a proxy stands in between: give the url of the API itself",
    429: "we ask too often: raise the site's interval",
}


class ClientPool:
    """Owns the connections. resolver: how names become addresses, the system's way if None."""

    def __init__(self, *, max_body: int = MAX_BODY, resolver: AbstractResolver | None = None) -> None:
        self._max_body, self._resolver = max_body, resolver
        self._transports: dict[Tls, AiohttpTransport] = {}

    def site(self, site: PolledSite) -> SiteClient:
        """The door to one site; nothing is opened or read before it is used."""
        return SiteClient(site, self.transport, self._max_body)

    def transport(self, tls: Tls) -> AiohttpTransport:
        """The transport of this TLS setting; its files are read once. Refused if one of them cannot be used."""
        if tls not in self._transports:
            self._transports[tls] = AiohttpTransport(client=_session(_ssl_context(tls), self._resolver))
        return self._transports[tls]

    async def aclose(self) -> None:
        """Close every connection."""
        while self._transports:
            await self._transports.popitem()[1].aclose()


class SiteClient:
    """`collectors.base.Http` for one site."""

    def __init__(self, site: PolledSite, transport: Callable[[Tls], AiohttpTransport], max_body: int) -> None:
        self._url, self._tls = site.source.url, site.source.tls
        self._credentials = _Credentials(site.source.auth)
        self._transport, self._max_body = transport, max_body
        self._headers: Mapping[bytes, bytes] = {}
        self._kept: dict[_Key, httpx.Request] = {}

    async def get_json(self, path: str, params: Mapping[str, str] | None = None) -> JsonValue:
        """The decoded answer of GET url + path; raises Unreachable, Refused or Unreadable."""
        request = self._request(path, params)
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._ask(request)
            if answer.status not in _MOVED:
                return self._believed(request, answer)
            request = self._moved(request, answer)
        raise Refused(f"{_where(request)}: redirected more than {_MAX_REDIRECTS} times: check the site's url")

    def _request(self, path: str, params: Mapping[str, str] | None) -> httpx.Request:
        headers = self._credentials.headers()
        if headers is not self._headers or len(self._kept) >= _KEPT_REQUESTS:
            self._headers, self._kept = headers, {}
        key = (path, tuple(params.items()) if params is not None else None)
        if key not in self._kept:
            self._kept[key] = self._built(path, params)
        return self._kept[key]

    def _built(self, path: str, params: Mapping[str, str] | None) -> httpx.Request:
        # The slash is ours: a path like "@elsewhere/" must not turn the site's host into a user's name.
        url = f"{self._url.rstrip('/')}/{path.lstrip('/')}" if path else self._url
        try:
            return _get(httpx.URL(url) if params is None else httpx.URL(url, params=dict(params)), self._headers)
        except httpx.InvalidURL as error:
            raise Refused(f"not a URL: {self._url} with path {_clean(path)}: {error}") from None

    async def _ask(self, request: httpx.Request) -> _Answer:
        transport = self._transport(self._tls)
        try:
            response = await transport.handle_async_request(request)
            try:
                return _Answer(response.status_code, response.headers, await _body(response, self._max_body))
            finally:
                await response.aclose()
        except CollectError as error:
            raise type(error)(f"{_where(request)}: {error}") from None
        except (httpx.HTTPError, aiohttp.ClientError, OSError, ValueError) as error:
            cause = error.__cause__ if isinstance(error, httpx.HTTPError) else None
            raise _fault(_where(request), cause or error) from None

    def _moved(self, request: httpx.Request, answer: _Answer) -> httpx.Request:
        """The request for where we are sent; never to another host, which must not get our credentials."""
        try:
            url = request.url.join(answer.headers.get("location", ""))
        except httpx.InvalidURL:
            raise Unreadable(f"{_where(request)}: redirected to something that is not a URL") from None
        if (_origin(url), url.userinfo) != (_origin(request.url), b""):
            target = self._credentials.hide(_origin(url))
            raise Refused(f"{_where(request)}: redirected to {target}: if that is right, make it the site's url")
        return _get(url, self._headers)

    def _believed(self, request: httpx.Request, answer: _Answer) -> JsonValue:
        if not 200 <= answer.status < 300:
            raise self._declined(request, answer)
        if not answer.body.strip():
            raise Unreadable(f"{_where(request)}: answered {answer.status} with nothing in it")
        try:
            return cast(JsonValue, orjson.loads(answer.body))
        except orjson.JSONDecodeError:
            raise Unreadable(f"{_where(request)}: the answer is not JSON: {self._said(answer)}") from None

    def _declined(self, request: httpx.Request, answer: _Answer) -> CollectError:
        kind = NotFound if answer.status == 404 else Refused if 400 <= answer.status < 500 else Unreadable
        told = f"{_where(request)}: answered {answer.status} {httpx.codes.get_reason_phrase(answer.status)}".rstrip()
        parts = filter(None, (told, _ADVICE.get(answer.status), self._said(answer)))
        return kind("; ".join(parts), _retry_after(answer.headers))

    def _said(self, answer: _Answer) -> str:
        """What the body says, in brief; an API may repeat the token that it does not like."""
        return _clean(self._credentials.hide(_gist(answer.body)))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)


class _Credentials:
    """The headers that tell an API who we are; made again when a variable or a file has changed."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._stamp: object = None
        self._headers: Mapping[bytes, bytes] = {}
        self._hidden: tuple[str, ...] = ()

    def headers(self) -> Mapping[bytes, bytes]:
        """The same object until something changes; Refused if a secret is missing or cannot be sent."""
        ref = self._auth.password or self._auth.token
        if ref is not None and (stamp := _stamp(ref)) != self._stamp:
            self._take(_revealed(ref))
            self._stamp = stamp
        return self._headers

    def hide(self, text: str) -> str:
        for form in self._hidden:
            text = text.replace(form, "***")
        return text

    def _take(self, secret: str) -> None:
        headers = _auth_headers(self._auth, secret)
        if not all(value.isprintable() for value in headers.values()):
            raise Refused("a user's name or secret holds characters that no header can carry (a line end within?)")
        self._headers = {name.encode(): value.encode() for name, value in headers.items()}
        escaped = (dumps(secret)[1:-1], orjson.dumps(secret).decode()[1:-1], quote(secret, safe=""))
        forms = {secret, _basic(self._auth.user or "", secret), *escaped}
        self._hidden = tuple(sorted(forms, key=len, reverse=True))


def _auth_headers(auth: Auth, secret: str) -> dict[str, str]:
    user = auth.user or ""
    match auth.kind:
        case "basic":
            return {"Authorization": f"Basic {_basic(user, secret)}"}
        case "bearer":
            return {"Authorization": f"Bearer {secret}"}
        case "slurm":
            return {"X-SLURM-USER-NAME": user, "X-SLURM-USER-TOKEN": secret}
        case _:
            return {auth.header: secret} if auth.header else {}


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def _stamp(ref: SecretRef) -> object:
    """Changes whenever the secret may have changed; costs no reading of a file."""
    if ref.file is None:
        return os.environ.get(ref.env or "", "")
    try:
        found = os.stat(ref.file)
    except OSError:
        return object()  # never equal: `reveal` says what is wrong
    return found.st_mtime_ns, found.st_size, found.st_ino


def _revealed(ref: SecretRef) -> str:
    try:
        return ref.reveal().get_secret_value()
    except InputError as error:
        raise Refused(str(error)) from None


def _get(url: httpx.URL, auth: Mapping[bytes, bytes]) -> httpx.Request:
    # Only gzip is asked for, because only its size is watched while it is unpacked.
    headers = {b"Accept": b"application/json", b"Accept-Encoding": b"gzip", b"User-Agent": b"suanli"}
    return httpx.Request("GET", url, headers={**headers, **auth}, extensions={"timeout": {"pool": _CONNECT_SECONDS}})


def _ssl_context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        if tls.ca:
            # What the operator names is the anchor, be it a root, an intermediate or the server's own certificate,
            # and old in-house authorities leave out extensions that newer Pythons insist on.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key, password="")  # or OpenSSL asks on the terminal
    except OSError as error:
        files = ", ".join(filter(None, (tls.ca, tls.cert, tls.key)))
        raise Refused(f"cannot use a certificate file of {files}: {error.strerror or 'not PEM'}") from None
    return context


def _session(context: ssl.SSLContext, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=context, limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS, resolver=resolver)
    once = aiohttp.TraceConfig()
    once.on_connection_create_start.append(_one_new_connection)
    return aiohttp.ClientSession(
        connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[once]
    )


async def _one_new_connection(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    """aiohttp asks again whenever a connection died before the answer: right if it was kept alive, else a repeat."""
    if hasattr(context, "made"):
        raise aiohttp.ServerDisconnectedError
    context.made = True


async def _body(response: httpx.Response, limit: int) -> bytes:
    """The body, unpacked; never holds more than `limit` bytes and one chunk."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip", ""):
        raise Unreadable(f"the answer is packed as {_clean(coding)}, which was not asked for")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in coding else None
    parts, size = [], 0
    async for chunk in cast(AsyncIterable[bytes], response.stream):
        part = _unpacked(unpack, chunk, limit + 1 - size) if unpack else chunk
        parts.append(part)
        size += len(part)
        if size > limit:
            raise Unreadable(f"the answer is larger than {limit / 1048576:g} MiB: ask for less, or raise the limit")
    if unpack and parts and not unpack.eof:
        raise Unreadable("the answer was cut off")
    return b"".join(parts)


def _unpacked(unpack: Any, chunk: bytes, room: int) -> bytes:
    try:
        return cast(bytes, unpack.decompress(chunk, room))
    except zlib.error:
        raise Unreadable("the answer says that it is gzip and is not") from None


_FAULTS: tuple[tuple[type[BaseException], type[CollectError], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, Unreachable, "the certificate is not accepted: check tls.ca and url"),
    (aiohttp.ClientConnectorDNSError, Unreachable, "the name has no address: check url and the name servers"),
    (aiohttp.ClientSSLError, Unreachable, "no TLS there, or none that we share: check http or https in url"),
    (aiohttp.ClientConnectorError, Unreachable, "no connection: is the service up, and the port open to us?"),
    (aiohttp.ConnectionTimeoutError, Unreachable, f"no connection within {_CONNECT_SECONDS:g} s: down, or a firewall"),
    (aiohttp.ClientConnectionError, Unreachable, "the connection was closed before an answer: check http or https"),
    (aiohttp.ClientPayloadError, Unreadable, "the answer was cut off"),
    (aiohttp.ClientResponseError, Unreadable, "the answer is not HTTP, or has headers beyond measure"),
    (OSError, Unreachable, "the connection failed"),
)


def _fault(where: str, cause: BaseException) -> CollectError:
    """By type alone; the cause's own text is not shown, as it may quote what was sent or received."""
    for kind, outcome, text in _FAULTS:
        if isinstance(cause, kind):
            return outcome(": ".join(filter(None, (where, text, _detail(cause)))))
    return Unreachable(f"{where}: could not be asked ({type(cause).__name__})")


def _detail(cause: BaseException) -> str:
    inner = getattr(cause, "certificate_error", None) or getattr(cause, "os_error", None) or cause
    number = getattr(inner, "errno", None)
    said = getattr(inner, "verify_message", "") or getattr(inner, "reason", "")
    return _clean(str(said or (os.strerror(number) if isinstance(number, int) and number > 0 else "")))


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds; a date counts from the server's own clock, which may not agree with ours."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    then, now = _date(text), _date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (then - now).total_seconds()) if then else None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _gist(body: bytes) -> str:
    """What an answer complains of: the first of the usual keys of a JSON object, or else all of the text."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    for key in ("errors", "error", "message", "detail") if isinstance(value, dict) else ():
        if found := value.get(key):
            return found if isinstance(found, str) else orjson.dumps(found).decode()
    return body.decode(errors="replace")


def _clean(text: str) -> str:
    """One short line without control characters."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 8 * _SHOWN])
    line = " ".join(shown.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def _where(request: httpx.Request) -> str:
    """Address and path without the query, which may be long."""
    return f"{_origin(request.url)}{request.url.path}"
