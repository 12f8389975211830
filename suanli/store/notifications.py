"""The messages to every channel, in order, until each is delivered or given up; and what the channels were told.

A message is tried in the order of the queue: one that must wait lets none of its channel pass, as a recovery that
overtakes its alert would be read the wrong way round.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from suanli.model.delivery import Delivery
from suanli.store import schema
from suanli.store.dialect import upsert
from suanli.store.sql import Store

LEASE = 120
"""Seconds for which a message that is being sent is nobody else's; longer than any try takes."""
KEPT = 30 * 86_400
"""Seconds for which a message is listed once it is delivered or given up."""
REFUSALS = 5
"""So often may a channel refuse one message as such; then the next one comes."""
LONGEST_WAIT = 600
_FIRST_WAIT = 5.0
_table = schema.notifications
Purpose = Literal["alerts", "heartbeat"]


@dataclass(frozen=True, slots=True)
class Queued:
    """A message that is to be tried now. letter: as it was queued."""

    id: int
    key: str
    channel: str
    letter: str
    tries: int
    refusals: int
    expires_at: int


def enqueue(connection: Connection, channel: str, purpose: Purpose, letter: str, now: int, give_up: int) -> None:
    """Put a message at the end of its channel's queue. A heartbeat takes the place of those before it."""
    if purpose == "heartbeat":
        mine = (_table.c.channel == channel) & (_table.c.purpose == purpose)
        connection.execute(delete(_table).where(mine))
    fixed = {"state": "pending", "next_at": now, "tries": 0, "refusals": 0, "error": ""}
    row = {"key": uuid.uuid4().hex, "channel": channel, "purpose": purpose, "letter": letter, "made_at": now} | fixed
    connection.execute(insert(_table).values(**row, expires_at=now + give_up))


def claim(store: Store, channel: str) -> Queued | None:
    """The message that this channel is to get now, which is then ours for LEASE seconds; None: there is none."""
    now = store.now
    with store.reading() as connection:
        if not _due(_head(connection, channel), now):
            return None
    with store.writing() as connection:
        while (row := _head(connection, channel)) is not None and row.expires_at <= now:
            why = row.error or "it was never tried"
            _end(connection, row.id, "failed", f"given up after {row.tries} tries: {why}", now)
        if row is None or row.next_at > now:
            return None
        change = {"next_at": now + LEASE, "tries": row.tries + 1}
        connection.execute(update(_table).where(_table.c.id == row.id).values(**change))
        return Queued(row.id, row.key, channel, row.letter, row.tries + 1, row.refusals, row.expires_at)


def settle(store: Store, sent: Queued, outcome: Delivery) -> None:
    """Record what came of a try: delivered, to be tried again, or given up for good."""
    now = store.now
    refusals = sent.refusals + outcome.refused
    with store.writing() as connection:
        if outcome.delivered:
            _end(connection, sent.id, "delivered", "", now)
        elif refusals >= REFUSALS:
            _end(connection, sent.id, "failed", f"refused {refusals} times: {outcome.words}", now)
        else:
            change = {"next_at": now + wait(sent.tries, outcome.after), "refusals": refusals, "error": outcome.words}
            connection.execute(update(_table).where(_pending(sent.id)).values(**change))


def wait(tries: int, asked: float | None) -> int:
    """Seconds until the next try: as the channel asks, else longer each time; never so long that a mend goes unseen."""
    if asked is not None:
        return int(min(max(asked, 1.0), LONGEST_WAIT)) + 1
    longest = min(_FIRST_WAIT * 2.0 ** min(tries - 1, 10), LONGEST_WAIT)
    return max(1, round(random.uniform(longest / 2, longest)))  # noqa: S311 - spreads load


def let_go(connection: Connection, channels: Iterable[str], now: int) -> None:
    """Forget what ended long ago, and give up what waits for a channel that is no more."""
    connection.execute(delete(_table).where(_table.c.ended_at <= now - KEPT))
    gone = (_table.c.state == "pending") & _table.c.channel.not_in(list(channels))
    change = {"state": "failed", "ended_at": now, "error": "its channel is not configured any more"}
    connection.execute(update(_table).where(gone).values(**change))
    connection.execute(delete(schema.told).where(schema.told.c.channel.not_in(list(channels))))


def pending(connection: Connection) -> dict[str, int]:
    """How many messages wait, by channel; one without any is left out."""
    rows = select(_table.c.channel, func.count()).where(_table.c.state == "pending").group_by(_table.c.channel)
    return {row[0]: row[1] for row in connection.execute(rows)}


def last_heartbeats(connection: Connection) -> dict[str, int]:
    """When each channel's last heartbeat was queued."""
    rows = select(_table.c.channel, func.max(_table.c.made_at)).where(_table.c.purpose == "heartbeat")
    return {row[0]: row[1] for row in connection.execute(rows.group_by(_table.c.channel))}


def listed(connection: Connection, channel: str | None, limit: int) -> list[Row[Any]]:
    """The newest messages, of one channel or of all."""
    rows = select(_table).order_by(_table.c.id.desc()).limit(limit)
    return list(connection.execute(rows if channel is None else rows.where(_table.c.channel == channel)))


def memories(connection: Connection) -> dict[tuple[str, str], str]:
    """What every channel was told of every alert, by channel and alert."""
    rows = connection.execute(select(schema.told.c.channel, schema.told.c.alert, schema.told.c.memory))
    return {(row.channel, row.alert): row.memory for row in rows}


def keep_memories(
    connection: Connection, before: Mapping[tuple[str, str], str], now: Mapping[tuple[str, str], str]
) -> None:
    """Record what has changed of them."""
    table = schema.told
    for channel, alert in before.keys() - now.keys():
        connection.execute(delete(table).where((table.c.channel == channel) & (table.c.alert == alert)))
    for (channel, alert), memory in now.items():
        if before.get((channel, alert)) != memory:
            row = upsert(connection, table).values(channel=channel, alert=alert, memory=memory)
            set_ = {"memory": memory}
            connection.execute(row.on_conflict_do_update(index_elements=["channel", "alert"], set_=set_))


def _head(connection: Connection, channel: str) -> Row[Any] | None:
    mine = (_table.c.state == "pending") & (_table.c.channel == channel)
    return connection.execute(select(_table).where(mine).order_by(_table.c.id).limit(1)).first()


def _due(row: Row[Any] | None, now: int) -> bool:
    return row is not None and (row.next_at <= now or row.expires_at <= now)


def _pending(id_: int) -> Any:
    return (_table.c.id == id_) & (_table.c.state == "pending")


def _end(connection: Connection, id_: int, state: str, error: str, now: int) -> None:
    change = {"state": state, "ended_at": now, "error": error}
    connection.execute(update(_table).where(_pending(id_)).values(**change))
