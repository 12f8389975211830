"""`suanli alerts list` and `ack`: what fires, and saying that somebody knows of it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.alert_words import columns, row_of
from suanli.cli.context import given, say
from suanli.cli.desk import at_desk
from suanli.cli.language import _
from suanli.cli.moments import as_options, local, one_of
from suanli.cli.notifications import list_notifications, send_test
from suanli.cli.output import print_json, print_table
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.config import Config

alerts = typer.Typer(name="alerts", help="Alerts and who is told of them.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_LOOKED_AT_WITHIN = 600
"""Seconds after which what was found last is no longer what is so, unless rounds are rarer."""

_URGENT = ("firing", "recovering", "pending", "unknown", "ok")


@alerts.command("list")
def list_alerts(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="only of this kind, such as site_silent")] = None,
    state: Annotated[str | None, typer.Option(help="only firing, recovering, pending, unknown or ok")] = None,
    severity: Annotated[str | None, typer.Option(help="only critical, warning or info")] = None,
    site: Annotated[str | None, typer.Option(help="only what concerns this site")] = None,
    operator: Annotated[str | None, typer.Option(help="only what concerns the sites that this one operates")] = None,
    province: Annotated[str | None, typer.Option(help="only what concerns the sites of this province")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also what is ok")] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="exit 1 when one of them fires (dead_man aside), or nobody looks at alerts now"),
    ] = False,
    json: _Json = False,
) -> None:
    """Every alert that fires, is about to, has just ended or cannot be judged, as a running instance last found it.

    The worst first. held: it fires although nobody knows its number now; silence resolves nothing.
    """
    from suanli.model.alert import SEVERITIES, STATES
    from suanli.model.where import Where

    words: dict[str, Any] = {
        "kind": kind,
        "state": state and one_of("--state", state, STATES),
        "severity": severity and one_of("--severity", severity, SEVERITIES),
    }
    with at_desk(given(context)) as desk, as_options():
        answer = desk.alerts.listed(Where(site, operator, province), **words, everything=everything)
    answer["alerts"].sort(key=_worst_first)
    stale = _stale(answer["looked_at"], desk.config)
    if json:
        print_json(answer)
    else:
        _print(answer, desk.config, stale)
    if check and (stale or any(_fires(row) and row["kind"] != "dead_man" for row in answer["alerts"])):
        raise SystemExit(1)


@alerts.command("ack")
def acknowledge(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="as `suanli alerts list --json` has it")],
    reason: Annotated[str, typer.Option("--reason", help="what is being done")],
    subject: Annotated[
        list[str] | None, typer.Argument(metavar="[LABEL=VALUE]...", help="which of that kind, such as site=szai-1")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="who knows of it; you yourself when left out")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only look whether it fires")] = False,
    json: _Json = False,
) -> None:
    """Say that somebody knows of an alert that fires: until it is over it is not told again, and nobody else called."""
    said = _said(subject or [])
    with at_desk(given(context)) as desk:
        answer = desk.alerts.acknowledge(kind, said, reason, by, dry_run=dry_run)
    if json:
        print_json(answer)
    else:
        told = _("{by} would be said to know of it") if dry_run else _("{by} knows of it")
        print(told.format(by=answer["acknowledged_by"]))


alerts.command("test")(send_test)
alerts.command("notifications")(list_notifications)


def _said(words: list[str]) -> dict[str, str]:
    said = dict(word.partition("=")[::2] for word in words)
    if len(said) < len(words):
        raise InputError(Problem(Message("each label once, as LABEL=VALUE: {words}", words=" ".join(words))))
    return said


def _worst_first(row: dict[str, Any]) -> tuple[int, int, str, str, list[str]]:
    from suanli.model.alert import SEVERITIES

    state = _URGENT.index(row["state"])
    return -SEVERITIES.index(row["severity"]), state, row["since"], row["kind"], list(row["subject"].values())


def _fires(row: dict[str, Any]) -> bool:
    return row["state"] in ("firing", "recovering")


def _stale(looked_at: str | None, config: Config) -> bool:
    """Whether what was found last says nothing of now."""
    age = None if looked_at is None else time.time() - datetime.fromisoformat(looked_at).timestamp()
    return age is None or age > max(_LOOKED_AT_WITHIN, 3 * config.alerts.interval)


def _print(answer: dict[str, Any], config: Config, stale: bool) -> None:
    if answer["looked_at"] is None:
        say(_("no instance has looked at alerts yet: suanli serve does"))
        return
    if answer["alerts"]:
        print_table(columns(), [row_of(row, config.zone) for row in answer["alerts"]])
    else:
        say(_("there is no such alert"))
    if stale:
        at = local(answer["looked_at"], config.zone)
        say(_("as it was at {at}: nobody has looked since; does suanli serve run?").format(at=at))
