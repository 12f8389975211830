"""`suanli sink`: whether a database holds what it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.language import _
from suanli.cli.moments import moment
from suanli.cli.output import print_json, print_table
from suanli.cli.upkeep import HERE
from suanli.model.errors import InputError, Problem, SuanliError
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.config import Config, SinkConfig

sink = typer.Typer(name="sink", help="The databases that get the points.", no_args_is_help=True)
_SHOWN = 20


@sink.callback()
def _group() -> None:
    """The databases that get the points."""


@sink.command("verify")
def verify(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="the sink, as the configuration names it")],
    since: Annotated[str, typer.Option("--from", help="first instant (2026-11-24T08:00, a day or a month)")],
    until: Annotated[str, typer.Option("--to", help="the instant after the last")],
    repair: Annotated[
        bool, typer.Option("--repair", help="send again what differs; a running instance does it")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="for a program")] = False,
) -> None:
    """Read back what a sink holds and compare counts and sums of each pool, field and hour; exit 1 when they differ.

    What still waits to be sent and what the sink refused (`suanli quarantine list --check sink`) is no difference.
    """
    from exporter.registry import READERS
    from exporter.verify import verify as compare
    from suanli.store.sent import send_hours

    with given(context).opened(HERE) as (config, store):
        settings = _named(config, name)
        lo, hi = _stretch(config, since, until)
        reader = READERS[settings.kind](settings)
        try:
            found = compare(store, name, reader, lo, hi)
        finally:
            reader.close()
        again = send_hours(store, found.mend) if repair else 0
    rows = [one.as_dict() for one in found.differences]
    if json:
        counted = {"points": found.points, "waiting": found.waiting, "refused": found.refused, "sent_again": again}
        print_json({"sink": name, **counted, "differences": rows})
    else:
        _print(rows)
        told = _("{points} values compared; left out: {waiting} hours of pools that wait, {refused} refused points")
        say(told.format(points=f"{found.points:,}", waiting=found.waiting, refused=found.refused))
        if repair:
            say(_("{again} samples go out again, with the next rounds of `suanli serve`").format(again=f"{again:,}"))
    if rows:
        raise SuanliError(
            Message(
                "{name} differs from the record in {count} places (`--repair` sends again)", name=name, count=len(rows)
            )
        )


def _named(config: Config, name: str) -> SinkConfig:
    for one in config.sinks:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in config.sinks) or "-"
    raise InputError(
        Problem(Message("there is no sink {name}; configured: {known}", name=name, known=known), key="NAME")
    )


def _stretch(config: Config, since: str, until: str) -> tuple[int, int]:
    lo, hi = moment("--from", since, config.zone), moment("--to", until, config.zone)
    if lo is None or hi is None or lo >= hi:
        raise InputError(Problem(Message("expected a time before --to"), key="--from"))
    return lo, hi


def _print(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    columns = [_("hour"), _("site"), _("pool"), _("field"), _("recorded "), _("held "), _("their sums ")]
    print_table(columns, [_cells(row) for row in rows[:_SHOWN]])
    if len(rows) > _SHOWN:
        print(_("and {more} more (--json has all)").format(more=len(rows) - _SHOWN))


def _cells(row: dict[str, Any]) -> list[str]:
    recorded, held = row["recorded"], row["held"]
    sums = f"{recorded['sum']:.6g} / {held['sum']:.6g}"
    return [row["hour"], row["site"], row["pool"], row["field"], str(recorded["count"]), str(held["count"]), sums]
