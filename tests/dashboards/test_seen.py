"""Every query of every board against a real Prometheus that holds the demonstration story, and against the model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dashboards.parts import promql
from dashboards.parts.board import queries
from dashboards.parts.terms import CHOSEN, FLEET, ONE_SITE, RATIO_TERMS, Scope
from suanli.model.rates import PoolState, rates_by, rates_of
from tests.dashboards.boards import PROMETHEUS_UIDS, expressions, filled, read
from tests.dashboards.conftest import Seen
from tests.dashboards.world import GROWS, MOMENTS, SITE
from tests.suanli.making import local

NEAR = 1e-9
MEMBERS: dict[Scope, Callable[[PoolState], bool]] = {
    FLEET: lambda _: True,
    CHOSEN: lambda one: one.province == "安徽",
    ONE_SITE: lambda one: one.site == SITE,
}


def answered(seen: Seen, query: str, at: int, label: str = "") -> dict[str, float]:
    """What the query gives, by a label of its series."""
    rows = seen.prometheus.query(filled(query), at=at)
    found = {row["metric"].get(label, ""): float(row["value"][1]) for row in rows}
    assert len(found) == len(rows), f"{query} gives several series of one {label}"
    return found


def known(values: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def pools(seen: Seen, moment: str, scope: Scope = FLEET) -> list[PoolState]:
    return [one for one in seen.world.states[moment] if one.basis == "fp16" and MEMBERS[scope](one)]


@pytest.mark.server
def test_the_story_has_what_it_is_told_for(seen: Seen) -> None:
    """Else all that follows would compare a quiet afternoon with itself."""
    coverage = {moment: rates_of(pools(seen, moment)).coverage_ratio or 0.0 for moment in MOMENTS}
    assert coverage["outage"] < coverage["before"]
    assert coverage["late data is missing"] < coverage["late data came"]
    assert coverage["wrong unit"] < coverage["late data came"]
    assert rates_of(pools(seen, "maintenance", ONE_SITE)).online_ratio == 0.0


@pytest.mark.server
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("scope", MEMBERS, ids=lambda scope: "+".join(scope.variables) or "fleet")
def test_rates_sums_and_bounds_are_those_of_the_model(seen: Seen, scope: Scope, moment: str) -> None:
    at, rates = MOMENTS[moment], rates_of(pools(seen, moment, scope))
    wanted = {promql.ratio(name, scope): getattr(rates, f"{name}_ratio") for name in RATIO_TERMS}
    wanted |= {promql.total(name, scope): getattr(rates, f"{name}_pflops") for name in ("built", "online", "used")}
    wanted |= {promql.bound("low", scope): rates.online_ratio_low, promql.bound("high", scope): rates.online_ratio_high}
    for query, value in wanted.items():
        assert answered(seen, query, at) == pytest.approx(known({"": value}), rel=NEAR, abs=NEAR), query


@pytest.mark.server
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("by", ["province", "operator", "site"])
def test_ranked_rates_are_those_of_the_model(seen: Seen, moment: str, by: str) -> None:
    groups = rates_by(pools(seen, moment), key=lambda one: str(getattr(one, by)))
    for name in RATIO_TERMS:
        wanted = known({group: getattr(rates_of(members), f"{name}_ratio") for group, members in groups.items()})
        query = promql.ranked(promql.ratio(name, by=by))  # type: ignore[arg-type] # the parameters are groups
        assert answered(seen, query, MOMENTS[moment], by) == pytest.approx(wanted, rel=NEAR), name


@pytest.mark.server
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_fleets_gauges_are_those_of_the_model(seen: Seen, moment: str) -> None:
    at, rates = MOMENTS[moment], rates_of(pools(seen, moment))
    for name in ("online", "usage", "coverage", "overall"):
        value = known({"": getattr(rates, f"{name}_ratio")})
        assert answered(seen, promql.fleet_ratio(name), at) == pytest.approx(value, rel=NEAR)
    for name in ("planned", "built", "online", "used"):
        assert answered(seen, promql.fleet(name), at) == pytest.approx(known({"": getattr(rates, f"{name}_pflops")}))
    for name in ("online", "usage"):
        gauge = f"suanli_fleet_{name}_ratio"
        ends = {f"{gauge}_{end}": getattr(rates, f"{name}_ratio_{end}") for end in ("low", "high")}
        assert answered(seen, promql.fleet_bounds(name), at, "__name__") == pytest.approx(known(ends), rel=NEAR)


@pytest.mark.server
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_lowest_sites_are_those_of_the_model(seen: Seen, moment: str) -> None:
    groups = rates_by(pools(seen, moment), key=lambda one: one.site)
    online = known({site: rates_of(members).online_ratio for site, members in groups.items()})
    usage = known({site: rates_of(members).usage_ratio for site, members in groups.items() if site in online})
    at = MOMENTS[moment]
    assert answered(seen, promql.lowest("online"), at, "site") == pytest.approx(online, rel=NEAR)
    assert answered(seen, promql.beside_lowest("online", "usage"), at, "site") == pytest.approx(usage, rel=NEAR)
    assert list(answered(seen, promql.lowest("online"), at, "name")) != [""]


@pytest.mark.server
def test_held_and_idle_is_used_less_busy(seen: Seen) -> None:
    """Three quarters of what this site's devices are assigned to is computing."""
    rates = rates_of(pools(seen, "before", ONE_SITE))
    wanted = {"": 0.25 * (rates.used_pflops or 0.0)}
    assert answered(seen, promql.gap(ONE_SITE), MOMENTS["before"]) == pytest.approx(wanted, rel=NEAR)


@pytest.mark.server
@pytest.mark.parametrize(
    ("site", "moment", "wanted"),
    [
        (SITE, "before", 1.0),
        (SITE, "maintenance", 2.0),
        ("yh-port", "outage", 0.0),
        ("js-partner", "late data is missing", 0.0),
        ("js-partner", "late data came", 1.0),
        ("yh-new", "before", 0.0),
    ],
)
def test_a_sites_condition(seen: Seen, site: str, moment: str, wanted: float) -> None:
    query = promql.site_condition().replace("$site", site)
    assert answered(seen, query, MOMENTS[moment], "site") == {site: wanted}


@pytest.mark.server
def test_a_growth_of_capacity_is_marked_when_it_happens(seen: Seen) -> None:
    (moment,) = [local(GROWS)]
    query = promql.capacity_changes()
    assert answered(seen, query, moment, "pool") == {"a100-40g": 1.0}
    assert answered(seen, query, moment - 3600, "pool") == {}
    assert answered(seen, query, moment + 3600, "pool") == {}


@pytest.mark.server
@pytest.mark.parametrize("expr", expressions())
def test_every_query_of_every_board_gives_rows(seen: Seen, expr: str) -> None:
    """At one of the story's moments at least: nobody waits for an alert in a quiet hour."""
    assert any(seen.prometheus.query(filled(expr), at=at) for at in MOMENTS.values())


def test_every_board_is_asked() -> None:
    assert {uid.removesuffix("-en") for uid in PROMETHEUS_UIDS} == {
        f"suanli-{word}" for word in ("overview", "province", "site", "commissioning", "quality", "itself")
    }
    assert all(queries(read(uid)) for uid in PROMETHEUS_UIDS)
