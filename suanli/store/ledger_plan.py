"""What would change in the ledger of one pool, and which changes need a reason: docs/decisions/0004-registry.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from zoneinfo import ZoneInfo

from suanli.model.audit import Entry
from suanli.model.capacity import CORRECTING, instant, written
from suanli.model.errors import Problem
from suanli.model.message import Message
from suanli.model.site import Pool, Site
from suanli.registry.ledger import LedgerEntry
from suanli.store.registry import RecordedPool
from suanli.store.writes import Change, recording, superseding

Located = Callable[[str, str, int | None, str], Problem]
"""A problem with a site's pool, or with one of its entries (its place in the list), in words."""


def by_name(site: str, pool: str, _entry: int | None, message: str) -> Problem:
    """Where no file says it."""
    return Problem(Message("site {site}, pool {pool}: {message}", site=site, pool=pool, message=message))


def ledger_changes(
    recorded: RecordedPool | None, lines: list[LedgerEntry], site: Site, pool: Pool, zone: ZoneInfo
) -> list[Change]:
    before = list(recorded.ledger) if recorded else []
    gone = [line for line in before if line not in lines]
    new = [line for line in lines if line not in before]
    where = f"{site.id}/{pool.id}"
    withdrawals = [
        Change(
            Message("- capacity {where}: {line}", where=where, line=told_line(line, zone)),
            superseding(site.id, pool.id, line),
            Entry("capacity.supersede", where, before=asdict(line)),
        )
        for line in gone
    ]
    return withdrawals + [
        Change(
            Message("+ capacity {where}: {line}", where=where, line=told_line(line, zone)),
            recording(site.id, pool.id, line),
            Entry("capacity.add", where, after=asdict(line)),
        )
        for line in new
    ]


def as_recorded(line: LedgerEntry, recorded: RecordedPool | None, pool: Pool) -> LedgerEntry:
    """Devices that are already in the ledger keep the PFLOPS worked out then: a new catalogue changes no figure."""
    if recorded is None or recorded.pool.model != pool.model or line.devices is None:
        return line
    old = next((old for old in recorded.ledger if _same_devices(old, line)), None)
    return line if old is None else replace(line, pflops=old.pflops)


def _same_devices(old: LedgerEntry, line: LedgerEntry) -> bool:
    """Only a re-rating works the same devices out anew, and once: said in the same words it is the same one."""
    if (old.stage, old.devices, old.basis) != (line.stage, line.devices, line.basis) or not old.holds(line.valid_from):
        return False
    return line.reason != "re-rating" or (old.reason, old.source) == (line.reason, line.source)


def unreasoned(
    recorded: RecordedPool | None,
    lines: list[LedgerEntry],
    site: Site,
    pool: Pool,
    zone: ZoneInfo,
    located: Located,
) -> list[Problem]:
    """Recorded capacity that the new lines would say otherwise, though none of them gives a reason to correct it."""
    before = recorded.ledger if recorded else ()
    return [
        located(
            site.id,
            pool.id,
            _entry_about(old, pool, zone),
            Message(
                "the ledger already says {line}; to change it, give the entry that replaces it a reason ({known})",
                line=told_line(old, zone),
                known=", ".join(sorted(CORRECTING)),
            ),
        )
        for old in before
        if not _kept(old, lines)
    ]


def _entry_about(old: LedgerEntry, pool: Pool, zone: ZoneInfo) -> int | None:
    """Which of the pool's written entries speaks of the same beginning."""
    about = (old.stage, old.valid_from)
    return next((n for n, one in enumerate(pool.capacity) if (one.stage, instant(one.since, zone)) == about), None)


def _kept(old: LedgerEntry, lines: list[LedgerEntry]) -> bool:
    """Still there, or only ended by a later entry, or replaced by an entry that says why."""
    same_stage = [line for line in lines if line.stage == old.stage]
    starts = {line.valid_from for line in same_stage}
    return any(_continued(old, line, starts) or _corrected(old, line) for line in same_stage)


def _continued(old: LedgerEntry, line: LedgerEntry, starts: set[int]) -> bool:
    """Where it was open, a later entry may have ended it; nothing else may differ, not its source nor its reason."""
    ended = old.valid_until is None and line.valid_until in starts
    return line == (replace(old, valid_until=line.valid_until) if ended else old)


def _corrected(old: LedgerEntry, line: LedgerEntry) -> bool:
    return line.reason in CORRECTING and (line.holds(old.valid_from) or old.holds(line.valid_from))


def told_line(line: LedgerEntry, zone: ZoneInfo) -> str:
    """One line of the ledger in words."""
    devices = line.devices
    amount = f"{line.pflops:g} PFLOPS" if devices is None else Message("{count} devices", count=devices)
    end = "" if line.valid_until is None else Message(" until {day}", day=written(line.valid_until, zone))
    return Message(
        "{stage} {amount} from {day}{end} ({source})",
        stage=line.stage,
        amount=amount,
        day=written(line.valid_from, zone),
        end=end,
        source=line.source,
    )
