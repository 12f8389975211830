"""Asks an API server for nodes and unfinished pods, page by page, and for what is allocated dynamically."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import ClassVar

from pydantic import Field

import collectors.base as base
from collectors.base import Gone, Http, Refused, Unreadable
from collectors.kubernetes.dra import devices_of
from collectors.kubernetes.parse import Inventory, page_of
from collectors.kubernetes.shapes import decoded
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample

_NODES, _PODS = ("/api/v1/nodes", "NodeList"), ("/api/v1/pods", "PodList")
_UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
_DRA = "/apis/resource.k8s.io/v1"
_SLICES, _CLAIMS = (f"{_DRA}/resourceslices", "ResourceSliceList"), (f"{_DRA}/resourceclaims", "ResourceClaimList")
_LOOK_AGAIN_AFTER = 3600
_MOST_PAGES = 10_000
_MOST_STARTS = 3


class KubernetesSettings(base.Settings):
    """page: objects an answer. dynamic: whether devices are also allocated dynamically (DRA); None finds it out."""

    by_kubeconfig: ClassVar[bool] = True
    page: int = Field(default=500, ge=10, le=5000)
    dynamic: bool | None = None


class KubernetesCollector:
    """One cluster."""

    Settings: ClassVar[type[base.Settings]] = KubernetesSettings

    def __init__(self, site: PolledSite, settings: KubernetesSettings, http: Http) -> None:
        self._site, self._settings, self._http = site, settings, http
        self._look_at = 0  # when dynamic allocation is looked for again, where it was not found

    async def collect(self, now: int) -> list[Sample]:
        for _ in range(_MOST_STARTS):
            try:
                return await self._counted(now)
            except Gone:  # the list that we were reading was forgotten meanwhile: what we have of it is no list
                continue
        raise Unreadable(f"the lists were forgotten while they were read, {_MOST_STARTS} times; raise settings.page")

    async def _counted(self, now: int) -> list[Sample]:
        found = Inventory(self._site, now)
        async for items in self._pages(*_NODES):
            found.add_nodes(items)
        async for items in self._pages(*_PODS, fieldSelector=_UNFINISHED):
            found.add_pods(items)
        if self._settings.dynamic is not False and now >= self._look_at:
            await self._add_allocations(found, now)
        return found.samples()

    async def _add_allocations(self, found: Inventory, now: int) -> None:
        try:
            slices = [item async for items in self._pages(*_SLICES) for item in items]
            claims = [item async for items in self._pages(*_CLAIMS) for item in items]
        except Gone:
            raise
        except Refused:
            if self._settings.dynamic:
                raise
            self._look_at = now + _LOOK_AGAIN_AFTER  # an older cluster, or a role that may not read it
            return
        found.add_allocations(devices_of(slices), claims)

    async def _pages(self, path: str, kind: str, **more: str) -> AsyncIterator[list[object]]:
        """resourceVersion is never given: with 0 a dead etcd's old state would be told as of now."""
        params, decode = {"limit": str(self._settings.page), **more}, partial(decoded, kind=kind)
        for _ in range(_MOST_PAGES):
            page = page_of(await self._http.get_json(path, params, decode=decode), kind)
            yield page.items
            if not page.next:
                return
            params = {**params, "continue": page.next}
        raise Unreadable(f"{path} has more than {_MOST_PAGES} pages")
