"""`suanli benchmarks`, `targets`, `change`, `funnel`: our rates against others, and what moved them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.compared import print_benchmarks, print_change, print_funnel, print_targets
from suanli.cli.context import given, say
from suanli.cli.desk import at_desk
from suanli.cli.language import _
from suanli.cli.moments import as_options, local, moment, one_of
from suanli.cli.output import print_json
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

_At = Annotated[str | None, typer.Option("--at", help="instant (2026-11-24T08:00Z); now when left out")]
_Basis = Annotated[str, typer.Option("--basis", help="fp16, fp32 or fp64; different bases are never added")]
_Json = Annotated[bool, typer.Option("--json", help="for a program; unknown is null")]
_MONTH = re.compile(r"\d{4}-\d{2}")


def benchmarks(context: typer.Context, at: _At = None, basis: _Basis = "fp16", json: _Json = False) -> None:
    """Published rates beside ours: what they count, whether the two may be compared, and what is missing to reach them.

    Days are those at the pace of the last 30 days: what came online (for usage: what came into use) in that time.
    """
    from suanli.model.units import BASES

    basis = one_of("--basis", basis, BASES)
    with at_desk(given(context)) as desk:
        when = moment("--at", at, desk.config.zone)
        answer = desk.comparing.benchmarks(when, basis)  # type: ignore[arg-type] # checked
    _show(answer, print_benchmarks, json=json)


def targets(
    context: typer.Context,
    at: _At = None,
    since: Annotated[str | None, typer.Option("--from", help="a period begins (2026-10, 2026-10-01T08:00)")] = None,
    until: Annotated[str | None, typer.Option("--to", help="and ends, exclusive; now when left out")] = None,
    json: _Json = False,
) -> None:
    """The configured targets: met or missed, whether silent sites could change that, and what is missing.

    What approved maintenance excuses is left out, and its share is told.
    """
    with at_desk(given(context)) as desk, as_options():
        config = desk.config
        when = moment("at", at, config.zone)
        ends = moment("from", since, config.zone), moment("to", until, config.zone)
        answer = desk.comparing.targets(when, *ends)
    if answer["judged_to"] < answer["to"]:
        say(_("--to lies ahead; judged until now ({clock})").format(clock=local(answer["judged_to"], config.zone)))
    _show(answer, print_targets, json=json)


def change(
    context: typer.Context,
    before: Annotated[str, typer.Option("--from", help="instant, or month (2026-09)")],
    after: Annotated[str, typer.Option("--to", help="a later instant, or month")],
    metric: Annotated[str, typer.Option(help="online_ratio, usage_ratio or overall_ratio")] = "online_ratio",
    by: Annotated[str, typer.Option(help="site, pool, province, operator, model or vendor")] = "site",
    basis: _Basis = "fp16",
    json: _Json = False,
) -> None:
    """What each group did to the change of the fleet's rate: by its own rate, and by its share of the whole.

    The parts add up to the change. Two months are compared as periods, PFLOPS-hours over PFLOPS-hours.
    """
    from typing import get_args

    from suanli.answers import GROUPINGS
    from suanli.comparing import AskedChange
    from suanli.model.compare import RatioMetric
    from suanli.model.units import BASES

    metric, by = one_of("--metric", metric, get_args(RatioMetric)), one_of("--by", by, GROUPINGS)
    basis = one_of("--basis", basis, BASES)
    months = _months(before, after)
    with at_desk(given(context)) as desk, as_options():
        config = desk.config
        ends = _instant("from", before, config.zone), _instant("to", after, config.zone)
        asked = AskedChange(*ends, months, metric, by, basis)  # type: ignore[arg-type] # checked above
        answer = desk.comparing.change(asked)
    _show(answer, print_change, json=json)


def funnel(context: typer.Context, at: _At = None, basis: _Basis = "fp16", json: _Json = False) -> None:
    """Planned, built, online, used; how long pools take from one to the next, and who waits longest."""
    from suanli.model.units import BASES

    basis = one_of("--basis", basis, BASES)
    with at_desk(given(context)) as desk:
        when = moment("--at", at, desk.config.zone)
        answer = desk.comparing.funnel(when, basis)  # type: ignore[arg-type] # checked
    _show(answer, print_funnel, json=json)


def _show(answer: dict[str, Any], print_answer: Callable[[dict[str, Any]], None], *, json: bool) -> None:
    if json:
        print_json(answer)
    else:
        print_answer(answer)


def _instant(option: str, text: str | None, zone: ZoneInfo) -> int:
    """UTC seconds; now where nothing is said."""
    found = moment(option, text, zone)
    return int(time.time()) if found is None else found


def _months(before: str, after: str) -> bool:
    """Whether months are asked for."""
    found = [_MONTH.fullmatch(text) is not None for text in (before, after)]
    if found[0] != found[1]:
        raise InputError(Problem(Message("expected an instant, or a month, like that of --from"), key="--to"))
    return all(found)
