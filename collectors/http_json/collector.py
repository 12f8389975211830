"""Asks what the settings say, and reads the answers as they say."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import collectors.base as base
from collectors.base import CollectError, Http
from collectors.http_json.paging import pages_of
from collectors.http_json.parse import Expressions, Part, parse
from collectors.http_json.settings import HttpJsonSettings
from collectors.http_json.templates import Times
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample


class HttpJsonCollector:
    """One site; its questions are asked at the same time."""

    Settings: ClassVar[type[base.Settings]] = HttpJsonSettings

    def __init__(self, site: PolledSite, settings: HttpJsonSettings, http: Http) -> None:
        self._site, self._http, self._settings = site, http, settings
        self._expressions = [Expressions.compiled(one.pools, one.fields, one.time) for one in settings.questions]

    async def collect(self, now: int) -> list[Sample]:
        times = Times(now, self._settings.window, self._settings.clock)
        parts = await asyncio.gather(*(self._part(number, times) for number in range(len(self._expressions))))
        return parse(parts, self._site, now, self._settings.unit)

    async def _part(self, number: int, times: Times) -> Part:
        """A question without an answer leaves its part unknown; the others' stand."""
        question, expressions = self._settings.questions[number], self._expressions[number]
        try:
            return Part(expressions, await pages_of(self._http, self._site.source.url or "", question, times))
        except CollectError as error:
            return Part(expressions, [], error)
