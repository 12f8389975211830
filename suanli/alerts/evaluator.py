"""The built-in evaluator: round after round, what is known now turned into what every alert is then."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from suanli.alerts.readings import readings
from suanli.alerts.round import Change, carried_on
from suanli.alerts.rules import rules_of
from suanli.alerts.seen import look
from suanli.config import Config
from suanli.model.alert import Alert
from suanli.model.errors import SuanliError
from suanli.model.rounds import Rounds
from suanli.store.alerts import Key, acknowledgements, keep_alerts, read_alerts
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Store

_log = logging.getLogger("suanli.alerts")


def _nobody(_changes: list[Change]) -> None:
    """Nobody is told."""


class Evaluator:
    """Looks at every alert of one store until `stop`.

    on_change: is told what changed, in this evaluator's thread and outside of any transaction, before it is recorded;
    so where it raises, or the process dies, it is told the same again, and never less.
    """

    def __init__(
        self, store: Store, config: Config, outcomes: Outcomes, on_change: Callable[[list[Change]], None] = _nobody
    ) -> None:
        self._store, self._config, self._outcomes, self._on_change = store, config, outcomes, on_change
        self._rules = rules_of(config)
        self._known: dict[Key, Alert] | None = None
        self.rounds = Rounds()
        self._lock = threading.Lock()
        self.fault = ""
        """Why the last round failed; empty where it did not."""
        self.version = 0
        """Grows with every round."""

    @property
    def alerts(self) -> Mapping[Key, Alert]:
        """Every alert as the last round left it; empty before the first."""
        return self._known or {}

    def stop(self) -> None:
        """To be called in the event loop."""
        self.rounds.stop()

    async def run(self) -> None:
        """Round after round, each in a thread; one that fails is told, holds every state, and is tried again."""
        async for _ in self.rounds.every(self._config.alerts.interval):
            await asyncio.to_thread(self.turn)

    def turn(self) -> None:
        """A round at the store's time, whose failure is logged and kept in `fault`."""
        try:
            self.round(self._store.now)
            self.fault = ""
        except SuanliError as error:
            self._failed(str(error))
            _log.warning("alerts stay as they are, and are looked at again later: %s", error)
        except Exception as error:  # whatever it is, the polling goes on
            self._failed(f"{type(error).__name__}: {error}")
            _log.exception("looking at the alerts failed; they stay as they are, and are looked at again later")

    def round(self, now: int) -> list[Change]:
        """Look at everything once; what changed. Raises SuanliError when the store cannot be read or written."""
        with self._lock:
            seen = look(self._store, self._config, self._outcomes, now)
            done = carried_on(self._acknowledged(), readings(self._rules, self._config.targets, seen), now)
            if done.changes:
                self._on_change(done.changes)
            with self._store.writing() as connection:
                keep_alerts(connection, done.recorded, done.gone, now)
            self._known = done.alerts
            self.version += 1
            return done.changes

    def _acknowledged(self) -> dict[Key, Alert]:
        """What the last round left, or the record where there was none, with what was acknowledged meanwhile."""
        with self._store.reading() as connection:
            if self._known is None:
                return read_alerts(connection)
            said = acknowledgements(connection)
        known = dict(self._known)
        for key, (by, why) in said.items():
            if (alert := known.get(key)) is not None and alert.acknowledged_by != by:
                known[key] = replace(alert, acknowledged_by=by, acknowledged_why=why)
        return known

    def _failed(self, why: str) -> None:
        self.fault = why
        self.version += 1
