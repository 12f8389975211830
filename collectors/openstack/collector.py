"""Asks Placement for what is offered and used, or Ironic for its nodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

import collectors.base as base
from collectors.base import Http, NotFound, Unreadable
from collectors.matching import Counts, pool_of, samples_of
from collectors.once import once
from collectors.openstack.ironic import Machine, page_of
from collectors.openstack.placement import (
    Amounts,
    Provider,
    is_accelerator,
    model_of,
    offered_by,
    providers_of,
    used_of,
)
from collectors.reasons import DISABLED
from collectors.several import several
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample

CLASS = "class"
"""The label of a pool's match: a resource class."""
_PLACEMENT = {"OpenStack-API-Version": "placement 1.18"}
_IRONIC = {"X-OpenStack-Ironic-API-Version": "1.61"}
_DISABLED = "COMPUTE_STATUS_DISABLED"
_SHARED = "VGPU"
_AT_ONCE = 8
_PAGE = 500
_MOST_PAGES = 1000
_Share = Annotated[float, Field(gt=0, le=1024)]


class OpenstackSettings(base.Settings):
    """service: whose address the url is. devices: by resource class, how many devices one unit is: parts of one for
    VGPU, as many as a machine has for bare metal. Both must be said; of any other class one unit is a device."""

    service: Literal["placement", "ironic"] = "placement"
    devices: dict[str, _Share] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _machines_have_devices(self) -> OpenstackSettings:
        if self.service == "ironic" and not self.devices:
            raise ValueError("service ironic needs devices: how many a machine of each resource class has")
        return self


class OpenstackCollector:
    """One cloud. What a provider offers stands until its generation changes; what is used of it is asked each time."""

    Settings: ClassVar[type[base.Settings]] = OpenstackSettings

    def __init__(self, site: PolledSite, settings: OpenstackSettings, http: Http) -> None:
        self._site, self._settings, self._http = site, settings, http
        self._offers: dict[Provider, Amounts] = {}

    async def collect(self, now: int) -> list[Sample]:
        counts = Counts()
        if self._settings.service == "ironic":
            for machine in await self._machines():
                self._add(counts, machine.resource_class, 1.0, float(machine.used), machine.out)
        else:
            await self._count_providers(counts)
        return samples_of(self._site, counts, now)

    async def _count_providers(self, counts: Counts) -> None:
        providers = providers_of(await self._http.get_json("/resource_providers", headers=_PLACEMENT))
        disabled = await self._disabled()
        new = [one for one in providers if one not in self._offers]
        offers = {**self._offers, **await self._each(new, "inventories", offered_by)}
        self._offers = {one: offers[one] for one in providers if one in offers}
        asked = [one for one in self._offers if any(map(self._matters, self._offers[one]))]
        for provider, used in (await self._each(asked, "usages", used_of)).items():
            out = DISABLED if disabled & {provider.uuid, provider.root} else ""
            for name, units in self._offers[provider].items():
                self._add(counts, name, units, used.get(name, 0.0), out)

    async def _disabled(self) -> set[str]:
        """Roots whose compute service its operator has disabled."""
        asked = {"required": _DISABLED}
        found = providers_of(await self._http.get_json("/resource_providers", asked, _PLACEMENT))
        return {provider.uuid for provider in found}

    async def _each(
        self, providers: list[Provider], what: str, read: Callable[[object], Amounts]
    ) -> dict[Provider, Amounts]:
        """The same question about many providers, a few at once; without those that were deleted since the list."""

        async def asked(provider: Provider) -> Amounts | None:
            try:
                path = f"/resource_providers/{provider.uuid}/{what}"
                return read(await self._http.get_json(path, headers=_PLACEMENT))
            except NotFound:
                return None

        answers = await several([partial(asked, provider) for provider in providers], _AT_ONCE)
        return {one: amounts for one, amounts in zip(providers, answers, strict=True) if amounts is not None}

    async def _machines(self) -> list[Machine]:
        found: list[Machine] = []
        seen: set[str] = set()
        params = {"limit": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            machines, last = page_of(await self._http.get_json("/v1/nodes/detail", params, _IRONIC))
            for machine in machines:
                once(seen, machine.uuid, f"node {machine.uuid}")
            found += machines
            if last is None:
                return found
            params = {"limit": str(_PAGE), "marker": last}
        raise Unreadable(f"Ironic has more than {_MOST_PAGES} pages of nodes")

    def _add(self, counts: Counts, name: str, units: float, used: float, out: str) -> None:
        """out: why none of the units is online, empty where they are."""
        online = 0.0 if out else units
        pool, share = self._pool(name), self._share(name)
        if pool is not None and share is not None:
            count = counts.of(pool)
            count.online, count.used = (count.online or 0.0) + online * share, (count.used or 0.0) + used * share
            if out:
                counts.left_out[pool.id, out] += units * share
        elif self._settings.service == "ironic" or is_accelerator(name):
            counts.strangers[name] = counts.strangers.get(name, 0.0) + online

    def _matters(self, name: str) -> bool:
        return is_accelerator(name) or self._pool(name) is not None

    def _pool(self, name: str) -> PolledPool | None:
        return pool_of(self._site, CLASS, name) or pool_of(self._site, CLASS, model_of(name))

    def _share(self, name: str) -> float | None:
        """None where a unit is no device and nobody said how many it is: that is no count of devices."""
        unsaid = self._settings.service == "ironic" or name == _SHARED
        return self._settings.devices.get(name, None if unsaid else 1.0)
