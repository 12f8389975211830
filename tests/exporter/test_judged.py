"""What the evaluator says, as gauges: the rates and shortfalls of an oracle, and nothing where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition import text_of
from exporter.judged import judged
from suanli.alerts.evaluator import Evaluator, Found
from suanli.alerts.targets import standings
from suanli.comparing.targets import targets_answer
from suanli.model.maintenance import Window
from suanli.model.rates import PoolState
from suanli.model.target import Target
from suanli.store.alerts import named
from suanli.store.sql import Store
from suanli.store.windows import add_window
from tests.exporter.making import Rendering, as_prometheus_client_prints, outcome
from tests.exporter.test_exposition import values
from tests.oracle.rates import Row, answer
from tests.suanli.making import T0, ZONE, Clock, a_pool, a_sample, a_site, a_store, built, config

INTERVAL = 30
TARGETS: list[dict[str, Any]] = [
    {"metric": "online_ratio", "target": 0.8, "for": "1m"},
    {"metric": "usage_ratio", "target": 0.5, "for": "1m"},
    {"scope": "site:a", "metric": "overall_ratio", "target": 0.2},
    {"scope": "site:nobody", "metric": "online_ratio", "target": 0.8},
]
POLLED = {"source": {"kind": "http_json", "url": "http://127.0.0.1:9/"}}


@pytest.fixture
def clock() -> Clock:
    return Clock(T0)


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    with a_store(a_site("a", **POLLED), a_site("b", a_pool("p", built(300.0)), **POLLED), clock=clock) as made:
        yield made


def rendering(store: Store, **more: Any) -> Rendering:
    return Rendering(store, config=config(targets=TARGETS, alerts={"interval": f"{INTERVAL}s"}, **more))


def rows(page: bytes, name: str) -> dict[tuple[str, ...], float]:
    return {key[1:]: value for key, value in values(page).items() if key[0] == f"suanli_{name}"}


# ---------------------------------------------------------------- beside an oracle

figure = st.none() | st.floats(1e-9, 1e6) | st.sampled_from([0.0, 10.0, 8.0, 5.0])


@st.composite
def pools(draw: st.DrawFn) -> PoolState:
    names = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(["p", "q"]))
    place = draw(st.sampled_from(["安徽", "江苏"])), draw(st.sampled_from(["甲", "乙"]))
    status = draw(st.sampled_from(["operational", "operational", "planned", "retired"]))
    online = draw(figure)
    ladder = draw(figure), online, None if online is None else draw(figure)
    return PoolState(*names, "m", *place, draw(st.sampled_from(["fp16", "fp64"])), status, None, *ladder)


@st.composite
def targets(draw: st.DrawFn) -> Target:
    scope = draw(st.sampled_from(["fleet", "province:安徽", "operator:乙", "site:a", "site:gone"]))
    metric = draw(st.sampled_from(["online_ratio", "usage_ratio", "overall_ratio"]))
    basis, share = draw(st.sampled_from(["fp16", "fp64"])), draw(st.sampled_from([0.05, 0.5, 0.8, 0.97]))
    return Target.model_validate({"scope": scope, "metric": metric, "basis": basis, "target": share})


def of_oracle(target: Target, states: Sequence[PoolState]) -> tuple[Fraction | None, Fraction | None]:
    """The rate, and what is missing, in exact fractions of the pools that the target is about."""
    mine = [one for one in states if one.basis == target.basis and _within(target.scope, one)]
    row = [Row(one.site, one.status, None, one.built_pflops, one.online_pflops, one.used_pflops, None) for one in mine]
    found = answer(row)
    ratio: Fraction | None = getattr(found, target.metric)
    if ratio is None:
        return None, None
    above = found.online if target.metric == "online_ratio" else found.used
    assert above is not None
    return ratio, max(Fraction(0), Fraction(str(target.target)) * above / ratio - above) if ratio else None


def _within(scope: str, one: PoolState) -> bool:
    return scope in ("fleet", f"province:{one.province}", f"operator:{one.operator}", f"site:{one.site}")


@given(
    st.lists(st.tuples(pools(), st.booleans()), max_size=6),
    st.lists(targets(), max_size=6, unique_by=lambda one: (one.scope, one.metric, one.basis)),
)
def test_rates_shortfalls_and_excuses_are_those_of_the_oracle(
    drawn: list[tuple[PoolState, bool]], wanted: list[Target]
) -> None:
    states = [one for one, _ in drawn]
    left = [replace(one, status="maintenance") if off and one.expected else one for one, off in drawn]
    found = list(judged(_told(Found(T0, standings(wanted, states, left))), T0))
    page = text_of(found)
    assert page == as_prometheus_client_prints(found)
    actual, missing, excused = (
        rows(page, f"target_{name}") for name in ("actual_ratio", "shortfall_pflops", "excused")
    )
    for target in wanted:
        key = (target.basis, target.metric, target.scope)
        ratio, short = of_oracle(target, left)
        assert (key in actual) == (ratio is not None) == (key in missing)
        if ratio is not None:
            assert actual[key] == pytest.approx(float(ratio), rel=1e-12)
            assert short is None or missing[key] == pytest.approx(float(short), rel=1e-9, abs=1e-6)
        mine = [(one, after) for one, after in zip(states, left, strict=True) if _within(target.scope, one)]
        kept = [after.expected for one, after in mine if one.expected and one.basis == target.basis]
        assert (key in excused) == (bool(kept) and not any(kept))


def _told(found: Found) -> Evaluator:
    """An evaluator whose last round found this."""

    return SimpleNamespace(found=found, alerts={})  # type: ignore[return-value] # what is read of it


# ---------------------------------------------------------------- from the record


def test_what_is_exposed_is_what_the_alerts_and_suanli_targets_say(store: Store) -> None:
    """400 built; 70 + 210 online, 35 + 63 used. And a site that nobody knows has no row."""
    store.append([a_sample(T0, 70.0, 35.0, site="a"), a_sample(T0, 210.0, 63.0, site="b")])
    page = rendering(store)
    page.evaluator.round(T0)
    actual, missing = rows(page.sites(T0), "target_actual_ratio"), rows(page.sites(T0), "target_shortfall_pflops")
    assert actual == {
        ("fp16", "online_ratio", "fleet"): 0.7,
        ("fp16", "usage_ratio", "fleet"): 0.35,
        ("fp16", "overall_ratio", "site:a"): 0.35,
    }
    assert missing == {
        ("fp16", "online_ratio", "fleet"): 40.0,
        ("fp16", "usage_ratio", "fleet"): 42.0,
        ("fp16", "overall_ratio", "site:a"): 0.0,
    }
    told = targets_answer(store, page._config, T0, T0 + 1)["targets"]
    assert actual == {
        (row["basis"], row["metric"], row["scope"]): row["ours"] for row in told if row["ours"] is not None
    }
    for alert in page.evaluator.alerts.values():
        if alert.kind.name == "rate_below_target":
            scope, metric, basis = (value for _, value in alert.subject)
            key = (basis, metric, scope)
            assert (alert.value, alert.stake) == (actual.get(key), missing.get(key))


def test_a_target_that_nobody_knows_any_more_has_no_row(store: Store) -> None:
    store.append([a_sample(T0, 70.0, 35.0, site="a", max_age=INTERVAL), a_sample(T0, 1.0, 1.0, site="b", max_age=1)])
    page = rendering(store)
    page.evaluator.round(T0)
    assert len(rows(page.sites(T0), "target_actual_ratio")) == 3
    page.evaluator.round(T0 + INTERVAL + 1)
    found = page.sites(T0 + INTERVAL + 1)
    assert rows(found, "target_actual_ratio") == rows(found, "target_shortfall_pflops") == {}
    assert len(rows(found, "target_ratio")) == len(TARGETS)


def test_maintenance_excuses_a_site_and_what_is_left_is_judged(store: Store) -> None:
    """Of a nothing is left to be judged; of the fleet what b has. Another window has not been approved."""
    store.append([a_sample(T0, 10.0, 1.0, site="a"), a_sample(T0, 240.0, 120.0, site="b")])
    page = rendering(store)
    lo, hi = (datetime.fromtimestamp(at, UTC) for at in (T0 - 60, T0 + 60))
    with store.writing() as connection:
        for site, by in (("a", "bureau"), ("b", None)):
            window = Window.model_validate({"site": site, "from": lo, "until": hi, "reason": "works"})
            add_window(connection, window, ZONE, T0 - 60, by)
    page.evaluator.round(T0)
    found = page.sites(T0)
    assert rows(found, "site_maintenance") == {("a",): 1.0}
    assert rows(found, "target_excused") == {("fp16", "overall_ratio", "site:a"): 1.0}
    assert rows(found, "target_actual_ratio") == {
        ("fp16", "online_ratio", "fleet"): 0.8,
        ("fp16", "usage_ratio", "fleet"): 0.5,
    }
    page.evaluator.round(T0 + 60)
    over = page.sites(T0 + 60)
    assert rows(over, "site_maintenance") == rows(over, "target_excused") == {}


# ---------------------------------------------------------------- alerts


def test_the_alerts_that_fire_have_a_row_each_and_all_are_counted(store: Store, clock: Clock) -> None:
    store.append([a_sample(T0, 70.0, 35.0, site="a", max_age=9999), a_sample(T0, 210.0, 63.0, site="b", max_age=9999)])
    page = rendering(store)
    for site, result in (("a", "ok"), ("a", "unreachable"), ("b", "ok")):
        page.outcomes.note(outcome(site, result))
    assert rows(page.sites(T0), "alerts") == rows(page.sites(T0), "alert_firing") == {}, "nobody has looked"
    for second in (0, 60, 900):
        clock.at = T0 + second
        page.evaluator.round(T0 + second)
    found = page.sites(T0 + 900)
    fires = {
        ("rate_below_target", "fp16", "online_ratio", "fleet", "warning", "", ""): 1.0,
        ("rate_below_target", "fp16", "usage_ratio", "fleet", "warning", "", ""): 1.0,
        ("site_silent", "", "", "", "warning", "", "a"): 1.0,
    }
    assert rows(found, "alert_firing") == fires
    known = [alert for alert in page.evaluator.alerts.values() if alert.kind.name != "dead_man"]
    for (severity, state), count in rows(found, "alerts").items():
        assert count == sum((one.severity, one.state) == (severity, state) for one in known)
    assert sum(rows(found, "alerts").values()) == len(known)
    assert {named(*key) for key, one in page.evaluator.alerts.items() if one.fires} >= {"site_silent:a", "dead_man"}
    page.outcomes.note(outcome("a", "ok", T0 + 930))
    page.evaluator.round(T0 + 930)
    assert ("site_silent", "", "", "", "warning", "", "a") not in rows(page.sites(T0 + 930), "alert_firing")


# ---------------------------------------------------------------- rounds that fail, and the cache


def test_what_the_last_round_found_is_known_for_three_and_its_alerts_are_held(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([a_sample(T0, 70.0, 35.0, site="a"), a_sample(T0, 210.0, 63.0, site="b")])
    page = rendering(store, poll={"interval": "1h"})
    page.evaluator.round(T0 - 60)
    page.evaluator.round(T0)

    def broken(*_: object) -> None:
        raise RuntimeError("made up")

    monkeypatch.setattr("suanli.alerts.evaluator.look", broken)
    page.evaluator.turn()
    assert page.evaluator.fault
    known, too_old = page.sites(T0 + 3 * INTERVAL), page.sites(T0 + 3 * INTERVAL + 1)
    assert len(rows(known, "target_actual_ratio")) == 3
    assert rows(too_old, "target_actual_ratio") == rows(too_old, "target_shortfall_pflops") == {}
    assert rows(too_old, "alert_firing") == rows(known, "alert_firing") != {}
    assert rows(too_old, "alerts") == rows(known, "alerts")


def test_a_round_is_rendered_once(store: Store) -> None:
    page = rendering(store)
    page.sites(T0)
    for second in (0, 0, INTERVAL):
        page.evaluator.round(T0 + second)
        page.sites(T0 + second)
        page.sites(T0 + second)
    assert page.rendered == 4
