"""What the hourly look over the history found: kept as long as it goes on in one row, and open while it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from suanli.quality.history import DAY, HOUR, Finding
from suanli.store import schema

OPEN_FOR = 2 * HOUR
"""After its last hour: the next look comes within an hour and five minutes."""
_BY_DAYS = frozenset({"identical"})
"""Looks at whole days, so that the day after is not over before the next word on it."""

_table = schema.findings.c


@dataclass(frozen=True, slots=True)
class Found:
    """One finding about a pool over [since, until), UTC seconds; recorded_at: when it was first made."""

    id: int
    pool_key: int
    check: str
    since: int
    until: int
    reason: str
    recorded_at: int

    def open_at(self, at: int) -> bool:
        """Whether the pool's figures are doubtful at this second."""
        return self.since <= at <= self.until + OPEN_FOR + (DAY if self.check in _BY_DAYS else 0)


def keep_findings(connection: Connection, found: Iterable[tuple[int, Finding]], now: int) -> int:
    """Record these, each with its pool's key; one that goes on, or is seen from a later beginning, extends its row.

    How many of them are new.
    """
    new = 0
    for key, one in found:
        before = connection.execute(_overlapping(key, one)).first()
        if before is None:
            row = {"pool_key": key, "check": one.check, "since": one.since, "until": one.until, "reason": one.reason}
            connection.execute(insert(schema.findings).values(**row, recorded_at=now))
            new += 1
        else:
            until = max(before.until, one.until)
            reason = one.reason if one.until >= before.until else before.reason
            changed = update(schema.findings).where(_table.id == before.id)
            connection.execute(changed.values(until=until, reason=reason))
    return new


def read_findings(
    connection: Connection, until: int | None = None, check: str | None = None, as_of: int | None = None
) -> list[Found]:
    """Those that end at this second or later (all when None), the newest first."""
    rows = select(schema.findings).order_by(_table.until.desc(), _table.id.desc())
    if until is not None:
        rows = rows.where(_table.until >= until)
    if check is not None:
        rows = rows.where(_table.check == check)
    if as_of is not None:
        rows = rows.where(_table.recorded_at <= as_of)
    return [_found(row) for row in connection.execute(rows)]


def maybe_open(connection: Connection, at: int, as_of: int | None = None) -> list[Found]:
    """All that may be open at this second or later."""
    return read_findings(connection, at - OPEN_FOR - DAY, as_of=as_of)


def doubtful(findings: Iterable[Found], at: int) -> frozenset[int]:
    """The keys of the pools of which a finding is open at this second."""
    return frozenset(one.pool_key for one in findings if one.open_at(at))


def _overlapping(key: int, one: Finding) -> Select[Any]:
    """What is already found of this pool by this check, over a time that this finding overlaps or goes on from."""
    same = select(schema.findings).where(_table.pool_key == key, _table.check == one.check)
    met = same.where(_table.since <= one.until, _table.until >= one.since)
    return met.order_by(_table.until.desc(), _table.id).limit(1)


def _found(row: Any) -> Found:
    return Found(row.id, row.pool_key, row.check, row.since, row.until, row.reason, row.recorded_at)
