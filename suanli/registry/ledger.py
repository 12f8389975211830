"""The capacity ledger: bitemporal entries, half-open in both times, never overlapping for one pool and stage.

An entry's PFLOPS are worked out when it is recorded, so that a later catalogue cannot change a published figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from suanli.catalog.accelerators import Accelerators
from suanli.model.capacity import CapacityEntry, Reason, Stage, instant, written
from suanli.model.message import Message
from suanli.model.site import Pool
from suanli.model.units import Basis


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the ledger. Times are UTC seconds; valid_until None: still so; pflops None: the peak is unknown."""

    stage: Stage
    valid_from: int
    valid_until: int | None
    devices: int | None
    pflops: float | None
    basis: Basis
    source: str
    reason: Reason

    def holds(self, at: int) -> bool:
        """Whether this entry is true at `at`."""
        return self.valid_from <= at and (self.valid_until is None or at < self.valid_until)

    def same_amount(self, other: LedgerEntry) -> bool:
        return (self.devices, self.pflops, self.basis) == (other.devices, other.pflops, other.basis)


class LedgerError(Exception):
    """Entries that contradict each other or themselves; `index` is the entry's place in the pool's list."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def entries_of(pool: Pool, zone: ZoneInfo, catalogue: Accelerators, since: int = 0) -> list[LedgerEntry]:
    """The pool's written entries as ledger lines, each open end closed by the next entry of its stage.

    since: the first second of its site. Raises LedgerError for an end before its start, for an overlap, and for what
    would have been built before there was a site.
    """
    lines: list[tuple[int, LedgerEntry]] = [
        (index, _entry(entry, pool, zone, catalogue)) for index, entry in enumerate(pool.capacity)
    ]
    for index, line in lines:
        if line.valid_until is not None and line.valid_until <= line.valid_from:
            raise LedgerError(index, Message("until must come after from"))
        if line.stage == "built" and line.valid_from < since:
            raise LedgerError(index, Message("built before the site began ({day})", day=written(since, zone)))
    return [line for stage in _STAGES for line in _closed([pair for pair in lines if pair[1].stage == stage])]


def amount_at(entries: Iterable[LedgerEntry], stage: Stage, at: int) -> float | None:
    """PFLOPS of this stage at `at`; None where the ledger says nothing or the peak is unknown."""
    return next((entry.pflops for entry in entries if entry.stage == stage and entry.holds(at)), None)


_STAGES: tuple[Stage, ...] = ("planned", "built", "retired")


def _entry(entry: CapacityEntry, pool: Pool, zone: ZoneInfo, catalogue: Accelerators) -> LedgerEntry:
    return LedgerEntry(
        stage=entry.stage,
        valid_from=instant(entry.since, zone),
        valid_until=None if entry.until is None else instant(entry.until, zone),
        devices=entry.devices,
        pflops=_pflops(entry, pool, catalogue),
        basis=pool.basis,
        source=entry.source,
        reason=entry.reason,
    )


def _pflops(entry: CapacityEntry, pool: Pool, catalogue: Accelerators) -> float | None:
    if entry.devices is None:
        return entry.pflops
    row = catalogue.find(pool.model)
    peak = row.peak_pflops(pool.basis) if row else None
    return None if peak is None else entry.devices * peak


def _closed(lines: list[tuple[int, LedgerEntry]]) -> list[LedgerEntry]:
    """The lines of one stage in order of time, none reaching into the next."""
    ordered = sorted(lines, key=lambda pair: pair[1].valid_from)
    closed = [_close(one, following) for one, following in pairwise(ordered)]
    return closed + [line for _, line in ordered[-1:]]


def _close(one: tuple[int, LedgerEntry], following: tuple[int, LedgerEntry]) -> LedgerEntry:
    line, (index, later) = one[1], following
    if later.valid_from == line.valid_from or (line.valid_until is not None and later.valid_from < line.valid_until):
        raise LedgerError(index, Message("overlaps another {stage} entry of this pool", stage=line.stage))
    end = later.valid_from if line.valid_until is None else line.valid_until
    return LedgerEntry(
        line.stage, line.valid_from, end, line.devices, line.pflops, line.basis, line.source, line.reason
    )
