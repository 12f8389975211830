"""The number of each kind of alert in PromQL: when it is on the wrong side, and when that is known.

The same as the built-in evaluator reads: docs/decisions/0016-alerts.md has the table of both. `max by` counts a row
once when two instances expose it, and leaves exactly the labels of the subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dashboards.alerts.promql import by, number, on, selector
from suanli.model.alert import AlertKind, Label
from suanli.model.metric import RUNGS
from suanli.model.target import Target
from suanli.model.units import CANONICAL_BASIS

TARGET: tuple[Label, ...] = ("scope", "metric", "basis")
_GAUGE = {rung.name: rung.site_gauge for rung in RUNGS}
_HEARD_ONCE = "suanli_site_last_success_timestamp_seconds"
_EXCUSED = f"unless {on(['site'])} suanli_site_maintenance"


@dataclass(frozen=True, slots=True)
class Condition:
    """Four vectors with the labels of the subject; what they hold does not matter, whether they have a row does.

    wrong: on the wrong side. known: neither wrong nor unknown may follow from silence: where it has a row and `wrong`
    has none, all is well. near: within the band, or wrong; empty without a band. exists: the subject is still there.
    value: the number itself, empty for a kind that has none.
    """

    wrong: str
    known: str
    exists: str = ""
    near: str = ""
    value: str = ""


def target_condition(target: Target) -> Condition:
    """A rate against its own target, with its band."""
    same = (("scope", target.scope), ("metric", target.metric), ("basis", target.basis))
    rate = by(TARGET, selector("suanli_target_actual_ratio", same))
    least = number(target.target)
    near = f"{rate} < {number(target.clear)}" if target.band else ""
    return Condition(f"{rate} < {least}", rate, selector("suanli_target_ratio", same), near, rate)


def condition(kind: AlertKind) -> Condition:
    """That of every kind but `rate_below_target`, which needs a target."""
    return _OF[kind.name](number(kind.threshold or 0.0))


def _no_target_data(_: str) -> Condition:
    targets = by(TARGET, "suanli_target_ratio")
    wrong = f"{targets} unless {on(TARGET)} suanli_target_actual_ratio unless {on(TARGET)} suanli_target_excused"
    return Condition(wrong, targets, targets)


def _site_silent(_: str) -> Condition:
    """Known is only that it was heard: after a restart of Suanli nobody knows whether it ever was."""
    up = by(["site"], "suanli_site_up")
    wrong = f"{up} == 0 and {on(['site'])} {_HEARD_ONCE} {_EXCUSED}"
    return Condition(wrong, f"({up} == 1) or {by(['site'], 'suanli_site_maintenance')}", _site())


def _site_never_heard(_: str) -> Condition:
    operational = by(["site"], 'suanli_site_info{status="operational",kind!=""}')
    built = f"and {on(['site'])} ({_GAUGE['built']} > 0)"
    return Condition(f"{operational} {built} unless {on(['site'])} {_HEARD_ONCE} {_EXCUSED}", _site(), _site())


def _coverage_low(least: str) -> Condition:
    coverage = by(["basis"], "suanli_fleet_coverage_ratio")
    return Condition(f"{coverage} < {least}", coverage, "suanli_fleet_built_pflops", value=coverage)


def _used_above_online(_: str) -> Condition:
    """In any pool of which both are known, never in their sum: pools may be of several bases. A hair is rounding."""
    used, online = _pools("used"), _pools("online")
    known = by(["site"], f"{used} and {online}")
    return Condition(by(["site"], f"{used} > {online} * (1 + 1e-9)"), known, _site())


def _capacity_jump(most: str) -> Condition:
    """The greatest of its pools'."""
    now, before = _pools("built"), _pools("built", " offset 1h")
    change = by(["site"], f"abs({now} / ({before} > 0) - 1)")
    return Condition(f"{change} > {most}", change, _site(), value=change)


def _sink_lagging(most: str) -> Condition:
    lag = by(["sink"], "suanli_sink_lag_seconds")
    return Condition(f"{lag} > {most}", lag, lag, value=lag)


def _sink_shut(_: str) -> Condition:
    shut = by(["sink"], "suanli_sink_shut")
    return Condition(f"{shut} > 0", shut, shut)


def _quarantine_growing(most: str) -> Condition:
    """A check has no row before it first finds something, and `increase` would not count what it found then."""
    now, before = (_quarantined(offset) for offset in ("", " offset 1h"))
    grown = f"({now}) - ({before})"
    return Condition(f"{grown} > {most}", grown, value=grown)


def _disk_low(least: str) -> Condition:
    free = "min(suanli_store_free_bytes)"
    return Condition(f"{free} < {least}", free, value=free)


def _dead_man(_: str) -> Condition:
    return Condition("vector(1)", "vector(1)")


def _site() -> str:
    return by(["site"], 'suanli_site_info{status!="retired"}')


def _pools(rung: str, offset: str = "") -> str:
    return by(["site", "pool"], f"{_GAUGE[rung]}{offset}")


def _quarantined(offset: str) -> str:
    counted = by(["reason"], f"suanli_quarantined_samples_total{offset}")
    return f"sum({counted}) or 0 * max(suanli_build_info{offset})"


def stake(kind: AlertKind, fixed: Iterable[tuple[str, str]] = ()) -> str:
    """PFLOPS concerned, with the labels of the subject, of which some are fixed; empty for a kind that has none.

    Of a site those of the canonical basis only: bases are never added.
    """
    canonical = f'suanli_pool_info{{basis="{CANONICAL_BASIS}"}}'
    built = f"{_pools('built')} and {on(['site', 'pool'])} {canonical}"
    known = {
        "shortfall": by(TARGET, selector("suanli_target_shortfall_pflops", fixed)),
        "site_built": by(["site"], built, "sum"),
        "fleet_built": by(["basis"], "suanli_fleet_built_pflops"),
    }
    return known.get(kind.stake, "")


_OF: dict[str, Callable[[str], Condition]] = {
    "no_target_data": _no_target_data,
    "site_silent": _site_silent,
    "site_never_heard": _site_never_heard,
    "coverage_low": _coverage_low,
    "used_above_online": _used_above_online,
    "capacity_jump": _capacity_jump,
    "sink_lagging": _sink_lagging,
    "sink_shut": _sink_shut,
    "quarantine_growing": _quarantine_growing,
    "disk_low": _disk_low,
    "dead_man": _dead_man,
}
