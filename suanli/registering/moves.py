"""A pool that goes to another site, or gets another id."""

from __future__ import annotations

from suanli.config import Config
from suanli.model.capacity import written
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.registry.timeline import Timeline
from suanli.store.plan import Change, moved
from suanli.store.sql import Store


def planned_move(
    store: Store, site: str, pool: str, to_site: str, as_id: str, effective: int, config: Config
) -> list[Change]:
    """The change by which the pool belongs elsewhere from `effective` (UTC seconds) on; an InputError if it cannot.

    Its keys are those of `MoveRequest`.
    """
    day = written(effective, config.zone)
    key = _bearer(store, site, pool, effective, day)
    if (site, pool) == (to_site, as_id):
        raise InputError(Problem(Message("{site}/{pool} is where the pool is", site=site, pool=pool), key="to"))
    target = next((item for item in store.registry if item.site.id == to_site), None)
    if target is None:
        known = ", ".join(item.site.id for item in store.registry)
        told = Message("no site {to_site!r}; registered: {known}", to_site=to_site, known=known)
        raise InputError(Problem(told, key="to"))
    if effective < target.since:
        told = Message("{to_site} begins only on {day}", to_site=to_site, day=written(target.since, config.zone))
        raise InputError(Problem(told, key="from"))
    others = (line for other, line in store.timelines.items() if other != key)
    if any(_bears(line, to_site, as_id, effective) for line in others):
        told = Message("{to_site}/{as_id} is another pool; give it another id (as)", to_site=to_site, as_id=as_id)
        raise InputError(Problem(told, key="as"))
    return [moved(site, pool, to_site, as_id, effective, day)]


def _bearer(store: Store, site: str, pool: str, at: int, day: object) -> int:
    spans = {key: span for key, line in store.timelines.items() if (span := line.at(at)) is not None}
    for key, span in spans.items():
        if (span.site, span.pool) == (site, pool):
            return key
    there = ", ".join(sorted(f"{span.site}/{span.pool}" for span in spans.values() if span.site == site)) or "none"
    raise InputError(
        Problem(
            Message("no pool {site}/{pool} on {day}; {site} has: {there}", site=site, pool=pool, day=day, there=there)
        )
    )


def _bears(timeline: Timeline, site: str, pool: str, since: int) -> bool:
    """Whether this pool has the name at `since` or later."""
    return any((span.site, span.pool) == (site, pool) and span.hi > since for span in timeline.spans)
