"""Comparisons as tables and sentences; a column of numbers is one whose heading ends with a space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suanli.cli.language import _, of, spoken
from suanli.cli.output import percent, pflops, print_table, unknown
from suanli.cli.terms import grouping, metric, rung, scope

_STUCK = 10
"""So many of those who wait are shown; --json has all."""


def print_benchmarks(answer: dict[str, Any]) -> None:
    columns = [_("name"), _("scope"), _("metric"), _("published "), _("ours "), _("difference "), _("unit"), _("basis")]
    columns += [_("valid"), of("benchmark", "source")]
    print_table(columns, [_benchmark(one) for one in answer["benchmarks"]])
    for one in answer["benchmarks"]:
        _print_shortfall(one["name"], one, one["value"], answer["pace"])
    for text in dict.fromkeys(one["caution"][spoken()] for one in answer["benchmarks"] if one["caution"]):
        print(text)


def print_targets(answer: dict[str, Any]) -> None:
    if not answer["targets"]:
        print(_("no target is configured (targets in config.yaml)"))
        return
    columns = [_("scope"), _("metric"), of("target", "basis"), _("target "), _("ours "), _("state"), _("can be ")]
    columns += [_("coverage "), _("maintenance "), _("note")]
    print_table(columns, [_target(one) for one in answer["targets"]])
    for one in answer["targets"]:
        _print_shortfall(scope(one["scope"]), one, one["target"], one["pace"])


def print_change(answer: dict[str, Any]) -> None:
    before, after = answer["before"], answer["after"]
    told = _("{metric} {before} -> {after} ({change}); coverage {coverage_before} -> {coverage_after}").format(
        metric=metric(answer["metric"]),
        before=percent(before["ratio"]),
        after=percent(after["ratio"]),
        change=_points(answer["change"]),
        coverage_before=percent(before["coverage_ratio"]),
        coverage_after=percent(after["coverage_ratio"]),
    )
    print(told)
    if answer["groups"]:
        columns = [grouping(answer["by"]), "", _("rate effect (points) "), _("mix effect "), _("total ")]
        columns += [_("rate "), _("share "), _("coverage ")]
        rows = [_group(one, answer["by"]) for one in answer["groups"]]
        print_table(columns, [*rows, _all_groups(answer)])


def print_funnel(answer: dict[str, Any]) -> None:
    stages = ("planned", "built", "online", "used")
    columns = [of("funnel", "stage"), _("computing power ")]
    print_table(columns, [[rung(one), pflops(answer[f"{one}_pflops"])] for one in stages])
    print(_("coverage {coverage}").format(coverage=percent(answer["coverage_ratio"])))
    print(_wait(_("planned -> built"), answer["to_built"]))
    print(_wait(_("built -> online"), answer["to_online"]))
    if answer["stuck"]:
        columns = [_("site"), _("pool"), _("stuck in"), _("days "), _("computing power ")]
        print_table(columns, [_stuck(one) for one in answer["stuck"][:_STUCK]])
    if len(answer["stuck"]) > _STUCK:
        print(_("{count} more").format(count=len(answer["stuck"]) - _STUCK))


def _benchmark(one: Mapping[str, Any]) -> list[str]:
    compared = one["stands"] and one["unit"] == "pflops"
    return [
        one["name"],
        _reach(one["scope"]),
        metric(one["metric"]),
        percent(one["value"]),
        percent(one["ours"]),
        _points(one["delta"]) if compared else _("not comparable"),
        _("PFLOPS") if one["unit"] == "pflops" else _("racks"),
        (one["basis"] or unknown()) if one["unit"] == "pflops" else "",
        _validity(one),
        one["source"],
    ]


def _reach(published: str | None) -> str:
    told = {"national": _("national"), "province": of("scope", "province"), "city": _("city")}
    return told.get(published or "", "")


def _validity(one: Mapping[str, Any]) -> str:
    told = {
        (True, False): _("from {from_}"),
        (False, False): _("from {from_} (not then)"),
        (True, True): _("{from_} to {until}"),
        (False, True): _("{from_} to {until} (not then)"),
    }
    return told[one["stands"], one["until"] is not None].format(from_=one["from"], until=one["until"])


def _print_shortfall(what: str, one: Mapping[str, Any], value: float, pace: Mapping[str, Any]) -> None:
    """Nothing where the rate is unknown or must not be compared: the table says why."""
    if one["missing_pflops"] is None:
        return
    named = {"what": what, "metric": metric(one["metric"]), "value": percent(value)}
    if one["missing_pflops"] > 0:
        lack = (
            _("{missing} more must come online")
            if one["metric"] == "online_ratio"
            else _("{missing} more must be used")
        )
        told = _("{what}: to reach {value} of {metric}, {lack}; {pace}")
        print(told.format(**named, lack=lack.format(missing=pflops(one["missing_pflops"])), pace=_pace(one, pace)))
    else:
        told = _("{what}: {metric} {value} is reached, with {surplus} above it")
        print(told.format(**named, surplus=pflops(one["surplus_pflops"])))


def _pace(one: Mapping[str, Any], pace: Mapping[str, Any]) -> str:
    days, over = one["days_at_pace"], pace["days"]
    gain = _gain(pace["online_pflops" if one["metric"] == "online_ratio" else "used_pflops"])
    if days is None:
        return _("the pace of the last {over} days is unknown").format(over=over)
    if days == "never":
        return _("never at the pace of the last {over} days ({gain})").format(over=over, gain=gain)
    return _("{days} days at the pace of the last {over} days ({gain})").format(over=over, gain=gain, days=_days(days))


def _gain(value: float | None) -> str:
    return "" if value is None else f"{value:+,.1f} P"


def _days(days: float | str | None) -> str:
    return unknown() if days is None or isinstance(days, str) else f"{days:,.1f}"


def _target(one: Mapping[str, Any]) -> list[str]:
    return [
        scope(one["scope"]),
        metric(one["metric"]),
        one["basis"],
        percent(one["target"]),
        percent(one["ours"]),
        {"ok": _("ok"), "below": _("below"), "unknown": _("unknown")}[one["state"]],
        f"{percent(one['low'])} – {percent(one['high'])}",
        percent(one["coverage_ratio"]),
        percent(one["excluded_ratio"]),
        _note(one),
    ]


def _note(one: Mapping[str, Any]) -> str:
    why = {
        "nobody": _("no pool of this scope is expected"),
        "maintenance": _("all under maintenance"),
        "silent": _("nobody was heard"),
        "undefined": _("nothing is online"),
    }
    if one["why"]:
        return why[one["why"]]
    return _("certain") if one["certain"] else _("silent sites could change it")


def _group(one: Mapping[str, Any], by: str) -> list[str]:
    names = ("ratio", "share", "coverage_ratio")
    figures = [_both(one[f"before_{name}"], one[f"after_{name}"]) for name in names]
    return [one[by], _presence(one["presence"]), *map(_fine, _effects(one)), *figures]


def _presence(presence: str) -> str:
    return {
        "both": "",
        "entered": _("entered"),
        "left": _("left"),
        "began to tell": _("began to tell"),
        "fell silent": _("fell silent"),
    }[presence]


def _all_groups(answer: Mapping[str, Any]) -> list[str]:
    before, after = answer["before"], answer["after"]
    ratio, coverage = (_both(before[name], after[name]) for name in ("ratio", "coverage_ratio"))
    effects = [sum(column) for column in zip(*map(_effects, answer["groups"]), strict=True)]
    return [_("all"), "", *map(_fine, effects), ratio, "", coverage]


def _effects(one: Mapping[str, Any]) -> list[float]:
    return [one[name] for name in ("rate_effect", "mix_effect", "total")]


def _both(before: float | None, after: float | None) -> str:
    return f"{percent(before)} → {percent(after)}"


def _fine(difference: float) -> str:
    return f"{difference * 100:+.2f}"


def _points(difference: float | None) -> str:
    return unknown() if difference is None else _("{:+.1f} points").format(difference * 100)


def _wait(step: str, wait: Mapping[str, Any]) -> str:
    counts = {name: wait[name] for name in ("finished", "still", "unknown")}
    median, longest = (_of_days(wait[name]) for name in ("median_days", "longest_days"))
    return _(
        "{step}: median {median}, longest {longest} ({finished} done, {still} waiting, {unknown} not known)"
    ).format(step=step, median=median, longest=longest, **counts)


def _of_days(days: float | None) -> str:
    return unknown() if days is None else _("{days} days").format(days=f"{days:,.1f}")


def _stuck(one: Mapping[str, Any]) -> list[str]:
    stage = rung(one["stage"])
    return [one["site"], one["pool"], stage, _days(one["days"]), pflops(one["pflops"])]
