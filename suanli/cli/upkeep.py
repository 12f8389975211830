"""`suanli config`, `db upkeep`, `version`."""

from __future__ import annotations

from typing import Annotated

import typer

from suanli import __version__
from suanli.cli.context import given
from suanli.cli.language import _
from suanli.cli.output import print_json
from suanli.model.message import Message

HERE = Message("a store is looked after where it lies")
"""Why no server does this."""
config = typer.Typer(name="config", help="The configuration.", no_args_is_help=True)
db = typer.Typer(name="db", help="The store's upkeep.", no_args_is_help=True)


@config.command("check")
def check(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="for a program; secrets stay names")] = False,
) -> None:
    """Read the configuration, find its secrets, and say what is wrong, with file, line and key."""
    from suanli.config import check_secrets

    options = given(context)
    found = options.loaded()
    check_secrets(found, options.path())
    if json:
        print_json(found.model_dump(mode="json", by_alias=True))
    else:
        sinks, targets = len(found.sinks), len(found.targets)
        told = _("ok: store {store}, listen {listen}, {sinks} sinks, {targets} targets")
        print(told.format(store=found.store.url, listen=found.listen, sinks=sinks, targets=targets))


@db.command("upkeep")
def run_upkeep(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what waits to be summed")] = False,
    json: Annotated[bool, typer.Option("--json", help="for a program")] = False,
) -> None:
    """Do by hand what the service does by itself: sum hours and days, let go what is old, look over the history."""
    from dataclasses import asdict

    from suanli.store.rollup import due
    from suanli.upkeep import once

    with given(context).opened(HERE) as (config, store):
        if dry_run:
            hours, days = due(store, config.zone)
            done = {"hours_due": hours, "days_due": days}
            text = _("would sum {hours} hours and {days} days, and the days that these hours complete")
            text = text.format(hours=hours, days=days)
        else:
            result = once(store, config)
            done = asdict(result)
            text = _("{rolled} hours and days summed, {let_go} rows let go, {found} new findings").format_map(done)
    if json:
        print_json(done)
    else:
        print(text)


def version() -> None:
    """The version of this program."""
    print(f"suanli {__version__}")
