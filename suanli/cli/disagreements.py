"""`suanli disagreements`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.desk import at_desk
from suanli.cli.language import _
from suanli.cli.moments import moment
from suanli.cli.output import percent, pflops, print_json, print_table
from suanli.cli.terms import rung


def disagreements(
    context: typer.Context,
    at: Annotated[str | None, typer.Option("--at", help="instant (2026-11-24T08:00Z); now when left out")] = None,
    as_of: Annotated[str | None, typer.Option(help="only what had been recorded by then")] = None,
    json: Annotated[bool, typer.Option("--json", help="for a program; unknown is null")] = False,
) -> None:
    """How far the second signal of each rung lies from the source, where a site has one (`cross_check`).

    The rates are made of the source alone; a pool that is a tenth apart for six hours is marked as suspect.
    """
    with at_desk(given(context)) as desk:
        config = desk.config
        times = moment("--at", at, config.zone), moment("--as-of", as_of, config.zone)
        answer = desk.comparing.disagreements(*times)
    if json:
        print_json(answer)
    elif answer["disagreements"]:
        _print(answer["disagreements"])
    else:
        say(_("no site of which two signals are heard (a site's cross_check names its second one)"))


def _print(rows: list[dict[str, Any]]) -> None:
    print_table(
        [_("site"), _("pool"), _("rung"), _("source "), _("second signal "), _("difference "), _("apart ")],
        [
            [
                row["site"],
                row["pool"],
                rung(row["rung"]),
                *(pflops(row[name]) for name in ("source_pflops", "second_pflops", "disagreement_pflops")),
                percent(0.0 if row["disagreement_ratio"] is None else row["disagreement_ratio"]),
            ]
            for row in rows
        ],
    )
