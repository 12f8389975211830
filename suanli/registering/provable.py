"""What of a submission its own source can prove: that what is declared as built is there now, and nothing else.

What a poll cannot find (the past, the future, a name, what is only planned) is decided on by a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.calendar import DAY, day_of
from suanli.model.errors import InputError
from suanli.model.polled import PolledSite
from suanli.model.request import CorrectionRequest, Request, SitesRequest
from suanli.model.site import Site
from suanli.registering.amounts import Line, said_anew
from suanli.registering.requests import planned_request
from suanli.registry.polled import is_pushed, polled_site
from suanli.store.plan import Change
from suanli.store.registry import RecordedPool, RecordedSite
from suanli.store.sql import Store
from suanli.store.submissions import Submission

MOST_SITES = 50
"""Of one submission, and of all that one person has waiting: so many are asked before anybody has approved them."""
_NEW = frozenset({"site.register", "pool.register", "capacity.add", "capacity.supersede"})
_TOLD_BY_A_POLL = {"site.update": frozenset({"source"}), "pool.update": frozenset({"match"})}
"""Facts of which an answer shows whether they are right: where to ask, and what of the answer is the pool."""


class Unprovable(Exception):
    """Why a person decides, or what has to come first; for who waits."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared as built in one pool; None: not known, as of devices that are not counted."""

    devices: int | None
    pflops: float | None


@dataclass(frozen=True, slots=True)
class ProvableSite:
    """One site as it would be asked once approved, and what it must be found to have, by pool."""

    polled: PolledSite
    declared: dict[str, Declared]


@dataclass(frozen=True, slots=True)
class Provable:
    """A submission that polls can prove. changes: what approving it would do, in words."""

    number: int
    submitted_by: str
    sites: tuple[ProvableSite, ...]
    changes: tuple[str, ...]


def provable(store: Store, one: Submission, config: Config) -> Provable:
    """What has to be found; Unprovable where no poll can decide, or not yet, on what the registry says now."""
    if isinstance(one.request, CorrectionRequest):
        raise Unprovable("a correction says something else of what was recorded: a person decides")
    if len(one.request.site_ids) > MOST_SITES:
        raise Unprovable(f"more than {MOST_SITES} sites: a person decides")
    try:
        changes = planned_request(store, one.request, config)
    except InputError as error:
        told = "; ".join(one.message for one in error.problems)
        raise Unprovable(f"it does not fit what the registry says now: {told}") from None
    _all_can_be_told(changes)
    lines = dict(_lines(store, changes, config))
    changed = {change.entry.subject.partition("/")[0] for change in changes}
    sites = tuple(_site(site, lines, store, config) for site in _asked(store, one.request) if site.id in changed)
    if not sites:
        raise Unprovable("the registry says so already")
    return Provable(one.id, one.submitted_by, sites, tuple(change.text for change in changes))


def _all_can_be_told(changes: list[Change]) -> None:
    for entry in (change.entry for change in changes):
        if entry.action not in _NEW and not set(entry.after) <= _TOLD_BY_A_POLL.get(entry.action, frozenset()):
            facts = ", ".join(sorted(entry.after))
            raise Unprovable(f"no poll can tell whether {facts} of {entry.subject} is right: a person decides")


def _lines(store: Store, changes: list[Change], config: Config) -> Iterator[tuple[str, Line]]:
    """What is said anew, by SITE/POOL: each line is built, holds now, and leaves figures alone that were published.

    Yesterday's and today's may change: a poll shows what is there on the day on which it is there.
    """
    pools, yesterday = _recorded(store), day_of(store.now - DAY, config.zone)
    for where, line in said_anew(changes):
        since, until = line["valid_from"], line["valid_until"]
        if line["stage"] != "built":
            raise Unprovable(f"{where}: what is {line['stage']} cannot be found: a person decides")
        if since > store.now:
            raise Unprovable(f"{where}: what is built later cannot be found yet")
        if until is not None and until <= store.now:
            raise Unprovable(f"{where}: what was built once cannot be found any more: a person decides")
        if where in pools and _was_published(pools[where], since, yesterday):
            raise Unprovable(f"{where}: it reaches back into figures that were published: a person decides")
        yield where, line


def _was_published(pool: RecordedPool, lo: int, hi: int) -> bool:
    """Whether something is on record as built at some second of [lo, hi)."""
    return any(
        line.valid_from < hi and (line.valid_until is None or lo < line.valid_until) and lo < hi
        for line in pool.ledger
        if line.stage == "built"
    )


def _asked(store: Store, request: Request) -> Iterator[Site]:
    """Each site with its pools as approved: those that are registered stay, but for what is said of them."""
    registered = {item.site.id: item for item in store.registry}
    if not isinstance(request, SitesRequest):
        yield _with_pools(registered[request.site], only=request.pool)
        return
    for site in request.sites:
        before = registered.get(site.id)
        said = {pool.id for pool in site.pools}
        rest = [one for one in _with_pools(before).pools if one.id not in said] if before else []
        yield site.model_copy(update={"pools": (*site.pools, *rest)})


def _with_pools(item: RecordedSite, only: str | None = None) -> Site:
    return item.site.model_copy(update={"pools": tuple(one.pool for one in item.pools if only in (None, one.pool.id))})


def _site(site: Site, lines: dict[str, Line], store: Store, config: Config) -> ProvableSite:
    if site.source is None:
        raise Unprovable(f"{site.id} has no source that could be asked: a person decides")
    if is_pushed(site):
        raise Unprovable(f"{site.id} is of kind push and is not asked: a person decides")
    polled = polled_site(site, config.polling, load_accelerators())
    if polled is None:
        raise Unprovable(f"{site.id} is {site.status} and is not asked: a person decides")
    amounts = {pool.id: _declared(f"{site.id}/{pool.id}", lines, store) for pool in site.pools}
    # Nobody has approved it yet: it is asked no more often than the sites are that do not say how often.
    interval = max(polled.interval, config.poll.interval)
    calmer = replace(polled, interval=interval, max_age=max(polled.max_age, 3 * interval))
    declared = {pool: amount for pool, amount in amounts.items() if amount is not None}
    if not declared:
        raise Unprovable(f"{site.id}: nothing is declared as built now, so that nothing can be found: a person decides")
    return ProvableSite(calmer, declared)


def _declared(where: str, lines: dict[str, Line], store: Store) -> Declared | None:
    """As said anew, else as recorded; None where nothing is declared as built now."""
    if where in lines:
        return Declared(lines[where]["devices"], lines[where]["pflops"])
    pool = _recorded(store).get(where)
    held = [line for line in pool.ledger if line.stage == "built" and line.holds(store.now)] if pool else []
    return Declared(held[0].devices, held[0].pflops) if held else None


def _recorded(store: Store) -> dict[str, RecordedPool]:
    return {f"{item.site.id}/{pool.pool.id}": pool for item in store.registry for pool in item.pools}


def in_turn(found: list[Provable]) -> tuple[list[Provable], list[Provable]]:
    """Those that are asked now, and those whose person has enough others being asked; the oldest go first."""
    asked: defaultdict[str, int] = defaultdict(int)
    now, later = [], []
    for one in found:
        if asked[one.submitted_by] + len(one.sites) > MOST_SITES:
            later.append(one)
        else:
            asked[one.submitted_by] += len(one.sites)
            now.append(one)
    return now, later
