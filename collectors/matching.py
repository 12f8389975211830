"""Which of a site's pools the source means; written once for every source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import collectors.reasons as reasons
from collectors.base import Unreadable, sample_of_devices
from suanli.catalog.accelerators import folded
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample

_TOLD = 5


@dataclass(slots=True)
class Count:
    """Devices found of one pool; None where the source did not tell this rung."""

    online: float | None = None
    used: float | None = None


@dataclass(slots=True)
class Counts:
    """Devices by pool, what was found that belongs to no pool, and by pool and reason what is not online."""

    by_pool: dict[str, Count] = field(default_factory=dict)
    strangers: dict[str, float] = field(default_factory=dict)
    left_out: reasons.LeftOut = field(default_factory=lambda: defaultdict(float))

    def of(self, pool: PolledPool) -> Count:
        return self.by_pool.setdefault(pool.id, Count())


def pool_of(site: PolledSite, label: str, value: str) -> PolledPool | None:
    """The pool that claims this value by its `match`, else by its id or a catalogue alias of its model.

    An answer that names nothing (value "") can only mean the pool of a site that has one.
    """
    claimed = [pool for pool in site.pools if pool.match and (pool.match.label, pool.match.value) == (label, value)]
    if claimed:
        return claimed[0]
    free = [pool for pool in site.pools if pool.match is None]
    if not value:
        return free[0] if len(site.pools) == len(free) == 1 else None
    return next((pool for pool in free if pool.id == value or folded(value) in pool.aliases), None)


def samples_of(site: PolledSite, counts: Counts, now: int) -> list[Sample]:
    """One sample a pool that was found. What belongs to no pool makes all of them partial, and says what it was.

    Raises Unreadable when no pool was found: an answer about nothing we know is not "0 devices".
    """
    found = [pool for pool in site.pools if pool.id in counts.by_pool]
    if not found:
        seen = ", ".join(briefly(name[:60] for name in sorted(counts.strangers))) or "nothing"
        raise Unreadable(f"none of the pools of this site is in the answer (found: {seen}); check the pools' match")
    reason = _told(counts.strangers.items())
    samples = [
        sample_of_devices(
            site, pool, now, online=counts.by_pool[pool.id].online, used=counts.by_pool[pool.id].used, reason=reason
        )
        for pool in found
    ]
    return with_left_out(samples, counts.left_out)


def with_left_out(samples: list[Sample], left_out: reasons.LeftOut) -> list[Sample]:
    """These, each with what is left out of its pool."""
    if not left_out:
        return samples
    told = [tuple(briefly(reasons.told(left_out, sample.pool))) for sample in samples]
    return [sample.model_copy(update={"left_out": rows}) for sample, rows in zip(samples, told, strict=True)]


def _told(strangers: Iterable[tuple[str, float]]) -> str:
    told = (f"{count:g} devices of {name[:60] or 'no named type'} match no pool" for name, count in sorted(strangers))
    return "; ".join(briefly(told))


def briefly(texts: Iterable[str]) -> list[str]:
    """The first few; a source that names thousands of strangers must not fill the record with them."""
    listed = list(texts)
    return [*listed[:_TOLD], f"and {len(listed) - _TOLD} more"] if len(listed) > _TOLD else listed
