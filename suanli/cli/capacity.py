"""`suanli capacity`: the ledger, listed, added to and corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.capacity_words import COLUMNS, WORDS, cell, print_figures
from suanli.cli.context import given, say
from suanli.cli.output import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from suanli.model.capacity import CapacityEntry

capacity = typer.Typer(name="capacity", help="The capacity ledger.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="for a program; unknown is null")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="only show what would change, in the ledger and of figures")]
_Pool = Annotated[str, typer.Argument(metavar="SITE/POOL", help="as registered")]
_From = Annotated[str, typer.Option("--from", help="since when it is true: a day (its midnight) or a time")]
_Until = Annotated[str | None, typer.Option("--until", help="until when it is true, exclusive")]
_Devices = Annotated[int | None, typer.Option("--devices", help="the amount in devices of the pool's model")]
_Pflops = Annotated[float | None, typer.Option("--pflops", help="or in PFLOPS, on the pool's basis")]
_Source = Annotated[str, typer.Option("--source", help="who says so: the report, its number")]


@capacity.command("list")
def list_capacity(
    context: typer.Context,
    of: Annotated[str | None, typer.Option("--site", help="only this site")] = None,
    at: Annotated[str | None, typer.Option("--at", help="only what holds at this instant")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="as it was known then")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also what was superseded, and when")] = False,
    json: _Json = False,
) -> None:
    """The lines of the ledger that count; with --all also what was said before, and from when until when it was."""
    from suanli.cli.moments import moment
    from suanli.cli.registry import known_site
    from suanli.listing import ledger_rows

    with given(context).opened() as (config, store):
        if of is not None:
            known_site(of, store.registry)
        when = moment("--at", at, config.zone)
        known = moment("--as-of", as_of, config.zone)
        rows = ledger_rows(store, config.zone, of, at=when, as_of=known, everything=everything)
    if json:
        print_json({"capacity": rows})
        return
    columns = dict(list(COLUMNS[config.language].items())[: None if everything else -2])
    print_table(
        list(columns.values()),
        [[cell(row[name], name, config.language) for name in columns] for row in rows],
    )


@capacity.command("add")
def add(
    context: typer.Context,
    pool: _Pool,
    since: _From,
    stage: Annotated[str, typer.Option("--stage", help="planned, built or retired")],
    source: _Source,
    until: _Until = None,
    devices: _Devices = None,
    pflops: _Pflops = None,
    reason: Annotated[str, typer.Option("--reason", help="new, repair-return, retirement ...")] = "new",
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """Record one entry of which the ledger says nothing yet; it ends an open one before it, as growth does.

    What is recorded is not changed: an entry whose time is taken is refused, and `suanli capacity correct` is for that.

    An entry may come late (--from in the past). Then figures of the past change; they are shown as they were and as
    they are: of now, and of the last whole month.
    """
    from suanli.registering.entries import planned_addition

    entry = _entry(since, until, stage, devices, pflops, source, reason)
    _record(context, pool, entry, planned_addition, dry_run=dry_run, json=json)


@capacity.command("correct")
def correct(
    context: typer.Context,
    pool: _Pool,
    since: _From,
    source: _Source,
    until: _Until = None,
    stage: Annotated[str, typer.Option("--stage", help="planned, built or retired")] = "built",
    devices: _Devices = None,
    pflops: _Pflops = None,
    reason: Annotated[str | None, typer.Option("--reason", help="correction, re-rating or retirement")] = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """Say anew what the ledger says of [from, until), with a reason; what is before and after keeps its amount.

    Without --until the correction ends where the entry ends that holds at --from.

    What was said before is kept (`suanli capacity list --all`), and so is what was published of it (`--as-of`).
    Devices of a re-rating are worked out by today's catalogue; those of a correction keep their rating if their number
    stays.
    """
    from suanli.model.capacity import CORRECTING
    from suanli.model.errors import InputError, Problem
    from suanli.registering.entries import planned_correction

    if reason not in CORRECTING:
        known = ", ".join(sorted(CORRECTING))
        raise InputError(Problem(f"a correction needs a reason: {known}", key="--reason"))
    entry = _entry(since, until, stage, devices, pflops, source, reason)
    _record(context, pool, entry, planned_correction, dry_run=dry_run, json=json)


def _entry(
    since: str,
    until: str | None,
    stage: str,
    devices: int | None,
    pflops: float | None,
    source: str,
    reason: str | None,
) -> CapacityEntry:
    from suanli.cli.reading import day_or_time, made
    from suanli.model.capacity import CapacityEntry

    values = {
        "from": day_or_time("--from", since),
        "until": None if until is None else day_or_time("--until", until),
        "stage": stage,
        "devices": devices,
        "pflops": pflops,
        "source": source,
        "reason": reason,
    }
    return made(CapacityEntry, values)


def _record(
    context: typer.Context, where: str, entry: CapacityEntry, plan: Callable[..., Any], *, dry_run: bool, json: bool
) -> None:
    from suanli.cli.reading import pool_of
    from suanli.model.capacity import instant
    from suanli.registering.effects import effects
    from suanli.registering.entries import registered

    site, pool = pool_of(where)
    with given(context).opened() as (config, store):
        _, recorded = registered(store.registry, site, pool)
        changes = plan(store, site, pool, entry, config)
        since, now = instant(entry.since, config.zone), store.now
        figures = effects(store, changes, since, recorded.pool.basis, config, dry_run=dry_run) if changes else []
    texts = [change.text for change in changes]
    if json:
        print_json({"changes": texts, "applied": bool(changes) and not dry_run, "figures": figures})
        return
    words = WORDS[config.language]
    print("\n".join(texts))
    if figures:
        print_figures(figures, config.language)
        if since < now:
            say(str(words["late"]))
    say(str(words[("tried" if dry_run else "made") if changes else "nothing"]).format(count=len(changes)))
