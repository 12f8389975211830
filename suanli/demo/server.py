"""The simulated APIs over real HTTP on loopback, in the caller's event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount

from exporter.listening import Listening, listening
from suanli.demo.api import HangUp, SiteApi
from suanli.demo.city import CITY
from suanli.demo.state import City


def demo_app(city: City, tokens: Mapping[str, str], clock: Callable[[], float], hang_up: HangUp) -> Starlette:
    """Every site's API under /sites/{id}; `hang_up` closes the connection of a client."""
    apis = [SiteApi(plan, city, tokens[plan.id], clock, hang_up) for plan in CITY]
    return Starlette(routes=[Mount(f"/sites/{api.plan.id}", routes=api.routes()) for api in apis])


@asynccontextmanager
async def demo_server(city: City, tokens: Mapping[str, str], clock: Callable[[], float]) -> AsyncIterator[str]:
    """The city's APIs on a free port until the block ends; gives the base URL. `clock`: the city's UTC seconds."""
    running: list[Listening] = []

    def hang_up(client: tuple[str, int]) -> None:
        running[0].hang_up(client)

    async with listening(demo_app(city, tokens, clock, hang_up), "127.0.0.1", 0) as served:
        running.append(served)
        yield served.address
