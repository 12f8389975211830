"""Whole numbers of nodes and devices that give the published rates: every pool near its own usual rate.

Nothing is scaled: the sums come out right because a few nodes or devices more or fewer are chosen here and there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, fsum
from random import Random

from suanli.demo.city import ONLINE_RATIO, USAGE_RATIO, PoolPlan

_ONLINE_SLACK = 0.025
_USAGE_SLACK = 0.02
_REACH = range(-3, 4)
_TOLERANCE = 1e-4
_DRAWS = 100


@dataclass(frozen=True, slots=True)
class Knob:
    """One number to be chosen from low to high; one more of it is `weight` PFLOPS more."""

    low: int
    high: int
    weight: float


def open_pools(plans: Sequence[PoolPlan], rng: Random) -> list[tuple[int, int]]:
    """(nodes online, devices used) of each pool."""
    built = fsum(plan.devices * plan.peak_pflops for plan in plans)
    online = fitted([_online_knob(plan) for plan in plans], ONLINE_RATIO * built, rng)
    sum_online = fsum(count * plan.per_node * plan.peak_pflops for count, plan in zip(online, plans, strict=True))
    knobs = [_usage_knob(plan, count) for plan, count in zip(plans, online, strict=True)]
    return list(zip(online, fitted(knobs, USAGE_RATIO * sum_online, rng), strict=True))


def fitted(knobs: Sequence[Knob], goal: float, rng: Random) -> list[int]:
    """Numbers whose weighted sum is `goal`, to one part in ten thousand: drawn, walked nearer, matched, or redrawn."""
    for _ in range(_DRAWS):
        counts = _matched(knobs, _walked(knobs, [rng.randint(knob.low, knob.high) for knob in knobs], goal, rng), goal)
        if abs(goal - _sum(knobs, counts)) <= _TOLERANCE * goal:
            return counts
    raise ArithmeticError("the pools' usual rates are too far from the city's")


def _walked(knobs: Sequence[Knob], counts: list[int], goal: float, rng: Random) -> list[int]:
    """Turn knobs at random towards the goal, one step each time, until one step of any would be too much."""
    coarse = max(knob.weight for knob in knobs)
    while abs(gap := goal - _sum(knobs, counts)) > coarse:
        step = 1 if gap > 0 else -1
        free = [at for at, knob in enumerate(knobs) if knob.low <= counts[at] + step <= knob.high]
        if not free:
            break
        counts[rng.choice(free)] += step
    return counts


def _matched(knobs: Sequence[Knob], counts: list[int], goal: float) -> list[int]:
    """The smallest remaining gap that two knobs reach together, each turned by a few at most."""
    gap = goal - _sum(knobs, counts)
    turns = [
        (at, by, by * knob.weight)
        for at, knob in enumerate(knobs)
        for by in _REACH
        if knob.low <= counts[at] + by <= knob.high
    ]
    pairs = ((abs(gap - one[2] - two[2]), one, two) for one in turns for two in turns if one[0] < two[0])
    _, first, second = min(pairs)
    return [count + sum(by for at, by, _ in (first, second) if at == place) for place, count in enumerate(counts)]


def _sum(knobs: Sequence[Knob], counts: Sequence[int]) -> float:
    return fsum(knob.weight * count for knob, count in zip(knobs, counts, strict=True))


def _online_knob(plan: PoolPlan) -> Knob:
    return _near(plan.nodes, plan.online, _ONLINE_SLACK, plan.per_node * plan.peak_pflops)


def _usage_knob(plan: PoolPlan, online: int) -> Knob:
    return _near(online * plan.per_node, plan.usage, _USAGE_SLACK, plan.peak_pflops)


def _near(count: int, rate: float, slack: float, weight: float) -> Knob:
    return Knob(ceil(count * (rate - slack)), floor(count * min(1.0, rate + slack)), weight)
