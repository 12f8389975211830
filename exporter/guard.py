"""Who asks: known by their token before anything is looked at; and what a request may be at most."""

from __future__ import annotations

import asyncio
import hmac
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from exporter.bodies import MOST_BYTES, TOO_LARGE
from exporter.pace import Pace
from exporter.problems import problem, problem_of
from suanli.access import Door, Missing
from suanli.model.access import Principal, Scope, Verb, may, operators_read
from suanli.model.errors import Forbidden, SuanliError
from suanli.model.site import Name

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = "/api/v1/sites, /pools, /capacity, /submissions, /maintenance, /quarantine, /alerts, /rates, /history"
_ANYONE = Principal("", "anyone on this machine", frozenset({Scope("read")}))
_READER = Principal("", "read_token", frozenset({Scope("read")}))


@dataclass(frozen=True, slots=True)
class Guard:
    """read_token: the configured one, "" if none; open_reads: reading needs no token, as only this machine can ask."""

    door: Door
    read_token: str
    open_reads: bool
    clock: Callable[[], float]

    async def principal(self, request: Request) -> Principal:
        """Whose request this is; an AccessError where nobody is let in with what it brings."""
        given = request.headers.get("authorization")
        if given is None:
            if self.open_reads and request.method in _READS:
                return _ANYONE
            raise Missing
        scheme, _, text = given.partition(" ")
        token = text.strip() if scheme.lower() == "bearer" else ""
        if self.read_token and hmac.compare_digest(token.encode(), self.read_token.encode()):
            return _READER
        address = request.client.host if request.client else ""
        return await asyncio.to_thread(self.door.authenticate, token, address, self.clock())


def guarded(api: FastAPI, guard: Guard, pace: Pace) -> None:
    """Nothing of the API is reached but by somebody, nor more often than `pace` lets them.

    `request.state` has `principal` and `request_id`.
    """

    @api.middleware("http")
    async def let_in(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.request_id = uuid.uuid4().hex
        response = await _answered(request, proceed, guard, pace)
        response.headers.update({name: value for name, value in _HEADERS.items() if name not in response.headers})
        response.headers["X-Request-Id"] = request.state.request_id
        return response


async def _answered(
    request: Request, proceed: Callable[[Request], Awaitable[Response]], guard: Guard, pace: Pace
) -> Response:
    if request.url.path == "/healthz":
        return await proceed(request)
    if (size := request.headers.get("content-length", "0")) and size.isdecimal() and int(size) > MOST_BYTES:
        return problem(413, TOO_LARGE)
    if "transfer-encoding" in request.headers:
        return problem(411, "say how long the request is: Content-Length")
    try:
        principal = request.state.principal = await guard.principal(request)
        if principal is not _ANYONE:
            pace.keep(principal, reads=request.method in _READS)
    except SuanliError as error:
        return problem_of(error)
    return await proceed(request)


def who(request: Request) -> Principal:
    """Whose request this is, for a route."""
    principal: Principal = request.state.principal
    return principal


_Operators = Annotated[
    list[Name] | None, Query(description="only the figures of what these operate; all that may be read when left out")
]


def operators(request: Request, operator: _Operators = None) -> frozenset[str] | None:
    """The operators whose figures this request is answered with; None: everybody's. A Forbidden for any other's."""
    principal = who(request)
    own = operators_read(principal)
    asked = None if operator is None else frozenset(operator)
    if own is None:
        return asked
    if not own:
        raise Forbidden(f"{principal.owner} may not read")
    if asked is not None and (foreign := asked - own):
        names = (", ".join(sorted(some)) for some in (own, foreign))
        raise Forbidden("{} reads only what is operated by {}, not by {}".format(principal.owner, *names))
    return own if asked is None else asked


def reader(request: Request) -> Principal:
    """Whose request this is, where the figures of everybody are read."""
    return allowed(request, "read")


def allowed(request: Request, verb: Verb) -> Principal:
    """Whose request this is, if they may do this everywhere."""
    principal = who(request)
    if not may(principal, verb):
        told = f"reads only its own sites: {_OWN}" if verb == "read" else f"may not {verb}"
        raise Forbidden(f"{principal.owner} {told}")
    return principal
