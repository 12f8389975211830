"""From what the evaluator says to messages in the queue, and the couriers that empty it.

1. `on_change` puts into the store what each channel is to be told, before the evaluator records the change: if that
   fails, or the process dies in between, the same change comes again, and the same change twice is one.
2. `turn`, every two seconds, looks at the alerts as they stand (so that no change is lost, and acknowledgements are
   seen), and composes what is due: the memory and the message are kept in one transaction.
3. A courier for each channel delivers, and tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection

from exporter.notify import memory
from exporter.notify.composing import composed, heartbeat
from exporter.notify.courier import Courier
from exporter.notify.memory import key_of
from exporter.notify.planning import Circumstances, Line, Memories, noted, planned
from exporter.notify.words import Language
from suanli.config import ChannelConfig, Config
from suanli.model.alert import Alert, AlertState
from suanli.model.errors import Unavailable
from suanli.model.rounds import Rounds
from suanli.store import notifications as queue
from suanli.store.sql import Store
from suanli.store.windows import windows

_EVERY = 2.0
_DAY = 86_400
_log = logging.getLogger("suanli.notify")


class Notifier:
    """alerts: every alert as it stands, from the evaluator; an empty one before its first round."""

    def __init__(
        self, store: Store, config: Config, alerts: Callable[[], Sequence[Alert]] = tuple, couriers: bool = True
    ) -> None:
        self._store, self._config, self.alerts = store, config, alerts
        self._told = tuple(one for one in config.notify if one.heartbeat is None)
        self._hearts = tuple(one for one in config.notify if one.heartbeat is not None)
        self.couriers = [Courier(store, one) for one in config.notify] if couriers else []
        self._cleared = 0
        self.rounds = Rounds()

    def stop(self) -> None:
        self.rounds.stop()
        for courier in self.couriers:
            courier.stop()

    async def run(self) -> None:
        """Turn after turn, each in a thread, until `stop`; a store that cannot be written is tried again."""
        async for _ in self.rounds.every(_EVERY):
            try:
                await asyncio.to_thread(self.turn)
            except Unavailable as error:
                _log.warning("what is to be told is looked at again later: %s", error)

    def on_change(self, changes: Sequence[tuple[AlertState | None, Alert]]) -> None:
        """Keep what the channels are to be told of these, durable when it returns; Unavailable when it cannot be."""
        if not self._told:
            return
        seen = [alert for _, alert in changes]
        with self._store.writing() as connection:
            before = _read(connection)
            _keep(connection, before, noted(before, seen, self._circumstances(connection), self._store.now))

    def turn(self) -> None:
        """What is due now; without channels only what they left behind, once."""
        if not self._config.notify and self._cleared:
            return
        now = self._store.now
        with self._store.reading() as connection:
            before = _read(connection)
            after, messages = self._planned(connection, before, now)
            beats = self._beating(connection, now)
        if after != before or messages or beats or now - self._cleared >= _DAY:
            self._carry_out(now)

    def _carry_out(self, now: int) -> None:
        """The same once more, in the transaction that may write: another instance may have been quicker."""
        with self._store.writing() as connection:
            before = _read(connection)
            after, messages = self._planned(connection, before, now)
            _keep(connection, before, after)
            for channel in self._told:
                if lines := messages.get(channel.name):
                    self._enqueue(connection, channel, lines, now)
            for channel in self._beating(connection, now):
                letter = heartbeat(channel, self._language(channel), self._config.zone, now).model_dump_json()
                queue.enqueue(connection, channel.name, "heartbeat", letter, now, channel.heartbeat or 0)
            queue.let_go(connection, [one.name for one in self._config.notify], now)
        self._cleared = now

    def _planned(self, connection: Connection, before: Memories, now: int) -> tuple[Memories, dict[str, list[Line]]]:
        known = {(one.alert.kind.name, one.alert.subject) for one in before.values()}
        alerts = (one for one in self.alerts() if one.fires or (one.kind.name, one.subject) in known)
        current = {key_of(one): one for one in alerts}
        if not self._told or not (current or before):
            return before, {}
        around = self._circumstances(connection)
        return planned(noted(before, current.values(), around, now), around, now, current)

    def _enqueue(self, connection: Connection, channel: ChannelConfig, lines: Iterable[Line], now: int) -> None:
        letter = composed(channel, list(lines), self._language(channel), self._config.zone)
        queue.enqueue(connection, channel.name, "alerts", letter.model_dump_json(), now, channel.give_up)

    def _beating(self, connection: Connection, now: int) -> list[ChannelConfig]:
        """The channels whose heartbeat is due, as long as the evaluator says that it lives."""
        if not self._hearts or not any(one.kind.name == "dead_man" and one.fires for one in self.alerts()):
            return []
        last = queue.last_heartbeats(connection)
        return [one for one in self._hearts if now >= last.get(one.name, 0) + (one.heartbeat or 0)]

    def _language(self, channel: ChannelConfig) -> Language:
        return channel.language or self._config.language

    def _circumstances(self, connection: Connection) -> Circumstances:
        now, zone = self._store.now, self._config.zone
        excused = {
            one.site
            for one in windows(connection)
            if one.approved_at is not None and one.pool is None and one.stretches(now, now + 1, zone)
        }
        return Circumstances(
            self._told, zone, self._scopes_of, lambda alert: dict(alert.subject).get("site") in excused
        )

    def _scopes_of(self, alert: Alert) -> set[str]:
        """A site's alert is also its province's and its operator's; one that is about no part is the fleet's."""
        labels = dict(alert.subject)
        if (id_ := labels.get("site")) is None:
            return {labels.get("scope", "fleet")}
        site = next((one.site for one in self._store.registry if one.site.id == id_), None)
        more = {f"province:{site.province}", f"operator:{site.operator}"} if site else set()
        return {f"site:{id_}"} | more


def _read(connection: Connection) -> Memories:
    found = {place: memory.read(text) for place, text in queue.memories(connection).items()}
    return {place: one for place, one in found.items() if one is not None}


def _keep(connection: Connection, before: Memories, after: Memories) -> None:
    queue.keep_memories(connection, _texts(before), _texts(after))


def _texts(memories: Memories) -> dict[tuple[str, str], str]:
    return {place: memory.written(one) for place, one in memories.items()}
