"""October 2026 in the demonstration city, put on record as its polls would have been: told in docs/definitions.md.

An outage, a site whose adapter lies, and a month that was published; the clock of the record is that of the story.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from suanli.demo.city import CITY, PoolPlan, SitePlan
from suanli.demo.opening import open_pools
from suanli.demo.state import daily_swing
from suanli.model.sample import Sample

STEP = 900
"""Seconds between two polls."""
MAX_AGE = 3 * STEP
_SHANGHAI = 8 * 3600


def _local(month: int, day: int, hour: int = 0) -> int:
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp()) - _SHANGHAI


REGISTERED, BEGINS, ENDS, PUBLISHED = _local(9, 28), _local(10, 1), _local(11, 1), _local(11, 2, 9)
OUTAGE = ("yh-port", _local(10, 8, 14), _local(10, 9, 20))
"""Nobody could reach this site's API."""
DRAINED = ("yh-univ", _local(10, 18, 2), _local(10, 18, 8))
"""The university's cluster was taken down for its new cooling."""
WRONG_UNIT = ("yh-infer", _local(10, 20, 10), _local(10, 20, 16))
"""After an update this site's adapter gave TFLOPS where PFLOPS were agreed."""
STUCK = ("yh-xinchuang", _local(10, 22), _local(10, 28))
"""This site's adapter told the same use for six days, while devices came and went."""


@dataclass(slots=True)
class Pool:
    """A pool on its way through the month: nodes online, devices used, drawn back to where it began."""

    site: SitePlan
    plan: PoolPlan
    nodes_goal: int
    usage_goal: float
    nodes: int
    used: int = 0
    told_used: int | None = None

    def step(self, at: int, rng: Random) -> None:
        """One quarter of an hour."""
        if rng.random() < 0.15:
            towards = self.nodes_goal - self.nodes
            self.nodes += rng.choice((-1, 1)) if towards == 0 else (1 if towards > 0 else -1)
        self.nodes = max(1, min(self.nodes, self.plan.nodes))
        online = self.nodes * self.plan.per_node
        goal = online * self.usage_goal * daily_swing(at)
        self.used = max(0, min(online, round(self.used + 0.3 * (goal - self.used) + rng.gauss(0, 0.012 * online))))


def rounds(seed: int) -> Iterator[tuple[int, list[Sample]]]:
    """Every poll of the month: its time, and what the sites answered."""
    rng = Random(f"{seed}:story")  # noqa: S311 - a simulation that can be repeated, not a secret
    pools = list(_pools(rng))
    for at in range(BEGINS - 4 * STEP, ENDS + 4 * STEP, STEP):
        for pool in pools:
            pool.step(at, rng)
        yield at, [sample for pool in pools if (sample := _answer(pool, at)) is not None]


def _pools(rng: Random) -> Iterator[Pool]:
    plans = [(site, plan) for site in CITY for plan in site.pools]
    for (site, plan), (nodes, used) in zip(plans, open_pools([plan for _, plan in plans], rng), strict=True):
        yield Pool(site, plan, nodes, used / (nodes * plan.per_node), nodes, used)


def _answer(pool: Pool, at: int) -> Sample | None:
    """What the site's API said; None where it said nothing."""
    if _in(OUTAGE, pool, at):
        return None
    online, used = pool.nodes * pool.plan.per_node, pool.used
    if _in(DRAINED, pool, at):
        online = used = 0
    if _in(STUCK, pool, at):
        pool.told_used = used = pool.told_used or used
    peak = pool.plan.peak_pflops * (1000 if _in(WRONG_UNIT, pool, at) else 1)
    return Sample(
        site=pool.site.id,
        pool=pool.plan.id,
        at=at,
        source_at=at,
        fetched_at=at + 1,
        max_age=MAX_AGE,
        online_pflops=online * peak,
        used_pflops=used * peak,
    )


def _in(what: tuple[str, int, int], pool: Pool, at: int) -> bool:
    site, lo, hi = what
    return pool.site.id == site and lo <= at < hi
