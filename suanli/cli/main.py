"""`suanli`: the global options and the list of commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from suanli.cli import (
    access,
    alerts,
    asking,
    backfilling,
    capacity,
    comparing,
    copies,
    disagreements,
    grafana,
    history,
    importing,
    maintenance,
    pool,
    pushing,
    quarantine,
    rates,
    registry,
    rules,
    running,
    sinks,
    upkeep,
)
from suanli.cli.context import Globals, run_told
from suanli.cli.helping import SpokenGroup
from suanli.cli.language import chosen, speak

app = typer.Typer(
    name="suanli",
    cls=SpokenGroup,
    help="算力监测 · Computing power that is online and used, as numbers that can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


@app.callback()
def global_options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="config.yaml (else SUANLI_CONFIG, else ./config.yaml)")] = None,
    store: Annotated[
        str | None, typer.Option(help="store address (else SUANLI_STORE, else the configuration's)")
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="a running instance to act on (else SUANLI_SERVER); its token: SUANLI_TOKEN")
    ] = None,
    lang: Annotated[
        Literal["zh", "en"] | None,
        typer.Option(help="language (else that of the configuration, else that of LC_ALL, LC_MESSAGES or LANG)"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress lines")] = False,
) -> None:
    """算力监测 · Computing power that is online and used, as numbers that can be trusted."""
    context.obj = Globals(config, store, lang, quiet, server)


app.command()(running.demo)
app.command()(running.serve)
app.command()(asking.collect)
app.command()(pushing.push)
app.command()(registry.apply)
app.command()(registry.export)
app.command("import")(importing.import_history)
app.command()(backfilling.backfill)
app.add_typer(registry.site, name="site")
app.add_typer(capacity.capacity, name="capacity")
app.add_typer(pool.pool, name="pool")
app.add_typer(maintenance.maintenance, name="maintenance")
app.add_typer(quarantine.quarantine, name="quarantine")
app.add_typer(alerts.alerts, name="alerts")
app.add_typer(sinks.sink, name="sink")
app.add_typer(rates.app, name="rates")
app.command()(history.history)
app.command()(disagreements.disagreements)
app.command()(comparing.benchmarks)
app.command()(comparing.targets)
app.command()(comparing.change)
app.command()(comparing.funnel)
app.add_typer(grafana.grafana, name="grafana")
app.add_typer(rules.rules, name="rules")
app.add_typer(access.token, name="token")
app.command()(access.audit)
app.add_typer(upkeep.config, name="config")
app.add_typer(upkeep.db, name="db")
upkeep.db.command()(copies.upgrade)
upkeep.db.command()(copies.check)
upkeep.db.command()(copies.backup)
upkeep.db.command()(copies.restore)
app.command()(upkeep.version)


def main() -> None:
    """Run the command line, in the language that is asked for."""
    speak(chosen(sys.argv[1:], os.environ))
    run_told(app)
