"""The kinds of alert whose subject is a site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from math import fsum
from typing import NamedTuple

from suanli.alerts.seen import Seen
from suanli.alerts.state import Reading, Rule
from suanli.model.rates import PoolState
from suanli.registry.polled import is_polled
from suanli.store.registry import RecordedSite

_MEANT = 1 + 1e-9
"""Above this a rung is higher than the one below it: `model.rates.flagged`."""


class _Site(NamedTuple):
    """One site as a round sees it. built: PFLOPS, None where it is unknown or of several bases."""

    item: RecordedSite
    pools: Sequence[PoolState]
    built: float | None


Said = tuple[bool | None, float | None]
"""Whether the number is on the wrong side, and the number."""


def site_readings(rules: Mapping[str, Rule], seen: Seen) -> Iterator[Reading]:
    """Every such kind for every site that is not retired."""
    asked = [(rules[name], say) for name, say in _SAYING.items() if name in rules]
    pools = {site: list(found) for site, found in groupby(seen.states, key=lambda state: state.site)}
    for item in seen.registry:
        if item.site.status != "retired":
            members = pools.get(item.site.id, ())
            site = _Site(item, members, _built(members))
            subject = (("site", item.site.id),)
            for rule, say in asked:
                if (said := say(site, seen, rule)) is not None:
                    yield Reading(rule, subject, *said, site.built)  # type: ignore[arg-type] # a literal of one label


def _built(pools: Sequence[PoolState]) -> float | None:
    """Different bases are never added: rule 8."""
    known = [pool.built_pflops for pool in pools if pool.built_pflops is not None]
    return fsum(known) if known and len({pool.basis for pool in pools}) == 1 else None


def _silent(site: _Site, seen: Seen, _: Rule) -> Said | None:
    """None for a site that is not asked. One that was never heard is told of by another kind."""
    if not is_polled(site.item.site):
        return None
    id_ = site.item.site.id
    if (last := seen.outcomes.last.get(id_)) is None:
        return None, None
    heard_before = id_ in seen.outcomes.last_success
    return last.result != "ok" and heard_before and id_ not in seen.maintained, None


def _never_heard(site: _Site, seen: Seen, _: Rule) -> Said | None:
    if not is_polled(site.item.site):
        return None
    id_, expected = site.item.site.id, any(pool.expected for pool in site.pools)
    return expected and id_ not in seen.outcomes.last_success and id_ not in seen.maintained, None


def _used_above(site: _Site, _: Seen, __: Rule) -> Said:
    both = [
        pool.used_pflops > pool.online_pflops * _MEANT
        for pool in site.pools
        if pool.used_pflops is not None and pool.online_pflops is not None
    ]
    return any(both) if both else None, None


def _jump(site: _Site, seen: Seen, rule: Rule) -> Said:
    share = seen.jumps.get(site.item.site.id)
    return None if share is None else abs(share) > (rule.threshold or 0.0), share


_SAYING: dict[str, Callable[[_Site, Seen, Rule], Said | None]] = {
    "site_silent": _silent,
    "site_never_heard": _never_heard,
    "used_above_online": _used_above,
    "capacity_jump": _jump,
}
