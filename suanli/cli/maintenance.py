"""`suanli maintenance`: windows in which a site or a pool is worked on, and how targets are judged then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from suanli.cli.context import given
from suanli.cli.language import _
from suanli.cli.maintenance_words import columns, print_answer, row_of
from suanli.cli.output import print_json, print_table
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.model.maintenance import Window

maintenance = typer.Typer(name="maintenance", help="Maintenance windows: rule 7.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="only check, and show what would be recorded")]
_Number = Annotated[int, typer.Argument(metavar="ID", help="as `suanli maintenance list` shows it")]
_RANGE = 30 * 86400
"""How far back the share of time is listed when nothing else is asked for, in seconds."""


@maintenance.command("add")
def add(
    context: typer.Context,
    where: Annotated[str, typer.Argument(metavar="SITE[/POOL]", help="a whole site, or one pool of it")],
    since: Annotated[str, typer.Option("--from", help="its begin: a day (its midnight) or a time")],
    until: Annotated[str, typer.Option("--until", help="its end, exclusive")],
    reason: Annotated[str, typer.Option("--reason", help="what is being done")],
    rule: Annotated[
        str | None, typer.Option("--rule", help="how it repeats by the local clock, such as FREQ=WEEKLY;BYDAY=SU")
    ] = None,
    policy: Annotated[
        str, typer.Option("--policy", help="exclude: targets leave it out; hold: the figures before it; include: none")
    ] = "exclude",
    approve: Annotated[bool, typer.Option("--approve", help="approved at once, by --by")] = False,
    by: Annotated[str | None, typer.Option("--by", help="who approves")] = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """Record a window; it counts once it is approved. With a rule, from and until are its first occurrence.

    A window may come late. Then targets of the past are judged anew; published rates never change by maintenance.
    """
    from suanli.model.errors import InputError, Problem
    from suanli.store.trial import trying
    from suanli.store.windows import add_window, window_of

    if approve != (by is not None):
        raise InputError(Problem(Message("--approve and --by NAME are given together"), key="--approve"))
    window = _window(where, since, until, reason, rule, policy)
    with given(context).opened() as (config, store):
        with trying(store, dry_run=dry_run) as connection:
            number = add_window(connection, window, config.zone, store.now, by)
            found = window_of(connection, number)
        late = found.counts and found.start < store.now
    told = _("window {id} recorded").format(id=number)
    waits = (
        []
        if approve or dry_run
        else [_("it has no effect until it is approved: suanli maintenance approve {id} --by NAME").format(id=number)]
    )
    answer = {"id": None if dry_run else number, "approved": approve, "applied": not dry_run, "late": late}
    print_answer(answer, told, waits, json=json)


@maintenance.command("approve")
def approve(
    context: typer.Context,
    id_: _Number,
    by: Annotated[str, typer.Option("--by", help="who approves")],
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """From now on the window counts, for its whole length; what was judged before is found again with --as-of."""
    from suanli.store.trial import trying
    from suanli.store.windows import approve_window, window_of

    with given(context).opened() as (_config, store):
        with trying(store, dry_run=dry_run) as connection:
            approve_window(connection, id_, by, store.now)
            found = window_of(connection, id_)
        late = found.counts and found.start < store.now
    told = _("window {id} approved by {by}").format(id=id_, by=by)
    answer = {"id": id_, "approved": True, "applied": not dry_run, "late": late}
    print_answer(answer, told, [], json=json)


@maintenance.command("end")
def end(
    context: typer.Context,
    id_: _Number,
    at: Annotated[str | None, typer.Option("--at", help="nothing of it counts from then on; now when left out")] = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """End a window before its time: the work is done, or it no longer repeats."""
    from suanli.answers import iso
    from suanli.cli.moments import moment
    from suanli.store.trial import trying
    from suanli.store.windows import end_window, window_of

    with given(context).opened() as (config, store):
        asked = moment("--at", at, config.zone)
        cut_at = store.now if asked is None else asked
        with trying(store, dry_run=dry_run) as connection:
            end_window(connection, id_, cut_at, store.now)
            found = window_of(connection, id_)
        late = found.counts and cut_at < store.now
    told = _("window {id} ended at {at}").format(id=id_, at=iso(cut_at))
    answer = {"id": id_, "ended_at": iso(cut_at), "applied": not dry_run, "late": late}
    print_answer(answer, told, [], json=json)


@maintenance.command("list")
def list_windows(
    context: typer.Context,
    since: Annotated[str | None, typer.Option("--from", help="only windows that reach into a range, with --to")] = None,
    to: Annotated[str | None, typer.Option("--to", help="its end, exclusive; now when left out")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="as they were known then")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also what was said of them before, and when")] = False,
    json: _Json = False,
) -> None:
    """The windows with their approval, what comes next, and the share of time that each takes out of a range.

    Without --from the share is that of the last 30 days, and all windows are listed.
    """
    from suanli.answers import iso
    from suanli.cli.moments import moment
    from suanli.listing import window_rows
    from suanli.model.errors import InputError, Problem

    with given(context).opened() as (config, store):
        begin, end_ = moment("--from", since, config.zone), moment("--to", to, config.zone)
        hi = store.now if end_ is None else end_
        lo = hi - _RANGE if begin is None else begin
        if hi <= lo:
            raise InputError(Problem(Message("the range ends before it begins"), key="--to"))
        known = moment("--as-of", as_of, config.zone)
        ranged = since is not None or to is not None
        rows = window_rows(store, config.zone, lo, hi, as_of=known, everything=everything, reaching=ranged)
    if json:
        print_json({"from": iso(lo), "to": iso(hi), "windows": rows})
        return
    headings = columns(everything=everything)
    print_table(headings, [row_of(one)[: len(headings)] for one in rows])
    print(_("excluded: share of the time from {lo} to {hi}").format(lo=iso(lo), hi=iso(hi)))


def _window(where: str, since: str, until: str, reason: str, rule: str | None, policy: str) -> Window:
    from suanli.cli.reading import day_or_time, made, site_and_pool
    from suanli.model.maintenance import Window

    site, pool = site_and_pool(where, pool_needed=False)
    values = {
        "site": site,
        "pool": pool,
        "from": day_or_time("--from", since),
        "until": day_or_time("--until", until),
        "rule": rule,
        "policy": policy,
        "reason": reason,
    }
    return made(Window, values)
