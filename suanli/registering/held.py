"""Quarantine at a desk: who runs a site sees what of it is held, and who decides lets it count after all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.where import EVERYWHERE, Where
from suanli.quarantined import checks, not_listed, quarantine_row, quarantine_rows, released_number
from suanli.registering.asker import Asker
from suanli.registering.seen import sites_told
from suanli.store.quarantine import releasable
from suanli.store.sql import Store

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HeldDesk:
    """What is held of a site that who asks may not see is Unknown to them."""

    store: Store
    who: Asker

    def listed(
        self,
        where: Where = EVERYWHERE,
        check: str | None = None,
        *,
        everything: bool = False,
        limit: int | None = None,
        before: int | None = None,
        first: int | None = None,
    ) -> list[Answer]:
        """As `quarantine_rows` has it; an InputError for a check that there is not."""
        if check not in (None, *checks()):
            told = Message("{value!r} is none of {known}", value=check, known=", ".join(checks()))
            raise InputError(Problem(told, key="check"))
        sites = sites_told(self.store, self.who, where)
        return quarantine_rows(self.store, sites, check, everything, limit, before, first)

    def one(self, id_: str) -> Answer:
        """One of them in full."""
        row = quarantine_row(self.store, id_)
        sites = sites_told(self.store, self.who)
        if sites is not None and row["site"] not in sites:
            raise not_listed(id_)
        return row

    def release(self, id_: str, by: str | None = None, *, dry_run: bool = False) -> Answer:
        """Record a held sample after all, as suspect; by: who answers for it, who asks when left out."""
        self.one(id_)
        self.who.must("approve", Message("release what is held"))
        number, name = released_number(id_), by or self.who.author.actor
        if dry_run:
            with self.store.reading() as connection:
                sample = releasable(connection, number, name)[1]
        else:
            sample = self.store.release(number, name, self.who.author)
        return {"id": id_, "released": not dry_run, "sample": sample.model_dump(mode="json", exclude={"refused"})}
