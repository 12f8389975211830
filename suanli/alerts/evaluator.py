"""The built-in evaluator: round after round, what is known now turned into what every alert is then."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from suanli.alerts.readings import readings
from suanli.alerts.round import Change, carried_on
from suanli.alerts.rules import rules_of
from suanli.alerts.seen import look
from suanli.alerts.targets import Standing, standings
from suanli.config import Config
from suanli.model.alert import Alert
from suanli.model.errors import SuanliError
from suanli.model.rounds import Rounds
from suanli.store.alerts import Key, acknowledgements, keep_alerts, read_alerts
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Store

_ROUNDS = 3
"""For so many rounds what was found is known, as what a site tells is for so many polls."""
_log = logging.getLogger("suanli.alerts")


def _nobody(_changes: list[Change]) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a round found beside the alerts. known_until: after this second nobody knows it any more (UTC seconds).

    standings: in the order of the targets; maintained: the sites of which every pool is worked on.
    """

    known_until: int
    standings: Sequence[Standing] = ()
    maintained: frozenset[str] = frozenset()


class Evaluator:
    """Looks at every alert of one store until `stop`.

    on_change: is told what changed, in this evaluator's thread and outside of any transaction, before it is recorded;
    so where it raises, or the process dies, it is told the same again, and never less. shut: the sinks that do not let
    us in at the moment.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        outcomes: Outcomes,
        on_change: Callable[[list[Change]], None] = _nobody,
        shut: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._store, self._config, self._outcomes, self._on_change = store, config, outcomes, on_change
        self._shut = shut
        self._rules = rules_of(config)
        self._known: dict[Key, Alert] | None = None
        self.rounds = Rounds()
        self._lock = threading.Lock()
        self.fault = ""
        """Why the last round failed; empty where it did not."""
        self.version = 0
        """Grows with every round."""
        self.found = Found(0)
        """What the last round found that did not fail."""

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
            seen = look(self._store, self._config, self._outcomes, now, self._shut())
            found = standings(self._config.targets, seen.states, seen.judged)
            done = carried_on(self._acknowledged(), readings(self._rules, found, seen), now)
            if done.changes:
                self._on_change(done.changes)
            with self._store.writing() as connection:
                keep_alerts(connection, done.recorded, done.gone, now)
            self._known = done.alerts
            self.found = Found(now + _ROUNDS * self._config.alerts.interval, found, seen.maintained)
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
