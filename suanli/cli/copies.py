"""`suanli db check`, `backup`, `restore` and `upgrade`: the store as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suanli.cli.context import Globals, given, say
from suanli.cli.language import _
from suanli.cli.output import print_json
from suanli.cli.upkeep import HERE
from suanli.model.errors import InputError, Problem, SuanliError
from suanli.model.message import Message

if TYPE_CHECKING:
    from sqlalchemy import Engine


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
    from suanli.store.copies import backup as copy

    options = given(context)
    file = _file(options)
    _refuse(to, file, force=force)
    with _copying(options) as told:
        size = copy(file, to, told)
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


def upgrade(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say from which revision to which")] = False,
) -> None:
    """Bring the store's schema to this version's: a file on a copy first, and kept as it was, not while served."""
    from suanli.store.engine import HEAD, open_engine, revision

    options = given(context)
    options.refuse_server(HERE)
    store = options.loaded().store
    engine = open_engine(store.url, store.password)
    before = revision(engine)
    if before == HEAD:
        say(_("the schema is up to date ({head})").format(head=HEAD))
    elif dry_run:
        say(_("would upgrade the schema from {before} to {head}").format(before=before or _("nothing"), head=HEAD))
    else:
        kept = _upgraded(engine, options, new=before is None)
        say(_("schema {before} -> {head}").format(before=before or _("nothing"), head=HEAD))
        if kept is not None:
            say(_("the store as it was: {kept}").format(kept=kept))
    engine.dispose()


def _upgraded(engine: Engine, options: Globals, *, new: bool) -> Path | None:
    """Where the store is kept as it was; None of a server, and of one in which nothing was yet."""
    from suanli.store.engine import store_file
    from suanli.store.engine import upgrade as in_place
    from suanli.store.upgrading import upgrade_file

    file = store_file(options.loaded().store.url)
    if file is None or new:
        in_place(engine)
        return None
    with _copying(options) as told:
        return upgrade_file(engine, file, told)


@contextmanager
def _copying(options: Globals) -> Iterator[Callable[[int, int], None]]:
    """Shows how much is copied."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(transient=True, disable=options.quiet or not console.is_terminal, console=console) as progress:
        bar = progress.add_task(_("copying"), total=None)
        yield lambda done, pages: progress.update(bar, completed=done, total=pages)


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
