"""Requests that wait for somebody's decision: kept whole, counted nowhere, decided once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select, update

from suanli.model.audit import Entry
from suanli.model.errors import Conflict, Problem, Unknown
from suanli.model.message import Message
from suanli.model.request import REQUEST, Request, request_json
from suanli.store import schema
from suanli.store.writes import Change

State = Literal["pending", "approved", "rejected", "withdrawn"]
_table = schema.submissions.c


@dataclass(frozen=True, slots=True)
class Submission:
    """One request as it was handed in. operators: the names of all whose sites it is about; times in UTC seconds."""

    id: int
    subject: str
    operators: tuple[str, ...]
    request: Request
    submitted_at: int
    submitted_by: str
    state: State
    decided_at: int | None = None
    decided_by: str | None = None
    why: str | None = None


def read_submissions(connection: Connection, state: State | None = None) -> list[Submission]:
    """Those in this state (all when None), the oldest first."""
    rows = select(schema.submissions).order_by(_table.id)
    if state is not None:
        rows = rows.where(_table.state == state)
    return [_submission(row) for row in connection.execute(rows)]


def submission_of(connection: Connection, id_: int) -> Submission:
    """The one of this number; Unknown when there is none."""
    row = connection.execute(select(schema.submissions).where(_table.id == id_)).first()
    if row is None:
        raise Unknown(Problem(Message("no submission {id}; `suanli capacity submissions` lists them", id=id_)))
    return _submission(row)


def next_number(connection: Connection) -> int:
    """The number of the next one; sure only while the registry's version is the one that was read with it."""
    last: int | None = connection.execute(select(func.max(_table.id))).scalar()
    return (last or 0) + 1


def submitting(number: int, request: Request, operators: Iterable[str], by: str) -> Change:
    """Hands a request in under this number."""
    row = {
        "id": number,
        "action": request.action,
        "subject": request.subject,
        "operators": json.dumps(sorted(operators), ensure_ascii=False),
        "body": request_json(request),
        "submitted_by": by,
        "state": "pending",
    }

    def do(connection: Connection, now: int) -> None:
        connection.execute(insert(schema.submissions).values(**row, submitted_at=now))

    after = {"submission": number, "request": json.loads(request_json(request))}
    return Change(
        Message(
            "+ submission {number}: {action} {subject}", number=number, action=request.action, subject=request.subject
        ),
        do,
        _entry("submit", request, after),
    )


def deciding(one: Submission, state: State, by: str, why: str | None) -> Change:
    """Decides on it, once: a Conflict when it was decided on meanwhile."""

    def do(connection: Connection, now: int) -> None:
        decided = update(schema.submissions).where(_table.id == one.id, _table.state == "pending")
        values: dict[str, Any] = {"state": state, "decided_at": now, "decided_by": by, "why": why}
        if connection.execute(decided.values(**values)).rowcount != 1:
            raise Conflict(
                Message(
                    "submission {number} has been decided on meanwhile; nothing of yours was recorded", number=one.id
                )
            )

    verb = {"approved": "approve", "rejected": "reject", "withdrawn": "withdraw"}[state]
    return Change(
        Message("~ submission {number}: {state}", number=one.id, state=state),
        do,
        _entry(verb, one.request, {"submission": one.id, "why": why}),
    )


def _entry(verb: str, request: Request, after: dict[str, Any]) -> Entry:
    return Entry(f"submission.{verb}", request.subject, after=after)


def _submission(row: Any) -> Submission:
    return Submission(
        row.id,
        row.subject,
        tuple(json.loads(row.operators)),
        REQUEST.validate_json(row.body),
        row.submitted_at,
        row.submitted_by,
        row.state,
        row.decided_at,
        row.decided_by,
        row.why,
    )
