"""`suanli maintenance`: windows in which a site or a pool is worked on, and how targets are judged then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from suanli.cli.context import given
from suanli.cli.desk import at_desk
from suanli.cli.language import _
from suanli.cli.maintenance_words import columns, print_answer, row_of
from suanli.cli.output import print_json, print_table
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.model.maintenance import Window

maintenance = typer.Typer(name="maintenance", help="Maintenance windows: rule 7.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="only check, and show what would be recorded")]
_Number = Annotated[int, typer.Argument(metavar="ID", help="as `suanli maintenance list` shows it")]


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
    approve: Annotated[bool, typer.Option("--approve", help="approved at once")] = False,
    by: Annotated[str | None, typer.Option("--by", help="who approves; you yourself when left out")] = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """Record a window; it counts once it is approved. With a rule, from and until are its first occurrence.

    A window may come late. Then targets of the past are judged anew; published rates never change by maintenance.
    """
    if by is not None and not approve:
        raise InputError(Problem(Message("is who approves: give --approve too"), key="--by"))
    window = _window(where, since, until, reason, rule, policy)
    with at_desk(given(context)) as desk:
        answer = desk.windows.add(window, approve=approve, by=by, dry_run=dry_run)
    told = _("window {id} recorded").format(id=answer["id"])
    waits = _("it has no effect until it is approved: suanli maintenance approve {id}").format(id=answer["id"])
    print_answer(answer, told, [] if approve or dry_run else [waits], json=json)


@maintenance.command("approve")
def approve(
    context: typer.Context,
    id_: _Number,
    by: Annotated[str | None, typer.Option("--by", help="who approves; you yourself when left out")] = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """From now on the window counts, for its whole length; what was judged before is found again with --as-of."""
    with at_desk(given(context)) as desk:
        answer = desk.windows.approve(id_, by=by, dry_run=dry_run)
    print_answer(answer, _("window {id} approved by {by}").format(id=id_, by=answer["by"]), [], json=json)


@maintenance.command("end")
def end(
    context: typer.Context,
    id_: _Number,
    at: Annotated[str | None, typer.Option("--at", help="nothing of it counts from then on; now when left out")] = None,
    dry_run: _DryRun = False,
    json: _Json = False,
) -> None:
    """End a window before its time: the work is done, or it no longer repeats."""
    from suanli.cli.moments import moment

    with at_desk(given(context)) as desk:
        answer = desk.windows.end(id_, moment("--at", at, desk.config.zone), dry_run=dry_run)
    told = _("window {id} ended at {at}").format(id=id_, at=answer["ended_at"])
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
    from suanli.cli.moments import as_options, moment

    with at_desk(given(context)) as desk, as_options():
        config = desk.config
        lo, hi = (moment(*one, config.zone) for one in (("--from", since), ("--to", to)))
        known = moment("--as-of", as_of, config.zone)
        answer = desk.windows.listed(lo, hi, as_of=known, everything=everything)
    if json:
        print_json(answer)
        return
    headings = columns(everything=everything)
    print_table(headings, [row_of(one)[: len(headings)] for one in answer["windows"]])
    print(_("excluded: share of the time from {lo} to {hi}").format(lo=answer["from"], hi=answer["to"]))


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
