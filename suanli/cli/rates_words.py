"""The rates as a person reads them."""

from __future__ import annotations

from typing import Any

from suanli.cli.language import _, spoken
from suanli.cli.output import percent, pflops, print_table, unknown
from suanli.cli.terms import grouping, metric, scope


def print_rates(answer: dict[str, Any], by: str) -> None:
    """The answer as a table, the fleet last, and how it stands against the benchmarks and targets."""
    over_time = "from" in answer
    row = _over_time if over_time else _row
    rows = [row(group[by], group) for group in answer["groups"]]
    print_table(_columns(by, over_time=over_time), [*rows, row(name_of_all(answer), answer["fleet"])])
    for line in [*_remarks(answer), *_compared(answer)]:
        print(line)


def _columns(by: str, *, over_time: bool) -> list[str]:
    rates = [_("online-rate "), _("usage-rate "), _("coverage ")]
    if over_time:
        hours = [_("built P·h "), _("online P·h "), _("used P·h ")]
        return [grouping(by), *hours, *rates, _("of the time "), _("excluded ")]
    return [grouping(by), _("status"), _("quality"), _("built "), _("online "), _("used "), *rates]


def name_of_all(answer: dict[str, Any]) -> str:
    """What the sum of all is called: the fleet, or the operators whose figures are all that was asked for."""
    return _(", ").join(answer["operators"]) if "operators" in answer else _("fleet")


def _row(name: str, one: dict[str, Any]) -> list[str]:
    sums = [pflops(one[key]) for key in ("built_pflops", "online_pflops", "used_pflops")]
    ratios = [percent(one[key]) for key in ("online_ratio", "usage_ratio", "coverage_ratio")]
    quality = one.get("quality", "")  # the fleet has none; a group that nobody heard from has an unknown one
    return [name, one.get("status", ""), unknown() if quality is None else quality, *sums, *ratios]


def _over_time(name: str, one: dict[str, Any]) -> list[str]:
    sums = [_hours(one[f"{rung}_pflops_hours"]) for rung in ("built", "online", "used")]
    ratios = ("online_ratio", "usage_ratio", "coverage_ratio", "time_coverage_ratio", "excluded_ratio")
    return [name, *sums, *(percent(one[key]) for key in ratios)]


def _remarks(answer: dict[str, Any]) -> list[str]:
    """Beside the table: bounds, what maintenance took out, and the named means."""
    fleet = answer["fleet"]
    lines = [_bounds(fleet)]
    if answer.get("maintenance") == "policy":
        told = _("maintenance leaves out {left_out}, {share} of what would be expected without it")
        lines.append(told.format(left_out=_left_out(fleet), share=percent(fleet["excluded_ratio"])))
    if "online_ratio_mean" in fleet:
        online, usage = (percent(fleet[f"{name}_ratio_mean"]) for name in ("online", "usage"))
        told = _(
            "mean of the rate over time (another number than the ratio of PFLOPS-hours): "
            "online-rate {online}, usage-rate {usage}"
        )
        lines.append(told.format(online=online, usage=usage))
    return lines


def _compared(answer: dict[str, Any]) -> list[str]:
    published = [_against(one, answer["fleet"]) for one in answer["benchmarks"] if one["delta"] is not None]
    targets = [
        _("target {scope} {metric} {value}: {state}").format(
            scope=scope(one["scope"]),
            metric=metric(one["metric"]),
            value=percent(one["target"]),
            state={"ok": _("reached"), "below": _("missed"), "unknown": _("unknown")}[one["state"]],
        )
        for one in answer["targets"]
    ]
    cautions = [one["caution"][spoken()] for one in answer["benchmarks"] if one["delta"] is not None and one["caution"]]
    return [*published, *dict.fromkeys(cautions), *targets]


def _bounds(fleet: dict[str, Any]) -> str:
    ends = {"ol": "online_ratio_low", "oh": "online_ratio_high", "ul": "usage_ratio_low", "uh": "usage_ratio_high"}
    told = _(
        "coverage {coverage} ({heard} of {expected} sites); with silent sites empty to full: "
        "online-rate {ol} to {oh}, usage-rate {ul} to {uh}"
    )
    return told.format(
        coverage=percent(fleet["coverage_ratio"]),
        heard=fleet["sites_heard"],
        expected=fleet["sites_expected"],
        **{key: percent(fleet[name]) for key, name in ends.items()},
    )


def _left_out(fleet: dict[str, Any]) -> str:
    if "excluded_pflops" in fleet:
        return pflops(fleet["excluded_pflops"])
    return f"{_hours(fleet['excluded_pflops_hours'])} P·h"


def _hours(value: float | None) -> str:
    return unknown() if value is None else f"{value:,.1f}"


def _against(one: dict[str, Any], fleet: dict[str, Any]) -> str:
    return _("{metric} {mine} against {value} of {name} ({delta})").format(
        metric=metric(one["metric"]),
        mine=percent(fleet[one["metric"]]),
        value=percent(one["value"]),
        name=one["name"],
        delta=_("{:+.1f} points").format(one["delta"] * 100),
    )
