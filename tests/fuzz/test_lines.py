"""Line protocol as a real InfluxDB reads it: each point written is one point there, as it was meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.lineprotocol import lines_of
from suanli.model.metric import INFLUX_RUNGS
from suanli.store.points import Point
from tests.fuzz.test_readers import INPUTS
from tests.servers.influxdb import InfluxDB

TAGS = ("operator", "pool", "province", "site")
FIELDS = [rung.field for rung in INFLUX_RUNGS]
name = st.text(
    st.sampled_from(",= \\\n\r\t\"'#芜\u2028\u00a0\x7f😀") | st.characters(exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=12,
)
figure = st.none() | st.floats(0, 1e9) | st.sampled_from([0.0, 5e-324, 1e-12, 1e22, 0.1 + 0.2])
points = st.lists(
    st.tuples(name, name, name, name, st.integers(0, 2**33), st.tuples(*(figure for _ in FIELDS))), max_size=40
)


@pytest.mark.slow
@settings(max_examples=max(20, INPUTS // 10), deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=points)
def test_a_real_influxdb_reads_each_line_as_the_point_that_was_meant(influxdb: InfluxDB, drawn: list[Any]) -> None:
    several = [
        Point(seq, at, site, f"{seq} {pool}", province, operator, values)
        for seq, (site, pool, province, operator, at, values) in enumerate(drawn, 1)
    ]
    told = [point for point in several if any(value is not None for value in point.values)]
    bucket = influxdb.new_bucket()
    try:
        if told:
            bucket.write(lines_of(several).decode()).raise_for_status()
        assert _rows(bucket) == sorted(map(_row, told), key=repr)
    finally:
        bucket.drop()


def _row(point: Point) -> tuple[object, ...]:
    names = tuple(_kept(getattr(point, tag)) for tag in TAGS)
    return (*names, point.at, *point.values)


def _kept(text: str) -> str:
    """What a line cannot carry is replaced."""
    return text.translate({ord(blank): " " for blank in "\n\r\t"} | {ord("\\"): "/"})


def _rows(bucket: InfluxDB) -> list[tuple[object, ...]]:
    found = bucket.rows("compute")
    return sorted((tuple(row.get(key) for key in (*TAGS, "time", *FIELDS)) for row in found), key=repr)
