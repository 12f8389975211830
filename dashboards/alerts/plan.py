"""What rules are made of: the alerts that are on, the targets, and where links and messages lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suanli.model.alert import ALERTS, AlertKind
from suanli.model.target import Target

RUNBOOK = "docs/runbook.md"
WEBHOOK = "http://127.0.0.1:9099/suanli"
"""Nobody listens there until you say where: a delivery that fails is seen, one that nobody made is not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """kinds: those that are on, as an instance changed them. interval: seconds from one evaluation to the next.
    absent_for: after how many without Suanli somebody outside says so.

    runbook, grafana: where the links begin. webhook, dead_man: who is told; token_file: the file, on Alertmanager's
    machine, whose content goes with it as a bearer token.
    """

    targets: tuple[Target, ...] = ()
    kinds: tuple[AlertKind, ...] = ALERTS
    interval: int = 30
    absent_for: int = 180
    runbook: str = RUNBOOK
    grafana: str = ""
    webhook: str = WEBHOOK
    dead_man: str = WEBHOOK
    token_file: str = ""

    def runbook_of(self, anchor: str) -> str:
        return f"{self.runbook}#{anchor}"

    @property
    def board(self) -> str:
        """The address of the overview; within Grafana where nobody said where that is."""
        return f"{self.grafana.rstrip('/')}/d/suanli-overview"


def targets_in(config: Mapping[str, Any]) -> tuple[Target, ...]:
    """The targets of a config.yaml that was read; raises pydantic's ValidationError."""
    return tuple(Target.model_validate(one) for one in config.get("targets") or ())
