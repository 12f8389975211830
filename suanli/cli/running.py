"""`suanli demo` and `suanli serve`."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from suanli.cli.context import given, say
from suanli.cli.language import _
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.app import Service
    from suanli.cli.context import Globals
    from suanli.config import Config

Result = TypeVar("Result")


def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="poll each site once, print the rates, exit")] = False,
    json: Annotated[bool, typer.Option("--json", help="with --once: the rates for a program")] = False,
    seed: Annotated[int, typer.Option(help="which city; the same seed is the same city")] = 2024,
    data: Annotated[Path | None, typer.Option(help="keep the store here (DIR/config.yaml, DIR/suanli.db)")] = None,
    story: Annotated[
        bool, typer.Option("--story", help="with --data: put October 2026 of the city on record, serve nothing, exit")
    ] = False,
    listen: Annotated[str, typer.Option(help="where the board is served; port 0 takes a free one")] = "127.0.0.1:9105",
    settings: Annotated[
        Path | None, typer.Option(help="YAML added to its configuration: sinks, open_reads, targets ...")
    ] = None,
) -> None:
    """The demonstration city: simulated management APIs over real HTTP, polled, recorded, summed and shown.

    A city of more than 2,200 PFLOPS with the published rates (88 % online, 59.8 % used), which come out of polling and
    summing; after two minutes it begins to move, and now and then a site fails.
    """
    from suanli.cli.demonstration import Demonstration, added_settings, folder

    options = given(context)
    if story and data is None:
        raise InputError(Problem(Message("say where the month is to be kept: --data DIR"), key="--story"))
    with folder(data) as kept:
        if story:
            from suanli.cli.story import tell

            tell(kept, seed, quiet=options.quiet)
            return
        added = added_settings(settings) if settings else {}
        demonstration = Demonstration(kept, seed, listen, added, quiet=options.quiet)
        if once:
            run_loop(demonstration.once(json))
        else:
            run_loop(demonstration.serve(_started))


def serve(context: typer.Context) -> None:
    """Poll the registered sites, record, push to the sinks, serve the page, /metrics and /api/v1.

    SIGTERM stops it, SIGHUP has it read its configuration again.
    """
    from suanli.process import serve as run

    options = given(context)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    run_loop(run(lambda: _read(options), _started))


def _read(options: Globals) -> Config:
    """The configuration as it is now, its secrets found."""
    from exporter.listening import LOOPBACK
    from suanli.config import check_secrets

    config = options.loaded()
    check_secrets(config, options.path())
    if config.address[0] not in LOOPBACK and config.read_token is None and not config.open_reads:
        told = _("{listen} can be reached from elsewhere: reading needs a token (suanli token create, or read_token)")
        say(told.format(listen=config.listen))
    return config


def _started(service: Service) -> None:
    if not service.store.registry:
        say(_("no site is registered yet: suanli apply sites.yaml (a running instance takes it over by itself)"))
    told = _("board {address}/ · metrics {address}/metrics · API {address}/api/v1/rates (Ctrl-C ends)")
    say(told.format(address=service.address))


def run_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop where it exists; Ctrl-C is an ordinary end."""
    import asyncio

    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
