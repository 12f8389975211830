"""`suanli history`."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import given
from suanli.cli.desk import at_desk
from suanli.cli.language import _
from suanli.cli.moments import as_options, local, moment, one_of
from suanli.cli.output import percent, pflops, print_json, print_table
from suanli.cli.rates import named, tell_cut
from suanli.cli.terms import grouping

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def history(
    context: typer.Context,
    since: Annotated[str | None, typer.Option("--from", help="a day before --to when left out (2026-10)")] = None,
    until: Annotated[str | None, typer.Option("--to", help="exclusive; now when left out")] = None,
    every: Annotated[str, typer.Option(help="width of the pieces: 5m, 1h, 1d, 7d, month")] = "1h",
    by: Annotated[str, typer.Option(help="fleet, site, pool, province, operator, model or vendor")] = "fleet",
    basis: Annotated[str, typer.Option(help="fp16, fp32 or fp64; different bases are never added")] = "fp16",
    as_of: Annotated[str | None, typer.Option(help="only what had been recorded by then")] = None,
    maintenance: Annotated[
        str, typer.Option(help="include: as if there were none. policy: as each approved window says")
    ] = "include",
    operator: Annotated[
        list[str] | None, typer.Option("--operator", help="only what this operator operates; may be repeated")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
    json: Annotated[bool, typer.Option("--json", help="the same as --format json; unknown is null")] = False,
) -> None:
    """Series of computing power and rates: ratios of PFLOPS-hours, piece by piece, from samples or what is summed.

    Absolutes are means over each piece in PFLOPS, and PFLOPS-hours. Unknown is null, an empty cell, or said; never 0.
    """
    from suanli.answers import GROUPINGS, VIEWS
    from suanli.model.units import BASES
    from suanli.questions import Question

    form = "json" if json else one_of("--format", format_, ("table", "csv", "json"))
    by = one_of("--by", by, ("fleet", *GROUPINGS))
    words = {"basis": one_of("--basis", basis, BASES), "maintenance": one_of("--maintenance", maintenance, VIEWS)}
    with at_desk(given(context)) as desk:
        config = desk.config
        moments = {
            "lo": moment("--from", since, config.zone),
            "hi": moment("--to", until, config.zone),
            "as_of": moment("--as-of", as_of, config.zone),
        }
        fleet = by == "fleet"
        asked = words | {"by": "site" if fleet else by}
        question = Question(**moments, **asked, operators=named(operator))  # type: ignore[arg-type] # checked above
        with as_options():
            answer = desk.history(question, every, fleet=fleet)
    tell_cut(question, answer["to"], config)
    if form == "json":
        print_json(answer)
    elif form == "csv":
        _print_csv(answer)
    else:
        _print_table(answer, config.zone)


def _print_csv(answer: dict[str, Any]) -> None:
    """A row for each group and piece; what is unknown is an empty cell. Times are UTC, as in JSON."""
    points = [{"group": one["group"], **point} for one in answer["series"] for point in one["points"]]
    if points:
        writer = csv.DictWriter(sys.stdout, list(points[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(points)


def _print_table(answer: dict[str, Any], zone: ZoneInfo) -> None:
    """Times are those of the zone's clock."""
    group = [] if answer["by"] is None else [grouping(answer["by"])]
    rows = [_row(one["group"], point, zone) for one in answer["series"] for point in one["points"]]
    sums = [_("from"), _("to"), _("built "), _("online "), _("used ")]
    print_table([*group, *sums, _("online-rate "), _("usage-rate "), _("coverage "), _("excluded ")], rows)


def _row(group: str | None, point: dict[str, Any], zone: ZoneInfo) -> list[str]:
    sums = [pflops(point[key]) for key in ("built_pflops", "online_pflops", "used_pflops")]
    ratios = ("online_ratio", "usage_ratio", "coverage_ratio", "excluded_ratio")
    times = [local(point[end], zone) for end in ("from", "to")]
    return [*([] if group is None else [group]), *times, *sums, *(percent(point[key]) for key in ratios)]
