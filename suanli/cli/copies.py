"""`suanli db check`, `backup` and `restore`: the store's file as a whole."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from suanli.cli.context import Globals, given, say
from suanli.cli.language import _
from suanli.cli.output import print_json
from suanli.cli.upkeep import HERE
from suanli.model.errors import InputError, Problem, SuanliError
from suanli.model.message import Message


def check(
    context: typer.Context,
    thorough: Annotated[bool, typer.Option("--thorough", help="compare every index with its table, too")] = False,
    json: Annotated[bool, typer.Option("--json", help="for a program")] = False,
) -> None:
    """Look the store's file over for damage, also while it is served; exit 1 when there is some."""
    from suanli.store.copies import damage

    file = _file(given(context))
    faults = damage(file, thorough=thorough)
    if json:
        print_json({"file": str(file), "damage": faults})
    else:
        print("\n".join(faults) or _("{file} is whole").format(file=file))
    if faults:
        raise SuanliError(
            Message("{file} is damaged: keep it, and put the last backup in its place (suanli db restore)", file=file)
        )


def backup(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(help="the copy: one file")],
    force: Annotated[bool, typer.Option("--force", help="over what is there")] = False,
    json: Annotated[bool, typer.Option("--json", help="for a program")] = False,
) -> None:
    """Copy the store as it is at this moment, while it is served; the copy is checked before it gets its name."""
    from rich.console import Console
    from rich.progress import Progress

    from suanli.store.copies import backup as copy

    options = given(context)
    file = _file(options)
    _refuse(to, file, force=force)
    with Progress(transient=True, disable=options.quiet, console=Console(stderr=True)) as progress:
        bar = progress.add_task(_("copying"), total=None)
        size = copy(file, to, lambda done, pages: progress.update(bar, completed=done, total=pages))
    if json:
        print_json({"file": str(to), "bytes": size})
    else:
        print(_("{to}: {size} bytes, found whole").format(to=to, size=f"{size:,}"))


def restore(
    context: typer.Context,
    copy: Annotated[Path, typer.Argument(help="what `suanli db backup` wrote")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only check the copy and say what would happen")] = False,
) -> None:
    """Put a copy in the store's place; what was there is kept beside it. Not while it is served."""
    from suanli.store.copies import fit
    from suanli.store.copies import restore as put_back
    from suanli.store.engine import HEAD

    file = _file(given(context))
    found = fit(copy)
    if dry_run:
        say(_("would put {copy} (schema {found}) in the place of {file}").format(copy=copy, found=found, file=file))
        return
    aside = put_back(file, copy, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    say(_("{file} is what {copy} was").format(file=file, copy=copy))
    if aside is not None:
        say(_("what was there before: {aside}").format(aside=aside))
    if found != HEAD:
        say(_("it has schema {found}: run `suanli db upgrade`").format(found=found))


def _file(options: Globals) -> Path:
    from suanli.store.engine import store_file

    options.refuse_server(HERE)
    file = store_file(options.loaded().store.url)
    if file is None:
        told = Message("only a SQLite file is copied and checked here; PostgreSQL has pg_dump and pg_amcheck")
        raise InputError(Problem(told, key="store"))
    return file


def _refuse(to: Path, file: Path, *, force: bool) -> None:
    if to.is_dir() or to.absolute() == file:
        raise InputError(Problem(Message("name a file for the copy"), file=str(to)))
    if to.exists() and not force:
        raise InputError(Problem(Message("there is a file of this name; --force puts the copy over it"), file=str(to)))
