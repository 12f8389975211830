"""Asks one PromQL question a rung."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

import collectors.base as base
from collectors.base import Historian, Http, Unreadable, told_at
from collectors.prometheus.parse import Vector, evaluated_at, parse, vector_of, vectors_of
from collectors.prometheus.profiles import PROFILES
from collectors.several import several
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.model.units import Unit

T = TypeVar("T")
MOST_POINTS = 11_000
"""Of a series, in one answer: Prometheus refuses more."""
_AT_ONCE = 10
_OF_THE_RANGE = re.compile(r"@\s*(start|end)\s*\(")
"""What means the moment in an instant query, and the ends of the range in a range query."""
_RUNG_NAMES = frozenset(rung.name for rung in SAMPLE_RUNGS)


class PrometheusSettings(base.Settings):
    """profile: a well-known exporter, whose queries are known; queries: a rung's name -> PromQL for its amount in
    `unit`, also instead of the profile's; pool_label: the label that tells the pools apart.

    pod_label: the label in which the exporter names the pod that holds a device, for the profile's `used`.
    time: PromQL whose value is the source's own time (UTC seconds), e.g. max(timestamp(up)), to notice a dead exporter.
    """

    profile: (
        Literal["dcgm", "npu-exporter", "amd-smi", "kube-state-metrics", "slurm-exporter", "slurm-openmetrics"] | None
    ) = None
    queries: dict[str, str] = Field(default_factory=dict)
    unit: Unit = "devices"
    pool_label: str | None = Field(default=None, pattern=r"^([a-zA-Z_][a-zA-Z0-9_]*)?$")
    pod_label: str = Field(default="", pattern=r"^([a-zA-Z_][a-zA-Z0-9_]*)?$")
    time: str | None = None

    @model_validator(mode="after")
    def _known_rungs(self) -> PrometheusSettings:
        if strange := sorted(self.queries.keys() - _RUNG_NAMES):
            raise ValueError(f"unknown rung {strange[0]}; known: {', '.join(sorted(_RUNG_NAMES))}")
        if not self.queries and self.profile is None:
            raise ValueError(f"queries or a profile are needed; profiles: {', '.join(PROFILES)}")
        if self.profile is not None and self.unit != "devices":
            raise ValueError("a profile counts devices: leave unit out")
        return self

    @property
    def label(self) -> str:
        """The label that tells the pools apart; "" where nothing does."""
        if self.pool_label is None:
            return PROFILES[self.profile].label if self.profile else ""
        return self.pool_label

    def asked(self) -> dict[str, str]:
        """A rung's name, or `time` -> PromQL."""
        profile = PROFILES[self.profile] if self.profile else None
        own = profile.asked(self.label, self.pod_label) if profile else {}
        time = self.time or (profile.time if profile else None)
        return own | self.queries | ({"time": time} if time else {})


class PrometheusCollector(Historian):
    """One query API."""

    most: ClassVar[int] = MOST_POINTS
    Settings: ClassVar[type[base.Settings]] = PrometheusSettings

    def __init__(self, site: PolledSite, settings: PrometheusSettings, http: Http) -> None:
        self._site, self._http, self._settings = site, http, settings
        self._queries = settings.asked()

    async def collect(self, now: int) -> list[Sample]:
        told = await self._each(self._ask)
        samples = parse({rung: vector for rung, (vector, _) in told.items()}, self._site, now, self._settings)
        # Where the source's own time was asked, that is it; else Prometheus' clock is all that there is.
        return samples if "time" in told else told_at(samples, max(at for _, at in told.values()), now)

    def history_fault(self) -> str:
        ranged = [rung for rung, query in self._queries.items() if _OF_THE_RANGE.search(query)]
        return (
            f"the query for {ranged[0]} uses @ start() or @ end(), which mean another time in a range" if ranged else ""
        )

    async def history(self, moments: range) -> list[Sample]:
        told = await self._each(partial(self._ask_range, moments=moments))
        samples: list[Sample] = []
        for moment in moments:
            samples += self._at(moment, {rung: vectors.get(moment, []) for rung, vectors in told.items()})
        return samples

    async def _each(self, ask: Callable[[str], Awaitable[T]]) -> dict[str, T]:
        """The answer to every rung's question."""
        answers = await several([partial(ask, query) for query in self._queries.values()], _AT_ONCE)
        return dict(zip(self._queries, answers, strict=True))

    def _at(self, moment: int, answers: dict[str, Vector]) -> list[Sample]:
        """What a poll of that moment would have had: nothing, where it would have failed."""
        try:
            return parse(answers, self._site, moment, self._settings)
        except Unreadable:
            return []

    async def _ask_range(self, query: str, moments: range) -> dict[int, Vector]:
        """Each step of a range query is the instant query of that moment, with the same look-back."""
        span = {"start": str(moments[0]), "end": str(moments[-1]), "step": str(moments.step)}
        return vectors_of(await self._http.get_json("/api/v1/query_range", {"query": query} | span))

    async def _ask(self, query: str) -> tuple[Vector, int]:
        payload = await self._http.get_json("/api/v1/query", {"query": query})
        return vector_of(payload), evaluated_at(payload)
