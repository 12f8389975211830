"""How far what waits for a decision has proved itself: kept so that every desk shows it, whichever process counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from suanli.store import schema
from suanli.store.dialect import upsert

_table = schema.acceptance.c


@dataclass(frozen=True, slots=True)
class Progress:
    """good of needed good polls in a row. at: of the last poll, UTC seconds, None before the first.

    why: the last reason why it is not, or not yet, approved by itself; None where there was none.
    """

    good: int
    needed: int
    at: int | None = None
    why: str | None = None


def read_progress(connection: Connection) -> dict[int, Progress]:
    """By the submission's number; one that nobody has looked at is missing."""
    rows = connection.execute(select(schema.acceptance))
    return {row.submission: Progress(row.good, row.needed, row.at, row.why) for row in rows}


def keep_progress(connection: Connection, told: Mapping[int, Progress]) -> None:
    """Keep these in place of what was kept of the same submissions; one that is decided on stays as it was then."""
    table = schema.submissions.c
    pending = select(table.id).where(table.state == "pending", table.id.in_(told))
    for number in connection.execute(pending).scalars().all():
        one = told[number]
        values = {"good": one.good, "needed": one.needed, "at": one.at, "why": one.why}
        row = upsert(connection, schema.acceptance).values(submission=number, **values)
        connection.execute(row.on_conflict_do_update(index_elements=["submission"], set_=values))
