"""`suanli apply`, `export`, `site`, `capacity`: the registry."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.output import UNKNOWN, print_json, print_table
from suanli.model.errors import InputError, Problem

site = typer.Typer(name="site", help="The registered sites.", no_args_is_help=True)
capacity = typer.Typer(name="capacity", help="The capacity ledger.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program")]


def apply(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="YAML files of sites")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False,
    json: _Json = False,
) -> None:
    """Make the registry say what these files say: shows the difference, all or nothing, twice is once.

    Sites and pools that the files do not name stay as they are. Recorded capacity is never overwritten: an entry that
    says otherwise needs a reason (correction, re-rating, retirement), and what was said before is kept.
    """
    from collectors.registry import source_faults
    from suanli.catalog.accelerators import load_accelerators
    from suanli.registering import planned
    from suanli.registry.file import read_sites

    with given(context).opened() as (config, store):
        sites = read_sites(files, config.zone, load_accelerators(), source_faults)
        changes = planned(store, sites, config)
        if changes and not dry_run:
            store.apply(changes, int(time.time()))
    if json:
        print_json({"changes": [change.text for change in changes], "applied": bool(changes) and not dry_run})
        return
    for change in changes:
        print(change.text)
    state = "would be made" if dry_run else "made"
    say(f"{len(changes)} changes {state}" if changes else "nothing to change")


def export(context: typer.Context) -> None:
    """The whole registry as YAML: what `apply` reads back to the same."""
    from suanli.registry.file import write_sites
    from suanli.store.registry import as_written

    with given(context).opened() as (config, store):
        print(write_sites(as_written(item, config.zone) for item in store.registry), end="")


@site.command("list")
def list_sites(context: typer.Context, json: _Json = False) -> None:
    """Every site: who runs it, where, with which pools."""
    from suanli.listing import site_row

    with given(context).opened() as (_, store):
        rows = [site_row(item) for item in store.registry]
    if json:
        print_json({"sites": rows})
        return
    columns = ["id", "name", "province", "operator", "status", "kind", "pools"]
    print_table(columns, [[_cell(row, column) for column in columns] for row in rows])


@site.command("show")
def show_site(context: typer.Context, id_: Annotated[str, typer.Argument(metavar="SITE")], json: _Json = False) -> None:
    """One site as its file would say it."""
    from suanli.registry.file import write_sites
    from suanli.store.registry import as_written

    with given(context).opened() as (config, store):
        found = [as_written(item, config.zone) for item in store.registry if item.site.id == id_]
        _known(id_, found, [item.site.id for item in store.registry])
    if json:
        print_json(found[0].model_dump(mode="json", by_alias=True))
    else:
        print(write_sites(found), end="")


@capacity.command("list")
def list_capacity(
    context: typer.Context,
    of: Annotated[str | None, typer.Option("--site", help="only this site")] = None,
    json: _Json = False,
) -> None:
    """The entries of the ledger that are current."""
    from suanli.listing import ledger_rows

    with given(context).opened() as (config, store):
        sites = [item.site.id for item in store.registry]
        if of is not None:
            _known(of, [one for one in sites if one == of], sites)
        rows = ledger_rows(store.registry, config.zone, of)
    if json:
        print_json({"capacity": rows})
        return
    columns = ["site", "pool", "stage", "from", "until", "devices ", "pflops ", "basis", "reason", "source"]
    print_table(columns, [[_text(row[column.strip()], column) for column in columns] for row in rows])


def _known(id_: str, found: list[Any], known: list[str]) -> None:
    if not found:
        raise InputError(Problem(f"no site {id_!r}; registered: {', '.join(known) or 'none yet (suanli apply)'}"))


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "pools":
        return ", ".join(f"{pool['id']} ({pool['model']})" for pool in row["pools"])
    return str(row[column] or "")


def _text(value: object, column: str) -> str:
    if column == "pflops ":
        return UNKNOWN["en"] if value is None else f"{value:,.1f}"
    return "" if value is None else str(value)
