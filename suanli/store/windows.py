"""Maintenance windows on record: added, approved, ended early; and every one as it was known at a time.

A window keeps its number. Each change leaves what was known before as a row of its own, so that `as_of` finds it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, insert, select, update

from suanli.model.audit import Author, Entry, local_author
from suanli.model.errors import InputError, Problem, SuanliError, Unknown
from suanli.model.maintenance import Policy, Window, first_occurrence, occurrences
from suanli.model.message import Message, message_of
from suanli.store import audit, schema
from suanli.store.writes import pool_key, site_key, tell_others

_SAID = ("start", "end", "rule", "policy", "reason", "approved_by")
_SAME = ("site_key", "pool_key", "start", "end", "rule", "policy", "reason")


@dataclass(frozen=True, slots=True)
class RecordedWindow:
    """One window. start, end: its first occurrence; cut_at: it was ended early; times in UTC seconds.

    site, pool: by the names that they bear now. superseded_at: when something else was said of it, None if nothing was.
    """

    id: int
    site: str
    pool: str | None
    pool_key: int | None
    start: int
    end: int
    rule: str | None
    policy: Policy
    reason: str
    approved_at: int | None
    approved_by: str | None
    cut_at: int | None
    recorded_at: int
    superseded_at: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it changes any figure."""
        return self.approved_at is not None and self.policy != "include"

    def stretches(self, lo: int, hi: int, zone: ZoneInfo) -> list[tuple[int, int]]:
        """Its occurrences that reach into [lo, hi)."""
        return occurrences(self.start, self.end, self.rule, zone, lo, hi, self.cut_at)


def windows(connection: Connection, as_of: int | None = None, *, everything: bool = False) -> list[RecordedWindow]:
    """The windows as they are known now, or were at `as_of`, in the order in which they begin.

    everything: also what was said of them before.
    """
    table = schema.maintenance
    rows = connection.execute(select(table).order_by(table.c.start, table.c.recorded_at, table.c.id)).mappings().all()
    if not rows:
        return []
    sites = {row.key: row.id for row in connection.execute(select(schema.sites.c.key, schema.sites.c.id))}
    places, numbers = _places(connection, sites), _numbers(rows)
    return [
        _window(row, numbers[row["id"]], places.get(row["pool_key"], (sites[row["site_key"]], None)), as_of)
        for row in rows
        if _known(row, as_of, everything=everything)
    ]


def window_of(connection: Connection, id_: int) -> RecordedWindow:
    """The window of this number as it is known now; an InputError when there is none."""
    _current(connection, id_)
    return next(one for one in windows(connection) if one.id == id_)


def no_window(id_: int) -> Unknown:
    """What is said where there is none of this number, or none for who asks."""
    told = Message("no maintenance window {id}; `suanli maintenance list` shows them", id=id_)
    return Unknown(Problem(told, key="id"))


def added_by(connection: Connection, id_: int) -> str | None:
    """Who added the window of this number, as the audit trail names them; None where that was before there was one."""
    rows = select(schema.audit.c.actor, schema.audit.c.after).where(schema.audit.c.action == "maintenance.add")
    actors = [row.actor for row in connection.execute(rows) if json.loads(row.after)["window"] == id_]
    return actors[-1] if actors else None


def checked(connection: Connection, window: Window, zone: ZoneInfo) -> dict[str, Any]:
    """The row of a window that can be recorded; an InputError says what it cannot be."""
    try:
        start, end = first_occurrence(window, zone)
    except ValueError as error:
        raise InputError(Problem(message_of(error), key="window")) from None
    return {
        **_place(connection, window, start),
        "start": start,
        "end": end,
        "rule": window.rule,
        "policy": window.policy,
        "reason": window.reason,
    }


def add_window(
    connection: Connection,
    window: Window,
    zone: ZoneInfo,
    now: int,
    approved_by: str | None = None,
    author: Author | None = None,
) -> int:
    """Record a window, approved at once when a name is given; its number. An InputError says what it cannot be.

    author: for the audit trail, here and below; None: the user as whom this process runs.
    """
    approval = {"approved_at": None if approved_by is None else now, "approved_by": approved_by}
    row = checked(connection, window, zone) | approval
    recorded = insert(schema.maintenance).values(**row, recorded_at=now)
    number = int(connection.execute(recorded.returning(schema.maintenance.c.id)).scalar_one())
    _audited(connection, "add", number, None, {name: row[name] for name in _SAID}, author, now)
    tell_others(connection)
    return number


def approve_window(connection: Connection, id_: int, by: str, now: int, author: Author | None = None) -> None:
    """From now on the window counts, for its whole length; what was published before stays reproducible."""
    row = _current(connection, id_)
    if row["approved_at"] is not None:
        raise SuanliError(
            Message(
                "maintenance window {id} has already been approved by {approved_by}",
                id=id_,
                approved_by=row["approved_by"],
            )
        )
    _again(connection, row, now, {"approved_at": now, "approved_by": by})
    _audited(connection, "approve", id_, None, {"approved_at": now, "approved_by": by}, author, now)


def end_window(connection: Connection, id_: int, cut_at: int, now: int, author: Author | None = None) -> None:
    """Nothing of the window counts from `cut_at` on. It can be ended earlier still, but not brought back."""
    row = _current(connection, id_)
    if row["cut_at"] is not None and row["cut_at"] <= cut_at:
        raise SuanliError(
            Message("maintenance window {id} has already been ended; add another one for what follows", id=id_)
        )
    if row["rule"] is None and row["end"] <= cut_at:
        raise SuanliError(Message("maintenance window {id} ends by itself before that", id=id_))
    _again(connection, row, now, {"cut_at": cut_at})
    before = None if row["cut_at"] is None else {"cut_at": row["cut_at"]}
    _audited(connection, "end", id_, before, {"cut_at": cut_at}, author, now)


def _audited(
    connection: Connection, verb: str, id_: int, before: Any, after: dict[str, Any], author: Author | None, now: int
) -> None:
    """What is said of the window of this number, under the place where it is."""
    found = window_of(connection, id_)
    subject = found.site if found.pool is None else f"{found.site}/{found.pool}"
    entry = Entry(f"maintenance.{verb}", subject, before, {"window": id_, **after})
    audit.append(connection, author or local_author(), [entry], now)


def _current(connection: Connection, id_: int) -> RowMapping:
    table = schema.maintenance
    row = connection.execute(select(table).where(table.c.id == id_, table.c.superseded_at.is_(None))).mappings().first()
    if row is None:
        raise no_window(id_)
    return row


def _again(connection: Connection, row: RowMapping, now: int, changes: dict[str, Any]) -> None:
    """The window as it is known from now on, under its number; what was known before is kept under a new one."""
    table = schema.maintenance
    before = {name: value for name, value in row.items() if name != "id"} | {"superseded_at": now}
    connection.execute(insert(table).values(**before))
    connection.execute(update(table).where(table.c.id == row["id"]).values(recorded_at=now, **changes))
    tell_others(connection)


def _place(connection: Connection, window: Window, start: int) -> dict[str, int | None]:
    """The keys of its site and pool: of the pool that bore this name when the window began, else of its last bearer."""
    try:
        site = site_key(connection, window.site)
        pool = None if window.pool is None else pool_key(connection, window.site, window.pool, start)
    except LookupError:
        where = window.site if window.pool is None else f"{window.site}/{window.pool}"
        sites = schema.sites.c.id
        known = connection.execute(select(sites).where(sites == window.site)).first() is not None
        told = Message("{where} is not registered; `suanli pool list` shows what is", where=where)
        raise InputError(Problem(told, key="pool" if known else "site")) from None
    return {"site_key": site, "pool_key": pool}


def _known(row: RowMapping, as_of: int | None, *, everything: bool) -> bool:
    recorded, superseded = row["recorded_at"], row["superseded_at"]
    if as_of is None:
        return everything or superseded is None
    return recorded <= as_of and (everything or superseded is None or superseded > as_of)


def _numbers(rows: Sequence[RowMapping]) -> dict[int, int]:
    """The number of the window that each row is of: what was said before was followed by a row at the second it ended.

    Of windows that are the same in every word it does not matter which is which.
    """
    numbers: dict[int, int] = {}
    following: dict[tuple[Any, ...], int] = {}
    for row in sorted(
        rows, key=lambda row: (row["superseded_at"] is None, row["superseded_at"], row["id"]), reverse=True
    ):
        same = tuple(row[name] for name in _SAME)
        number = row["id"] if row["superseded_at"] is None else following.get((*same, row["superseded_at"]), row["id"])
        numbers[row["id"]] = following[(*same, row["recorded_at"])] = number
    return numbers


def _places(connection: Connection, sites: dict[int, str]) -> dict[int | None, tuple[str, str | None]]:
    """Every pool's site and name by its key, as they are last."""
    table = schema.pool_facts.c
    rows = select(table.pool_key, table.site_key, table.pool).where(table.superseded_at.is_(None))
    return {
        row.pool_key: (sites[row.site_key], row.pool) for row in connection.execute(rows.order_by(table.valid_from))
    }


def _window(row: RowMapping, number: int, place: tuple[str, str | None], as_of: int | None) -> RecordedWindow:
    superseded = row["superseded_at"]
    return RecordedWindow(
        id=number,
        site=place[0],
        pool=place[1],
        pool_key=row["pool_key"],
        start=row["start"],
        end=row["end"],
        rule=row["rule"],
        policy=row["policy"],
        reason=row["reason"],
        approved_at=row["approved_at"],
        approved_by=row["approved_by"],
        cut_at=row["cut_at"],
        recorded_at=row["recorded_at"],
        superseded_at=None if superseded is None or (as_of is not None and superseded > as_of) else superseded,
    )
