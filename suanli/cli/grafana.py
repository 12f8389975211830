"""`suanli grafana`: the boards and alert rules in a Grafana that is there already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import Globals, given, say
from suanli.cli.language import _, in_words
from suanli.cli.output import print_json
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from exporter.grafana.client import Grafana
    from exporter.grafana.plan import BoardPlan, Plan, RulesPlan
    from exporter.grafana.pushing import Pushed
    from suanli.config import GrafanaConfig

grafana = typer.Typer(
    name="grafana", help="The boards and alert rules in a Grafana that is there already.", no_args_is_help=True
)

_Boards = Annotated[list[str] | None, typer.Argument(metavar="[BOARD]...", help="by their uids; all when left out")]
_Url = Annotated[str | None, typer.Option("--url", help="Grafana's address (else the configuration's grafana.url)")]
_Ca = Annotated[str | None, typer.Option("--ca", help="PEM file of its certificate's authority")]
_NoAlerts = Annotated[bool, typer.Option("--no-alerts", help="leave the alert rules out, as when boards are named")]
_Json = Annotated[bool, typer.Option("--json", help="for a program")]


@grafana.command("push")
def push(
    context: typer.Context,
    board: _Boards = None,
    force: Annotated[bool, typer.Option("--force", help="also over what was changed or moved by hand")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="look and say what would be written; write nothing")
    ] = False,
    no_alerts: _NoAlerts = False,
    url: _Url = None,
    ca: _Ca = None,
    json: _Json = False,
) -> None:
    """Bring boards, alert rules, their folder and configured data sources into Grafana; what is there is left alone.

    Everything is looked at before anything is written. A token of the role Editor is enough, but for making a data
    source and for alert rules: without that right the boards are pushed, and it exits 1. The token:
    SUANLI_GRAFANA_TOKEN, else the configuration's grafana.token.
    """
    from exporter.grafana.pushing import push as run
    from exporter.grafana.pushing import refuse
    from suanli.cli.grafana_words import print_plan

    options = given(context)
    with _looked(options, board, url, ca, alerts=not no_alerts) as (asked, plan):
        if dry_run:
            refuse(plan, force=force)
        done: list[Pushed] = [] if dry_run else run(asked, plan, force=force)
    if json:
        print_json(_answer(asked, plan) | {"pushed": [_pushed(one) for one in done], "dry_run": dry_run})
        return
    print_plan(plan)
    if dry_run:
        say(_("nothing was written: that is what a push would do"))
    elif done:
        say(_("{count} written: {names}").format(count=len(done), names=", ".join(one.name for one in done)))
    else:
        say(_("Grafana has all of it already: nothing was written"))


@grafana.command("check")
def check(
    context: typer.Context,
    board: _Boards = None,
    no_alerts: _NoAlerts = False,
    url: _Url = None,
    ca: _Ca = None,
    json: _Json = False,
) -> None:
    """Whether Grafana has boards and alert rules as generated, and its data sources answer; exits 1 when not."""
    from suanli.cli.grafana_words import print_plan

    options = given(context)
    with _looked(options, board, url, ca, alerts=not no_alerts) as (asked, plan):
        silent = {
            one.source.uid: why
            for one in plan.sources
            if one.state == "there" and (why := asked.source_answers(one.source.uid, one.source.kind))
        }
    if json:
        print_json(_answer(asked, plan) | {"silent": silent, "ok": plan.as_wanted and not silent})
    else:
        print_plan(plan)
        for problem in plan.problems:
            say(in_words(problem))
        for uid, why in silent.items():
            say(_("the data source {uid} does not answer: {why}").format(uid=uid, why=in_words(why)))
    if silent or not plan.as_wanted:
        raise SystemExit(1)


@grafana.command("diff")
def diff(
    context: typer.Context,
    board: _Boards = None,
    no_alerts: _NoAlerts = False,
    url: _Url = None,
    ca: _Ca = None,
    json: _Json = False,
) -> None:
    """What a push would change: a unified diff of the JSON of each board and of the rules; with --json by names."""
    from exporter.grafana import rules
    from exporter.grafana.differences import unified

    options = given(context)
    with _looked(options, board, url, ca, alerts=not no_alerts) as (asked, plan):
        pass
    if json:
        print_json(_answer(asked, plan))
        return
    for one in plan.boards:
        if one.state != "same":
            print("\n".join(unified(one.found, one.wanted)))
    if plan.rules is not None and (lines := rules.unified(plan.rules.found, plan.rules.wanted)):
        print("\n".join(lines))
    for problem in plan.problems:
        say(in_words(problem))


@contextmanager
def _looked(
    options: Globals, boards: list[str] | None, url: str | None, ca: str | None, *, alerts: bool
) -> Iterator[tuple[Grafana, Plan]]:
    """The Grafana that is meant, and what a push would do to it."""
    from dashboards.alerts.grafana import grafana_rules
    from dashboards.build import boards as generated
    from dashboards.parts.provision import FOLDER, FOLDER_UID, datasources
    from exporter.grafana.configured import chosen, connected, wanted
    from exporter.grafana.looking import look
    from exporter.grafana.plan import Folder
    from suanli.cli.rules import plan_of

    config = _configured(options, url, ca)
    rules = grafana_rules(plan_of(options.loaded()))["groups"][0] if alerts and not boards else None
    folder, sources = Folder(FOLDER_UID, FOLDER), datasources()["datasources"]
    aim = wanted(config, chosen(generated(), boards or []), sources, folder, rules)
    asked = connected(config)
    try:
        yield asked, look(asked, aim)
    finally:
        asked.close()


def _configured(options: Globals, url: str | None, ca: str | None) -> GrafanaConfig:
    """The configuration's part, with what the options say in its place; an InputError without an address."""
    from pydantic import ValidationError

    from suanli.config import GrafanaConfig
    from suanli.model.findings import plain

    found = options.loaded().grafana
    if found is None and url is None:
        told = Message("say which Grafana: `{key}` in the configuration, or --url", key="grafana: {url: ...}")
        raise InputError(Problem(told, key="grafana"))
    said = {key: value for key, value in (("url", url), ("ca", ca)) if value is not None}
    try:
        return GrafanaConfig.model_validate((found.model_dump(by_alias=True) if found else {}) | said)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        raise InputError([Problem(plain(one), key=f"--{one['loc'][0]}") for one in wrong]) from None


def _answer(asked: Grafana, plan: Plan) -> dict[str, Any]:
    return {
        "grafana": {"url": asked.url, "version": plan.version or None},
        "folder": {"uid": plan.folder.uid, "title": plan.folder.title, "there": plan.folder_found},
        "data_sources": [{"uid": one.source.uid, "kind": one.source.kind, "state": one.state} for one in plan.sources],
        "boards": [_board(one) for one in plan.boards],
        "alerts": None if plan.rules is None else _rules(plan.rules),
        "problems": list(plan.problems),
    }


def _board(plan: BoardPlan) -> dict[str, Any]:
    from exporter.grafana.differences import panels

    return {
        "uid": plan.uid,
        "title": plan.wanted["title"],
        "state": plan.state,
        "why": plan.why or None,
        "version": plan.version or None,
        "panels": None if plan.state == "same" else panels(plan.found, plan.wanted),
    }


def _rules(plan: RulesPlan) -> dict[str, Any]:
    from exporter.grafana.rules import changes

    shown = None if plan.state in ("same", "hidden") else changes(plan.found, plan.wanted)
    return {"name": plan.name, "state": plan.state, "why": plan.why or None, "rules": shown}


def _pushed(one: Pushed) -> dict[str, Any]:
    return {"what": one.what, "name": one.name, "version": one.version or None, "url": one.url or None}
