"""The simulated APIs over real HTTP on loopback, in the caller's event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from exporter.listening import Listening, listening
from suanli.demo.api import HangUp, SiteApi
from suanli.demo.city import CITY, Kind, SitePlan
from suanli.demo.dialects.base import Simulated
from suanli.demo.kinds import DIALECTS
from suanli.demo.registry import second_at, source_at
from suanli.demo.state import City


def demo_app(city: City, tokens: Mapping[str, str], clock: Callable[[], float], hang_up: HangUp) -> Starlette:
    """Every site's API at its place, and its second signal; `hang_up` closes the connection of a client."""

    def route(plan: SitePlan, kind: Kind, place: str) -> Route:
        dialect = DIALECTS[kind](Simulated(plan, city, tokens[plan.id]))
        return SiteApi(dialect, clock, hang_up).route(place)

    sources = [route(plan, plan.kind, source_at(plan)) for plan in CITY]
    seconds = [
        route(plan, plan.second, second_at(plan)) for plan in CITY if plan.second and DIALECTS[plan.second].served
    ]
    return Starlette(routes=sources + seconds)


@asynccontextmanager
async def demo_server(city: City, tokens: Mapping[str, str], clock: Callable[[], float]) -> AsyncIterator[str]:
    """The city's APIs on a free port until the block ends; gives the base URL. `clock`: the city's UTC seconds."""
    running: list[Listening] = []

    def hang_up(client: tuple[str, int]) -> None:
        running[0].hang_up(client)

    async with listening(demo_app(city, tokens, clock, hang_up), "127.0.0.1", 0) as served:
        running.append(served)
        yield served.address
