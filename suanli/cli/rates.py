"""`suanli rates` and `suanli rates explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from suanli.cli.context import given, say
from suanli.cli.desk import at_desk
from suanli.cli.language import _
from suanli.cli.moments import as_options, local, moment, one_of
from suanli.cli.output import print_json
from suanli.cli.rates_words import print_rates
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from suanli.config import Config
    from suanli.questions import Question

app = typer.Typer(name="rates", invoke_without_command=True)
_At = Annotated[str | None, typer.Option(help="instant (2026-11-24, 2026-11-24T08:00Z); now when left out")]
_AsOf = Annotated[str | None, typer.Option(help="only what had been recorded by then")]
_By = Annotated[str, typer.Option(help="site, pool, province, operator, model or vendor")]
_Basis = Annotated[str, typer.Option(help="fp16, fp32 or fp64; different bases are never added")]
_Maintenance = Annotated[
    str, typer.Option(help="include: as if there were none. policy: as each approved window says, like targets")
]
_Operator = Annotated[
    list[str] | None, typer.Option("--operator", help="only what this operator operates; may be repeated")
]
_Json = Annotated[bool, typer.Option("--json", help="for a program; unknown is null")]


@app.callback()
def rates(
    context: typer.Context,
    at: _At = None,
    since: Annotated[str | None, typer.Option("--from", help="a period begins (2026-10, 2026-10-01T08:00)")] = None,
    until: Annotated[str | None, typer.Option("--to", help="and ends, exclusive; now when left out")] = None,
    as_of: _AsOf = None,
    by: _By = "site",
    basis: _Basis = "fp16",
    maintenance: _Maintenance = "include",
    operator: _Operator = None,
    mean: Annotated[bool, typer.Option("--mean", help="also the means of the rates, which are other numbers")] = False,
    json: _Json = False,
    check: Annotated[bool, typer.Option("--check", help="exit 1 when a target is missed or cannot be judged")] = False,
) -> None:
    """Online-rate and usage-rate: sums, ratios of sums, coverage, bounds, benchmarks, targets.

    At an instant, or with --from over a period, where they are ratios of PFLOPS-hours.
    """
    if context.invoked_subcommand is not None:
        _nothing_before(context)
        return
    from suanli.questions import Question

    with at_desk(given(context)) as desk:
        config = desk.config
        moments = _moments(config.zone, at=at, lo=since, hi=until, as_of=as_of)
        words = _words(by, basis, maintenance)
        question = Question(**moments, **words, mean=mean, operators=named(operator))  # type: ignore[arg-type] # checked
        with as_options():
            answer = desk.rates(question)
    if check and not answer["targets"]:
        raise InputError(Problem(Message("no target is configured, so there is nothing to judge"), key="--check"))
    tell_cut(question, answer.get("to"), config)
    if json:
        print_json(answer)
    else:
        print_rates(answer, by)
    if check and any(target["state"] != "ok" for target in answer["targets"]):
        raise SystemExit(1)


@app.command("explain")
def explain(
    context: typer.Context,
    at: _At = None,
    as_of: _AsOf = None,
    by: _By = "site",
    basis: _Basis = "fp16",
    maintenance: _Maintenance = "include",
    operator: _Operator = None,
    json: _Json = False,
) -> None:
    """Why the rates are what they are: each source's word and ledger entry, the sums they go into, the ratios."""
    from suanli.cli.explain_words import print_explained
    from suanli.questions import Question

    with at_desk(given(context)) as desk:
        config = desk.config
        moments, words = _moments(config.zone, at=at, as_of=as_of), _words(by, basis, maintenance)
        question = Question(**moments, **words, operators=named(operator))  # type: ignore[arg-type] # checked
        with as_options():
            answer = desk.explained(question)
    if json:
        print_json(answer)
    else:
        print_explained(answer, by, config.zone)


def named(operators: list[str] | None) -> frozenset[str] | None:
    """The operators that are asked for; None where nobody was named."""
    return frozenset(operators) if operators else None


def tell_cut(question: Question, end: str | None, config: Config) -> None:
    """Say that the period asked for is not over."""
    from suanli.answers import iso

    if end is not None and question.hi is not None and iso(question.hi) != end:
        clock = local(end, config.zone)
        say(_("--to lies ahead; counted until now ({clock})").format(clock=clock))


def _words(by: str, basis: str, maintenance: str) -> dict[str, str]:
    from suanli.answers import GROUPINGS, VIEWS
    from suanli.model.units import BASES

    return {
        "by": one_of("--by", by, GROUPINGS),
        "basis": one_of("--basis", basis, BASES),
        "maintenance": one_of("--maintenance", maintenance, VIEWS),
    }


def _moments(zone: ZoneInfo, **texts: str | None) -> dict[str, int | None]:
    options = {"at": "--at", "lo": "--from", "hi": "--to", "as_of": "--as-of"}
    return {name: moment(options[name], text, zone) for name, text in texts.items()}


def _nothing_before(context: typer.Context) -> None:
    """An option before the subcommand would be read by nobody."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            word = context.invoked_subcommand
            raise InputError(
                Problem(
                    Message("write options after `{word}`: suanli rates {word} ...", word=word), key=f"rates {word}"
                )
            )


__all__ = ["app", "explain", "named", "print_rates", "rates", "tell_cut"]
