"""`suanli maintenance`: windows in which a site or a pool is worked on, and how targets are judged then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from suanli.cli.context import given
from suanli.cli.desk import at_desk
from suanli.cli.maintenance_words import WORDS, print_answer, row_of
from suanli.cli.output import print_json, print_table
from suanli.model.errors import InputError, Problem

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
        raise InputError(Problem("is who approves: give --approve too", key="--by"))
    window = _window(where, since, until, reason, rule, policy)
    with at_desk(given(context)) as desk:
        answer, language = desk.windows.add(window, approve=approve, by=by, dry_run=dry_run), desk.config.language
    words = WORDS[language]
    told = str(words["added"]).format(id=answer["id"])
    waits = [] if approve or dry_run else [str(words["waits"]).format(id=answer["id"])]
    print_answer(answer, told, waits, language, json=json)


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
        answer, language = desk.windows.approve(id_, by=by, dry_run=dry_run), desk.config.language
    told = str(WORDS[language]["approved"]).format(id=id_, by=answer["by"])
    print_answer(answer, told, [], language, json=json)


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
        config = desk.config
        answer = desk.windows.end(id_, moment("--at", at, config.zone), dry_run=dry_run)
    told = str(WORDS[config.language]["ended"]).format(id=id_, at=answer["ended_at"])
    print_answer(answer, told, [], config.language, json=json)


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
    words = WORDS[config.language]
    columns = [*words["columns"], *(words["more"] if everything else ())]
    print_table(columns, [row_of(one, config.language)[: len(columns)] for one in answer["windows"]])
    print(str(words["range"]).format(lo=answer["from"], hi=answer["to"]))


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
