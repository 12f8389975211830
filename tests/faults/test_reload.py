"""SIGHUP: the configuration is read again and taken over, and no site misses a poll for it."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.exporter_double import serving
from tests.faults.sites import a_site
from tests.instance import Instance, instance
from tests.servers.processes import wait_until

INTERVAL, SITES = 5, 8
ANSWER = json.dumps({"online": 7}).encode()


@pytest.mark.slow
def test_a_new_configuration_is_taken_over_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    with serving(lambda _path: ANSWER) as address, serving(lambda _path: b"") as sink, instance(tmp_path) as suanli:
        suanli.configure()
        suanli.apply(*(a_site(f"s{n}", f"http://{address}/", f"{INTERVAL}s", online="online") for n in range(SITES)))
        suanli.start()
        assert suanli.process is not None
        pid = suanli.process.pid
        wait_until(lambda: _asked_often(suanli, 2), within=60, what="two polls of each site")
        named = [{"name": "late", "kind": "victoriametrics", "url": f"http://{sink}"}]
        _hang_up(suanli, sinks=named, targets=[{"metric": "online_ratio", "target": 0.875}])
        wait_until(lambda: _has_sink(suanli), within=60, what="the new sink's figures")
        assert 0.875 in [value for (name, _), value in suanli.metrics().items() if name == "suanli_target_ratio"]
        wait_until(lambda: _asked_often(suanli, 4), within=60, what="polls after it")
        _hang_up(suanli, sinks=[{"name": "late", "kind": "no such kind"}])
        wait_until(lambda: "the configuration stays as it was" in suanli.log(), within=60, what="the refusal")
        assert suanli.ready()
        assert _has_sink(suanli)
        wait_until(lambda: _asked_often(suanli, 6), within=60, what="polls after that")
        assert suanli.process.pid == pid
        assert suanli.stop() == 0
    for pool, slots in _slots(tmp_path).items():
        gaps = {later - earlier for earlier, later in pairwise(slots)}
        assert gaps == {INTERVAL}, f"{pool} missed a slot: {slots}"


def _hang_up(suanli: Instance, **values: Any) -> None:
    suanli.configure(**values)
    assert suanli.process is not None
    suanli.process.send_signal(signal.SIGHUP)


def _has_sink(suanli: Instance) -> bool:
    try:
        return suanli.metric("suanli_sink_lag_seconds", sink="late") is not None
    except httpx.HTTPError:  # it is not there for a moment
        return False


def _asked_often(suanli: Instance, times: int) -> bool:
    """Whether each site has so many slots on record."""
    found = _slots(suanli.folder)
    return len(found) == SITES and all(len(slots) >= times for slots in found.values())


def _slots(folder: Path) -> dict[int, list[int]]:
    """Those on record, by the key of each site's one pool."""
    found: dict[int, list[int]] = {}
    with closing(sqlite3.connect(folder / "suanli.db")) as connection:
        for pool, at in connection.execute("SELECT pool_key, at FROM samples ORDER BY at"):
            found.setdefault(pool, []).append(at)
    return found
