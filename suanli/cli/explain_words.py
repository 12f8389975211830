"""The way from what sources said to the rates, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from suanli.cli.language import _
from suanli.cli.moments import local
from suanli.cli.output import percent, unknown
from suanli.cli.rates_words import name_of_all
from suanli.cli.terms import rung

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_TOLD = ("online", "used", "busy")
"""What sources tell of a pool."""


def print_explained(answer: dict[str, Any], by: str, zone: ZoneInfo) -> None:
    """Pool by pool, then sums and ratios of each group and of the fleet. Times are those of the zone's clock."""
    for one in answer["pools"]:
        for line in _pool(one, zone):
            print(line)
        print()
    for name, part in [*((one[by], one) for one in answer["groups"]), (name_of_all(answer), answer["fleet"])]:
        print(f"== {name}")
        for line in _worked_out(part):
            print(f"  {line}")
        print()


def figure(value: float | None) -> str:
    """PFLOPS with as many decimals as they have, at least one: 2,210.0, 319.488."""
    if value is None:
        return unknown()
    whole, _point, decimals = f"{value:,.9f}".partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"


def _pool(one: dict[str, Any], zone: ZoneInfo) -> Iterator[str]:
    word = one["word"] or {}
    silent = local(word["silent_since"], zone) if word.get("silent_since") else ""
    why = _why(one["why"]).format(status=one["status"], silent=silent)
    yield f"{one['site']}/{one['pool']}  {one['model']}  {one['province']} · {one['operator']} · {one['status']}: {why}"
    for stage, entry in one["ledger"].items():
        if entry is not None or stage == "built":
            yield f"  {rung(stage)} {_ledger(entry, zone)}"
    yield "  " + (_word(one, zone) if word else _("word: never any"))
    for name in _TOLD if word else ():
        yield f"  {rung(name)} {_amount(word, name, one['peak_pflops'])}"
    if one["second_signal"]:
        yield f"  {_second(one['second_signal'], zone)}"
    for stop in one["maintenance"]:
        yield f"  {_stop(stop, zone)}"


def _why(key: str | None) -> str:
    return {
        "retired": _("does not count: retired"),
        "not-operational": _("does not count: its site is not operational ({status})"),
        "maintenance": _("does not count: left out by maintenance"),
        "nothing-built": _("does not count: nothing is built"),
        "peak-unknown": _("does not count: the devices that are built have no known peak"),
        "never-heard": _("counts as built, never heard from"),
        "silent": _("counts as built, silent since {silent}"),
        "online-unknown": _("counts as built, online unknown"),
        "used-unknown": _("counts, but for its use, which is unknown"),
        None: _("counts"),
    }[key]


def _sum(name: str) -> str:
    own = {"heard": _("heard"), "told_online": _("told_online"), "excluded": _("excluded")}
    return own.get(name) or rung(name)


def _rate(name: str) -> str:
    return {
        "online_ratio": _("online_ratio"),
        "usage_ratio": _("usage_ratio"),
        "overall_ratio": _("overall_ratio"),
        "coverage_ratio": _("coverage_ratio"),
        "online_ratio_low": _("online_ratio_low"),
        "online_ratio_high": _("online_ratio_high"),
        "usage_ratio_low": _("usage_ratio_low"),
        "usage_ratio_high": _("usage_ratio_high"),
    }.get(name, name)


def _ledger(entry: dict[str, Any] | None, zone: ZoneInfo) -> str:
    if entry is None:
        return _("nothing in the ledger")
    times = {"since": local(entry["from"], zone), "recorded": local(entry["recorded_at"], zone)}
    told = _("ledger: {source}, {reason}, from {since}, recorded {recorded}")
    told = told.format(source=entry["source"], reason=entry["reason"], **times)
    devices = _devices(entry["devices"], entry["peak_pflops"])
    return f"{figure(entry['pflops'])} P{devices}  ({told})"


def _word(one: dict[str, Any], zone: ZoneInfo) -> str:
    word = one["word"]
    told = _(
        "word: slot {slot}, true at {source}, fetched {fetched}, {age} s old of {max_age} s, quality {quality}{reason}"
    ).format(
        slot=local(word["slot"], zone),
        source=local(word["source_at"], zone),
        fetched=local(word["fetched_at"], zone),
        age=word["age_seconds"],
        max_age=word["max_age"],
        quality=word["quality"],
        reason=f" ({word['reason']})" if word["reason"] else "",
    )
    held = _("maintenance holds the figures of {at}").format(at=local(one["held_at"], zone)) if one["held_at"] else ""
    return "; ".join(filter(None, (held, told)))


def _amount(word: dict[str, Any], name: str, peak: float | None) -> str:
    pflops = word[f"{name}_pflops"]
    unit = "" if pflops is None else " P"
    return f"{figure(pflops)}{unit}{_devices(word[f'{name}_devices'], peak)}"


def _second(word: dict[str, Any], zone: ZoneInfo) -> str:
    told = [f"{rung(name)} {figure(pflops)} P" for name in _TOLD if (pflops := word[f"{name}_pflops"]) is not None]
    source = local(word["source_at"], zone)
    return _("second signal, which does not count: {source}, {figures}").format(source=source, figures=", ".join(told))


def _devices(count: int | None, peak: float | None) -> str:
    if count is None or peak is None:
        return ""
    return " = " + _("{count} devices x {peak} P").format(count=f"{count:,}", peak=figure(peak))


def _stop(stop: dict[str, Any], zone: ZoneInfo) -> str:
    by = stop["approved_by"]
    return _("maintenance {id}: {policy}, {reason}, {since} to {until}, {state}").format(
        id=stop["id"],
        policy=stop["policy"],
        reason=stop["reason"],
        since=local(stop["from"], zone),
        until=local(stop["to"], zone),
        state=_("not approved") if by is None else _("approved by {by}").format(by=by),
    )


def _worked_out(part: dict[str, Any]) -> Iterator[str]:
    for name, one in part["sums"].items():
        if one["addends"] or name != "excluded":
            yield f"{_sum(name)} = {_added(one)}"
    for name, one in part["rest"].items():
        whole, part_of_it = _sum(one["whole"]), _sum(one["part"])
        label = _("silent") if name == "silent" else _("untold")
        yield f"{label} = {whole} - {part_of_it} = {figure(one['value'])} P"
    for one in part["ratios"]:
        yield f"{_rate(one['name'])} = {_ratio(one)}"


def _added(one: dict[str, Any]) -> str:
    if not one["addends"]:
        return unknown()
    addends = " + ".join(f"{figure(each['pflops'])} ({each['pool']})" for each in one["addends"])
    return f"{addends} = {figure(one['sum'])} P"


def _ratio(one: dict[str, Any]) -> str:
    value = _("undefined") if one["value"] is None else f"{one['value']:.4f} ({percent(one['value'])})"
    for how, label in {"lowest_of": _("lowest of"), "highest_of": _("highest of")}.items():
        if how in one:
            return f"{label} {', '.join(_quotient(each) for each in one[how])} = {value}"
    return f"{_quotient(one)} = {value}"


def _quotient(one: dict[str, Any]) -> str:
    return " / ".join(figure(one[end]["value"]) for end in ("numerator", "denominator"))
