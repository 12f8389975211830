"""Asks PAI for its root quotas, page by page."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

import collectors.base as base
from collectors.base import Http, Unreadable
from collectors.once import once
from collectors.pai.parse import Quota, page_of, samples
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample

_PATH = "/api/v1/quotas/"
_ACTION = {"x-acs-action": "ListQuotas", "x-acs-version": "2022-01-12"}
_PAGE = 100
_MOST_PAGES = 1000
# In the order in which they were made, so that a new one changes no page that was read.
_ROOTS = {"ParentQuotaId": "", "Verbose": "true", "SortBy": "GmtCreatedTime", "Order": "asc", "PageSize": str(_PAGE)}

ResourceType = Literal["ECS", "Lingjun", "ACS"]


class PaiSettings(base.Settings):
    """resource_types: of which resources the quotas are; PAI lists one type at a time."""

    resource_types: list[ResourceType] = Field(default=["ECS", "Lingjun", "ACS"], min_length=1)


class PaiCollector:
    """One account in one region."""

    Settings: ClassVar[type[base.Settings]] = PaiSettings

    def __init__(self, site: PolledSite, settings: PaiSettings, http: Http) -> None:
        self._site, self._settings, self._http = site, settings, http

    async def collect(self, now: int) -> list[Sample]:
        quotas: dict[str, Quota] = {}
        for kind in self._settings.resource_types:
            quotas |= await self._roots(kind)
        return samples(self._site, quotas.values(), now)

    async def _roots(self, kind: ResourceType) -> dict[str, Quota]:
        found: dict[str, Quota] = {}
        for number in range(1, _MOST_PAGES + 1):
            asked = {"ResourceType": kind, "PageNumber": str(number), **_ROOTS}
            page = page_of(await self._http.get_json(_PATH, asked, _ACTION))
            _take(found, page.quotas)
            if len(found) == page.total:
                return found
            if not page.quotas or len(found) > page.total:
                raise Unreadable(f"the list of {kind} quotas has {len(found)}, but says that it has {page.total}")
        raise Unreadable(f"the list of {kind} quotas has more than {_MOST_PAGES} pages")


def _take(found: dict[str, Quota], quotas: list[Quota]) -> None:
    seen = set(found)
    for quota in quotas:
        once(seen, quota.id, f"quota {quota.id[:60]}")
        found[quota.id] = quota
