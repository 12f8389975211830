"""Asks a Ray cluster's dashboard for its nodes and for what is used of them."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pydantic import Field

import collectors.base as base
from collectors.base import Http
from collectors.ray.parse import parse
from collectors.several import several
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample

_NODES = {"view": "summary", "nocache": "1"}
"""Without nocache the dashboard gives the answer to whoever asked last, however old, and only then looks anew."""


class RaySettings(base.Settings):
    """resources: the names under which this cluster counts its accelerators, as `ray start --resources` has them."""

    resources: list[str] = Field(default=["GPU", "NPU", "HPU", "MLU", "DCU"], min_length=1)


class RayCollector:
    """One Ray cluster."""

    Settings: ClassVar[type[base.Settings]] = RaySettings

    def __init__(self, site: PolledSite, settings: RaySettings, http: Http) -> None:
        self._site, self._http, self._settings = site, http, settings

    async def collect(self, now: int) -> list[Sample]:
        ask = self._http.get_json
        status, nodes = await several([partial(ask, "/api/cluster_status"), partial(ask, "/nodes", _NODES)], 2)
        return parse(status, nodes, self._site, now, self._settings.resources)
