"""The sink against a real InfluxDB 2.7 and a real VictoriaMetrics: what we write is what they hold."""

from __future__ import annotations

import time

import pytest

from exporter.base import Rejected, Retry
from exporter.influx import InfluxSink
from suanli.config import SinkConfig
from suanli.model.secret import SecretRef
from suanli.store.points import Batch, Point, RollupPoint
from tests.servers.influxdb import InfluxDB
from tests.servers.victoriametrics import VictoriaMetrics

NASTY = {name: name for name in ("甲 运营方", "a,b", "a=b", 'say "hi"', "{b}", "$x", "'q'", "🖧", "a=b, c ")} | {
    "line\nbreak": "line break",
    "tab\tbed": "tab bed",
    "back\\slash": "back/slash",
    "before\\,comma": "before/,comma",
    "ends\\": "ends/",
    "two\\\\": "two//",
}
"""An operator's name, and what comes back."""


def point(operator: str, seq: int = 1, at: int = 0, value: float = 1.5) -> Point:
    return Point(seq, at or int(time.time()), "s", "p", "安徽", operator, (2.0, value, None, None))


def batch(*points: Point) -> Batch:
    return Batch(points, points[-1].seq)


def influx_sink(server: InfluxDB, monkeypatch: pytest.MonkeyPatch, *, token: str = "", bucket: str = "") -> InfluxSink:
    monkeypatch.setenv("REAL_SINK_TOKEN", token or server.token)
    secret = SecretRef(env="REAL_SINK_TOKEN")
    where = {"url": server.url, "org": server.org, "bucket": bucket or server.bucket}
    return InfluxSink(SinkConfig(name="influx", kind="influxdb", token=secret, **where))


def test_every_name_comes_back_from_influxdb(influxdb: InfluxDB, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = influx_sink(influxdb, monkeypatch)
    sink.write(batch(*(point(name, seq) for seq, name in enumerate(NASTY, 1))))
    sink.close()
    assert {row["operator"] for row in influxdb.rows("compute")} == set(NASTY.values())
    assert {row["online_pflops"] for row in influxdb.rows("compute")} == {1.5}


def test_every_name_comes_back_from_victoriametrics(victoriametrics: VictoriaMetrics) -> None:
    sink = InfluxSink(SinkConfig(name="victoria", kind="victoriametrics", url=victoriametrics.url))
    sink.write(batch(*(point(name, seq) for seq, name in enumerate(NASTY, 1))))
    sink.close()
    victoriametrics.flush()
    series = victoriametrics.export("compute_online_pflops")
    assert {row["metric"]["operator"] for row in series} == set(NASTY.values())
    assert {value for row in series for value in row["values"]} == {1.5}


def test_a_repeated_point_is_the_same_point(influxdb: InfluxDB, monkeypatch: pytest.MonkeyPatch) -> None:
    sink, now = influx_sink(influxdb, monkeypatch), int(time.time())
    sink.write(batch(point("a", at=now)))
    sink.write(batch(point("a", at=now)))
    sink.write(batch(point("a", at=now, value=3.0)))  # a correction replaces it
    sink.close()
    assert [row["online_pflops"] for row in influxdb.rows("compute")] == [3.0]


def test_what_the_real_server_refuses_is_told_by_type(influxdb: InfluxDB, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ({"token": "wrong-token"}, {"bucket": "nowhere"}):
        sink = influx_sink(influxdb, monkeypatch, **wrong)
        with pytest.raises(Retry) as caught:
            sink.write(batch(point("a")))
        sink.close()
        assert caught.value.after == 60.0
        assert "wrong-token" not in str(caught.value)
    assert influxdb.lines("compute") == 0


def test_a_point_outside_the_retention_is_rejected_and_the_rest_is_stored(
    influxdb: InfluxDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = influxdb.new_bucket(keep_seconds=7 * 86400)
    sink = influx_sink(influxdb, monkeypatch, bucket=week.bucket)
    with pytest.raises(Rejected, match="retention"):
        sink.write(batch(point("new", 1), point("old", 2, at=int(time.time()) - 30 * 86400)))
    sink.close()
    assert [row["operator"] for row in week.rows("compute")] == ["new"]
    week.drop()


def rollup(online: float, width: str = "hour") -> RollupPoint:
    fields = (("built_pflops_hours", 2.0), ("online_pflops_hours", online))
    return RollupPoint(1, 1_795_500_000, "s", "p", "安徽", "甲, 乙", (), "fp64", width, fields)


def test_an_hour_and_a_day_are_held_with_their_basis_and_corrected(
    influxdb: InfluxDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = influx_sink(influxdb, monkeypatch)
    sink.write(batch(rollup(1.5), rollup(36.0, "day")))
    sink.write(batch(rollup(1.25)))
    sink.close()
    named = {"basis": "fp64", "operator": "甲, 乙", "pool": "p", "province": "安徽", "site": "s", "time": 1_795_500_000}
    assert influxdb.rows("compute_1h") == [named | {"built_pflops_hours": 2.0, "online_pflops_hours": 1.25}]
    assert influxdb.rows("compute_1d") == [named | {"built_pflops_hours": 2.0, "online_pflops_hours": 36.0}]


def test_an_hour_is_held_by_victoriametrics(victoriametrics: VictoriaMetrics) -> None:
    sink = InfluxSink(SinkConfig(name="victoria", kind="victoriametrics", url=victoriametrics.url))
    sink.write(batch(rollup(1.5)))
    sink.write(batch(rollup(1.5)))
    sink.close()
    victoriametrics.flush()
    (row,) = victoriametrics.export("compute_1h_online_pflops_hours")
    assert (row["metric"]["basis"], row["timestamps"], row["values"]) == ("fp64", [1_795_500_000_000], [1.5])
