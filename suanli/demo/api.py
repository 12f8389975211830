"""One site's simulated API: its routes, its token, its faults, and the answers kept for as long as nothing moves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from suanli.demo import dialects
from suanli.demo.city import SitePlan
from suanli.demo.metrics import exposition, series_of
from suanli.demo.registry import SLURM_USER
from suanli.demo.state import City, PoolNow

if TYPE_CHECKING:
    from collections.abc import Sequence

Endpoint = Callable[[Request], Awaitable[Response]]
Answer = Callable[[Request, float], Response]
HangUp = Callable[[tuple[str, int]], None]
_Made = TypeVar("_Made")
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
_GARBAGE = b'{"nodes": [{"name": "\x00\xff\xfe'


class SiteApi:
    """What answers under /sites/{id}."""

    def __init__(self, plan: SitePlan, city: City, token: str, clock: Callable[[], float], hang_up: HangUp) -> None:
        self.plan = plan
        self._city, self._token, self._clock, self._hang_up = city, token, clock, hang_up
        pools = city.sites[plan.id]
        self._pools = pools
        self._nodes = _Kept(city, pools, dialects.slurm_nodes)
        self._series = _Kept(city, pools, series_of)

    def routes(self) -> list[Route]:
        """Those of the site's dialect; who is asked by PromQL has a portal too, as a second signal."""
        portal = Route("/api/compute", self._guarded(self._portal))
        if self.plan.kind == "slurm":
            nodes = self._guarded(self._slurm)
            path = f"/slurm/{dialects.SLURM_VERSION}/nodes"
            return [Route(path, nodes), Route(f"{path}/", nodes), Route("/{rest:path}", self._guarded(_slurm_unknown))]
        if self.plan.kind == "prometheus":
            # An exporter's page is open; what is asked of it goes through a proxy that wants a token.
            asked = Route("/api/v1/query", self._guarded(self._query))
            return [asked, Route("/metrics", self._metrics), portal]
        return [portal]

    def _guarded(self, answer: Answer) -> Endpoint:
        """`answer`, unless the site fails now or the caller may not."""

        async def endpoint(request: Request) -> Response:
            now = self._clock()
            self._city.advance(now)
            return self._fault(now) or self._refusal(request) or answer(request, now)

        return endpoint

    def _fault(self, now: float) -> Response | None:
        match self._city.fault(self.plan.id, now):
            case "error":
                return PlainTextResponse("Internal Server Error", 500)
            case "hang_up":
                return _HangUp(self._hang_up)
            case "garbage":
                return Response(_GARBAGE, media_type="application/json")
        return None

    def _refusal(self, request: Request) -> Response | None:
        if self.plan.kind == "slurm":
            known = request.headers.get("x-slurm-user-name") == SLURM_USER
            given = request.headers.get("x-slurm-user-token", "")
        else:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            known = scheme.lower() == "bearer"
        if known and compare_digest(given.encode(), self._token.encode()):
            return None
        return PlainTextResponse("Authentication failure", 401)

    def _slurm(self, _: Request, now: float) -> Response:
        return _json(dialects.slurm_body(self._nodes(), now))

    def _query(self, request: Request, now: float) -> Response:
        promql = request.query_params.get("query", "").strip()
        body = dialects.prometheus_body(self._series(), promql, now)
        if body is None:
            return _json(dialects.prometheus_error(f"the simulator does not know the query {promql[:200]!r}"), 400)
        return _json(body)

    def _portal(self, _: Request, now: float) -> Response:
        return _json(dialects.portal_body(self._pools, now))

    async def _metrics(self, _: Request) -> Response:
        self._city.advance(self._clock())
        return Response(exposition(self._series()), media_type=_EXPOSITION)


class _Kept(Generic[_Made]):
    """What was made of the pools, until they move."""

    def __init__(self, city: City, pools: Sequence[PoolNow], make: Callable[[Sequence[PoolNow]], _Made]) -> None:
        self._city, self._pools, self._make = city, pools, make
        self._made: tuple[int, _Made] | None = None

    def __call__(self) -> _Made:
        if self._made is None or self._made[0] != self._city.version:
            self._made = (self._city.version, self._make(self._pools))
        return self._made[1]


class _HangUp(Response):
    """No answer: the connection is closed."""

    def __init__(self, hang_up: HangUp) -> None:
        super().__init__()
        self._close = hang_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        self._close(tuple(scope["client"]))
        # Returning before the server has noticed would make it answer 500.
        while (await receive())["type"] != "http.disconnect":
            pass


def _slurm_unknown(_: Request, __: float) -> Response:
    return PlainTextResponse(dialects.SLURM_UNKNOWN, 404)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
