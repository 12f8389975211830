"""The way from what sources said to the rates, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from suanli.cli.moments import local
from suanli.cli.output import UNKNOWN, percent
from suanli.cli.rates_words import name_of_all

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_WORDS: dict[str, dict[str, Any]] = {
    "zh": {
        "stages": {"planned": "规划", "built": "已建成"},
        "rungs": {"online": "上线", "used": "使用", "busy": "忙碌"},
        "no_entry": "台账没有记载",
        "entry": "台账：{source}，{reason}，自 {since} 起，{recorded} 登记",
        "devices": "{count} 台 × {peak} P",
        "word": "报数：时段 {slot}，数据时间 {source}，取得 {fetched}，已过 {age} 秒（有效 {max_age} 秒），"
        "质量 {quality}{reason}",
        "no_word": "报数：从未有过",
        "held": "维护期间沿用 {at} 的数值",
        "second": "第二信号（不计入）：{source}，{figures}",
        "stop": "维护 {id}：{policy}，{reason}，{since} 至 {until}，{state}",
        "approved": "{by} 批准",
        "waiting": "未批准",
        "why": {
            "retired": "不计入：已退役",
            "not-operational": "不计入：站点未在运行（{status}）",
            "maintenance": "不计入：维护剔除",
            "nothing-built": "不计入：没有已建成算力",
            "peak-unknown": "不计入：已建成的台数没有峰值，算力未知",
            "never-heard": "计入分母，但从未报数",
            "silent": "计入分母，但自 {silent} 起没有有效报数",
            "online-unknown": "计入分母，但上线未知",
            "used-unknown": "计入，但使用未知，不进入使用率",
            None: "计入",
        },
        "sums": {
            "planned": "规划", "built": "已建成", "heard": "有报数的已建成", "online": "上线", "used": "使用",
            "told_online": "报了使用的上线", "busy": "忙碌", "excluded": "维护剔除",
        },
        "rest": {"silent": "未报的已建成", "untold": "未报使用的上线"},
        "ratios": {
            "online_ratio": "上线率", "usage_ratio": "使用率", "overall_ratio": "总体利用率",
            "coverage_ratio": "覆盖率", "online_ratio_low": "上线率下限", "online_ratio_high": "上线率上限",
            "usage_ratio_low": "使用率下限", "usage_ratio_high": "使用率上限",
        },
        "ends": {"lowest_of": "最小者", "highest_of": "最大者"},
        "undefined": "无定义",
    },
    "en": {
        "stages": {"planned": "planned", "built": "built"},
        "rungs": {"online": "online", "used": "used", "busy": "busy"},
        "no_entry": "nothing in the ledger",
        "entry": "ledger: {source}, {reason}, from {since}, recorded {recorded}",
        "devices": "{count} devices x {peak} P",
        "word": "word: slot {slot}, true at {source}, fetched {fetched}, {age} s old of {max_age} s, "
        "quality {quality}{reason}",
        "no_word": "word: never any",
        "held": "maintenance holds the figures of {at}",
        "second": "second signal, which does not count: {source}, {figures}",
        "stop": "maintenance {id}: {policy}, {reason}, {since} to {until}, {state}",
        "approved": "approved by {by}",
        "waiting": "not approved",
        "why": {
            "retired": "does not count: retired",
            "not-operational": "does not count: its site is not operational ({status})",
            "maintenance": "does not count: left out by maintenance",
            "nothing-built": "does not count: nothing is built",
            "peak-unknown": "does not count: the devices that are built have no known peak",
            "never-heard": "counts as built, never heard from",
            "silent": "counts as built, silent since {silent}",
            "online-unknown": "counts as built, online unknown",
            "used-unknown": "counts, but for its use, which is unknown",
            None: "counts",
        },
        "sums": {
            "planned": "planned", "built": "built", "heard": "heard", "online": "online", "used": "used",
            "told_online": "told_online", "busy": "busy", "excluded": "excluded",
        },
        "rest": {"silent": "silent", "untold": "untold"},
        "ratios": {},
        "ends": {"lowest_of": "lowest of", "highest_of": "highest of"},
        "undefined": "undefined",
    },
}  # fmt: skip


def print_explained(answer: dict[str, Any], by: str, language: str, zone: ZoneInfo) -> None:
    """Pool by pool, then sums and ratios of each group and of the fleet. Times are those of the zone's clock."""
    for one in answer["pools"]:
        for line in _pool(one, language, zone):
            print(line)
        print()
    for name, part in [*((one[by], one) for one in answer["groups"]), (name_of_all(answer, language), answer["fleet"])]:
        print(f"== {name}")
        for line in _worked_out(part, language):
            print(f"  {line}")
        print()


def figure(value: float | None, language: str) -> str:
    """PFLOPS with as many decimals as they have, at least one: 2,210.0, 319.488."""
    if value is None:
        return UNKNOWN[language]
    whole, _, decimals = f"{value:,.9f}".partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"


def _pool(one: dict[str, Any], language: str, zone: ZoneInfo) -> Iterator[str]:
    words = _WORDS[language]
    word = one["word"] or {}
    silent = local(word["silent_since"], zone) if word.get("silent_since") else ""
    why = words["why"][one["why"]].format(status=one["status"], silent=silent)
    yield f"{one['site']}/{one['pool']}  {one['model']}  {one['province']} · {one['operator']} · {one['status']}: {why}"
    for stage, entry in one["ledger"].items():
        if entry is not None or stage == "built":
            yield f"  {words['stages'][stage]} {_ledger(entry, language, zone)}"
    yield f"  {_word(one, language, zone) if word else words['no_word']}"
    for rung, label in words["rungs"].items():
        if word:
            yield f"  {label} {_amount(word, rung, one['peak_pflops'], language)}"
    if one["second_signal"]:
        yield f"  {_second(one['second_signal'], language, zone)}"
    for stop in one["maintenance"]:
        yield f"  {_stop(stop, language, zone)}"


def _ledger(entry: dict[str, Any] | None, language: str, zone: ZoneInfo) -> str:
    words = _WORDS[language]
    if entry is None:
        return str(words["no_entry"])
    times = {"since": local(entry["from"], zone), "recorded": local(entry["recorded_at"], zone)}
    told = words["entry"].format(source=entry["source"], reason=entry["reason"], **times)
    devices = _devices(entry["devices"], entry["peak_pflops"], language)
    return f"{figure(entry['pflops'], language)} P{devices}  ({told})"


def _word(one: dict[str, Any], language: str, zone: ZoneInfo) -> str:
    words, word = _WORDS[language], one["word"]
    told = words["word"].format(
        slot=local(word["slot"], zone),
        source=local(word["source_at"], zone),
        fetched=local(word["fetched_at"], zone),
        age=word["age_seconds"],
        max_age=word["max_age"],
        quality=word["quality"],
        reason=f" ({word['reason']})" if word["reason"] else "",
    )
    held = words["held"].format(at=local(one["held_at"], zone)) if one["held_at"] else ""
    return "; ".join(filter(None, (held, told)))


def _amount(word: dict[str, Any], rung: str, peak: float | None, language: str) -> str:
    pflops = word[f"{rung}_pflops"]
    unit = "" if pflops is None else " P"
    return f"{figure(pflops, language)}{unit}{_devices(word[f'{rung}_devices'], peak, language)}"


def _second(word: dict[str, Any], language: str, zone: ZoneInfo) -> str:
    words = _WORDS[language]
    told = [
        f"{label} {figure(pflops, language)} P"
        for rung, label in words["rungs"].items()
        if (pflops := word[f"{rung}_pflops"]) is not None
    ]
    return str(words["second"]).format(source=local(word["source_at"], zone), figures=", ".join(told))


def _devices(count: int | None, peak: float | None, language: str) -> str:
    if count is None or peak is None:
        return ""
    return " = " + str(_WORDS[language]["devices"]).format(count=f"{count:,}", peak=figure(peak, language))


def _stop(stop: dict[str, Any], language: str, zone: ZoneInfo) -> str:
    words = _WORDS[language]
    by = stop["approved_by"]
    return str(words["stop"]).format(
        id=stop["id"],
        policy=stop["policy"],
        reason=stop["reason"],
        since=local(stop["from"], zone),
        until=local(stop["to"], zone),
        state=words["waiting"] if by is None else words["approved"].format(by=by),
    )


def _worked_out(part: dict[str, Any], language: str) -> Iterator[str]:
    words = _WORDS[language]
    for name, one in part["sums"].items():
        if one["addends"] or name != "excluded":
            yield f"{words['sums'][name]} = {_added(one, language)}"
    for name, one in part["rest"].items():
        whole, part_of_it = words["sums"][one["whole"]], words["sums"][one["part"]]
        yield f"{words['rest'][name]} = {whole} - {part_of_it} = {figure(one['value'], language)} P"
    for one in part["ratios"]:
        yield f"{words['ratios'].get(one['name'], one['name'])} = {_ratio(one, language)}"


def _added(one: dict[str, Any], language: str) -> str:
    if not one["addends"]:
        return UNKNOWN[language]
    addends = " + ".join(f"{figure(each['pflops'], language)} ({each['pool']})" for each in one["addends"])
    return f"{addends} = {figure(one['sum'], language)} P"


def _ratio(one: dict[str, Any], language: str) -> str:
    words = _WORDS[language]
    value = words["undefined"] if one["value"] is None else f"{one['value']:.4f} ({percent(one['value'], language)})"
    for how, label in words["ends"].items():
        if how in one:
            return f"{label} {', '.join(_quotient(each, language) for each in one[how])} = {value}"
    return f"{_quotient(one, language)} = {value}"


def _quotient(one: dict[str, Any], language: str) -> str:
    return " / ".join(figure(one[end]["value"], language) for end in ("numerator", "denominator"))
