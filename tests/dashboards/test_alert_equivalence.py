"""The same timelines to the built-in evaluator and to Prometheus's rules: they fire in the same rounds, exactly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboards.alerts.plan import Plan
from suanli.alerts.state import Reading, Rule, step
from suanli.model.alert import KINDS, Alert, AlertKind, Subject
from suanli.model.target import Target
from tests.dashboards.alerting import Values, firing_at, judge, story

STEP = 60
BUILD = 'suanli_build_info{version="1"}'


@dataclass(frozen=True)
class Rated:
    """A target of one site and the rate of that site, minute by minute."""

    target: Target
    rates: Values

    @property
    def labels(self) -> str:
        return f'{{basis="fp16",metric="online_ratio",scope="{self.target.scope}"}}'


@dataclass(frozen=True)
class World:
    """What happens at once: rates, sites that answer (1), fail (0) or were not polled (None), and the kinds' times."""

    rated: Sequence[Rated]
    sites: Sequence[Values]
    hold: int
    keep: int

    @property
    def kinds(self) -> tuple[AlertKind, AlertKind]:
        rate, silent = KINDS["rate_below_target"], KINDS["site_silent"]
        return replace(rate, keep=self.keep), replace(silent, hold=self.hold, keep=self.keep)

    @property
    def minutes(self) -> int:
        return max(map(len, [*(one.rates for one in self.rated), *self.sites]))


def padded(values: Values, minutes: int) -> Values:
    return [*values, *[values[-1]] * (minutes - len(values))]


# ---------------------------------------------------------------- worlds


@st.composite
def timelines(draw: st.DrawFn, choices: Sequence[float | None]) -> Values:
    """Runs of one value each: long enough for a `for` to pass, and short enough to flap."""
    runs = draw(st.lists(st.tuples(st.sampled_from(choices), st.integers(1, 6)), min_size=3, max_size=12))
    return [value for value, minutes in runs for _ in range(minutes)][:40]


@st.composite
def ratings(draw: st.DrawFn, number: int) -> Rated:
    target, band = draw(st.sampled_from([0.5, 0.55, 0.7, 0.8])), draw(st.sampled_from([0.0, 0.02, 0.1]))
    hold = draw(st.sampled_from(["1s", "1m", "90s", "3m", "5m"]))
    said = {"scope": f"site:s{number}", "metric": "online_ratio", "target": target, "band": band, "for": hold}
    one = Target.model_validate(said)
    clear = one.clear
    choices = [None, target - 0.1, target - 1e-9, target, (target + clear) / 2, clear - 1e-9, clear, clear + 0.05]
    return Rated(one, draw(timelines(choices)))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rated = [draw(ratings(number)) for number in range(15)]
    sites = [draw(timelines([None, 0.0, 1.0])) for _ in range(8)]
    return World(rated, sites, draw(st.sampled_from([0, 60, 150, 300])), draw(st.sampled_from([0, 60, 120, 210])))


def _rated(number: int, rates: Values) -> Rated:
    said = {"scope": f"site:s{number}", "metric": "online_ratio", "target": 0.8, "band": 0.02, "for": "3m"}
    return Rated(Target.model_validate(said), rates)


KNOWN = World(
    [
        _rated(0, [0.7] * 5 + [None] * 20 + [0.7] * 3 + [0.9] * 8),  # silence while it fires
        _rated(1, [0.7] * 5 + [0.81, 0.79] * 8 + [0.82] * 8),  # flapping within the band
        _rated(2, [0.7] * 5 + [0.9] * 20),  # recovery
        _rated(3, [0.7, 0.7, None, 0.7, 0.7, 0.7, 0.7, 0.9]),  # unknown while pending
        _rated(4, [0.7] * 5 + [0.9, 0.7] * 6 + [0.9] * 8),  # flapping across the band
        _rated(5, [0.81] * 20),  # within the band without having fired
        _rated(6, [0.7] * 5 + [0.9, None] * 6 + [0.9] * 8),  # unknown while it recovers
    ],
    [[1] + [0] * 6 + [None] * 6 + [1] * 3, [0, 1] * 9, [0] * 6 + [1] + [0] * 6],
    150,
    120,
)


# ---------------------------------------------------------------- the built-in evaluator


def rounds(readings: Sequence[Reading]) -> list[bool]:
    """Whether it fires after each round."""
    alerts: list[Alert] = []
    for number, reading in enumerate(readings):
        alerts.append(step(alerts[-1] if alerts else None, reading, 1_700_000_000 + number * STEP))
    return [alert.fires for alert in alerts]


def rate_reading(one: Rated, kind: AlertKind, rate: float | None) -> Reading:
    wrong = None if rate is None else rate < one.target.target
    near = rate is not None and not wrong and rate < one.target.clear
    subject: Subject = (("scope", one.target.scope), ("metric", "online_ratio"), ("basis", "fp16"))
    return Reading(Rule(kind, kind.severity, one.target.for_, kind.keep), subject, wrong, near=near)


def site_reading(site: str, kind: AlertKind, up: float | None) -> Reading:
    rule = Rule(kind, kind.severity, kind.hold, kind.keep)
    return Reading(rule, (("site", site),), None if up is None else up == 0)


def fired(world: World) -> tuple[dict[str, list[bool]], dict[str, list[bool]]]:
    """By the site of the target, and by site."""
    rate, silent = world.kinds
    rated = {
        one.target.scope: rounds([rate_reading(one, rate, value) for value in padded(one.rates, world.minutes)])
        for one in world.rated
    }
    sites = {
        f"s{number}": rounds([site_reading(f"s{number}", silent, up) for up in padded(values, world.minutes)])
        for number, values in enumerate(world.sites)
    }
    return rated, sites


# ---------------------------------------------------------------- Prometheus


def exposed(world: World) -> dict[str, Values]:
    lines: dict[str, Values] = {BUILD: [1]}
    for one in world.rated:
        lines |= {f"suanli_target_actual_ratio{one.labels}": one.rates, f"suanli_target_ratio{one.labels}": [0.8]}
    for number, values in enumerate(world.sites):
        site = f'site="s{number}"'
        info = f'suanli_site_info{{kind="slurm",{site},status="operational"}}'
        heard = f"suanli_site_last_success_timestamp_seconds{{{site}}}"
        lines |= {f"suanli_site_up{{{site}}}": values, info: [1], heard: [5]}
    return {name: padded(values, world.minutes) for name, values in lines.items()}


def expectations(world: World) -> Iterator[dict[str, Any]]:
    rated, sites = fired(world)
    common = {"basis": "fp16", "metric": "online_ratio", "severity": "warning"}
    for minute in range(world.minutes):
        low = [common | {"scope": scope, "site": scope[5:]} for scope, found in rated.items() if found[minute]]
        yield firing_at(minute, "SuanliRateBelowTarget", low)
        silent = [{"severity": "warning", "site": site} for site, found in sites.items() if found[minute]]
        yield firing_at(minute, "SuanliSiteSilent", silent)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
@example(KNOWN)
def test_both_fire_in_the_same_rounds(world: World) -> None:
    plan = Plan(tuple(one.target for one in world.rated), world.kinds)
    with TemporaryDirectory() as folder:
        told = judge(Path(folder), [story("a world", exposed(world), list(expectations(world)))], plan)
    assert told == ""


def test_the_known_world_fires_holds_and_ends() -> None:
    """Else the test above could be satisfied by rules that never fire."""
    rated, sites = fired(KNOWN)
    assert [site for site, found in sites.items() if any(found)] == ["s0", "s2"]
    assert [scope for scope, found in rated.items() if not any(found)] == ["site:s5"]
    changes = {scope: sum(a != b for a, b in itertools.pairwise(found)) for scope, found in rated.items()}
    assert changes == {"site:s0": 2, "site:s1": 2, "site:s2": 2, "site:s3": 2, "site:s4": 2, "site:s5": 0, "site:s6": 2}
    assert rated["site:s0"].index(True) == 3
    assert rated["site:s3"].index(True) == 6


def test_promtool_would_tell_of_one_round(tmp_path: Path) -> None:
    """Firing one round too late is seen."""
    late = replace(KNOWN, hold=KNOWN.hold + 60)
    plan = Plan(tuple(one.target for one in KNOWN.rated), late.kinds)
    told = judge(tmp_path, [story("late", exposed(KNOWN), list(expectations(KNOWN)))], plan)
    assert "SuanliSiteSilent" in told
    assert "SuanliRateBelowTarget" not in told.replace("rules.yml", "")
