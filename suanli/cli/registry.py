"""`suanli apply`, `export`, `site`: the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli import registering
from suanli.cli.capacity_words import state_told
from suanli.cli.context import given, say
from suanli.cli.desk import Desk, at_desk
from suanli.cli.language import _, in_words
from suanli.cli.output import print_json, print_table
from suanli.cli.reading import day_or_time, made
from suanli.cli.site_options import Reason
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.model.site import Site
    from suanli.model.yamlfile import Loc
    from suanli.store.registry import RecordedSite

site = typer.Typer(name="site", help="The registered sites.", no_args_is_help=True)
_NOTHING: dict[str, Any] = {"state": "unchanged", "submission": None, "changes": [], "figures": []}
"""The answer to files in which no site is listed."""
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_FORM = "capacity.xlsx"


def apply(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="YAML files of sites and .xlsx spreadsheets, also mixed; with --template the file to write",
            show_default=False,
        ),
    ] = None,
    effective: Annotated[
        str | None, typer.Option("--effective", help="since when changed facts are true; since now when left out")
    ] = None,
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False,
    template: Annotated[
        bool,
        typer.Option(
            "--template",
            help="apply nothing; write an empty spreadsheet to fill in, with its help and the catalogue "
            f"({_FORM} when no FILE is given)",
        ),
    ] = False,
    json: _Json = False,
) -> None:
    """Make the registry say what these files say: shows the difference, all or nothing, twice is once.

    Sites and pools that the files do not name stay as they are. Recorded capacity is never overwritten: an entry that
    says otherwise needs a reason (correction, re-rating, retirement), and what was said before is kept. Facts that
    change (name, province, operator, status, model) are true from --effective on; of the time before nothing changes.

    A spreadsheet has one row an entry of the ledger; whatever is wrong in it is told with its cell. It has no sources:
    those that are registered stay. `--template` writes an empty one, `suanli export --xlsx` one of what is registered.
    """
    if template:
        _write_template(files or [Path(_FORM)], json=json)
        return
    if not files:
        raise InputError(
            Problem(Message("which files? YAML or .xlsx; `suanli apply --template` writes a form to fill in"))
        )
    since = None if effective is None else day_or_time("--effective", effective)
    with at_desk(given(context)) as desk:
        answer = _applied(desk, files, {"effective": since, "reason": reason}, dry_run=dry_run)
    if json:
        print_json(answer | {"applied": answer["state"] == "applied"})
    else:
        _print_applied(answer)


def _applied(desk: Desk, files: list[Path], more: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """What became of what the files say."""
    from suanli.model.request import SitesRequest
    from suanli.registering.plans import located_in

    sites = _read(desk, files)
    if not sites:
        return _NOTHING
    request = made(SitesRequest, {"sites": tuple(sites), **more})
    return desk.submit(request, dry_run=dry_run, located=located_in(files))


def _read(desk: Desk, files: list[Path]) -> list[Site]:
    """What the files say; a spreadsheet says nothing of sources, which stay as they are registered."""
    from collectors.registry import source_faults
    from suanli.catalog.accelerators import load_accelerators
    from suanli.registry.file import read_sites
    from suanli.registry.sheet.guard import is_sheet

    def faults(one: Site) -> list[tuple[Loc, str]]:
        return source_faults(one, desk.reach(one.id))

    registered = {one.id: one for one in desk.registered()} if any(map(is_sheet, files)) else {}
    return read_sites(
        files, desk.config.zone, load_accelerators(), faults, registered, lambda told: say(in_words(told))
    )


def _print_applied(answer: dict[str, Any]) -> None:
    for change in answer["changes"]:
        print(in_words(change))
    say(state_told(answer))


def _write_template(files: list[Path], *, json: bool) -> None:
    from suanli.catalog.accelerators import load_accelerators
    from suanli.registry.sheet.writing import write_template

    if len(files) > 1:
        raise InputError(Problem(Message("one FILE is written"), key="--template"))
    write_template(files[0], load_accelerators())
    if json:
        print_json({"template": str(files[0])})
    else:
        say(_("{file} is written: fill it in, then `suanli apply {file} --dry-run`").format(file=files[0]))
        say(_("what is registered already, in the same form: `suanli export --xlsx FILE.xlsx`"))


def export(
    context: typer.Context,
    xlsx: Annotated[
        Path | None,
        typer.Option(
            "--xlsx",
            metavar="FILE",
            help="write a spreadsheet instead, as `apply --template` has it; without the sources",
        ),
    ] = None,
) -> None:
    """The whole registry as YAML, or as a spreadsheet: what `apply` reads back to the same.

    A spreadsheet says all but the sources (addresses, secrets, settings); `apply` leaves those as they are registered.
    """
    from suanli.registry.file import write_sites

    with at_desk(given(context)) as desk:
        sites = desk.registered()
    if xlsx is None:
        print(write_sites(sites), end="")
    else:
        _write_sheet(xlsx, sites)


def _write_sheet(path: Path, sites: list[Site]) -> None:
    from suanli.catalog.accelerators import load_accelerators
    from suanli.registry.sheet.writing import write_sheet

    rows = write_sheet(path, sites, load_accelerators())
    say(
        _("{file} is written: {rows} rows of {sites} sites").format(
            file=path, rows=f"{rows:,}", sites=f"{len(sites):,}"
        )
    )
    if apart := sum(site.source is not None for site in sites):
        told = _("not in it: sources ({count}); `suanli apply` leaves them as they are registered")
        say(told.format(count=f"{apart:,}"))


site.command("register")(registering.register)
site.command("update")(registering.update)
site.command("retire")(registering.retire)


@site.command("list")
def list_sites(context: typer.Context, json: _Json = False) -> None:
    """Every site: who runs it, where, with which pools."""
    with at_desk(given(context)) as desk:
        rows = desk.sites()
    if json:
        print_json({"sites": rows})
        return
    columns = {"id": _("id"), "name": _("name")} | _who() | {"kind": _("kind of source"), "pools": _("pools")}
    print_table(list(columns.values()), [[_cell(row, column) for column in columns] for row in rows])


@site.command("show")
def show_site(context: typer.Context, id_: Annotated[str, typer.Argument(metavar="SITE")], json: _Json = False) -> None:
    """One site as its file would say it."""
    from suanli.registry.file import write_sites

    with at_desk(given(context)) as desk:
        found = desk.site(id_)
    if json:
        print_json(found.model_dump(mode="json", by_alias=True))
    else:
        print(write_sites([found]), end="")


@site.command("history")
def show_history(
    context: typer.Context, id_: Annotated[str, typer.Argument(metavar="SITE")], json: _Json = False
) -> None:
    """What was said of a site through time: names, operators, statuses, pools; when it was true and when recorded.

    What is no longer said is listed too, with the moment at which it was superseded.
    """
    from suanli.listing import site_history

    why = Message("what is no longer said is told only beside the store")
    with given(context).opened(why) as (_config, store):
        known_site(id_, store.registry)
        history = site_history(store, id_)
    if json:
        print_json(history)
        return
    for part, columns in _history_columns().items():
        print_table(list(columns.values()), [[row[name] or "" for name in columns] for row in history[part]])


def _who() -> dict[str, str]:
    return {"province": _("province"), "operator": _("operator"), "status": _("status")}


def _history_columns() -> dict[str, dict[str, str]]:
    times = {
        "from": _("from"),
        "until": _("until"),
        "recorded_at": _("recorded"),
        "superseded_at": _("superseded"),
    }
    moves = {"came_from": _("came from"), "went_to": _("went to")}
    return {
        "facts": {"name": _("name")} | _who() | times,
        "pools": {"pool": _("pool"), "model": _("model"), "basis": _("basis")} | times | moves,
    }


def known_site(id_: str, registry: list[RecordedSite]) -> RecordedSite:
    """This registered site; an InputError names those that there are."""
    for item in registry:
        if item.site.id == id_:
            return item
    known = ", ".join(item.site.id for item in registry) or Message("none yet (suanli apply)")
    raise InputError(Problem(Message("no site {id!r}; registered: {known}", id=id_, known=known)))


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "pools":
        return ", ".join(f"{pool['id']} ({pool['model']})" for pool in row["pools"])
    return str(row[column] or "")
