"""Alerts as they stand, so that a restart finds them again; and who has acknowledged one.

Only what changes is written. The evaluator alone writes states, and whoever acknowledges only that they did: neither
undoes what the other wrote a moment before.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, func, select, update

from suanli.model.alert import KINDS, STATES, Alert, AlertKind, AlertState, Subject
from suanli.model.audit import Author, Entry, local_author
from suanli.model.errors import InputError, Problem, Unknown
from suanli.model.message import Message
from suanli.store import audit, schema
from suanli.store.dialect import run
from suanli.store.samples import counter, set_counter

Key = tuple[str, Subject]
"""A kind's name, and a subject."""
Acknowledged = tuple[str, str]
"""By whom, and why."""
_LOOKED_AT = "alerts_looked_at"
_table = schema.alerts.c
_COLUMNS = ("kind", "subject", "severity", "state", "since", "fired_at", "value", "threshold", "stake", "held")
_FIRES = "('firing', 'recovering')"


def _kept(column: str) -> str:
    """What was acknowledged stays so while it fires, whoever wrote it meanwhile."""
    return f"{column} = CASE WHEN excluded.state IN {_FIRES} THEN alerts.{column} ELSE '' END"


_KEEP = (
    f"INSERT INTO alerts ({', '.join(_COLUMNS)}, acknowledged_by, acknowledged_why) "  # noqa: S608 - our own words
    f"VALUES ({', '.join('?' * len(_COLUMNS))}, '', '') ON CONFLICT (kind, subject) DO UPDATE SET "
    f"{', '.join(f'{one} = excluded.{one}' for one in _COLUMNS[2:])}, "
    f"{_kept('acknowledged_by')}, {_kept('acknowledged_why')}"
)


def key_of(alert: Alert) -> Key:
    return alert.kind.name, alert.subject


def read_alerts(connection: Connection, states: Collection[AlertState] = STATES) -> dict[Key, Alert]:
    """Every alert as it stands, in the order of the table of kinds and of subjects; kinds that are no more are not."""
    asked = select(schema.alerts).where(_table.state.in_(states)).order_by(_table.subject)
    rows = connection.execute(asked).all()
    found: dict[Key, Alert] = {}
    for row in sorted((row for row in rows if row.kind in KINDS), key=lambda row: list(KINDS).index(row.kind)):
        alert = _alert(row)
        found[key_of(alert)] = alert
    return found


def acknowledgements(connection: Connection) -> dict[Key, Acknowledged]:
    """The alerts that somebody has acknowledged, by whom and why."""
    rows = select(_table.kind, _table.subject, _table.acknowledged_by, _table.acknowledged_why)
    found = connection.execute(rows.where(_table.acknowledged_by != ""))
    return {(row.kind, _subject(row.subject)): (row.acknowledged_by, row.acknowledged_why) for row in found}


def keep_alerts(connection: Connection, changed: Iterable[Alert], gone: Iterable[Alert], now: int) -> None:
    """Record these as they stand now, forget those whose subjects are no more, and that alerts were looked at."""
    run(connection, _KEEP, [_row(alert) for alert in changed])
    named = [(alert.kind.name, _text(alert.subject)) for alert in gone]
    run(connection, "DELETE FROM alerts WHERE kind = ? AND subject = ?", named)
    set_counter(connection, _LOOKED_AT, now)


def looked_at(connection: Connection) -> int | None:
    """When the last round was, in UTC seconds; None where nobody has ever looked."""
    return counter(connection, _LOOKED_AT) or None


def acknowledge(connection: Connection, key: Key, by: str, why: str, now: int, author: Author | None = None) -> Alert:
    """Somebody knows of an alert that fires; the alert as it is then. Unknown when it does not fire.

    author: for the audit trail; None: the user as whom this process runs.
    """
    kind, subject = key
    mine = (_table.kind == kind) & (_table.subject == _text(subject))
    row = connection.execute(select(schema.alerts).where(mine)).first()
    alert = None if row is None else _alert(row)
    if alert is None or not alert.fires:
        raise not_firing(key)
    connection.execute(update(schema.alerts).where(mine).values(acknowledged_by=by, acknowledged_why=why))
    before = {"by": alert.acknowledged_by} if alert.acknowledged_by else None
    entry = Entry("alert.acknowledge", named(kind, subject), before=before, after={"by": by, "why": why})
    audit.append(connection, author or local_author(why), [entry], now)
    return _alert(connection.execute(select(schema.alerts).where(mine)).one())


def not_firing(key: Key) -> Unknown:
    """What is said of an alert that does not fire, or not for who asks."""
    told = Message("{alert} does not fire; `suanli alerts list` shows what does", alert=named(*key))
    return Unknown(Problem(told))


def quarantined_since(connection: Connection, since: int) -> int:
    """How much went to quarantine after this second."""
    rows = select(func.count()).select_from(schema.quarantine).where(schema.quarantine.c.recorded_at > since)
    return int(connection.execute(rows).scalar_one())


def named(kind: str, subject: Subject) -> str:
    """site_silent:wh-1, coverage_low:fp16, rate_below_target:province:安徽,usage_ratio,fp16, disk_low."""
    return ":".join([kind, ",".join(value for _, value in subject)]) if subject else kind


def subject_of(kind: AlertKind, text: str) -> Subject:
    """The subject that stands behind the kind in `named`; an InputError for one with other labels.

    A name may have commas in it, metrics and bases have none: so the last ones tell the labels apart.
    """
    values = text.rsplit(",", len(kind.subject) - 1) if kind.subject else [text] if text else []
    if len(values) != len(kind.subject) or not all(values):
        expected = ",".join(one.upper() for one in kind.subject) or "nothing"
        raise InputError(Problem(f"expected {expected} behind {kind.name}:, not {text!r}"))
    return tuple(zip(kind.subject, values, strict=True))


def _row(alert: Alert) -> tuple[Any, ...]:
    times = (alert.since, alert.fired_at, alert.value, alert.threshold, alert.stake, int(alert.held))
    return alert.kind.name, _text(alert.subject), alert.severity, alert.state, *times


def _alert(row: Any) -> Alert:
    return Alert(
        kind=KINDS[row.kind],
        subject=_subject(row.subject),
        severity=row.severity,
        state=row.state,
        since=row.since,
        value=row.value,
        threshold=row.threshold,
        stake=row.stake,
        held=bool(row.held),
        acknowledged_by=row.acknowledged_by,
        acknowledged_why=row.acknowledged_why,
        fired_at=row.fired_at,
    )


def _text(subject: Subject) -> str:
    return json.dumps(subject, ensure_ascii=False, separators=(",", ":"))


def _subject(text: str) -> Subject:
    return tuple((label, value) for label, value in json.loads(text))
