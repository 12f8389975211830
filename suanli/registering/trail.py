"""The audit trail, read and verified at a desk, by who may decide: it says of everybody what they did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from suanli.listing import trail_row
from suanli.model.audit import Head
from suanli.model.message import Message
from suanli.registering.asker import Asker
from suanli.store.audit import audit_rows, head_of, verified
from suanli.store.sql import Store

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrailDesk:
    """Raises Forbidden where who asks may not decide."""

    store: Store
    who: Asker

    def listed(
        self,
        since: int | None = None,
        until: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> list[Answer]:
        """The rows as `audit_rows` has them, the newest first."""
        self._must()
        with self.store.reading() as connection:
            rows = audit_rows(connection, since, until, actor, action, subject, limit, before)
        return [trail_row(row) for row in rows[::-1]]

    def verified(self, noted: Head | None = None) -> Answer:
        """Whether every row is as it was written, up to the head that was noted; fault: the first that is not."""
        self._must()
        with self.store.reading() as connection:
            fault, head = verified(connection, noted), head_of(connection)
        return {"ok": fault is None, "head": str(head), "fault": None if fault is None else asdict(fault)}

    def _must(self) -> None:
        self.who.must("approve", Message("read the audit trail"))
