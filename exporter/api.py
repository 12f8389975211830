"""HTTP: health, /metrics, the reading API and the page."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from exporter.prometheus import Exposition
from suanli import __version__
from suanli.answers import Asked, GroupBy, rates_answer
from suanli.config import Config
from suanli.listing import site_row
from suanli.model.units import CANONICAL_BASIS, Basis
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Store

_PAGE = Path(str(files("exporter").joinpath("page")))
_LAST = 32_503_680_000  # the year 3000: no calendar ends before it
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Served:
    """What the API shows. unready: why nothing can be recorded now, "" when it can. token: needed to read, if any."""

    store: Store
    outcomes: Outcomes
    exposition: Exposition
    config: Config
    unready: Callable[[], str]
    token: str = ""
    clock: Callable[[], float] = time.time


def make_api(served: Served) -> FastAPI:
    """The application; nothing in it waits for a site or a sink."""
    api = FastAPI(
        title="Suanli", version=__version__, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    _guard(api, served.token)
    _errors(api)
    _health(api, served)
    _reads(api, served)
    api.mount("/page", StaticFiles(directory=_PAGE), name="page")
    return api


def _guard(api: FastAPI, token: str) -> None:
    @api.middleware("http")
    async def guard(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        given = request.headers.get("authorization", "").encode()
        if token and request.url.path != "/healthz" and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            response: Response = _problem(401, "reading needs the token: Authorization: Bearer ...")
        else:
            response = await proceed(request)
        response.headers.update(_HEADERS)
        return response


def _errors(api: FastAPI) -> None:
    @api.exception_handler(HTTPException)
    async def told(_request: Request, error: HTTPException) -> Response:
        return _problem(error.status_code, str(error.detail))

    @api.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        return _problem(422, "; ".join(f"{detail['loc'][-1]}: {detail['msg']}" for detail in error.errors()))


def _problem(status: int, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


def _health(api: FastAPI, served: Served) -> None:
    @api.get("/healthz", response_class=PlainTextResponse)
    async def healthz() -> str:
        """The process is alive."""
        return "alive\n"

    @api.get("/readyz", response_class=PlainTextResponse)
    async def readyz() -> str:
        """Samples can be recorded."""
        if why := served.unready():
            raise HTTPException(503, why)
        return "ready\n"

    @api.get("/metrics")
    def metrics(request: Request) -> Response:
        """Prometheus text or OpenMetrics, by Accept."""
        body, kind = served.exposition.page(request.headers.get("accept", ""), int(served.clock()))
        return Response(body, media_type=kind)


def _reads(api: FastAPI, served: Served) -> None:
    @api.get("/api/v1/rates")
    def rates(
        at: int | None = Query(None, ge=0, le=_LAST, description="UTC seconds; now when left out"),
        by: GroupBy = "site",
        basis: Basis = CANONICAL_BASIS,
    ) -> JSONResponse:
        """Sums and rates of the fleet and its groups."""
        now = int(served.clock())
        states = served.store.states_now(now) if at is None else served.store.states(at)
        return JSONResponse(rates_answer(states, Asked(now if at is None else at, now, by, basis), served.config))

    @api.get("/api/v1/sites")
    async def sites() -> JSONResponse:
        """The registered sites and how their last poll ended."""
        return JSONResponse({"sites": [site_row(item, served.outcomes) for item in served.store.registry]})

    @api.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_PAGE / "index.html")
