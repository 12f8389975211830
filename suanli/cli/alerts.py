"""`suanli alerts list` and `ack`: what fires, and saying that somebody knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.language import _, of, spoken
from suanli.cli.notifications import list_notifications, send_test
from suanli.cli.output import pflops, print_json, print_table
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from suanli.model.alert import Alert, AlertKind, Subject

alerts = typer.Typer(name="alerts", help="Alerts and who is told of them.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_AT_REST = ("ok", "unknown")


@alerts.command("list")
def list_alerts(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="also those at rest: ok, and unknown")] = False,
    json: _Json = False,
) -> None:
    """Every alert that fires, is about to, or has just ended, as a running instance last found it; the worst first.

    held: it fires although nobody knows its number now; silence resolves nothing.
    """
    from suanli.listing.times import iso_or_none
    from suanli.store.alerts import looked_at, read_alerts

    with given(context).opened() as (config, store), store.reading() as connection:
        found, last = list(read_alerts(connection).values()), looked_at(connection)
    shown = sorted((one for one in found if everything or one.state not in _AT_REST), key=_worst_first)
    if json:
        print_json({"looked_at": iso_or_none(last), "alerts": [_answer(one) for one in shown]})
    elif last is None:
        say(_("no instance has looked at alerts yet: suanli serve does"))
    elif not shown:
        say(_("nothing fires"))
    else:
        print_table(_columns(), [_row(one, config.zone) for one in shown])


@alerts.command("ack")
def acknowledge(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="as `suanli alerts list` shows it")],
    subject: Annotated[
        list[str] | None, typer.Argument(metavar="[LABEL=VALUE]...", help="which of that kind, such as site=szai-1")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="who knows of it; else the user of this machine")] = None,
    reason: Annotated[str, typer.Option("--reason", help="what is being done")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only look whether it fires")] = False,
    json: _Json = False,
) -> None:
    """Say that somebody knows of an alert that fires: until it is over it is not told again, and nobody else called."""
    from suanli.model.audit import local_author
    from suanli.store.alerts import acknowledge as acknowledged
    from suanli.store.trial import trying

    key = kind, _subject(_kind(kind), subject or [])
    author = local_author(reason or None)
    with given(context).opened() as (_config, store), trying(store, dry_run=dry_run) as connection:
        alert = acknowledged(connection, key, by or author.actor, reason, store.now, author)
    if json:
        print_json(_answer(alert) | {"applied": not dry_run})
    else:
        told = _("{by} would be said to know of it") if dry_run else _("{by} knows of it")
        print(told.format(by=alert.acknowledged_by))


alerts.command("test")(send_test)
alerts.command("notifications")(list_notifications)


def _worst_first(alert: Alert) -> tuple[int, bool, int]:
    from suanli.model.alert import SEVERITIES

    return -SEVERITIES.index(alert.severity), not alert.fires, alert.since


def _kind(name: str) -> AlertKind:
    from suanli.model.alert import KINDS

    if name not in KINDS:
        raise InputError(
            Problem(Message("there is no alert {name}; known: {known}", name=name, known=", ".join(KINDS)))
        )
    return KINDS[name]


def _subject(kind: AlertKind, words: list[str]) -> Subject:
    said = dict(word.partition("=")[::2] for word in words)
    if set(said) != set(kind.subject) or len(words) != len(said) or not all(said.values()):
        expected = " ".join(f"{label}=..." for label in kind.subject) or Message("nothing")
        raise InputError(Problem(Message("expected {expected} behind {kind}", expected=expected, kind=kind.name)))
    return tuple((label, said[label]) for label in kind.subject)


def _answer(alert: Alert) -> dict[str, Any]:
    from suanli.listing.times import iso_or_none

    return {
        "kind": alert.kind.name,
        "subject": dict(alert.subject),
        "severity": alert.severity,
        "state": alert.state,
        "since": iso_or_none(alert.since),
        "fired_at": iso_or_none(alert.fired_at),
        "held": alert.held,
        "value": alert.value,
        "threshold": alert.threshold,
        "stake_pflops": alert.stake,
        "acknowledged_by": alert.acknowledged_by or None,
        "acknowledged_why": alert.acknowledged_why or None,
    }


def _columns() -> list[str]:
    return [_("severity"), _("state"), _("since"), of("an alert", "what"), _("at stake "), _("known to")]


def _row(alert: Alert, zone: ZoneInfo) -> list[str]:
    from exporter.notify.words import clock, what

    held = of("an alert", "held")
    state = f"{alert.state} ({held})" if alert.held else alert.state
    stake = "" if alert.stake is None else pflops(alert.stake)
    told = what(alert, "zh" if spoken() == "zh" else "en")
    return [alert.severity, state, clock(alert.since, zone), told, stake, alert.acknowledged_by]
