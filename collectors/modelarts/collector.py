"""Asks ModelArts for resource pools, their nodes page by page, and their monitors."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import Field

import collectors.base as base
from collectors.base import CollectError, Http, NotFound, Refused, Unreadable
from collectors.modelarts.monitor import Utils, utils_of
from collectors.modelarts.nodes import Node, ResourcePool, outermost, page_of, pools_of
from collectors.modelarts.parse import Inventory
from collectors.several import several
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample

_PAGE = "500"
_MOST_PAGES = 1000
_AT_ONCE = 8
_LOOK_AGAIN_AFTER = 3600
_LAST_MINUTES = {"time_range": "-1.-1.5", "period": "60", "statistics": "average"}
_ID = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class ModelartsSettings(base.Settings):
    """project: whose pools are asked for. workspaces: only these, by id; the default one when none is named.

    busy: whether the pools' monitors must be readable; None asks them and goes on without.
    """

    project: _ID
    workspaces: list[_ID] = Field(default_factory=list)
    busy: bool | None = None


class ModelartsCollector:
    """One project in one region."""

    Settings: ClassVar[type[base.Settings]] = ModelartsSettings

    def __init__(self, site: PolledSite, settings: ModelartsSettings, http: Http) -> None:
        self._site, self._settings, self._http = site, settings, http
        self._path = f"/v2/{settings.project}/pools"
        self._headers = {"X-Project-Id": settings.project}
        self._look_at = 0  # when the monitors are asked again, where we may not read them

    async def collect(self, now: int) -> list[Sample]:
        asked = [{"status": "created", "workspaceId": id_} for id_ in self._settings.workspaces]
        lists = [await self._pools(params) for params in asked or [{"status": "created"}]]
        pools = outermost([pool for listed in lists for pool in listed])
        nodes = await several([partial(self._nodes, pool) for pool in pools], _AT_ONCE)
        utils = await several([partial(self._utils, pool, now) for pool in pools], _AT_ONCE)
        found = Inventory(self._site)
        for pool, listed, util in zip(pools, nodes, utils, strict=True):
            found.add(pool, listed, util)
        return found.samples(now)

    async def _pools(self, params: dict[str, str]) -> list[ResourcePool]:
        return pools_of(await self._http.get_json(self._path, params, self._headers))

    async def _nodes(self, pool: ResourcePool) -> list[Node]:
        """None of a pool that was deleted since it was listed."""
        found: list[Node] = []
        params = {"limit": _PAGE}
        for _ in range(_MOST_PAGES):
            try:
                nodes, following = page_of(await self._http.get_json(self._of(pool, "nodes"), params, self._headers))
            except NotFound:
                return []
            found += nodes
            if not following:
                return found
            params = {"limit": _PAGE, "continue": following}
        raise Unreadable(f"pool {pool.id[:60]} has more than {_MOST_PAGES} pages of nodes")

    async def _utils(self, pool: ResourcePool, now: int) -> Utils:
        if self._settings.busy is False or now < self._look_at:
            return {}
        try:
            return utils_of(await self._http.get_json(self._of(pool, "monitor"), _LAST_MINUTES, self._headers))
        except CollectError as error:
            if self._settings.busy:
                raise
            if isinstance(error, Refused) and not isinstance(error, NotFound):
                self._look_at = now + _LOOK_AGAIN_AFTER
            return {}

    def _of(self, pool: ResourcePool, what: str) -> str:
        return f"{self._path}/{quote(pool.id, safe='')}/{what}"
