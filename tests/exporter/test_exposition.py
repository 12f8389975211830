"""The gauges: byte for byte as prometheus-client prints them, only what is known, and rendered once per change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from exporter.exposition import Family, families, text_of
from suanli.answers import Asked, rates_answer
from suanli.config import Config
from suanli.model.rates import PoolState
from suanli.model.units import BASES, Basis
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Store
from tests.exporter.making import SITES, Rendering, as_prometheus_client_prints, heard, outcome
from tests.suanli.making import MAX_AGE, T0, a_sample, a_site, a_store, local, register

OPEN = "application/openmetrics-text; version=1.0.0"
NASTY = st.text(
    st.sampled_from('"\\\n\r\t {}=,#芜湖é\u2028\U0001f600ab') | st.characters(exclude_categories=["Cs"]), max_size=8
)
FLOATS = st.floats() | st.sampled_from([0.0, -0.0, 1e-300, 5e-324, 1e300, 1e16, 123456789.0, 1e6, 1e5, 0.1])


@st.composite
def made_up(draw: st.DrawFn) -> list[Family]:
    names = draw(st.lists(st.sampled_from(["suanli_a_pflops", "suanli_b_ratio", "suanli_c_info"]), unique=True))
    found: list[Family] = []
    for name in names:
        labels = sorted(draw(st.sets(st.sampled_from(["site", "pool", "name", "basis"]), min_size=1)))
        rows = draw(st.lists(st.tuples(st.tuples(*(NASTY for _ in labels)), FLOATS), max_size=4))
        found.append((name, "What it is.", [(tuple(zip(labels, texts, strict=True)), value) for texts, value in rows]))
    return found


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(*SITES) as made:
        yield made


def values(page: bytes) -> dict[tuple[str, ...], float]:
    """(name, labels' values...) -> value, read by prometheus-client's parser."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in plain_text(page.decode())
        for sample in family.samples
    }


# ---------------------------------------------------------------- byte for byte


@given(made_up())
def test_bytes_are_those_of_prometheus_client(found: list[Family]) -> None:
    assert text_of(found) == as_prometheus_client_prints(found)


rung = st.none() | st.floats(0, 1e6)


@st.composite
def any_state(draw: st.DrawFn) -> PoolState:
    basis: Basis = draw(st.sampled_from(BASES))
    planned, built, online, used, busy = (draw(rung) for _ in range(5))
    names = draw(NASTY), draw(NASTY)
    return PoolState(*names, "m", "x", "o", basis, "operational", planned, built, online, used, busy)


@given(st.lists(any_state(), max_size=4))
def test_all_families_of_any_states_are_those_of_prometheus_client(states: list[PoolState]) -> None:
    outcomes = Outcomes()
    outcomes.note(outcome("ok"))
    outcomes.note(outcome("bad", "refused"))
    found = list(families(states, [], outcomes, Config(), T0))
    assert text_of(found) == as_prometheus_client_prints(found)
    assert len({name for name, _, _ in found}) == len(found)


def test_the_whole_page_is_read_back_by_the_parser(store: Store) -> None:
    heard(store)
    found = values(Rendering(store).page("", T0)[0])
    assert found["suanli_site_online_pflops", "p", "a"] == 80.0
    assert found["suanli_site_built_pflops", "q", "b"] == 50.0
    assert found["suanli_fleet_online_ratio", "fp16"] == 0.8
    assert found["suanli_fleet_online_ratio", "fp64"] == 1.6, "kept, never clamped"
    assert found["suanli_benchmark_ratio", "national-2024", "usage_ratio"] == 0.38
    info = [key for key in found if key[0] == "suanli_site_info"]
    assert ("suanli_site_info", "", 'a "quoted" \\ name', "运营, 方=一", "安徽", "a", "operational") in info
    assert len(info) == 3


def test_the_fleets_gauges_are_the_answers_figures(store: Store) -> None:
    heard(store)
    found = values(Rendering(store).sites(T0))
    fleet = rates_answer(store.states_now(T0), Asked(T0, T0), Config())["fleet"]
    json.dumps(fleet, allow_nan=False)
    for name, value in fleet.items():
        if not name.startswith("sites_"):
            assert found.get((f"suanli_fleet_{name}", "fp16")) == value, name


# ---------------------------------------------------------------- unknown has no row


def test_a_stale_site_is_not_exposed_as_a_value(store: Store) -> None:
    exposition = Rendering(store)
    heard(store)
    fresh, stale = values(exposition.sites(T0 + MAX_AGE)), values(exposition.sites(T0 + MAX_AGE + 1))
    told = {key for key in fresh if "online" in key[0] or "used" in key[0] or "usage" in key[0]}
    assert ("suanli_site_online_pflops", "p", "a") in told
    gone = {key for key in told if not key[0].endswith(("_low", "_high"))}
    assert not gone & set(stale)
    assert stale["suanli_site_built_pflops", "p", "a"] == 100.0
    assert (fresh["suanli_fleet_coverage_ratio", "fp16"], stale["suanli_fleet_coverage_ratio", "fp16"]) == (1.0, 0.0)
    assert (stale["suanli_fleet_online_ratio_low", "fp16"], stale["suanli_fleet_online_ratio_high", "fp16"]) == (
        0.0,
        1.0,
    )


def test_a_site_never_heard_has_no_row_and_no_zero(store: Store) -> None:
    found = values(Rendering(store).sites(T0))
    assert not [key for key in found if key[0] in ("suanli_site_online_pflops", "suanli_site_up")]


# ---------------------------------------------------------------- rendered once per change


def test_cached_until_something_changes(store: Store) -> None:
    exposition = Rendering(store)

    def rendered(now: int = T0) -> int:
        exposition.sites(now)
        exposition.sites(now)
        before, exposition.rendered = exposition.rendered, 0
        return before

    assert rendered() == 1
    assert rendered(T0 + 1) == 0
    heard(store)
    assert rendered() == 1
    assert rendered(T0 + MAX_AGE) == 0, "still known in its last second"
    assert rendered(T0 + MAX_AGE + 1) == 1, "the clock has made it unknown"
    assert rendered(T0 + MAX_AGE + 2) == 0
    exposition.outcomes.note(outcome("a", "unreachable"))
    assert rendered(T0 + MAX_AGE + 2) == 1
    register(store, a_site("new"))
    assert rendered(T0 + MAX_AGE + 2) == 1


def test_each_expiry_in_turn(store: Store) -> None:
    exposition = Rendering(store)
    heard(store, T0)
    (again,) = (sample for sample in store.latest.values() if (sample.site, sample.pool) == ("a", "p"))
    store.append([again.model_copy(update={"at": T0 + 60, "source_at": T0 + 60})])
    counts = [values(exposition.sites(T0 + second)) for second in (MAX_AGE, MAX_AGE + 1, MAX_AGE + 60, MAX_AGE + 61)]
    known = [sorted(key[2] for key in one if key[0] == "suanli_site_online_pflops") for one in counts]
    assert known == [["a", "b", "b"], ["a"], ["a"], []]


def test_a_day_begins_in_the_configured_zone(store: Store) -> None:
    mine = {"name": "mine", "metric": "usage_ratio", "value": 0.5, "from": date(2026, 11, 25), "source": "x"}
    config = Config.model_validate({"benchmarks": [mine]})
    midnight = local(config.benchmarks[0].since)
    exposition = Rendering(store, config=config)
    key = ("suanli_benchmark_ratio", "mine", "usage_ratio")
    assert key not in values(exposition.sites(midnight - 1))
    assert values(exposition.sites(midnight))[key] == 0.5


# ---------------------------------------------------------------- two formats


def test_plain_text_unless_asked(store: Store) -> None:
    page, kind = Rendering(store).page("text/html", T0)
    assert kind == CONTENT_TYPE_PLAIN_0_0_4
    assert b"# EOF" not in page


def test_open_metrics_by_accept_ends_with_eof_and_parses(store: Store) -> None:
    heard(store)
    exposition = Rendering(store)
    exposition.outcomes.note(outcome("a"))
    exposition.own.note(outcome("a"))
    exposition.own.note(outcome("a", "refused"))
    page, kind = exposition.page(OPEN, T0)
    assert kind.startswith("application/openmetrics-text")
    assert page.endswith(b"\n# EOF\n")
    assert page.count(b"# EOF") == 1
    found = {family.name: family for family in open_metrics(page.decode())}  # type: ignore[no-untyped-call] # it has no types
    assert found["suanli_fleet_online_ratio"].samples[0].value == 0.8
    polls = {
        sample.labels["result"]: sample.value for sample in found["suanli_site_polls"].samples if "total" in sample.name
    }
    assert polls == {"ok": 1.0, "refused": 1.0}
    plain = {name for name, *_ in values(exposition.page("", T0)[0])}
    assert {sample.name for family in found.values() for sample in family.samples} == plain


# ---------------------------------------------------------------- second signals


def test_two_signals_and_how_far_they_are_apart(store: Store) -> None:
    exposition = Rendering(store)
    store.append([a_sample(T0, 80.0, 40.0, site="a")])
    fleet = {key: value for key, value in values(exposition.sites(T0)).items() if key[0].startswith("suanli_fleet")}
    store.append_second([a_sample(T0, 80.0, 55.0, site="a", max_age=60)])
    exposition.checks.note(outcome("a", "refused"))
    found = values(exposition.sites(T0))
    assert {key[1:]: value for key, value in found.items() if key[0] == "suanli_site_disagreement_pflops"} == {
        ("p", "online", "a"): 0.0,
        ("p", "used", "a"): 15.0,
    }
    assert found["suanli_site_cross_check_up", "a"] == 0.0
    assert {key: value for key, value in found.items() if key[0].startswith("suanli_fleet")} == fleet
    assert "disagreement" not in exposition.sites(T0 + 61).decode()
    assert exposition.rendered == 3


# ---------------------------------------------------------------- qualities


def test_pools_by_quality_and_the_suspect_ones(store: Store) -> None:
    """Who is not heard has no quality; a broken ladder is suspect, and stays in the sums."""
    heard(store)
    store.append([a_sample(T0 + 1, 80.0, 81.0, site="a")])
    found = values(Rendering(store).sites(T0 + 1))
    counts = {key[1]: value for key, value in found.items() if key[0] == "suanli_pools_by_quality"}
    assert counts == {"ok": 1.0, "estimated": 0.0, "declared": 0.0, "partial": 0.0, "suspect": 2.0}
    suspects = {key[1:] for key in found if key[0] == "suanli_pool_suspect"}
    assert suspects == {("p", "a"), ("q", "b")}, "one has more used than online, one more online than built"
    stale = values(Rendering(store).sites(T0 + MAX_AGE + 9))
    assert not [key for key in stale if key[0] == "suanli_pool_suspect"]
    assert stale["suanli_pools_by_quality", "suspect"] == 0.0
