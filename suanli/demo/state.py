"""The state of the city's devices, and how it moves. Time is passed in; the same seed and times give the same city.

The published opening is held at first, so that a person who starts the demonstration sees it. Then jobs come and go and
nodes drain and return, each pool drawn back to its own opening rates and usage along with the hour of the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sin
from random import Random
from typing import Literal

from suanli.demo.city import CITY, PoolPlan, SitePlan
from suanli.demo.faults import Fault, fault_at
from suanli.demo.opening import open_pools

HOLD_SECONDS = 120
TICK_SECONDS = 10
_SHANGHAI_HOURS = 8  # ahead of UTC, without summer time
_DAILY_SWING = 0.07
_PEAK_HOUR = 15
_NODES_PER_EVENT = 1000
_DEVICES_PER_EVENT = 600
_STIFFNESS = 0.06  # a pool this far off its goal only moves towards it
_JOB_SIZES = (1, 2, 4, 8, 8, 16)

NodeState = Literal["up", "drain", "down"]


@dataclass(slots=True)
class Node:
    """One server. used: its devices that have a job; load: how much of each such device's peak the job draws."""

    name: str
    devices: int
    state: NodeState = "up"
    used: int = 0
    load: float = 0.6


@dataclass(slots=True)
class PoolNow:
    """A pool's nodes, and the rates it is drawn back to."""

    plan: PoolPlan
    nodes: list[Node]
    online_goal: float
    usage_goal: float

    @property
    def online(self) -> int:
        """Devices online."""
        return sum(node.devices for node in self.nodes if node.state == "up")

    @property
    def used(self) -> int:
        """Devices used."""
        return sum(node.used for node in self.nodes)


class City:
    """All sites. version changes whenever a device may have."""

    def __init__(self, seed: int, start: float, plans: Sequence[SitePlan] = CITY) -> None:
        self.seed, self.start, self.version = seed, start, 0
        opening = Random(f"{seed}:opening")  # noqa: S311 - a simulation that can be repeated, not a secret
        self._rng = Random(f"{seed}:moves")  # noqa: S311 - as above
        pools = [pool for plan in plans for pool in plan.pools]
        opened = iter(zip(pools, open_pools(pools, opening), strict=True))
        self.sites: dict[str, list[PoolNow]] = {
            plan.id: [_opened(*next(opened), opening) for _ in plan.pools] for plan in plans
        }
        self._ids = list(self.sites)

    def advance(self, now: float) -> None:
        """Move on to `now`; time never runs back."""
        due = int((now - self.start - HOLD_SECONDS) // TICK_SECONDS)
        while self.version < due:
            self.version += 1
            self._tick(self.start + HOLD_SECONDS + self.version * TICK_SECONDS)

    def fault(self, site: str, now: float) -> Fault | None:
        """How this site fails at `now`, if it does."""
        failing = fault_at(self.seed, self._ids, now - self.start - HOLD_SECONDS)
        return failing[1] if failing and failing[0] == site else None

    def _tick(self, at: float) -> None:
        swing = daily_swing(at)
        for pools in self.sites.values():
            for pool in pools:
                for _ in range(_events(len(pool.nodes) / _NODES_PER_EVENT, self._rng)):
                    _move_node(pool, self._rng)
                for _ in range(_events(pool.plan.devices / _DEVICES_PER_EVENT, self._rng)):
                    _move_job(pool, swing, self._rng)


def daily_swing(at: float) -> float:
    """What usage is multiplied by at this hour: most in the afternoon of the city, least before dawn."""
    hour = (at / 3600 + _SHANGHAI_HOURS) % 24
    return 1 + _DAILY_SWING * sin((hour - _PEAK_HOUR + 6) * pi / 12)


def _events(rate: float, rng: Random) -> int:
    return int(rate) + (rng.random() < rate % 1)


def _opened(plan: PoolPlan, opening: tuple[int, int], rng: Random) -> PoolNow:
    online, used = opening
    nodes = [Node(f"{plan.id}-{number:03d}", plan.per_node) for number in range(1, plan.nodes + 1)]
    for node in rng.sample(nodes, plan.nodes - online):
        _take_down(node, rng)
    pool = PoolNow(plan, nodes, online / plan.nodes, used / (online * plan.per_node))
    up = [node for node in nodes if node.state == "up"]
    while left := used - pool.used:
        _place(rng.choice(up), min(left, rng.choice(_JOB_SIZES)), rng)
    return pool


def _move_node(pool: PoolNow, rng: Random) -> None:
    """A node returns or drains; which of the two leans towards the goal."""
    up = [node for node in pool.nodes if node.state == "up"]
    missing = pool.online_goal - len(up) / len(pool.nodes)
    if rng.random() < 0.5 + 0.5 * missing / _STIFFNESS:
        away = [node for node in pool.nodes if node.state != "up"]
        if away:
            rng.choice(away).state = "up"
    elif len(up) > 1:
        # An operator drains the emptiest of those that could be drained; its job is moved or lost.
        _take_down(min(rng.choices(up, k=3), key=lambda node: node.used), rng)


def _move_job(pool: PoolNow, swing: float, rng: Random) -> None:
    """A job arrives or leaves; which of the two leans towards the goal."""
    up = [node for node in pool.nodes if node.state == "up"]
    missing = pool.usage_goal * swing - pool.used / pool.online
    some, size = rng.choices(up, k=2), rng.choice(_JOB_SIZES)
    if rng.random() < 0.5 + 0.5 * missing / _STIFFNESS:
        _place(min(some, key=lambda node: node.used), size, rng)
    else:
        node = max(some, key=lambda node: node.used)
        node.used -= min(node.used, size)


def _take_down(node: Node, rng: Random) -> None:
    node.state, node.used = rng.choice(("drain", "down")), 0


def _place(node: Node, size: int, rng: Random) -> None:
    """As much of the job as the node has room for."""
    room = node.devices - node.used if node.state == "up" else 0
    if room:
        node.used += min(size, room)
        node.load = rng.uniform(0.35, 0.85)
