"""Maintenance at a desk: operators announce it for their own sites, and who decides lets it count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import Connection

from suanli.answers import iso
from suanli.config import Config
from suanli.listing import window_row, window_rows
from suanli.model.access import may
from suanli.model.errors import Forbidden, InputError, Problem
from suanli.model.maintenance import Window
from suanli.model.message import Message
from suanli.model.where import EVERYWHERE, Where
from suanli.registering.asker import Asker, person
from suanli.registering.seen import seen, sites_told
from suanli.store.once import Once, answer_of, keep_answer
from suanli.store.sql import Store
from suanli.store.trial import trying
from suanli.store.windows import (
    RecordedWindow,
    add_window,
    added_by,
    approve_window,
    end_window,
    no_window,
    window_of,
    windows,
)

Answer = dict[str, Any]
Still = Callable[[Answer], None]
WindowState = Literal["pending", "approved", "ended"]
SHARE_OF = 30 * 86_400
"""How far back the share of time is listed when nothing else is asked for, in seconds."""


class _Wanted(BaseModel):
    """What a key stands for."""

    window: Window
    approve: bool


@dataclass(frozen=True, slots=True)
class WindowDesk:
    """by: the name under which it is approved, that of who asks when left out. still: raises where the window, as it
    is listed now, is not what was looked at. A window of a site that who asks may not see is Unknown to them.
    """

    store: Store
    config: Config
    who: Asker

    def add(
        self,
        window: Window,
        *,
        approve: bool = False,
        by: str | None = None,
        dry_run: bool = False,
        key: str | None = None,
    ) -> Answer:
        """Record a window. approve: it counts at once, which takes somebody who decides.

        key: under which a request that was carried out within the last day is answered as then.
        """
        once = None if key is None or dry_run else self._once(key, window, approve)
        with trying(self.store, dry_run=dry_run) as connection:
            if once and (before := answer_of(connection, once, self.store.now)):
                return before
            self._may_submit(window.site)
            approver = self._approver(by, self.who.author.actor) if approve else None
            number = add_window(connection, window, self.config.zone, self.store.now, approver, self.who.author)
            late = self._late(window_of(connection, number))
            told = None if dry_run else number
            answer = {"id": told, "approved": approve, "applied": not dry_run, "late": late}
            if once:
                keep_answer(connection, once, answer, self.store.now)
        return answer

    def _once(self, key: str, window: Window, approve: bool) -> Once:
        return Once.of(self.who.principal.token_id, key, _Wanted(window=window, approve=approve))

    def approve(self, id_: int, *, by: str | None = None, dry_run: bool = False, still: Still | None = None) -> Answer:
        """From now on it counts, for its whole length."""
        with trying(self.store, dry_run=dry_run) as connection:
            self._found(connection, id_, still)
            approver = self._approver(by, added_by(connection, id_))
            approve_window(connection, id_, approver, self.store.now, self.who.author)
            late = self._late(window_of(connection, id_))
        return {"id": id_, "approved": True, "by": approver, "applied": not dry_run, "late": late}

    def end(self, id_: int, at: int | None = None, *, dry_run: bool = False, still: Still | None = None) -> Answer:
        """End it before its time; now when `at` (UTC seconds) is left out. One that counts is ended by who decides."""
        cut_at = self.store.now if at is None else at
        with trying(self.store, dry_run=dry_run) as connection:
            found = self._found(connection, id_, still)
            self._may_submit(found.site)
            if found.approved_at is not None:
                self.who.must("approve", Message("end a window that is approved"))
            end_window(connection, id_, cut_at, self.store.now, self.who.author)
            late = found.counts and cut_at < self.store.now
        return {"id": id_, "ended_at": iso(cut_at), "applied": not dry_run, "late": late}

    def listed(
        self,
        lo: int | None = None,
        hi: int | None = None,
        where: Where = EVERYWHERE,
        state: WindowState | None = None,
        *,
        as_of: int | None = None,
        everything: bool = False,
    ) -> Answer:
        """`windows`, with the share of time that each takes out of [lo, hi), the last 30 days when both are left out.

        With a range only those that reach into it. as_of, everything: as `window_rows` has them.
        """
        begin, end = self._range(lo, hi)
        mine = sites_told(self.store, self.who, where)
        reaching = (lo, hi) != (None, None)
        stretch = (self.config.zone, begin, end)
        rows = window_rows(self.store, *stretch, as_of=as_of, everything=everything, reaching=reaching)
        shown = [row for row in rows if mine is None or row["site"] in mine]
        told = [row for row in shown if state in (None, _state(row))]
        return {"from": iso(begin), "to": iso(end), "windows": told}

    def one(self, id_: int) -> Answer:
        """The one of this number."""
        with self.store.reading() as connection:
            return self._row(self._found(connection, id_))

    def _range(self, lo: int | None, hi: int | None) -> tuple[int, int]:
        end = self.store.now if hi is None else hi
        begin = end - SHARE_OF if lo is None else lo
        if end <= begin:
            raise InputError(Problem(Message("the range ends before it begins"), key="to"))
        return begin, end

    def _row(self, found: RecordedWindow) -> Answer:
        return window_row(found, self.config.zone, *self._range(None, None), self.store.now)

    def _found(self, connection: Connection, id_: int, still: Still | None = None) -> RecordedWindow:
        mine = sites_told(self.store, self.who)
        found = next((one for one in windows(connection) if one.id == id_), None)
        if found is None or (mine is not None and found.site not in mine):
            raise no_window(id_)
        if still:
            still(self._row(found))
        return found

    def _late(self, found: RecordedWindow) -> bool:
        return found.counts and found.start < self.store.now

    def _may_submit(self, site: str) -> None:
        operators = [item.site.operator for item in seen(self.store, self.who) if item.site.id == site]
        if not may(self.who.principal, "submit", operators[0] if operators else None, site):
            told = Message("{owner} may not submit anything for site {site}", owner=self.who.principal.owner, site=site)
            raise Forbidden(told)

    def _approver(self, by: str | None, added: str | None) -> str:
        """The name under which it is approved."""
        self.who.must("approve", Message("let maintenance count"))
        mine = added is not None and person(added) == person(self.who.author.actor)
        if mine and self.config.registration.two_person:
            raise Forbidden(Message("the window is yours: another person approves it (registration.two_person)"))
        return by or self.who.author.actor


def _state(row: Answer) -> WindowState:
    if row["ended_at"] is not None:
        return "ended"
    return "pending" if row["approved_at"] is None else "approved"
