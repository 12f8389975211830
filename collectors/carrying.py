"""httpx's requests, carried by aiohttp: httpx says what is asked, aiohttp keeps the connections.

Between the two nothing is made anew for each poll: what aiohttp wants of a request is kept with it, and of an answer
only what is looked at becomes httpx's (docs/decisions/0002-http-transport.md).
"""

from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import NamedTuple

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from collectors.answers import CONNECT_SECONDS, Answer, body
from collectors.guard import GuardedResolver, opener
from suanli.model.reach import Reach

_KEEP_ALIVE_SECONDS = 330.0  # outlives a poll interval of five minutes
_PATIENCE = aiohttp.ClientTimeout(connect=CONNECT_SECONDS)  # of the whole the poller knows more
_KEPT = "carried"
"""The extension of a request in which its form for aiohttp is kept."""


class _Carried(NamedTuple):
    url: URL
    headers: CIMultiDict[str]


def new_session(context: ssl.SSLContext, reach: Reach, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    """Connections that go no further than this reach."""
    connector = aiohttp.TCPConnector(
        ssl=context,
        limit=0,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        resolver=GuardedResolver(reach, resolver),
        socket_factory=opener(reach),
    )
    once = aiohttp.TraceConfig()
    once.on_connection_create_start.append(_one_new_connection)
    return aiohttp.ClientSession(
        connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[once]
    )


async def exchanged(session: aiohttp.ClientSession, request: httpx.Request, limit: int) -> Answer:
    """The whole answer, of at most `limit` bytes; raises aiohttp's errors, OSError, and Unreadable for its body."""
    carried: _Carried = request.extensions.get(_KEPT) or _carried(request)
    async with session.request(
        request.method,
        carried.url,
        headers=carried.headers,
        data=request.content or None,
        allow_redirects=False,
        auto_decompress=False,
        timeout=_PATIENCE,
    ) as response:
        return Answer(response.status, response.raw_headers, await body(response, limit))


def _carried(request: httpx.Request) -> _Carried:
    headers = CIMultiDict(request.headers.multi_items())
    # Encoded as httpx encoded it: what is signed must not be written another way.
    carried = _Carried(URL(str(request.url), encoded=True), headers)
    request.extensions[_KEPT] = carried
    return carried


async def _one_new_connection(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    """aiohttp asks again whenever a connection died before the answer: right if it was kept alive, else a repeat."""
    if hasattr(context, "made"):
        raise aiohttp.ServerDisconnectedError
    context.made = True
