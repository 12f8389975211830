"""Every InfluxQL query of every board against a real InfluxDB that got the story's hours and days, and the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboards.parts import influxql
from dashboards.parts.board import queries
from dashboards.parts.terms import CHOSEN, FLEET, ONE_SITE, RATIO_TERMS, Scope
from exporter.forwarder import Forwarder
from exporter.influx import InfluxSink
from suanli.answers import GroupBy
from suanli.config import SinkConfig
from suanli.model.secret import SecretRef
from suanli.period_answers import AskedPeriod, period_answer
from suanli.store.rollup_points import Rollups, subscribe
from tests.dashboards.boards import UIDS, filled, read
from tests.dashboards.world import CONFIG, HOUR, MOMENTS, SITE, World
from tests.servers.influxdb import InfluxDB, influxdb_server

NEAR = 1e-9
INFLUX_UIDS = [uid for uid in UIDS if "influx" in uid]
GROUPS: dict[Scope, tuple[GroupBy, str]] = {FLEET: ("site", ""), CHOSEN: ("province", "安徽"), ONE_SITE: ("site", SITE)}


@dataclass(frozen=True, slots=True)
class Sent:
    """The world, and the real InfluxDB that its forwarders filled."""

    world: World
    influx: InfluxDB


@pytest.fixture(scope="module")
def sent(world: World) -> Iterator[Sent]:
    with influxdb_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORY_TOKEN", server.token)
        where = {"url": server.url, "org": server.org, "bucket": server.bucket}
        sink = InfluxSink(SinkConfig(name="story", kind="influxdb", token=SecretRef(env="STORY_TOKEN"), **where))
        subscribe(world.store, ["story"])
        rollups, samples = Forwarder(Rollups(world.store, CONFIG.zone), sink), Forwarder(world.store, sink)
        for one in (rollups, samples):
            while one.forward():
                pass
        yield Sent(world, server)


def asked(sent: Sent, query: str, lo: int, hi: int, interval: str = "1h", rollup: str = "compute_1h") -> Any:
    """As Grafana would send it, for [lo, hi)."""
    text = query.replace("$rollup", rollup).replace("$__interval", interval)
    text = text.replace("$timeFilter", f"time >= {lo}s AND time < {hi}s")
    return sent.influx.influxql(filled(text))


def wanted(sent: Sent, lo: int, hi: int, scope: Scope = FLEET) -> dict[str, Any]:
    by, name = GROUPS[scope]
    answer = period_answer(sent.world.store, AskedPeriod(lo, hi, by=by), CONFIG)
    if scope is FLEET:
        return dict(answer["fleet"])
    (one,) = [group for group in answer["groups"] if group[by] == name]
    return dict(one)


def values(rows: list[dict[str, Any]], column: str) -> list[float | None]:
    return [row[column] for row in rows if row[column] is not None]


@pytest.mark.server
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("scope", GROUPS, ids=lambda scope: "+".join(scope.variables) or "fleet")
def test_hours_are_those_of_the_model(sent: Sent, scope: Scope, moment: str) -> None:
    lo = MOMENTS[moment] // HOUR * HOUR
    rates = wanted(sent, lo, lo + HOUR, scope)
    for name in RATIO_TERMS:
        found = values(asked(sent, influxql.ratio(name, scope), lo, lo + HOUR), "ratio")
        value = rates[f"{name}_ratio"]
        assert found == pytest.approx([] if value is None else [value], rel=NEAR, abs=NEAR), name
    for term in ("built", "online", "used"):
        found = values(asked(sent, influxql.total(term, scope), lo, lo + HOUR), "pflops")
        value = rates[f"{term}_pflops"]
        assert found == pytest.approx([] if value is None else [value], rel=NEAR, abs=NEAR), term


@pytest.mark.server
@pytest.mark.parametrize("rollup", ["compute_1h", "compute_1d"])
def test_days_are_those_of_the_model_from_hours_and_from_days(sent: Sent, rollup: str) -> None:
    """A day of the zone, in which one site was silent: PFLOPS-hours of hours add up to those of the day."""
    lo = int(datetime(2026, 10, 8, 16, tzinfo=UTC).timestamp())
    rates = wanted(sent, lo, lo + 24 * HOUR)
    assert rates["coverage_ratio"] < 1
    for name in RATIO_TERMS:
        query = influxql.ratio(name).replace("time($__interval)", "time(1d, 16h)")
        found = values(asked(sent, query, lo, lo + 24 * HOUR, rollup=rollup), "ratio")
        assert found == pytest.approx([rates[f"{name}_ratio"]], rel=NEAR), name
    query = influxql.total("built").replace("time($__interval)", "time(1d, 16h)")
    assert values(asked(sent, query, lo, lo + 24 * HOUR, rollup=rollup), "pflops") == pytest.approx(
        [rates["built_pflops"]], rel=NEAR
    )


@pytest.mark.server
@pytest.mark.parametrize("moment", ["before", "outage", "wrong unit"])
def test_groups_and_the_lowest_sites_are_those_of_the_model(sent: Sent, moment: str) -> None:
    lo = MOMENTS[moment] // HOUR * HOUR
    for by in ("province", "operator", "site"):
        answer = period_answer(sent.world.store, AskedPeriod(lo, lo + HOUR, by=by), CONFIG)["groups"]
        rates = {one[by]: one["online_ratio"] for one in answer if one["online_ratio"] is not None}
        rows = asked(sent, influxql.ratio("online", by=by), lo, lo + HOUR)
        assert {row[by]: row["ratio"] for row in rows if row["ratio"] is not None} == pytest.approx(rates, rel=NEAR)
    lowest = {row["site"]: row["ratio"] for row in asked(sent, influxql.lowest("online"), lo, lo + HOUR)}
    assert lowest == pytest.approx(rates, rel=NEAR)


@pytest.mark.server
def test_a_gap_is_null_and_not_filled(sent: Sent) -> None:
    """The silent site's rate: unknown while it was silent, and before and after known."""
    query = influxql.ratio("online", ONE_SITE).replace("$site", "yh-port")
    start = MOMENTS["outage"] // HOUR * HOUR - 9 * HOUR
    found = {row["time"]: row["ratio"] for row in asked(sent, query, start, start + 40 * HOUR)}
    assert found[MOMENTS["outage"] // HOUR * HOUR] is None
    assert {start, start + 39 * HOUR} <= {at for at, ratio in found.items() if ratio}


def expressions() -> list[str]:
    return sorted({one.expr for uid in INFLUX_UIDS for one in queries(read(uid))})


@pytest.mark.server
@pytest.mark.parametrize("query", expressions())
def test_every_query_of_every_board_gives_rows(sent: Sent, query: str) -> None:
    lo = MOMENTS["before"] // HOUR * HOUR
    rows = asked(sent, query, lo - HOUR, lo + 6 * HOUR)
    columns = {name for row in rows for name in row} - {"time", "site", "pool", "province", "operator"}
    assert columns
    if '"busy' not in query or "compute_1" not in query:
        assert any(row[name] is not None for row in rows for name in columns), rows[:3]


@pytest.mark.server
@pytest.mark.parametrize("name", ["province", "operator", "site"])
def test_variables_find_their_values(sent: Sent, name: str) -> None:
    rows = sent.influx.influxql(influxql.TAG_VALUES.format(name))
    assert {row["value"] for row in rows} == {str(getattr(one, name)) for one in sent.world.states["before"]}


def test_the_boards_are_those_promised_in_influxql() -> None:
    assert {uid.removesuffix("-en") for uid in INFLUX_UIDS} == {
        f"suanli-{word}-influx" for word in ("overview", "province", "site")
    }


@pytest.mark.parametrize("query", expressions())
def test_fill_stands_outside_and_long_ranges_read_rollups(query: str) -> None:
    """Within a sub-query `fill` gives doubled rows; a year of samples takes seconds."""
    assert query.count("fill(") <= 1
    assert re.search(r"fill\((?!null\)$)", query) is None
    raw = [
        panel["timeFrom"]
        for uid in INFLUX_UIDS
        for panel in read(uid)["panels"]
        for target in panel["targets"]
        if target["query"] == query and '"compute"' in query
    ]
    assert set(raw) <= {"24h"}
    assert ('"compute"' in query) == bool(raw)
    assert "mean(" not in query or raw, "no mean of a rate or of a sum"
    assert not re.search(r"(mean|median|max|min)\(\"(ratio|above|below)", query)
