"""One entry more in the ledger, or one in place of what it says: the same way as a file of sites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.capacity import CORRECTING, CapacityEntry, instant, written
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.site import Site
from suanli.registering.plans import planned
from suanli.registry.ledger import LedgerEntry
from suanli.store.ledger_plan import told_line
from suanli.store.plan import Change
from suanli.store.registry import RecordedPool, RecordedSite, as_written
from suanli.store.sql import Store


def planned_addition(store: Store, site: str, pool: str, entry: CapacityEntry, config: Config) -> list[Change]:
    """The changes by which the ledger says this too; it may end an open entry before it, as a file's would.

    Raises InputError where the ledger already says something of that time.
    """
    item, recorded = registered(store.registry, site, pool)
    problems = [
        Problem(
            Message(
                "{site}/{pool}: the ledger already says {line}; to change that, give a reason with `suanli capacity "
                "correct`",
                site=site,
                pool=pool,
                line=told_line(line, config.zone),
            )
        )
        for line in _in_the_way(recorded, entry, config.zone)
    ]
    if problems:
        raise InputError(problems)
    return _planned_with(store, item, recorded, recorded.ledger, entry, config)


def planned_correction(store: Store, site: str, pool: str, entry: CapacityEntry, config: Config) -> list[Change]:
    """The changes by which the ledger says this of [from, until) and of the rest what it says now.

    Without `until` it ends where the entry that holds at `from` ends. Raises InputError where there is nothing to
    correct, and for a reason that corrects nothing.
    """
    item, recorded = registered(store.registry, site, pool)
    if entry.reason not in CORRECTING:
        raise InputError(
            Problem(
                Message("a correction's reason is one of {known}", known=", ".join(sorted(CORRECTING))), key="--reason"
            )
        )
    lo, hi = _ends(recorded, entry, config.zone)
    same = [line for line in recorded.ledger if line.stage == entry.stage and _reaches(line, lo, hi)]
    if not same:
        raise InputError(
            Problem(
                Message(
                    "{site}/{pool}: the ledger says nothing {stage} of the time from {day}, so there is nothing to "
                    "correct; `suanli capacity add` records what is new",
                    site=site,
                    pool=pool,
                    stage=entry.stage,
                    day=written(lo, config.zone),
                )
            )
        )
    rest = [part for line in recorded.ledger for part in (_parts(line, lo, hi) if line in same else [line])]
    ended = entry.model_copy(update={"until": None if hi is None else written(hi, config.zone)})
    return _planned_with(store, item, recorded, rest, ended, config)


def registered(registry: Iterable[RecordedSite], site: str, pool: str) -> tuple[RecordedSite, RecordedPool]:
    """This pool of this site; an InputError names those that there are."""
    known = [(item, one) for item in registry for one in item.pools]
    for item, one in known:
        if (item.site.id, one.pool.id) == (site, pool):
            return item, one
    names = [f"{item.site.id}/{one.pool.id}" for item, one in known if item.site.id == site] or [
        f"{item.site.id}/{one.pool.id}" for item, one in known
    ]
    raise InputError(
        Problem(
            Message(
                "no pool {site}/{pool}; registered: {known}",
                site=site,
                pool=pool,
                known=", ".join(names) or Message("none yet (suanli apply)"),
            )
        )
    )


def _planned_with(
    store: Store,
    item: RecordedSite,
    recorded: RecordedPool,
    lines: Iterable[LedgerEntry],
    entry: CapacityEntry,
    config: Config,
) -> list[Change]:
    """As if a file named this one pool, with these lines and the entry."""
    pool = recorded.pool
    if entry.devices is not None and load_accelerators().find(pool.model) is None:
        raise InputError(
            Problem(Message("model {model!r} is not in the catalogue: give PFLOPS, not devices", model=pool.model))
        )
    site: Site = as_written(replace(item, pools=(replace(recorded, ledger=tuple(lines)),)), config.zone)
    (before,) = site.pools
    after = before.model_copy(update={"capacity": (*before.capacity, entry)})
    return planned(store, [site.model_copy(update={"pools": (after,)})], config)


def _in_the_way(recorded: RecordedPool, entry: CapacityEntry, zone: ZoneInfo) -> list[LedgerEntry]:
    """The lines whose time the entry would take, but for an open one that it ends."""
    same = [line for line in recorded.ledger if line.stage == entry.stage]
    lo = instant(entry.since, zone)
    following = min((line.valid_from for line in same if line.valid_from > lo), default=None)
    hi = following if entry.until is None else instant(entry.until, zone)
    return [
        line
        for line in same
        if _reaches(line, lo, hi) and not (entry.until is None and line.valid_until is None and line.valid_from < lo)
    ]


def _ends(recorded: RecordedPool, entry: CapacityEntry, zone: ZoneInfo) -> tuple[int, int | None]:
    lo = instant(entry.since, zone)
    if entry.until is not None:
        hi = instant(entry.until, zone)
        if hi <= lo:
            raise InputError(Problem(Message("until must come after from"), key="--until"))
        return lo, hi
    held = [line.valid_until for line in recorded.ledger if line.stage == entry.stage and line.holds(lo)]
    # Where nothing holds, the stretch of one second finds nothing to correct either.
    return lo, held[0] if held else lo + 1


def _reaches(line: LedgerEntry, lo: int, hi: int | None) -> bool:
    """Whether it has a second in [lo, hi)."""
    return (hi is None or line.valid_from < hi) and (line.valid_until is None or lo < line.valid_until)


def _parts(line: LedgerEntry, lo: int, hi: int | None) -> list[LedgerEntry]:
    """What is left of a line without [lo, hi)."""
    before = [replace(line, valid_until=lo)] if line.valid_from < lo else []
    left = hi is not None and (line.valid_until is None or hi < line.valid_until)
    return before + ([replace(line, valid_from=hi)] if left and hi is not None else [])
