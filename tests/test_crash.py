"""kill -9 in the middle of polling and forwarding: what was acknowledged is in every sink, once.

The sources' figure is the number of seconds since the test began, so that every slot has its own value; what /metrics
shows has been acknowledged by `append`, and that ledger is kept here, outside the process that is killed.
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.exporter_double import serving
from tests.instance import Instance, instance
from tests.servers.influxdb import InfluxDB
from tests.servers.processes import wait_until
from tests.servers.victoriametrics import VictoriaMetrics

SITES = [f"crash-{number:02}" for number in range(12)]
KILLS = 6
UNIT_PFLOPS = 1.0


@pytest.mark.slow
def test_what_was_acknowledged_survives_and_is_in_the_sinks_once(
    tmp_path: Path, influxdb: InfluxDB, victoriametrics: VictoriaMetrics
) -> None:
    began = int(time.time())
    with (
        serving(lambda _path: _answer(began)) as address,
        instance(tmp_path, CRASH_TOKEN=influxdb.token) as suanli,
    ):
        _configure(suanli, influxdb, victoriametrics)
        suanli.apply(*(_site(site, address) for site in SITES))
        acknowledged = _killed_again_and_again(suanli)
        assert len(acknowledged) > 2 * len(SITES)
        suanli.start()
        wait_until(lambda: _sent(suanli), within=30, what="both sinks to have everything")
        assert suanli.stop() == 0

    stored = _stored(tmp_path / "suanli.db")
    assert acknowledged <= stored.keys()
    assert set(stored.values()) == {1}
    influx = Counter((row["site"], row["online_pflops"]) for row in influxdb.rows("compute"))
    victoriametrics.flush()
    series = victoriametrics.export("compute_online_pflops")
    victoria = Counter((row["metric"]["site"], float(value)) for row in series for value in row["values"])
    assert influx == stored
    assert victoria == stored


def _answer(began: int) -> bytes:
    now = int(time.time())
    return json.dumps({"at": now, "online": now - began + 1, "used": 0}).encode()


def _configure(suanli: Instance, influxdb: InfluxDB, victoriametrics: VictoriaMetrics) -> None:
    influx = {"name": "influx", "kind": "influxdb", "url": influxdb.url, "org": influxdb.org, "bucket": influxdb.bucket}
    victoria = {"name": "victoria", "kind": "victoriametrics", "url": victoriametrics.url}
    suanli.configure(sinks=[influx | {"token": {"env": "CRASH_TOKEN"}}, victoria])


def _site(site: str, address: str) -> dict[str, Any]:
    settings = {"unit": "PFLOPS", "fields": {"online": "online", "used": "used"}, "time": "at"}
    entry = {"from": date(2025, 1, 1), "stage": "built", "pflops": 1e5, "source": "test"}
    return {
        "id": site,
        "name": site,
        "province": "安徽",
        "operator": "test",
        "source": {"kind": "http_json", "url": f"http://{address}/{site}", "interval": "1s", "settings": settings},
        "pools": [{"id": "all", "model": "nvidia-h20-96gb", "capacity": [entry]}],
    }


def _killed_again_and_again(suanli: Instance) -> set[tuple[str, float]]:
    """Everything that was seen to be acknowledged before each kill."""
    seen: set[tuple[str, float]] = set()
    rng = random.Random(8)  # noqa: S311 - when to kill
    for _ in range(KILLS):
        suanli.start()
        end = time.monotonic() + rng.uniform(1.5, 4.0)
        while time.monotonic() < end:
            seen |= _acknowledged(suanli)
        suanli.kill()
    return seen


def _acknowledged(suanli: Instance) -> set[tuple[str, float]]:
    found = suanli.metrics().items()
    return {(dict(labels)["site"], value) for (name, labels), value in found if name == "suanli_site_online_pflops"}


def _sent(suanli: Instance) -> bool:
    return all((suanli.metric("suanli_sink_pending_samples", sink=sink) or 0) < 30 for sink in ("influx", "victoria"))


def _stored(database: Path) -> Counter[tuple[str, float]]:
    joined = "samples JOIN pool_facts USING (pool_key) JOIN sites ON sites.key = site_key"
    query = f"SELECT sites.id, online_pflops FROM {joined}"  # noqa: S608 - our own words
    with sqlite3.connect(database) as connection:
        return Counter((site, value) for site, value in connection.execute(query))
