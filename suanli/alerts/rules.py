"""The table of alerts as this installation has it: with what its configuration says instead, and its targets."""

from __future__ import annotations

from dataclasses import dataclass

from suanli.alerts.state import Rule
from suanli.config import Config
from suanli.model.alert import ALERTS, KINDS, Subject
from suanli.model.target import Target


@dataclass(frozen=True, slots=True)
class TargetRule:
    """What is asked of a target's rate: it brings its own threshold and time. clear: where its band ends."""

    rule: Rule
    subject: Subject
    clear: float


@dataclass(frozen=True, slots=True)
class Rules:
    """kinds: by name; one that is not enabled is not there. targets: in the order of the configuration's."""

    kinds: dict[str, Rule]
    targets: tuple[TargetRule, ...]


def rules_of(config: Config) -> Rules:
    """The rules under this configuration."""
    return Rules(_kinds(config), tuple(_target_rule(config, target) for target in config.targets))


def _kinds(config: Config) -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for kind in ALERTS:
        said = config.alerts.of(kind)
        if said.enabled:
            wait = said.hold_of(kind), said.keep_of(kind)
            found[kind.name] = Rule(kind, said.severity_of(kind), *wait, said.threshold_of(kind))
    return found


def _target_rule(config: Config, target: Target) -> TargetRule:
    kind = KINDS["rate_below_target"]
    said = config.alerts.of(kind)
    rule = Rule(kind, said.severity_of(kind), target.for_, said.keep_of(kind), target.target)
    return TargetRule(rule, subject_of_target(target), target.clear)


def subject_of_target(target: Target) -> Subject:
    return ("scope", target.scope), ("metric", target.metric), ("basis", target.basis)
