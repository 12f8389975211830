"""From what a round sees to the number of every kind for every subject: docs/decisions/0016-alerts.md has the table.

A subject that is not among these is no more: its alert ends, and nobody is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from suanli.alerts.rules import Rules, TargetRule
from suanli.alerts.seen import Seen
from suanli.alerts.sites import site_readings
from suanli.alerts.state import Reading, Rule
from suanli.alerts.targets import Standing
from suanli.model.rates import Rates, rates_of
from suanli.model.units import BASES


def readings(rules: Rules, found: Sequence[Standing], seen: Seen) -> Iterator[Reading]:
    """Every kind that is enabled, for every subject that there is; found: how the targets of the rules stand."""
    for mine, now in zip(rules.targets, found, strict=True):
        yield from _of_target(rules.kinds, mine, now)
    yield from site_readings(rules.kinds, seen)
    for name, read in _OTHERS.items():
        if rule := rules.kinds.get(name):
            yield from read(rule, seen)


def _of_target(kinds: Mapping[str, Rule], mine: TargetRule, now: Standing) -> Iterator[Reading]:
    ratio = now.ratio
    if "rate_below_target" in kinds:
        wrong = None if ratio is None else ratio < now.target.target
        near = ratio is not None and ratio < mine.clear
        yield Reading(mine.rule, mine.subject, wrong, ratio, now.missing, near)
    if rule := kinds.get("no_target_data"):
        yield Reading(rule, mine.subject, ratio is None and not now.excused)


def _coverage(rule: Rule, seen: Seen) -> Iterator[Reading]:
    for basis in BASES:
        members = [state for state in seen.states if state.basis == basis]
        if members:
            yield _coverage_of(rule, basis, rates_of(members))


def _coverage_of(rule: Rule, basis: str, rates: Rates) -> Reading:
    ratio, threshold = rates.coverage_ratio, rule.threshold or 0.0
    return Reading(rule, (("basis", basis),), None if ratio is None else ratio < threshold, ratio, rates.built_pflops)


def _lags(rule: Rule, seen: Seen) -> Iterator[Reading]:
    for sink, lag in sorted(seen.lags.items()):
        yield Reading(rule, (("sink", sink),), lag > (rule.threshold or 0.0), lag)


def _shut(rule: Rule, seen: Seen) -> Iterator[Reading]:
    for sink in sorted(seen.lags):
        yield Reading(rule, (("sink", sink),), sink in seen.shut)


def _quarantine(rule: Rule, seen: Seen) -> Iterator[Reading]:
    yield Reading(rule, (), seen.quarantined > (rule.threshold or 0.0), float(seen.quarantined))


def _disk(rule: Rule, seen: Seen) -> Iterator[Reading]:
    free = None if seen.free is None else float(seen.free)
    yield Reading(rule, (), None if free is None else free < (rule.threshold or 0.0), free)


def _dead_man(rule: Rule, _: Seen) -> Iterator[Reading]:
    yield Reading(rule, (), wrong=True)


_OTHERS: dict[str, Callable[[Rule, Seen], Iterator[Reading]]] = {
    "coverage_low": _coverage,
    "sink_lagging": _lags,
    "sink_shut": _shut,
    "quarantine_growing": _quarantine,
    "disk_low": _disk,
    "dead_man": _dead_man,
}
