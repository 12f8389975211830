"""A recorded case, asked again: `collectors.base.Http` that answers from a folder."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
from pydantic import JsonValue

from collectors.answers import Answer
from collectors.base import Decode, NotFound, Unreadable

ANSWERS = "answers.json"


class Replay:
    """What was not recorded is not found. base: the other address of the site that is asked, if it is one."""

    def __init__(self, folder: Path, base: str = "") -> None:
        self._folder, self._base = folder, base
        self._answers: list[dict[str, Any]] = orjson.loads((folder / ANSWERS).read_bytes())

    async def get_json(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        decode: Decode = orjson.loads,
    ) -> JsonValue:
        answer = await self.ask(path, params, headers)
        try:
            return decode(answer.body)
        except orjson.JSONDecodeError:
            raise Unreadable(f"{path}: the answer is not JSON") from None

    async def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        _headers: Mapping[str, str] | None = None,
        _content: bytes | None = None,
    ) -> Answer:
        for answer in self._answers:
            if answer["path"] == self._base + path and answer.get("params", {}) == dict(params or {}):
                file = self._folder / answer["file"]
                data = file.read_bytes()
                body = gzip.decompress(data) if file.suffix == ".gz" else data
                return Answer(200, httpx.Headers(answer.get("headers", {})), body)
        raise NotFound(f"not recorded: {self._base}{path}")

    def at(self, url: str) -> Replay:
        return Replay(self._folder, url)
