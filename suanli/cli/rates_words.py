"""The rates as a person reads them."""

from __future__ import annotations

from typing import Any

from suanli.cli.output import UNKNOWN, percent, pflops, print_table

_NAMES = ("site", "pool", "province", "operator", "model", "vendor")
GROUPED = {
    "zh": dict(zip(_NAMES, ("站点", "资源池", "省份", "运营方", "型号", "厂商"), strict=True)),
    "en": dict(zip(_NAMES, _NAMES, strict=True)),
}
"""What a column of groups is headed by."""
_NUMBERS = ["built ", "online ", "used ", "online-rate ", "usage-rate ", "coverage "]
_HOURS_ZH = ["已建成 P·h ", "上线 P·h ", "使用 P·h "]
_WORDS = {
    "zh": {
        "fleet": "全域",
        "columns": ["{by}", "状态", "质量", "已建成 ", "上线 ", "使用 ", "上线率 ", "使用率 ", "覆盖率 "],
        "over": ["{by}", *_HOURS_ZH, "上线率 ", "使用率 ", "覆盖率 ", "时间覆盖率 ", "维护剔除 "],
        "online_ratio": "上线率",
        "usage_ratio": "使用率",
        "overall_ratio": "总体利用率",
        "against": "{metric} {mine}，{name} {value}（{delta}）",
        "bounds": "覆盖率 {coverage}（{heard}/{expected} 个站点）；"
        "未报站点按全空至全满计：上线率 {ol}–{oh}，使用率 {ul}–{uh}",
        "excluded": "维护剔除：{left_out}，占应有算力的 {share}",
        "means": "逐秒比率的平均（不同于算力小时之比）：上线率 {online}，使用率 {usage}",
        "target": "目标 {scope} {metric} {value}：{state}",
        "states": {"ok": "达到", "below": "未达到", "unknown": "未知"},
    },
    "en": {
        "fleet": "fleet",
        "columns": ["{by}", "status", "quality", *_NUMBERS],
        "over": ["{by}", "built P·h ", "online P·h ", "used P·h ", *_NUMBERS[3:], "of the time ", "excluded "],
        "online_ratio": "online-rate",
        "usage_ratio": "usage-rate",
        "overall_ratio": "overall rate",
        "against": "{metric} {mine} against {value} of {name} ({delta})",
        "bounds": "coverage {coverage} ({heard} of {expected} sites); with silent sites empty to full: "
        "online-rate {ol} to {oh}, usage-rate {ul} to {uh}",
        "excluded": "maintenance leaves out {left_out}, {share} of what would be expected without it",
        "means": "mean of the rate over time (another number than the ratio of PFLOPS-hours): "
        "online-rate {online}, usage-rate {usage}",
        "target": "target {scope} {metric} {value}: {state}",
        "states": {"ok": "reached", "below": "missed", "unknown": "unknown"},
    },
}  # fmt: skip


def print_rates(answer: dict[str, Any], by: str, language: str) -> None:
    """The answer as a table, the fleet last, and how it stands against the benchmarks and targets."""
    words: dict[str, Any] = _WORDS[language]
    over_time = "from" in answer
    columns = [column.format(by=GROUPED[language][by]) for column in words["over" if over_time else "columns"]]
    row = _over_time if over_time else _row
    rows = [row(group[by], group, language) for group in answer["groups"]]
    print_table(columns, [*rows, row(name_of_all(answer, language), answer["fleet"], language)])
    for line in [*_remarks(answer, language), *_compared(answer, language)]:
        print(line)


def name_of_all(answer: dict[str, Any], language: str) -> str:
    """What the sum of all is called: the fleet, or the operators whose figures are all that was asked for."""
    comma = "、" if language == "zh" else ", "
    return comma.join(answer["operators"]) if "operators" in answer else str(_WORDS[language]["fleet"])


def _row(name: str, one: dict[str, Any], language: str) -> list[str]:
    sums = [pflops(one[key], language) for key in ("built_pflops", "online_pflops", "used_pflops")]
    ratios = [percent(one[key], language) for key in ("online_ratio", "usage_ratio", "coverage_ratio")]
    quality = one.get("quality", "")  # the fleet has none; a group that nobody heard from has an unknown one
    return [name, one.get("status", ""), UNKNOWN[language] if quality is None else quality, *sums, *ratios]


def _over_time(name: str, one: dict[str, Any], language: str) -> list[str]:
    sums = [_hours(one[f"{rung}_pflops_hours"], language) for rung in ("built", "online", "used")]
    ratios = ("online_ratio", "usage_ratio", "coverage_ratio", "time_coverage_ratio", "excluded_ratio")
    return [name, *sums, *(percent(one[key], language) for key in ratios)]


def _remarks(answer: dict[str, Any], language: str) -> list[str]:
    """Beside the table: bounds, what maintenance took out, and the named means."""
    words: dict[str, Any] = _WORDS[language]
    fleet = answer["fleet"]
    lines = [_bounds(fleet, language)]
    if answer.get("maintenance") == "policy":
        lines.append(words["excluded"].format(left_out=_left_out(fleet, language), share=_share(fleet, language)))
    if "online_ratio_mean" in fleet:
        online, usage = (percent(fleet[f"{name}_ratio_mean"], language) for name in ("online", "usage"))
        lines.append(words["means"].format(online=online, usage=usage))
    return lines


def _compared(answer: dict[str, Any], language: str) -> list[str]:
    words: dict[str, Any] = _WORDS[language]
    published = [_against(one, answer["fleet"], language) for one in answer["benchmarks"] if one["delta"] is not None]
    targets = [
        words["target"].format(
            scope=words["fleet"] if one["scope"] == "fleet" else one["scope"],
            metric=words[one["metric"]],
            value=percent(one["target"], language),
            state=words["states"][one["state"]],
        )
        for one in answer["targets"]
    ]
    cautions = [one["caution"][language] for one in answer["benchmarks"] if one["delta"] is not None and one["caution"]]
    return [*published, *dict.fromkeys(cautions), *targets]


def _bounds(fleet: dict[str, Any], language: str) -> str:
    ends = {"ol": "online_ratio_low", "oh": "online_ratio_high", "ul": "usage_ratio_low", "uh": "usage_ratio_high"}
    return str(_WORDS[language]["bounds"]).format(
        coverage=percent(fleet["coverage_ratio"], language),
        heard=fleet["sites_heard"],
        expected=fleet["sites_expected"],
        **{key: percent(fleet[name], language) for key, name in ends.items()},
    )


def _left_out(fleet: dict[str, Any], language: str) -> str:
    if "excluded_pflops" in fleet:
        return pflops(fleet["excluded_pflops"], language)
    return f"{_hours(fleet['excluded_pflops_hours'], language)} P·h"


def _share(fleet: dict[str, Any], language: str) -> str:
    return percent(fleet["excluded_ratio"], language)


def _hours(value: float | None, language: str) -> str:
    return UNKNOWN[language] if value is None else f"{value:,.1f}"


def _against(one: dict[str, Any], fleet: dict[str, Any], language: str) -> str:
    words = _WORDS[language]
    return str(words["against"]).format(
        metric=words[one["metric"]],
        mine=percent(fleet[one["metric"]], language),
        value=percent(one["value"], language),
        name=one["name"],
        delta=f"{one['delta'] * 100:+.1f}" + (" 个百分点" if language == "zh" else " points"),
    )
