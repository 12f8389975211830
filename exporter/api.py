"""HTTP: health, /metrics, the reading API and the page."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from exporter.comparing_routes import comparing_routes
from exporter.period_routes import rates_routes
from exporter.prometheus import Exposition
from suanli import __version__
from suanli.config import Config
from suanli.listing import site_row
from suanli.model.errors import InputError, SuanliError, Unavailable
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Store

_PAGE = Path(str(files("exporter").joinpath("page")))
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
    rates_routes(api, served.store, served.config, served.clock)
    comparing_routes(api, served)
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

    @api.exception_handler(SuanliError)
    async def answered_no(_request: Request, error: SuanliError) -> Response:
        return _problem(_status(error), str(error))


def _status(error: SuanliError) -> int:
    """A wrong question, a store that is down, or figures that are no longer kept."""
    if isinstance(error, InputError):
        return 422
    return 503 if isinstance(error, Unavailable) else 410


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
    @api.get("/api/v1/sites")
    async def sites() -> JSONResponse:
        """The registered sites and how their last poll ended."""
        return JSONResponse({"sites": [site_row(item, served.outcomes) for item in served.store.registry]})

    @api.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_PAGE / "index.html")
