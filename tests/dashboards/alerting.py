"""What the tests of the alert rules share: timelines minute by minute, and promtool as the judge of what fires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dashboards.alerts.plan import Plan
from dashboards.alerts.prometheus import prometheus_rules
from suanli.model.target import Target
from tests.dashboards.boards import promtool

Values = Sequence[float | None]
"""One a minute; None: not exposed, as after a scrape without it."""
Labels = Mapping[str, str]

ONLINE = Target.model_validate({"metric": "online_ratio", "target": 0.8, "band": 0.02, "for": "10m"})
USAGE = Target.model_validate({"metric": "usage_ratio", "target": 0.55, "band": 0.02, "for": "30m"})
PLAN = Plan((ONLINE, USAGE))


def series(name: str, values: Values) -> dict[str, str]:
    """A series of promtool's; a gap begins with the marker that a scrape without the series leaves."""
    return {"series": name, "values": " ".join("stale" if value is None else repr(value) for value in values)}


def firing_at(minute: int, alertname: str, expected: Iterable[Labels]) -> dict[str, Any]:
    """Exactly these alerts of that name fire at that minute."""
    samples = [
        {"labels": _named("ALERTS", {"alertname": alertname, "alertstate": "firing", **labels}), "value": 1}
        for labels in expected
    ]
    expr = f'ALERTS{{alertname="{alertname}",alertstate="firing"}}'
    return {"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples}


def story(name: str, lines: Mapping[str, Values], expected: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One test of promtool's: series from minute 0 on, and what holds."""
    rows = [series(metric, values) for metric, values in lines.items()]
    return {"name": name, "interval": "1m", "input_series": rows, "promql_expr_test": list(expected)}


def judge(folder: Path, tests: Sequence[dict[str, Any]], plan: Plan = PLAN) -> str:
    """Runs them all against the rules of this plan; empty when all hold, else promtool's words."""
    (folder / "rules.yml").write_text(yaml.safe_dump(prometheus_rules(plan), allow_unicode=True))
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": list(tests)}
    (folder / "tests.yml").write_text(yaml.safe_dump(document, allow_unicode=True))
    done = promtool(["test", "rules", "tests.yml"], folder)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _named(metric: str, labels: Labels) -> str:
    inside = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{metric}{{{inside}}}"
