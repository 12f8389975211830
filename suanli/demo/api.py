"""One simulated API: what answers at one address, in one dialect, with the faults of its site."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from suanli.demo.dialects.base import Asked, Dialect, Told
from suanli.demo.state import City

HangUp = Callable[[tuple[str, int]], None]
_GARBAGE = b'{"nodes": [{"name": "\x00\xff\xfe'
_METHODS = ["GET", "POST", "DELETE"]


class SiteApi:
    """A source of a site, or its second signal."""

    def __init__(self, dialect: Dialect, clock: Callable[[], float], hang_up: HangUp) -> None:
        self._dialect, self._clock, self._hang_up = dialect, clock, hang_up

    @property
    def _city(self) -> City:
        return self._dialect.site.city

    def route(self, where: str) -> Route:
        """All that is below the path `where`."""
        return Route(f"{where}/{{path:path}}", self._endpoint, methods=_METHODS)

    async def _endpoint(self, request: Request) -> Response:
        now = self._clock()
        self._city.advance(now)
        return self._fault(now) or self._answer(await _asked(request, now))

    def _fault(self, now: float) -> Response | None:
        match self._city.fault(self._dialect.site.plan.id, now):
            case "error":
                return PlainTextResponse("Internal Server Error", 500)
            case "hang_up":
                return _HangUp(self._hang_up)
            case "garbage":
                return Response(_GARBAGE, media_type="application/json")
        return None

    def _answer(self, asked: Asked) -> Response:
        if not self._dialect.knows(asked):
            return PlainTextResponse("Authentication failure", 401)
        told = self._dialect.told(asked) or Told(b"Not Found", 404, "text/plain")
        return Response(told.body, told.status, told.headers, told.media)


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


async def _asked(request: Request, now: float) -> Asked:
    return Asked(
        request.method,
        str(request.url),
        f"/{request.path_params['path']}",
        request.query_params,
        request.headers,
        await request.body(),
        now,
    )
