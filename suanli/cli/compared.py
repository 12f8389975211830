"""Comparisons as tables and sentences, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suanli.cli.compared_words import BY, COLUMNS, WORDS
from suanli.cli.output import UNKNOWN, percent, pflops, print_table

_STUCK = 10
"""So many of those who wait are shown; --json has all."""


def print_benchmarks(answer: dict[str, Any], language: str) -> None:
    print_table(COLUMNS[language]["benchmarks"], [_benchmark(one, language) for one in answer["benchmarks"]])
    for one in answer["benchmarks"]:
        _print_shortfall(one["name"], one, one["value"], answer["pace"], language)
    for text in dict.fromkeys(one["caution"][language] for one in answer["benchmarks"] if one["caution"]):
        print(text)


def print_targets(answer: dict[str, Any], language: str) -> None:
    if not answer["targets"]:
        print(WORDS[language]["no targets"])
        return
    print_table(COLUMNS[language]["targets"], [_target(one, language) for one in answer["targets"]])
    for one in answer["targets"]:
        _print_shortfall(_scope(one, language), one, one["target"], one["pace"], language)


def print_change(answer: dict[str, Any], language: str) -> None:
    words, before, after = WORDS[language], answer["before"], answer["after"]
    told = words["moved"].format(
        metric=words[answer["metric"]],
        before=percent(before["ratio"], language),
        after=percent(after["ratio"], language),
        change=_points(answer["change"], language),
        coverage_before=percent(before["coverage_ratio"], language),
        coverage_after=percent(after["coverage_ratio"], language),
    )
    print(told)
    if answer["groups"]:
        columns = [column.format(by=BY[language][answer["by"]]) for column in COLUMNS[language]["change"]]
        rows = [_group(one, answer["by"], language) for one in answer["groups"]]
        print_table(columns, [*rows, _all_groups(answer, language)])


def print_funnel(answer: dict[str, Any], language: str) -> None:
    words, columns = WORDS[language], COLUMNS[language]
    stages = ("planned", "built", "online", "used")
    print_table(columns["funnel"], [[words[one], pflops(answer[f"{one}_pflops"], language)] for one in stages])
    print(words["coverage"].format(coverage=percent(answer["coverage_ratio"], language)))
    for step in ("to_built", "to_online"):
        print(_wait(words[step], answer[step], language))
    if answer["stuck"]:
        print_table(columns["stuck"], [_stuck(one, language) for one in answer["stuck"][:_STUCK]])
    if len(answer["stuck"]) > _STUCK:
        print(words["more"].format(count=len(answer["stuck"]) - _STUCK))


def _benchmark(one: Mapping[str, Any], language: str) -> list[str]:
    words = WORDS[language]
    compared = one["stands"] and one["unit"] == "pflops"
    return [
        one["name"],
        words.get(one["scope"] or "", ""),
        words[one["metric"]],
        percent(one["value"], language),
        percent(one["ours"], language),
        _points(one["delta"], language) if compared else words["no comparison"],
        words[one["unit"]],
        (one["basis"] or UNKNOWN[language]) if one["unit"] == "pflops" else "",
        _validity(one, language),
        one["source"],
    ]


def _validity(one: Mapping[str, Any], language: str) -> str:
    key = {(True, False): "since", (False, False): "ended", (True, True): "between", (False, True): "outside"}
    text = WORDS[language][key[one["stands"], one["until"] is not None]]
    return text.format(from_=one["from"], until=one["until"])


def _print_shortfall(what: str, one: Mapping[str, Any], value: float, pace: Mapping[str, Any], language: str) -> None:
    """Nothing where the rate is unknown or must not be compared: the table says why."""
    if one["missing_pflops"] is None:
        return
    words = WORDS[language]
    lack = words["come" if one["metric"] == "online_ratio" else "be used"]
    told = words["missing" if one["missing_pflops"] > 0 else "reached"].format(
        what=what,
        metric=words[one["metric"]],
        value=percent(value, language),
        lack=lack.format(missing=pflops(one["missing_pflops"], language)),
        surplus=pflops(one["surplus_pflops"], language),
        pace=_pace(one, pace, language),
    )
    print(told)


def _pace(one: Mapping[str, Any], pace: Mapping[str, Any], language: str) -> str:
    days = one["days_at_pace"]
    gain = pace["online_pflops" if one["metric"] == "online_ratio" else "used_pflops"]
    text = WORDS[language]["no pace" if days is None else "never" if days == "never" else "days"]
    return text.format(over=pace["days"], gain=_gain(gain), days=_days(days, language))


def _gain(value: float | None) -> str:
    return "" if value is None else f"{value:+,.1f} P"


def _days(days: float | str | None, language: str) -> str:
    return UNKNOWN[language] if days is None or isinstance(days, str) else f"{days:,.1f}"


def _target(one: Mapping[str, Any], language: str) -> list[str]:
    words = WORDS[language]
    note = words[one["why"]] if one["why"] else words["certain" if one["certain"] else "open"]
    return [
        _scope(one, language),
        words[one["metric"]],
        one["basis"],
        percent(one["target"], language),
        percent(one["ours"], language),
        words[one["state"]],
        f"{percent(one['low'], language)} – {percent(one['high'], language)}",
        percent(one["coverage_ratio"], language),
        percent(one["excluded_ratio"], language),
        note,
    ]


def _scope(one: Mapping[str, Any], language: str) -> str:
    scope: str = one["scope"]
    return WORDS[language]["fleet"] if scope == "fleet" else scope


def _group(one: Mapping[str, Any], by: str, language: str) -> list[str]:
    names = ("ratio", "share", "coverage_ratio")
    figures = [_both(one[f"before_{name}"], one[f"after_{name}"], language) for name in names]
    return [one[by], WORDS[language][one["presence"]], *map(_fine, _effects(one)), *figures]


def _all_groups(answer: Mapping[str, Any], language: str) -> list[str]:
    before, after = answer["before"], answer["after"]
    ratio, coverage = (_both(before[name], after[name], language) for name in ("ratio", "coverage_ratio"))
    effects = [sum(column) for column in zip(*map(_effects, answer["groups"]), strict=True)]
    return [WORDS[language]["sum"], "", *map(_fine, effects), ratio, "", coverage]


def _effects(one: Mapping[str, Any]) -> list[float]:
    return [one[name] for name in ("rate_effect", "mix_effect", "total")]


def _both(before: float | None, after: float | None, language: str) -> str:
    return f"{percent(before, language)} → {percent(after, language)}"


def _fine(difference: float) -> str:
    return f"{difference * 100:+.2f}"


def _points(difference: float | None, language: str) -> str:
    return UNKNOWN[language] if difference is None else WORDS[language]["points"].format(difference * 100)


def _wait(step: str, wait: Mapping[str, Any], language: str) -> str:
    counts = {name: wait[name] for name in ("finished", "still", "unknown")}
    median, longest = (_of_days(wait[name], language) for name in ("median_days", "longest_days"))
    return WORDS[language]["wait"].format(step=step, median=median, longest=longest, **counts)


def _of_days(days: float | None, language: str) -> str:
    return UNKNOWN[language] if days is None else WORDS[language]["of days"].format(days=f"{days:,.1f}")


def _stuck(one: Mapping[str, Any], language: str) -> list[str]:
    stage = WORDS[language][one["stage"]]
    return [one["site"], one["pool"], stage, _days(one["days"], language), pflops(one["pflops"], language)]
