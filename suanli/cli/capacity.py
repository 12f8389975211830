"""`suanli capacity`: the ledger, listed, added to and corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from suanli.cli.capacity_words import print_answer, print_ledger, print_submissions
from suanli.cli.context import given
from suanli.cli.desk import at_desk
from suanli.cli.output import print_json
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.model.capacity import CapacityEntry
    from suanli.model.request import AdditionRequest, CorrectionRequest, Request
    from suanli.registering.office import Verdict

Made = TypeVar("Made", "AdditionRequest", "CorrectionRequest")

capacity = typer.Typer(name="capacity", help="The capacity ledger.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="for a program; unknown is null")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="only show what would change, in the ledger and of figures")]
_Pool = Annotated[str, typer.Argument(metavar="SITE/POOL", help="as registered")]
_From = Annotated[str, typer.Option("--from", help="since when it is true: a day (its midnight) or a time")]
_Until = Annotated[str | None, typer.Option("--until", help="until when it is true, exclusive")]
_Devices = Annotated[int | None, typer.Option("--devices", help="the amount in devices of the pool's model")]
_Pflops = Annotated[float | None, typer.Option("--pflops", help="or in PFLOPS, on the pool's basis")]
_Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="as `suanli capacity submissions` shows it")]
_Why = Annotated[str | None, typer.Option("--reason", help="why; it is kept with the decision")]
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
    """The lines of the ledger that count; with --all also what was said before, and from when until when it was.

    What is submitted and not decided on stands behind them, as planned, with its number; it counts nowhere.
    """
    from suanli.cli.moments import moment

    with at_desk(given(context)) as desk:
        zone = desk.config.zone
        when, known = moment("--at", at, zone), moment("--as-of", as_of, zone)
        rows = desk.ledger(of, at=when, as_of=known, everything=everything)
    if json:
        print_json({"capacity": rows})
    else:
        print_ledger(rows, everything=everything)


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
    from suanli.model.request import AdditionRequest

    entry = _entry(since, until, stage, devices, pflops, source, reason)
    _submit(context, _of(AdditionRequest, pool, entry), dry_run=dry_run, json=json)


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
    from suanli.model.request import CorrectionRequest

    if reason not in CORRECTING:
        known = ", ".join(sorted(CORRECTING))
        raise InputError(Problem(Message("a correction needs a reason: {known}", known=known), key="--reason"))
    entry = _entry(since, until, stage, devices, pflops, source, reason)
    _submit(context, _of(CorrectionRequest, pool, entry), dry_run=dry_run, json=json)


@capacity.command("approve")
def approve(context: typer.Context, id_: _Number, reason: _Why = None, json: _Json = False) -> None:
    """Decide that a submission counts: it is planned on what the registry says now, and carried out at once."""
    _decide(context, id_, "approved", reason, json=json)


@capacity.command("reject")
def reject(
    context: typer.Context,
    id_: _Number,
    reason: Annotated[str, typer.Option("--reason", help="why; its submitter reads it")],
    json: _Json = False,
) -> None:
    """Decide that a submission does not count; it stays listed, with the reason."""
    _decide(context, id_, "rejected", reason, json=json)


@capacity.command("withdraw")
def withdraw(context: typer.Context, id_: _Number, reason: _Why = None, json: _Json = False) -> None:
    """Take a submission of one's own back before it is decided on."""
    _decide(context, id_, "withdrawn", reason, json=json)


@capacity.command("submissions")
def list_submissions(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="also those that were decided on")] = False,
    json: _Json = False,
) -> None:
    """What was asked for and waits for a decision: by whom, since when, of which sites."""
    with at_desk(given(context)) as desk:
        rows = desk.submissions(None if everything else "pending")
    if json:
        print_json({"submissions": rows})
    else:
        print_submissions(rows)


def _decide(context: typer.Context, number: int, verdict: Verdict, why: str | None, *, json: bool) -> None:
    with at_desk(given(context)) as desk:
        answer = desk.decide(number, verdict, why)
        print_answer(answer, json=json)


def _of(kind: type[Made], where: str, entry: CapacityEntry) -> Made:
    from suanli.cli.reading import made, pool_of

    site, pool = pool_of(where)
    return made(kind, {"site": site, "pool": pool, "entry": entry})


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


def _submit(context: typer.Context, request: Request, *, dry_run: bool, json: bool) -> None:
    with at_desk(given(context)) as desk:
        answer = desk.submit(request, dry_run=dry_run)
        print_answer(answer, json=json)
