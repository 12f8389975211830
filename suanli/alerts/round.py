"""One round over all alerts: what each is then, what has changed, and what of it must be recorded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from suanli.alerts.state import Reading, ended, step
from suanli.model.alert import Alert, AlertState
from suanli.store.alerts import Key, key_of

Change = tuple[AlertState | None, Alert]
"""An alert whose state changed, with its state before; None in its first round."""


@dataclass(slots=True)
class Round:
    """What a round found. recorded: of which more changed than the number, which the next round reads anew anyway.

    changes leave out what an alert is in its first round already, unless it fires or is about to.
    """

    alerts: dict[Key, Alert] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    recorded: list[Alert] = field(default_factory=list)
    gone: list[Alert] = field(default_factory=list)

    def take(self, old: Alert | None, new: Alert) -> None:
        self.alerts[key_of(new)] = new
        if old is None or _said(old) != _said(new):
            self.recorded.append(new)
        if (None if old is None else old.state) != new.state and (old or new.state not in ("ok", "unknown")):
            self.changes.append((None if old is None else old.state, new))

    def end(self, old: Alert, now: int) -> None:
        self.gone.append(ended(old, now))
        if old.state != "ok":
            self.changes.append((old.state, self.gone[-1]))


def carried_on(known: Mapping[Key, Alert], readings: Iterable[Reading], now: int) -> Round:
    """known: as the last round left it. A subject without a reading is no more."""
    done, met = Round(), 0
    for reading in readings:
        key = reading.rule.kind.name, reading.subject
        old = known.get(key)
        met += old is not None
        if old is not None and _rests(old, reading):
            done.alerts[key] = old
        else:
            done.take(old, step(old, reading, now))
    # To look up all of them once more took a fifth of a round.
    for key in known.keys() - done.alerts.keys() if met < len(known) else ():
        done.end(known[key], now)
    return done


def _rests(old: Alert, reading: Reading) -> bool:
    """Nothing was wrong and nothing is, as with nearly all of them: it stays what it is, number and all."""
    rule, wrong = reading.rule, reading.wrong
    at_rest = (wrong is False and old.state == "ok") or (wrong is None and old.state == "unknown")
    return at_rest and old.severity == rule.severity and old.threshold == rule.threshold


def _said(alert: Alert) -> tuple[object, ...]:
    return alert.state, alert.since, alert.severity, alert.threshold, alert.held
