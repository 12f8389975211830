"""Asks one BMC for the accelerators of its systems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from collectors.base import CollectError, Http, NotFound, Refused, Unreachable, Unreadable
from collectors.once import once
from collectors.redfish.parse import ROOT, Device, Root, busy_of, devices_of, link_of, page_of, root_of, system_of
from collectors.several import several

_AT_ONCE = 4  # a BMC is a small computer
_MOST_PAGES = 100
_MOST_PAUSE = 3


@dataclass(frozen=True, slots=True)
class Listed:
    """A device of a system. on: whether its system is; percent: how busy it is, None where nobody tells."""

    device: Device
    on: bool
    percent: float | None


@dataclass(slots=True)
class Bmc:
    """One BMC. fault: why what it has is unknown, None where `listed` and `off` are what it said last.

    off: it has systems, and all are off. Its service root is asked once, and again after a fault.
    """

    url: str
    http: Http
    metrics: bool
    fault: CollectError | None = None
    listed: list[Listed] = field(default_factory=list)
    off: bool = False
    _root: Root | None = None
    _plain: bool = False
    _failures: int = 0
    _pause: int = 0

    def rests(self) -> bool:
        """Whether this poll goes by without it: a BMC that stays silent is not asked by each, and its room for
        sessions, which it may open without being able to tell us, is left to others."""
        self._pause -= 1
        return self._pause >= 0

    async def listen(self, patience: float | None) -> None:
        """Ask it, for so many seconds at most, and keep what it says, or why it cannot be known."""
        try:
            async with asyncio.timeout(patience):
                await self._ask()
        except TimeoutError:
            self._failed(Unreachable(f"{self.url}: no complete answer within {patience:g} s"))
        except CollectError as error:
            self._failed(error)
        else:
            self.fault, self._failures, self._pause = None, 0, 0

    def _failed(self, fault: CollectError) -> None:
        self.fault, self._root, self._plain = fault, None, False
        self._pause = min(2**self._failures - 1, _MOST_PAUSE)
        self._failures = min(self._failures + 1, 8)

    async def _ask(self) -> None:
        self._root = self._root or root_of(await self.http.get_json(ROOT))
        systems = [system_of(one) async for one in self._members(self._root.systems, 1)]
        told = {one.on for one in systems if one.on is not None}
        listed: list[Listed] = []
        for system in systems:
            # A baseboard of accelerators is a system of its own, and some leave its power to that of the host.
            on = system.on if system.on is not None else told == {True} if told else None
            found = [one async for one in self._members(system.processors, 2)] if system.processors else []
            listed += await self._listed(devices_of(found), on)
        self.listed, self.off = listed, told == {False}

    async def _listed(self, devices: list[Device], on: bool | None) -> list[Listed]:
        if devices and on is None:
            raise Unreadable(f"{self.url}: no PowerState is told of a system with accelerators")
        asked = [partial(self._percent, one) if self.metrics and on and not one.out else _none for one in devices]
        percents = await several(asked, _AT_ONCE)
        return [Listed(one, bool(on), percent) for one, percent in zip(devices, percents, strict=True)]

    async def _percent(self, device: Device) -> float | None:
        """Metrics are an extra: a BMC that has a link to them and nothing there has all the rest."""
        try:
            found = await self.http.get_json(device.metrics) if isinstance(device.metrics, str) else device.metrics
        except NotFound:
            return None
        return busy_of(found)

    async def _members(self, path: str, levels: int) -> AsyncIterator[Mapping[str, Any]]:
        payload = await self._collection(path, levels if self.metrics else 1)
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            page = page_of(payload)
            for one in page.members:
                if link := str(one.get("@odata.id") or ""):
                    once(seen, link, f"{self.url}: {link}")
            for member in await several([partial(self._whole, one) for one in page.members], _AT_ONCE):
                yield member
            if not page.next:
                return
            payload = await self._get(page.next)
        raise Unreadable(f"{self.url}{path} has more than {_MOST_PAGES} pages")

    async def _collection(self, path: str, levels: int) -> Any:
        """With its members where that is offered; there are BMCs that offer it and then fail at it."""
        expand = self._root.expansion(levels) if self._root and not self._plain else ""
        if expand:
            try:
                return await self.http.get_json(path, {"$expand": expand})
            except (Refused, Unreadable):
                self._plain = True
        return await self._get(path)

    async def _whole(self, member: Mapping[str, Any]) -> Mapping[str, Any]:
        link = link_of(member)
        found = member if link is None else await self._get(link)
        if not isinstance(found, Mapping):
            raise Unreadable(f"{self.url}{link}: the answer is no resource")
        return found

    async def _get(self, path: str) -> Any:
        try:
            return await self.http.get_json(path)
        except NotFound as error:  # nobody's settings are wrong: the BMC itself led us here
            raise Unreadable(f"{error}, and the BMC has a link to it") from None


async def _none() -> None:
    return None
