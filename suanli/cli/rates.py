"""`suanli rates`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import given
from suanli.cli.output import UNKNOWN, percent, pflops, print_json, print_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_NUMBERS = ["built ", "online ", "used ", "online-rate ", "usage-rate ", "coverage "]
_WORDS = {
    "zh": {
        "fleet": "全域",
        "columns": ["{by}", "状态", "质量", "已建成 ", "上线 ", "使用 ", "上线率 ", "使用率 ", "覆盖率 "],
        "by": {"site": "站点", "pool": "资源池", "province": "省份", "operator": "运营方", "model": "型号"},
        "online_ratio": "上线率",
        "usage_ratio": "使用率",
        "against": "{metric} {mine}，{name} {value}（{delta}）",
        "bounds": "覆盖率 {coverage}（{heard}/{expected} 个站点）；"
        "未报站点按全空至全满计：上线率 {ol}–{oh}，使用率 {ul}–{uh}",
    },
    "en": {
        "fleet": "fleet",
        "columns": ["{by}", "status", "quality", *_NUMBERS],
        "by": {one: one for one in ("site", "pool", "province", "operator", "model")},
        "online_ratio": "online-rate",
        "usage_ratio": "usage-rate",
        "against": "{metric} {mine} against {value} of {name} ({delta})",
        "bounds": "coverage {coverage} ({heard} of {expected} sites); with silent sites empty to full: "
        "online-rate {ol} to {oh}, usage-rate {ul} to {uh}",
    },
}  # fmt: skip


def rates(
    context: typer.Context,
    at: Annotated[str | None, typer.Option(help="instant (2026-11-24, 2026-11-24T08:00Z); now when left out")] = None,
    as_of: Annotated[str | None, typer.Option(help="only what had been recorded by then")] = None,
    by: Annotated[str, typer.Option(help="site, pool, province, operator or model")] = "site",
    basis: Annotated[str, typer.Option(help="fp16, fp32 or fp64; different bases are never added")] = "fp16",
    json: Annotated[bool, typer.Option("--json", help="for a program; unknown is null")] = False,
    check: Annotated[bool, typer.Option("--check", help="exit 1 when a target is missed or cannot be judged")] = False,
) -> None:
    """Online-rate and usage-rate: sums, ratios of sums, coverage, bounds, benchmarks."""
    from suanli.answers import GROUPINGS, Asked, rates_answer
    from suanli.model.errors import InputError, Problem
    from suanli.model.units import BASES

    by = _one_of("--by", by, GROUPINGS)
    basis = _one_of("--basis", basis, BASES)
    with given(context).opened() as (config, store):
        if check and not config.targets:
            raise InputError(Problem("no target is configured, so there is nothing to judge", key="--check"))
        now = int(time.time())
        when = now if at is None else _moment("--at", at, config.zone)
        known = None if as_of is None else _moment("--as-of", as_of, config.zone)
        asked = Asked(when, now if known is None else known, by, basis)  # type: ignore[arg-type] # checked above
        answer = rates_answer(store.states(when, known), asked, config)
    if json:
        print_json(answer)
    else:
        print_rates(answer, by, config.language)
    if check and any(target["state"] != "ok" for target in answer["targets"]):
        raise SystemExit(1)


def print_rates(answer: dict[str, Any], by: str, language: str) -> None:
    """The answer as a table, the fleet last, and how it stands against the benchmarks."""
    words = _WORDS[language]
    columns = [str(column).format(by=words["by"][by]) for column in words["columns"]]  # type: ignore[index] # by is a key
    rows = [_row(group[by], group, language) for group in answer["groups"]]
    rows.append(_row(str(words["fleet"]), answer["fleet"], language))
    print_table(columns, rows)
    print(_bounds(answer["fleet"], language))
    for one in answer["benchmarks"]:
        if one["delta"] is not None:
            print(_against(one, answer["fleet"], language))


def _row(name: str, one: dict[str, Any], language: str) -> list[str]:
    sums = [pflops(one[key], language) for key in ("built_pflops", "online_pflops", "used_pflops")]
    ratios = [percent(one[key], language) for key in ("online_ratio", "usage_ratio", "coverage_ratio")]
    quality = one.get("quality", "")  # the fleet has none; a group that nobody heard from has an unknown one
    return [name, one.get("status", ""), UNKNOWN[language] if quality is None else quality, *sums, *ratios]


def _bounds(fleet: dict[str, Any], language: str) -> str:
    ends = {"ol": "online_ratio_low", "oh": "online_ratio_high", "ul": "usage_ratio_low", "uh": "usage_ratio_high"}
    return str(_WORDS[language]["bounds"]).format(
        coverage=percent(fleet["coverage_ratio"], language),
        heard=fleet["sites_heard"],
        expected=fleet["sites_expected"],
        **{key: percent(fleet[name], language) for key, name in ends.items()},
    )


def _against(one: dict[str, Any], fleet: dict[str, Any], language: str) -> str:
    words = _WORDS[language]
    return str(words["against"]).format(
        metric=words[one["metric"]],
        mine=percent(fleet[one["metric"]], language),
        value=percent(one["value"], language),
        name=one["name"],
        delta=f"{one['delta'] * 100:+.1f}" + (" 个百分点" if language == "zh" else " points"),
    )


def _one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    from suanli.model.errors import InputError, Problem

    if value not in known:
        raise InputError(Problem(f"{value!r} is none of {', '.join(known)}", key=option))
    return value


def _moment(option: str, text: str, zone: ZoneInfo) -> int:
    from datetime import datetime

    from suanli.model.capacity import instant
    from suanli.model.errors import InputError, Problem

    try:
        return instant(datetime.fromisoformat(text), zone)
    except (ValueError, OverflowError):
        raise InputError(Problem(f"{text!r} is no date or time such as 2026-11-24T08:00", key=option)) from None


__all__ = ["UNKNOWN", "print_rates", "rates"]
