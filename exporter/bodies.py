"""JSON as it comes in: what JSON does not have is no JSON, and nothing enters that could not be written again.

Nor is anything unpacked beyond what a request may be: a few bytes of gzip can stand for gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

MOST_BYTES = 4 << 20
"""Of a request's body: thousands of sites."""
TOO_LARGE = f"a request has at most {MOST_BYTES >> 20} MiB"


class _Strict(Request):
    async def json(self) -> Any:
        """Without NaN, infinite numbers, halves of characters, and depths in which a reader would drown."""
        if not hasattr(self, "_json"):
            self._json = orjson.loads(await self.body())
        return self._json


class _Packed(_Strict):
    async def body(self) -> bytes:
        """As it was before it was packed."""
        if not hasattr(self, "_unpacked"):
            self._unpacked = _unpacked(await super().body(), self.headers.get("content-encoding", "identity"))
        return self._unpacked


class StrictJson(APIRoute):
    """A route that reads its body so. Python's own reader takes all of these, and a writer fails on them later."""

    _reads: type[Request] = _Strict

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(self._reads(request.scope, request.receive))

        return strictly


class PackedJson(StrictJson):
    """The same of a route whose body may come packed (Content-Encoding: gzip)."""

    _reads = _Packed


def _unpacked(body: bytes, coding: str) -> bytes:
    """An HTTPException where it is not packed as it says, or is more than a request may be."""
    if (name := coding.strip().lower()) in ("identity", ""):
        return body
    if name not in ("gzip", "x-gzip"):
        raise HTTPException(415, "a body comes as it is, or with Content-Encoding: gzip")
    unpack = zlib.decompressobj(wbits=31)
    try:
        found = unpack.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        raise HTTPException(422, "the body says that it is gzip and is not") from None
    if len(found) > MOST_BYTES:
        raise HTTPException(413, f"{TOO_LARGE}, unpacked")
    if not unpack.eof or unpack.unused_data:
        raise HTTPException(422, "the gzip of the body ends too early, or goes on behind its end")
    return found
