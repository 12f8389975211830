"""Resource pools, their nodes and what their monitors say -> devices online, used and busy by pool. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from collectors.amounts import Amounts, samples_of_amounts
from collectors.matching import pool_of
from collectors.modelarts.monitor import Utils, metric_of
from collectors.modelarts.nodes import Cards, Node, ResourcePool
from collectors.once import once
from collectors.reasons import FROZEN
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.quality.marks import no_amount

POOL, FLAVOR, RESOURCE = "pool", "flavor", "resource"
"""The labels of a pool's match: a resource pool's id or name; a node's flavor; the name under which devices count."""
_NONE = Cards(0.0, 0.0)


@dataclass(slots=True)
class Inventory:
    """What one poll has found so far."""

    site: PolledSite
    amounts: Amounts = field(default_factory=Amounts)
    busy: dict[str, list[float | None]] = field(default_factory=lambda: defaultdict(list))
    """Busy devices by pool, of each resource pool; None where it does not tell."""

    def add(self, pool: ResourcePool, nodes: Iterable[Node], utils: Utils) -> None:
        """One resource pool with its nodes."""
        names: set[str] = set()
        online: dict[str, dict[str, float]] = defaultdict(dict)  # devices by metric and pool
        for node in nodes:
            once(names, node.name, f"node {node.name[:60]}")
            for resource, cards in (node.cards or {"": _NONE}).items():
                found = self._pool(pool, node, resource)
                out = FROZEN if pool.frozen else node.out
                count = self._add(found, _NONE if out else cards)
                if found and out and cards.all and no_amount(cards.all) is None:
                    self.amounts.left_out[found.id, out] += cards.all
                if found is None and resource and cards.all != 0:
                    self.amounts.strangers.add(f"{resource} ({node.flavor or 'no flavor'})"[:120])
                by_pool = online[metric_of(resource)]
                key = found.id if found else ""
                by_pool[key] = by_pool.get(key, 0.0) + count
        for metric, by_pool in online.items():
            self._add_busy({id_: count for id_, count in by_pool.items() if count}, utils.get(metric))

    def samples(self, now: int) -> list[Sample]:
        """One sample a pool that was found; Unreadable when there is none."""
        for id_, told in self.busy.items():
            if any(value is not None for value in told):
                for value in told:
                    self.amounts.add(id_, "busy", value)
        return samples_of_amounts(self.site, self.amounts, "devices", now, now)

    def _add(self, found: PolledPool | None, cards: Cards) -> float:
        """How many of them are online, as far as that is an amount."""
        if found is not None:
            self.amounts.add(found.id, "online", cards.all)
            self.amounts.add(found.id, "used", self._held(found, cards))
        return cards.all if cards.all is not None and no_amount(cards.all) is None else 0.0

    def _held(self, found: PolledPool, cards: Cards) -> float | None:
        """All less those that nobody has. The difference of two marks for "no value" would be a good 0."""
        for value in (cards.all, cards.free):
            if value is not None and (why := no_amount(value)) is not None:
                self.amounts.refuse(found.id, "used", value, why)
                return None
        return None if cards.all is None or cards.free is None else cards.all - cards.free

    def _add_busy(self, online: dict[str, float], percent: float | None) -> None:
        """Of devices of several pools one percentage is told: whose share is which, nobody knows."""
        why = None if percent is None else no_amount(percent) or ("more than 100 percent" if percent > 100 else None)
        for id_, devices in online.items():
            if id_ and percent is not None and why:
                self.amounts.refuse(id_, "busy", percent, why)
                self.amounts.add(id_, "busy", None)
            elif id_:
                self.busy[id_].append(None if percent is None or len(online) > 1 else devices * percent / 100)

    def _pool(self, pool: ResourcePool, node: Node, resource: str) -> PolledPool | None:
        """The pool whose match is one of the three, else that of which the flavor or the resource is an alias."""
        said = {POOL: (pool.id, pool.name), FLAVOR: (node.flavor,), RESOURCE: (resource,)}
        for one in self.site.pools:
            if one.match and one.match.value in said.get(one.match.label, ()):
                return one
        named = [(FLAVOR, node.flavor), (RESOURCE, resource)]
        return next((found for label, name in named if name and (found := pool_of(self.site, label, name))), None)
