"""HTTP: health, /metrics, the reading API, the registry's desk and the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from exporter.alert_routes import alert_routes
from exporter.bodies import PackedJson, StrictJson
from exporter.comparing_routes import comparing_routes
from exporter.described import EVERYWHERE, described, told
from exporter.desk import Desk
from exporter.filters import known_only
from exporter.guard import Guard, guarded, reader
from exporter.held_routes import held_routes
from exporter.pace import Pace
from exporter.packing import accepts_gzip
from exporter.period_routes import rates_routes
from exporter.problems import problems_told
from exporter.prometheus import Exposition
from exporter.push_routes import push_routes
from exporter.registry_routes import registry_routes
from exporter.token_routes import token_routes
from exporter.trail_routes import trail_routes
from exporter.window_routes import window_routes
from suanli import __version__
from suanli.access import Door
from suanli.config import Config
from suanli.model.rounds import Loop
from suanli.store.sql import Store

_VARY = "Accept, Accept-Encoding"
_PAGE = Path(str(files("exporter").joinpath("page")))


@dataclass(frozen=True, slots=True)
class Served:
    """What the API shows. unready: why nothing can be recorded now, "" when it can. desk: where the registry changes.

    read_token: a token for reading that is configured, "" if none; open_reads: reading needs none. loops: what goes
    round in this process, by name.
    """

    store: Store
    exposition: Exposition
    config: Config
    desk: Desk
    unready: Callable[[], str] = lambda: ""
    read_token: str = ""
    open_reads: bool = True
    loops: Mapping[str, Loop] = field(default_factory=dict)
    clock: Callable[[], float] = time.time


def make_api(served: Served) -> FastAPI:
    """The application; nothing in it waits for a sink, and only a probe waits for a site."""
    api = FastAPI(
        title="Suanli", version=__version__, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    open_reads = served.open_reads and not served.read_token
    rules = served.config.registration
    pace = Pace(rules.writes_per_minute, rules.reads_per_minute)
    guarded(api, Guard(Door(served.store), served.read_token, open_reads, served.clock), pace)
    problems_told(api)
    _alive(api, served.loops)
    known = Depends(known_only)
    registry = APIRouter(route_class=StrictJson, dependencies=[known], responses=told(*EVERYWHERE))
    for routes in (registry_routes, token_routes, trail_routes, window_routes, held_routes, alert_routes):
        routes(registry, served.desk)
    api.include_router(registry)
    pushes = APIRouter(route_class=PackedJson, dependencies=[known], responses=told(*EVERYWHERE))
    push_routes(pushes, served.desk)
    api.include_router(pushes)
    fleet = APIRouter(dependencies=[known, Depends(reader)], responses=told(*EVERYWHERE, 410))
    _health(fleet, served)
    comparing_routes(fleet, served)
    api.include_router(fleet)
    rates = APIRouter(dependencies=[known], responses=told(*EVERYWHERE, 410))
    rates_routes(rates, served.store, served.config, served.clock)
    api.include_router(rates)
    described(api, open_reads=open_reads)
    _page(api)
    return api


def _alive(api: FastAPI, loops: Mapping[str, Loop]) -> None:
    @api.get("/healthz", response_class=PlainTextResponse, responses=told(503))
    async def healthz() -> str:
        """The process is alive, and each of its loops comes round; else 503 names those that are stuck."""
        late = {name: seconds for name, loop in loops.items() if (seconds := loop.rounds.overdue())}
        if late:
            raise HTTPException(503, "; ".join(f"{name} is stuck, {late[name]:.0f} s overdue" for name in sorted(late)))
        return "alive\n"


def _health(api: APIRouter, served: Served) -> None:
    @api.get("/readyz", response_class=PlainTextResponse)
    async def readyz() -> str:
        """Samples can be recorded."""
        if why := served.unready():
            raise HTTPException(503, why)
        return "ready\n"

    @api.get("/metrics", response_class=PlainTextResponse)
    def metrics(request: Request) -> Response:
        """Prometheus text or OpenMetrics, by Accept; gzip where it is accepted."""
        accept, now = request.headers.get("accept", ""), int(served.clock())
        if accepts_gzip(request.headers.get("accept-encoding", "")):
            body, kind = served.exposition.packed_page(accept, now)
            return Response(body, media_type=kind, headers={"Content-Encoding": "gzip", "Vary": _VARY})
        body, kind = served.exposition.page(accept, now)
        return Response(body, media_type=kind, headers={"Vary": _VARY})


def _page(api: FastAPI) -> None:
    @api.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_PAGE / "index.html")

    api.mount("/page", StaticFiles(directory=_PAGE), name="page")
