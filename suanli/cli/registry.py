"""`suanli apply`, `export`, `site`: the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli import registering
from suanli.cli.capacity_words import WORDS
from suanli.cli.context import given, say
from suanli.cli.desk import Desk, at_desk
from suanli.cli.output import print_json, print_table
from suanli.cli.reading import day_or_time, made
from suanli.cli.site_options import Reason
from suanli.model.errors import InputError, Problem

if TYPE_CHECKING:
    from suanli.model.site import Site
    from suanli.model.yamlfile import Loc
    from suanli.store.registry import RecordedSite

site = typer.Typer(name="site", help="The registered sites.", no_args_is_help=True)
_NOTHING: dict[str, Any] = {"state": "unchanged", "submission": None, "changes": [], "figures": []}
"""The answer to files in which no site is listed."""
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_FORM = "capacity.xlsx"
_TIMES = {
    "en": {"from": "from", "until": "until", "recorded_at": "recorded", "superseded_at": "superseded"},
    "zh": {"from": "起", "until": "止", "recorded_at": "记录于", "superseded_at": "被取代于"},
}
_HISTORY = {
    "en": {
        "facts": {name: name for name in ("name", "province", "operator", "status")} | _TIMES["en"],
        "pools": {"pool": "pool", "model": "model", "basis": "basis"}
        | _TIMES["en"]
        | {"came_from": "came from", "went_to": "went to"},
    },
    "zh": {
        "facts": {"name": "名称", "province": "省份", "operator": "运营方", "status": "状态"} | _TIMES["zh"],
        "pools": {"pool": "资源池", "model": "型号", "basis": "精度"}
        | _TIMES["zh"]
        | {"came_from": "来自", "went_to": "迁往"},
    },
}


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
        raise InputError(Problem("which files? YAML or .xlsx; `suanli apply --template` writes a form to fill in"))
    since = None if effective is None else day_or_time("--effective", effective)
    with at_desk(given(context)) as desk:
        answer = _applied(desk, files, {"effective": since, "reason": reason}, dry_run=dry_run)
    if json:
        print_json(answer | {"applied": answer["state"] == "applied"})
    else:
        _print_applied(answer, desk.config.language, dry_run=dry_run)


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
    return read_sites(files, desk.config.zone, load_accelerators(), faults, registered, say)


def _print_applied(answer: dict[str, Any], language: str, *, dry_run: bool) -> None:
    for change in answer["changes"]:
        print(change)
    if answer["state"] == "pending":
        say(str(WORDS[language]["pending"]).format(number=answer["submission"]))
        return
    state = "would be made" if dry_run else "made"
    say(f"{len(answer['changes'])} changes {state}" if answer["changes"] else "nothing to change")


def _write_template(files: list[Path], *, json: bool) -> None:
    from suanli.catalog.accelerators import load_accelerators
    from suanli.registry.sheet.writing import write_template

    if len(files) > 1:
        raise InputError(Problem("one FILE is written", key="--template"))
    write_template(files[0], load_accelerators())
    if json:
        print_json({"template": str(files[0])})
    else:
        say(f"{files[0]} is written: fill it in, then `suanli apply {files[0]} --dry-run`")
        say("what is registered already, in the same form: `suanli export --xlsx FILE.xlsx`")


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
    say(f"{path} is written: {rows:,} rows of {len(sites):,} sites")
    if apart := sum(site.source is not None for site in sites):
        say(f"not in it: sources ({apart:,}); `suanli apply` leaves them as they are registered")


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
    columns = ["id", "name", "province", "operator", "status", "kind", "pools"]
    print_table(columns, [[_cell(row, column) for column in columns] for row in rows])


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

    with given(context).opened() as (config, store):
        known_site(id_, store.registry)
        history = site_history(store, id_)
    if json:
        print_json(history)
        return
    words = _HISTORY[config.language]
    for part in ("facts", "pools"):
        print_table(list(words[part].values()), [[row[name] or "" for name in words[part]] for row in history[part]])


def known_site(id_: str, registry: list[RecordedSite]) -> RecordedSite:
    """This registered site; an InputError names those that there are."""
    for item in registry:
        if item.site.id == id_:
            return item
    known = ", ".join(item.site.id for item in registry) or "none yet (suanli apply)"
    raise InputError(Problem(f"no site {id_!r}; registered: {known}"))


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "pools":
        return ", ".join(f"{pool['id']} ({pool['model']})" for pool in row["pools"])
    return str(row[column] or "")
