"""Asks one PromQL question a rung."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from pydantic import Field, model_validator

import collectors.base as base
from collectors.base import Http
from collectors.prometheus.parse import Vector, parse, vector_of
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.model.units import Unit

_RUNG_NAMES = frozenset(rung.name for rung in SAMPLE_RUNGS)


class PrometheusSettings(base.Settings):
    """queries: a rung's name -> PromQL for its amount in `unit`; pool_label: the label that tells the pools apart.

    time: PromQL whose value is the source's own time (UTC seconds), e.g. max(timestamp(up)), to notice a dead exporter.
    """

    queries: dict[str, str] = Field(min_length=1)
    unit: Unit = "devices"
    pool_label: str = ""
    time: str | None = None

    @model_validator(mode="after")
    def _known_rungs(self) -> PrometheusSettings:
        if strange := sorted(self.queries.keys() - _RUNG_NAMES):
            raise ValueError(f"unknown rung {strange[0]}; known: {', '.join(sorted(_RUNG_NAMES))}")
        return self


class PrometheusCollector:
    """One query API."""

    Settings: ClassVar[type[base.Settings]] = PrometheusSettings

    def __init__(self, site: PolledSite, settings: PrometheusSettings, http: Http) -> None:
        self._site, self._http, self._settings = site, http, settings
        self._queries = settings.queries | ({"time": settings.time} if settings.time else {})

    async def collect(self, now: int) -> list[Sample]:
        answers = await asyncio.gather(*(self._ask(query) for query in self._queries.values()))
        return parse(dict(zip(self._queries, answers, strict=True)), self._site, now, self._settings)

    async def _ask(self, query: str) -> Vector:
        return vector_of(await self._http.get_json("/api/v1/query", {"query": query}))
