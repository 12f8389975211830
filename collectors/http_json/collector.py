"""Asks what the settings say, and reads the answers as they say."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import collectors.base as base
from collectors.base import CollectError, Historian, Http, Unreadable
from collectors.http_json.paging import pages_of
from collectors.http_json.parse import Expressions, Part, parse
from collectors.http_json.settings import HttpJsonSettings
from collectors.http_json.templates import Times, names_a_time
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample


class HttpJsonCollector(Historian):
    """One site; its questions are asked at the same time."""

    Settings: ClassVar[type[base.Settings]] = HttpJsonSettings

    def __init__(self, site: PolledSite, settings: HttpJsonSettings, http: Http) -> None:
        self._site, self._http, self._settings = site, http, settings
        self._expressions = [Expressions.compiled(one.pools, one.fields, one.time) for one in settings.questions]

    async def collect(self, now: int) -> list[Sample]:
        return parse(await self._parts(now), self._site, now, self._settings.unit)

    def history_fault(self) -> str:
        still = [one for one in self._settings.questions if not names_a_time([one.params, one.body])]
        told = f"the question for {', '.join(sorted(still[0].rungs))}" if still else ""
        return f"{told} names no time: write {{from}} or {{to}} where the API takes it" if still else ""

    async def history(self, moments: range) -> list[Sample]:
        samples: list[Sample] = []
        for moment in moments:
            samples += await self._at(moment)
        return samples

    async def _at(self, moment: int) -> list[Sample]:
        parts = await self._parts(moment)
        for part in parts:
            if part.fault is not None:
                raise part.fault
        try:
            return parse(parts, self._site, moment, self._settings.unit)
        except Unreadable:  # whole, and without a figure: nothing is known of that moment
            return []

    async def _parts(self, now: int) -> list[Part]:
        times = Times(now, self._settings.window, self._settings.clock)
        return await asyncio.gather(*(self._part(number, times) for number in range(len(self._expressions))))

    async def _part(self, number: int, times: Times) -> Part:
        """A question without an answer leaves its part unknown; the others' stand."""
        question, expressions = self._settings.questions[number], self._expressions[number]
        try:
            return Part(expressions, await pages_of(self._http, self._site.source.url or "", question, times))
        except CollectError as error:
            return Part(expressions, [], error)
