"""JSON as it comes in: what JSON does not have is no JSON, and nothing enters that could not be written again."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute


class _Strict(Request):
    async def json(self) -> Any:
        """Without NaN, infinite numbers, halves of characters, and depths in which a reader would drown."""
        if not hasattr(self, "_json"):
            self._json = orjson.loads(await self.body())
        return self._json


class StrictJson(APIRoute):
    """A route that reads its body so. Python's own reader takes all of these, and a writer fails on them later."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_Strict(request.scope, request.receive))

        return strictly
