"""`suanli push`: the agent of a data centre that nobody can ask from outside."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.asking import print_samples
from suanli.cli.context import say
from suanli.cli.language import _, in_words
from suanli.cli.output import print_json
from suanli.cli.running import run_loop
from suanli.model.errors import InputError, Problem, SuanliError, Unavailable
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.agent.running import Pushed


def push(
    config: Annotated[Path, typer.Option("--config", help="the agent's file")] = Path("agent.yaml"),
    once: Annotated[bool, typer.Option("--once", help="ask once, send what is queued, exit")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="ask once; send and keep nothing")] = False,
    json: Annotated[bool, typer.Option("--json", help="with --once or --dry-run: for a program")] = False,
) -> None:
    """Ask a source from within its own network, and bring its samples to a server: for sites of kind push.

    What was asked lies in a queue on disk until the server has acknowledged it, and is sent again after outages; the
    server takes the same sample twice as one. SIGTERM stops it.
    """
    from suanli.agent.config import load_agent
    from suanli.agent.running import once as turn
    from suanli.agent.running import run

    if json and not (once or dry_run):
        raise InputError(Problem(Message("an agent that runs prints nothing: add --once or --dry-run"), key="--json"))
    agent = load_agent(config)
    if once or dry_run:
        _tell(run_loop(turn(agent, dry_run=dry_run)), json=json, dry_run=dry_run)
        return
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    told = _("{site} is asked here and pushed to {server} (Ctrl-C ends)")
    say(told.format(site=agent.site.id, server=agent.server))
    run_loop(run(agent))


def _tell(found: Pushed, *, json: bool, dry_run: bool) -> None:
    outcome = found.outcome
    if json:
        print_json(_as_json(found) | {"dry_run": dry_run})
    elif dry_run and outcome.result == "ok":
        print_samples(outcome)
    elif not dry_run:
        told = _("{sent} samples pushed, {refused} refused, {waiting} wait")
        print(told.format(sent=found.sent, refused=found.refused, waiting=found.waiting))
    if found.why:
        raise Unavailable(Message("nothing more can be pushed now: {why}", why=found.why))
    if outcome.result == "unreachable":
        raise Unavailable(Message("{site}: {reason}", site=outcome.site, reason=outcome.reason))
    if outcome.result != "ok":
        raise SuanliError(f"{outcome.site}: {outcome.result}: {in_words(outcome.reason)}")
    if found.refused:
        raise SuanliError(Message("the server refused {count} samples for good", count=found.refused))


def _as_json(found: Pushed) -> dict[str, Any]:
    from suanli.model.pushed import PushedSample

    outcome = found.outcome
    samples = [PushedSample.of(sample).model_dump(exclude_defaults=True) for sample in outcome.samples]
    asked = {"site": outcome.site, "at": outcome.at, "result": outcome.result, "reason": outcome.reason}
    sent = {"sent": found.sent, "refused": found.refused, "waiting": found.waiting, "why": found.why}
    return asked | {"samples": samples} | sent
