"""The management controllers of a site's machines behind one that speaks for all of them, as in a rack or a chassis.

It knows hardware only: what is used it cannot tell (docs/decisions/0027-dialects-of-the-city.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlsplit
from uuid import NAMESPACE_DNS, uuid5

from suanli.demo.bmc import Bmc
from suanli.demo.bmc_resources import Processor, System
from suanli.demo.city import PoolPlan
from suanli.demo.dialects.base import Asked, Dialect, Json, Simulated, Told, access_key
from suanli.demo.state import Node, PoolNow


class Redfish(Dialect):
    """One service, with a system a node; it gives everything below a collection in one answer."""

    label: ClassVar[str] = "Model"

    def __init__(self, site: Simulated) -> None:
        super().__init__(site)
        self._bmc = Bmc([], levels=2, name=site.plan.id, password=site.secret)
        self._resources = site.kept(self._look)

    @classmethod
    def auth(cls, _url: str, secret: Json) -> Json:
        return {"kind": "redfish", **access_key(secret)}

    @classmethod
    def name(cls, pool: PoolPlan) -> str:
        return pool.product

    def knows(self, asked: Asked) -> bool:
        return self._bmc.knows(asked)

    def told(self, asked: Asked) -> Told:
        if asked.method == "POST":
            self._bmc.at = urlsplit(asked.url).path.removesuffix(asked.path)
        return self._bmc.answer(asked, self._resources())

    def _look(self, pools: Sequence[PoolNow]) -> dict[str, Json]:
        self._bmc.systems = systems(pools)
        return self._bmc.resources()


_POWER = {"up": "On", "drain": "On", "down": "Off"}


def systems(pools: Sequence[PoolNow]) -> list[System]:
    """A computer a node. One that is down has no power; one that was drained has a fault in its devices."""
    return [
        System(node.name, [_processor(pool.plan, node, place) for place in range(node.devices)], _POWER[node.state])
        for pool in pools
        for node in pool.nodes
    ]


def _processor(plan: PoolPlan, node: Node, place: int) -> Processor:
    return Processor(
        f"GPU_{place + 1}",
        plan.product,
        manufacturer=plan.vendor,
        health="Critical" if node.state == "drain" else "OK",
        percent=round(100 * node.load, 1) if place < node.used else 0.0,
        uuid=str(uuid5(NAMESPACE_DNS, f"{node.name}-{place}")),
    )
