"""`suanli backfill`: history from a source that has it."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.language import _, in_words
from suanli.cli.moments import length, moment
from suanli.cli.output import print_json
from suanli.model.errors import Unavailable
from suanli.model.message import Message

if TYPE_CHECKING:
    from collectors.base import CollectError
    from suanli.config import Config
    from suanli.importing.asking import Wanted
    from suanli.importing.backfill import Done
    from suanli.store.sql import Store


_FROM_HERE = Message("a site is asked from this machine")
"""Why no server does this."""


def backfill(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="the site's id")],
    since: Annotated[str, typer.Option("--from", help="a time, a day or a month (2026-10)")],
    until: Annotated[str | None, typer.Option("--to", help="exclusive; now when left out")] = None,
    every: Annotated[str | None, typer.Option(help="the site's interval when left out, or a multiple of it")] = None,
    chunk: Annotated[str | None, typer.Option(help="how much is asked for at once: 1h, 1d")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only ask; record nothing")] = False,
    json: Annotated[bool, typer.Option("--json", help="for a program")] = False,
) -> None:
    """Fill what is not on record from a source's own history: prometheus, and http_json that is asked for a time.

    Asked at the moments at which the poller would have asked, recorded chunk by chunk through the same checks. What is
    on record stands. Given again, it goes on where it was ended; and when all is there it changes nothing.
    """
    from suanli.app import polled
    from suanli.importing.asking import wanted

    options = given(context)
    with options.opened(_FROM_HERE) as (config, store):
        now = int(time.time())
        lo, hi = moment("--from", since, config.zone), moment("--to", until, config.zone)
        steps = length("--every", every), length("--chunk", chunk)
        asked = wanted(polled(store, config), site, lo or 0, min(now if hi is None else hi, now), *steps)
        done, error = _filled(store, config, asked, record=not dry_run, quiet=options.quiet)
    answer = _answer(asked, done) | {"dry_run": dry_run}
    if json:
        print_json(answer)
    else:
        print(_told(answer))
    if error is not None:
        _tell(site, answer, error)


def _filled(
    store: Store, config: Config, asked: Wanted, *, record: bool, quiet: bool
) -> tuple[Done, CollectError | None]:
    """With a bar on stderr; a line for each time that the source is left alone."""
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from suanli.importing.asking import backfill as fill

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task(asked.site.id, total=asked.moments)

        def waiting(seconds: float, error: CollectError) -> None:
            told = _("{site}: asked again in {seconds:.0f} s: {reason}")
            progress.console.print(told.format(site=asked.site.id, seconds=seconds, reason=error), markup=False)

        def told(done: Done) -> None:
            progress.update(task, completed=done.moments)

        return asyncio.run(fill(store, config, asked, record=record, told=told, waiting=waiting))


def _answer(asked: Wanted, done: Done) -> dict[str, Any]:
    """until: all before it is done; None where the first chunk was not."""
    from suanli.answers import iso

    span = {"site": asked.site.id, "from": iso(asked.lo), "to": iso(asked.hi), "every_seconds": asked.every}
    return span | asdict(done) | {"until": None if done.until is None else iso(min(done.until, asked.hi))}


def _told(answer: dict[str, Any]) -> str:
    recorded = _("{moments} moments from {from} to {to}: {samples} samples recorded")
    told = _("{moments} moments from {from} to {to}: {samples} samples would be recorded")
    lines = [told if answer["dry_run"] else recorded]
    if answer["held"]:
        lines.append(_("{held} samples are held in quarantine instead: see suanli quarantine list"))
    if answer["on_record"]:
        lines.append(_("{on_record} moments were on record"))
    if answer["silent"]:
        lines.append(_("{silent} moments of which the source has no figure: unknown, as they were"))
    shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in answer.items()}
    return "\n".join(line.format_map(shown) for line in lines)


def _tell(site: str, answer: dict[str, Any], error: CollectError) -> None:
    """Why no farther; the exit code says whether to try again or to have something changed first."""
    from collectors.base import Refused

    if answer["until"] is not None:
        say(_("{site}: done up to {until}; the same command goes on from there").format_map(answer))
    if not isinstance(error, Refused):
        raise Unavailable(Message("{site}: {reason}", site=site, reason=str(error)))
    say(f"suanli: {site}: {type(error).__name__.lower()}: {in_words(error)}")
    raise SystemExit(1)
