"""`suanli quarantine`: what was held at the entrance, refused by sinks, or found in the history."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.desk import at_desk
from suanli.cli.language import _, of, spoken
from suanli.cli.moments import as_options
from suanli.cli.output import print_json, print_table

quarantine = typer.Typer(name="quarantine", help="What is held back or doubted.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="12, finding-3 or sink-4, as listed")]
_COLUMNS = ("id", "kind", "site", "pool", "at", "check", "reason")


@quarantine.command("list")
def list_held(
    context: typer.Context,
    site: Annotated[str | None, typer.Option(help="only of this site")] = None,
    check: Annotated[str | None, typer.Option(help="only of this check, such as unit, sink or constant")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also what is released or over")] = False,
    limit: Annotated[int, typer.Option(min=1, help="so many of each kind, the newest")] = 100,
    json: _Json = False,
) -> None:
    """Samples and figures held at the entrance, points that sinks refused, and findings about the history."""
    from suanli.model.where import Where

    with at_desk(given(context)) as desk, as_options():
        rows = desk.held.listed(Where(site), check, everything=everything, limit=limit)
    if json:
        print_json({"quarantine": rows})
    else:
        _print_rows(rows, limit)


@quarantine.command("show")
def show(context: typer.Context, id_: _Id, json: _Json = False) -> None:
    """One of them in full: what came, when, and what the check looks for."""
    with at_desk(given(context)) as desk:
        row = desk.held.one(id_)
    if json:
        print_json(row)
    else:
        _print_row(row)


@quarantine.command("release")
def release(
    context: typer.Context,
    id_: _Id,
    by: Annotated[
        str | None, typer.Option(help="who answers for it, kept with the sample; you yourself when left out")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would be recorded")] = False,
    json: _Json = False,
) -> None:
    """Record a held sample after all, as suspect; from then on it counts. It replaces what its slot has since got."""
    with at_desk(given(context)) as desk, as_options():
        answer = desk.held.release(id_, by, dry_run=dry_run)
    if json:
        print_json(answer)
    else:
        told = _("would release: ") if dry_run else _("released: ")
        print(f"{told}{json_text.dumps(answer['sample'], ensure_ascii=False)}")


def _print_rows(rows: list[dict[str, Any]], limit: int) -> None:
    if not rows:
        say(_("nothing is held"))
        return
    columns = [_("id"), *(_named(column) for column in _COLUMNS[1:])]
    print_table(columns, [[_cell(row, column) for column in _COLUMNS] for row in rows])
    kinds = [row["kind"] for row in rows]
    held = sum(kind in ("sample", "figure") for kind in kinds)
    if max(held, kinds.count("sink"), kinds.count("finding")) >= limit:
        say(_("there are more: see --limit"))


def _kind(kind: str) -> str:
    return {
        "sample": _("sample"),
        "figure": _("figure"),
        "sink": _("sink"),
        "finding": _("finding"),
    }[kind]


def _named(name: str) -> str:
    return {
        "kind": _("kind"),
        "site": _("site"),
        "pool": _("pool"),
        "at": _("at"),
        "until": of("finding", "until"),
        "check": _("check"),
        "reason": of("quarantine", "reason"),
        "recorded_at": _("recorded_at"),
        "released_at": _("released_at"),
        "released_by": _("released_by"),
    }[name]


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "kind":
        return _kind(row["kind"])
    text = str(row[column] or "")
    if column == "at" and row["until"]:
        text += f" – {row['until']}"
    if column == "reason" and row["released_at"]:
        text += _(" (released {at} by {by})").format(at=row["released_at"], by=row["released_by"])
    return text


def _print_row(row: dict[str, Any]) -> None:
    print(f"{row['id']}: {_kind(row['kind'])}")
    for name in ("site", "pool", "at", "until", "check", "reason", "recorded_at", "released_at", "released_by"):
        if row[name] is not None:
            print(f"  {_named(name)}: {row[name]}")
    named = {_("the check"): row["why_zh" if spoken() == "zh" else "why"]}
    if row["told"] is not None:
        named[_("as it came")] = json_text.dumps(row["told"], ensure_ascii=False)
    for name, text in named.items():
        print(f"  {name}: {text}")
