"""Asks Run:ai's control plane for the telemetry of its node pools."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pydantic import Field

import collectors.base as base
from collectors.base import Http
from collectors.runai.parse import TYPES, parse
from collectors.several import several
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample


class RunaiSettings(base.Settings):
    """cluster: the UUID of the cluster that this site is; None where the control plane has one."""

    cluster: str | None = Field(default=None, pattern=r"^[0-9a-fA-F-]{36}$")


class RunaiCollector:
    """One cluster of a control plane."""

    Settings: ClassVar[type[base.Settings]] = RunaiSettings

    def __init__(self, site: PolledSite, settings: RunaiSettings, http: Http) -> None:
        self._site, self._http = site, http
        self._cluster = {"clusterId": settings.cluster} if settings.cluster else {}

    async def collect(self, now: int) -> list[Sample]:
        answers = await several([partial(self._ask, kind) for kind in TYPES], len(TYPES))
        return parse(dict(zip(TYPES, answers, strict=True)), self._site, now)

    async def _ask(self, kind: str) -> object:
        params = {"telemetryType": kind, "groupBy": "Nodepool", **self._cluster}
        return await self._http.get_json("/api/v1/nodes/telemetry", params)
