"""Alerts at a desk: who runs a site sees and acknowledges what concerns it.

An alert concerns its site, or the scope of its target. One of a province, of the fleet or of this instance itself
concerns several operators, so that only those see it who may read everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suanli.listing import alert_row
from suanli.listing.times import iso_or_none
from suanli.model.access import Verb, may
from suanli.model.alert import STATES, Alert, AlertState, Severity, Subject, kind_named, subject_said
from suanli.model.audit import author_of
from suanli.model.errors import Forbidden
from suanli.model.message import Message
from suanli.model.where import EVERYWHERE, Where
from suanli.registering.asker import Asker, person
from suanli.registering.seen import seen
from suanli.store.alerts import acknowledge, looked_at, named, not_firing, read_alerts
from suanli.store.sql import Store
from suanli.store.trial import trying

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AlertDesk:
    """An alert that who asks may not see is to them as one that does not fire."""

    store: Store
    who: Asker

    def listed(
        self,
        where: Where = EVERYWHERE,
        kind: str | None = None,
        state: AlertState | None = None,
        severity: Severity | None = None,
        *,
        everything: bool = False,
    ) -> Answer:
        """As an instance last found them (`looked_at`, None before the first); in order of their kinds and subjects.

        state, severity: only these; what is ok only where it is asked for: everything, or the state.
        """
        wanted = None if kind is None else kind_named(kind)
        within, operators = {item.site.id for item in seen(self.store, self.who, where)}, self._operators()
        states = [state] if state else STATES if everything else [one for one in STATES if one != "ok"]
        with self.store.reading() as connection:
            found, last = read_alerts(connection, states), looked_at(connection)
        rows = [
            alert_row(alert)
            for alert in found.values()
            if wanted in (None, alert.kind)
            and severity in (None, alert.severity)
            and self._may("read", alert.subject, operators)
            and _fits(where, within, alert.subject)
        ]
        return {"looked_at": iso_or_none(last), "alerts": rows}

    def acknowledge(
        self, kind: str, subject: Mapping[str, str], reason: str, by: str | None = None, *, dry_run: bool = False
    ) -> Answer:
        """Say that somebody knows of an alert that fires. by: who; who asks when left out."""
        key = kind_named(kind).name, subject_said(kind_named(kind), subject)
        author, operators = author_of(self.who.author, reason), self._operators()
        if not self._may("read", key[1], operators):
            raise not_firing(key)
        if not self._may("submit", key[1], operators):
            told = Message("{owner} may not acknowledge {alert}", owner=self.who.principal.owner, alert=named(*key))
            raise Forbidden(told)
        with trying(self.store, dry_run=dry_run) as connection:
            name = by or person(author.actor)
            alert: Alert = acknowledge(connection, key, name, reason.strip(), self.store.now, author)
        return alert_row(alert) | {"applied": not dry_run}

    def _operators(self) -> dict[str, str]:
        """Who runs each site now."""
        return {item.site.id: item.site.operator for item in self.store.registry}

    def _may(self, verb: Verb, subject: Subject, operators: Mapping[str, str]) -> bool:
        kind, name = _concerned(subject)
        if kind == "site":
            return may(self.who.principal, verb, operators.get(name), name)
        return may(self.who.principal, verb, name if kind == "operator" else None)


def _concerned(subject: Subject) -> tuple[str, str]:
    """("site", ID), ("operator", NAME), ("province", NAME), or ("", "") where it concerns everybody."""
    said = dict(subject)
    if "site" in said:
        return "site", said["site"]
    kind, _, name = said.get("scope", "").partition(":")
    return (kind, name) if name else ("", "")


def _fits(where: Where, sites: set[str], subject: Subject) -> bool:
    """Whether it is about these sites, or is a target of exactly this operator or this province."""
    kind, name = _concerned(subject)
    if where.everywhere:
        return True
    return name in sites if kind == "site" else kind != "" and where == Where(**{kind: name})
