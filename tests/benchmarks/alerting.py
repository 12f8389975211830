"""What a round of the built-in evaluator costs: what is known turned into what every alert is. Reading and writing the
record are left out; of those a round does the same few, however many targets there are.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping

from suanli.alerts.readings import readings
from suanli.alerts.round import Round, carried_on
from suanli.alerts.rules import Rules, rules_of
from suanli.alerts.seen import Seen
from suanli.alerts.targets import standings
from suanli.config import Config
from suanli.model.alert import Alert
from suanli.store.alerts import Key
from suanli.store.states import pool_states
from tests.benchmarks.children import BenchError
from tests.benchmarks.figures import Figure
from tests.benchmarks.rendering import NOW, fleet

_INTERVAL, _TURNS, _LIMIT_MS = 30, 5, 200.0


def alerting_figures(targets: int) -> list[Figure]:
    """CPU of a round of so many targets: of as many sites, and of a few sites whose operators have them all."""
    return [_figure("each_its_site", targets, targets), _figure("of_20_sites", 20, targets)]


def _figure(name: str, sites: int, targets: int) -> Figure:
    config = Config.model_validate({"targets": list(_targets(sites, targets))})
    rules, seen = rules_of(config), _seen(sites)
    done = _round(config, rules, seen, {}, NOW)
    if sum(alert.kind.name == "rate_below_target" for alert in done.values()) != targets:
        raise BenchError(f"{name}: a target has no alert")
    taken = []
    for turn in range(1, _TURNS + 1):
        start = time.process_time()
        done = _round(config, rules, seen, done, NOW + turn * _INTERVAL)
        taken.append((time.process_time() - start) * 1e3)
    return Figure(f"alerts_round_{targets}_{name}_ms", statistics.median(taken), "ms CPU", "limit_ms", _LIMIT_MS, 1.0)


def _round(config: Config, rules: Rules, seen: Seen, known: Mapping[Key, Alert], now: int) -> Mapping[Key, Alert]:
    found = standings(config.targets, seen.states, seen.judged)
    done: Round = carried_on(known, readings(rules, found, seen), now)
    return done.alerts


def _targets(sites: int, targets: int) -> Iterator[dict[str, object]]:
    """Of a site each as far as there are sites; the others of operators. Nearly all are reached, as in most rounds."""
    for number in range(targets):
        scope = f"site:site-{number:05}" if number < sites else f"operator:{number}"
        yield {"scope": scope, "metric": "online_ratio", "target": 0.8}


def _seen(sites: int) -> Seen:
    registry, timelines, latest, outcomes = fleet(sites)
    states = pool_states(timelines, latest, NOW)
    jumps: dict[str, float | None] = {item.site.id: 0.0 for item in registry}
    return Seen(registry, states, states, frozenset(), outcomes, jumps, {}, frozenset(), 0, 10**12)
