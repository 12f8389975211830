"""What a sink holds, read back and compared with the record: InfluxDB 2.7 and VictoriaMetrics are the real ones."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.forwarder import Forwarder
from exporter.lineprotocol import carried
from exporter.readback.base import Tallies, Tally
from exporter.registry import READERS, REGISTRY, build
from exporter.verify import Verified, verify
from suanli.config import SinkConfig
from suanli.model.errors import InputError, Unavailable
from suanli.store.sent import send_hours
from suanli.store.sql import Store
from tests.servers.influxdb import InfluxDB
from tests.servers.processes import wait_until
from tests.servers.victoriametrics import VictoriaMetrics, victoriametrics_server
from tests.suanli.making import SITES_YAML, T0, a_pool, a_sample, a_site, a_store, built
from tests.suanli.running import suanli

HOUR = 3600
SITES = (a_site("s", a_pool("p", built(100.0)), operator="甲, 乙=\\"), a_site("t", a_pool("q", built(50.0))))


@contextmanager
def recorded(hours: int = 30, every: int = 600) -> Iterator[Store]:
    """Two pools, a sample every ten minutes; used of the second is never told."""
    with a_store(*SITES) as store:
        for at in range(T0, T0 + hours * HOUR, every):
            store.append([a_sample(at, at % 97 / 7, 1.5), a_sample(at, 20.25, site="t", pool="q")])
        yield store


def drained(store: Store, config: SinkConfig) -> None:
    sink = build(config)
    one = Forwarder(store, sink)
    while one.forward():
        pass
    sink.close()


def verified(store: Store, config: SinkConfig, lo: int = T0, hi: int = T0 + 30 * HOUR) -> Verified:
    reader = READERS[config.kind](config)
    try:
        return verify(store, config.name, reader, lo, hi)
    finally:
        reader.close()


def named(found: Verified) -> set[tuple[str, str, int, int, int]]:
    """Site, field, hour, and how many of each."""
    return {
        (one.place[0][3], one.place[1], (one.place[2] - T0) // HOUR, one.recorded.count, one.held.count)
        for one in found.differences
    }


def influx(server: InfluxDB, monkeypatch: pytest.MonkeyPatch, token: str = "", bucket: str = "") -> SinkConfig:
    monkeypatch.setenv("VERIFY_TOKEN", token or server.token)
    where = {"url": server.url, "org": server.org, "bucket": bucket or server.bucket, "token": {"env": "VERIFY_TOKEN"}}
    return SinkConfig.model_validate({"name": "one", "kind": "influxdb", **where})


def victoria(server: VictoriaMetrics) -> SinkConfig:
    return SinkConfig(name="one", kind="victoriametrics", url=server.url)


def test_every_kind_of_sink_can_be_read_back() -> None:
    assert READERS.keys() == REGISTRY.keys()


def test_a_whole_influxdb_agrees_and_what_was_deleted_there_is_named_and_mended(
    influxdb: InfluxDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = influx(influxdb, monkeypatch)
    with recorded() as store:
        drained(store, config)
        whole = verified(store, config)
        assert (whole.differences, whole.points, whole.waiting) == ([], 180 * (3 + 2), 0)
        window = {"start": "2026-11-24T08:00:00Z", "stop": "2026-11-24T08:20:00Z", "predicate": 'site="s"'}
        where = {"org": influxdb.org, "bucket": influxdb.bucket}
        influxdb.request("POST", "/api/v2/delete", params=where, json=window).raise_for_status()
        found = verified(store, config)
        assert named(found) == {("s", name, 2, 6, 3) for name in ("built_pflops", "online_pflops", "used_pflops")}
        influxdb.write(f"compute,operator=op,pool=q,province=安徽,site=t online_pflops=20.5 {T0}")
        assert named(verified(store, config)) - named(found) == {("t", "online_pflops", 0, 6, 6)}
        assert send_hours(store, verified(store, config).mend) == 12
        assert verified(store, config).waiting == 2
        drained(store, config)
        assert verified(store, config).differences == []


def test_what_a_killed_victoriametrics_had_taken_and_lost_is_found_and_mended() -> None:
    with recorded() as store, victoriametrics_server() as first:
        config = victoria(first)
        drained(store, config)
        first.flush()
        assert verified(store, config).differences == []
        late = range(T0 + 30 * HOUR, T0 + 31 * HOUR, 60)
        store.append([a_sample(at, 2.0, 1.0) for at in late])
        drained(store, config)
        first.tree.signal_all(signal.SIGKILL)
        first.tree.process.wait(10)
        with victoriametrics_server(again=first) as second:
            lost = verified(store, config, T0, T0 + 31 * HOUR)
            assert ("s", "online_pflops", 30, 60, 0) in named(lost), "204 was answered, and nothing was kept"
            send_hours(store, lost.mend)
            drained(store, config)
            second.flush()
            agrees = lambda: not verified(store, config, T0, T0 + 31 * HOUR).differences  # noqa: E731
            wait_until(agrees, within=20, what="the points to be seen")


def test_a_sink_that_cannot_be_read_is_told(influxdb: InfluxDB, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_store(*SITES) as store:
        for wrong in ({"token": "wrong"}, {"bucket": "nowhere"}):
            with pytest.raises(Unavailable, match="must be allowed to read") as caught:
                verified(store, influx(influxdb, monkeypatch, **wrong))
            assert "wrong" not in str(caught.value)
        with pytest.raises(Unavailable, match="ConnectError"):
            verified(store, SinkConfig(name="one", kind="victoriametrics", url="http://127.0.0.1:9"))


# ---------------------------------------------------------------- what is compared, with a reader that is made up


class Held:
    """NOT a database: what it is given."""

    def __init__(self, points: dict[tuple[str, int, str], float]) -> None:
        self.points = points

    def tallies(self, lo: int, hi: int) -> Tallies:
        found: Tallies = {}
        for (site, at, name), value in self.points.items():
            if lo <= at < hi:
                names = ("op", "p", "安徽", site)
                one = found.setdefault((names, name, at - at % HOUR), Tally())
                one.count, one.total = one.count + 1, one.total + value
        return found

    def close(self) -> None:
        """Nothing."""


@settings(max_examples=20, deadline=None)
@given(lost=st.sets(st.integers(0, 59)), changed=st.sets(st.integers(0, 59)), sent=st.integers(0, 60))
def test_exactly_the_hours_with_a_difference_are_named(lost: set[int], changed: set[int], sent: int) -> None:
    with a_store(a_site("s")) as store:
        store.subscribe(["one"])
        times = [T0 + place * 1500 for place in range(60)]
        store.append([a_sample(at, 1.0) for at in times])
        store.advance("one", sent)
        held = {
            ("s", at, name): value + (name == "online_pflops" and place in changed)
            for place, at in enumerate(times)
            if place not in lost and place < sent
            for name, value in (("built_pflops", 100.0), ("online_pflops", 1.0))
        }
        found = verify(store, "one", Held(held), T0, T0 + 30 * HOUR)
        waiting = {at // HOUR for at in times[sent:]}
        wrong = {times[place] // HOUR for place in lost | changed if place < sent} - waiting
        assert {hour // HOUR for _, hour in found.mend} == wrong
        assert {one.place[2] // HOUR for one in found.differences} == wrong
        assert found.waiting == len(waiting)


def test_what_the_sink_refused_is_no_difference_and_what_was_let_go_cannot_be_compared() -> None:
    with a_store(a_site("s")) as store:
        store.subscribe(["one"])
        store.append([a_sample(T0, 1.0)])
        figures = f"built_pflops=100.0,online_pflops=1.0 {T0}"
        store.reject("one", 1, f"compute,operator=op,pool=p,province=安徽,site=s {figures}", "400")
        store.advance("one", 1)
        found = verify(store, "one", Held({}), T0, T0 + HOUR)
        assert (found.differences, found.refused) == ([], 1)
        with store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE counters SET value = 1795500000 WHERE name = 'samples_from'")
        with pytest.raises(InputError, match="let go"):
            verify(store, "one", Held({}), T0 - 1, T0 + HOUR)


def test_a_name_comes_back_as_a_sink_holds_it() -> None:
    assert carried("a\\b\nc, d=e") == "a/b c, d=e"


def test_the_command(victoriametrics: VictoriaMetrics, tmp_path: Path) -> None:
    sinks = f"sinks:\n  - {{name: one, kind: victoriametrics, url: '{victoriametrics.url}'}}\n"
    (tmp_path / "config.yaml").write_text(f"store: sqlite:///{tmp_path}/suanli.db\n{sinks}")
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    asked = ("sink", "verify", "one", "--from", "2026-11-24T06:00Z", "--to", "2026-11-24T08:00Z")
    with closing(Store(f"sqlite:///{tmp_path}/suanli.db")) as store:
        store.subscribe(["one"])
        store.append([a_sample(T0 + 60 * place, 2.0, site="wh-2", pool="h800") for place in range(3)])
        store.advance("one", 3)  # as if it had answered 204
        found = suanli(tmp_path, "--lang", "en", *asked)
        assert (found.code, found.out.count("wh-2")) == (1, 2)
        assert "one differs from the record in 2 places" in found.err
        told = suanli(tmp_path, *asked, "--repair", "--json")
        assert (told.code, told.data["sent_again"]) == (1, 3)
        assert told.data["differences"][0] == {
            "operator": "另一运营方", "pool": "h800", "province": "安徽", "site": "wh-2",
            "field": "built_pflops", "hour": "2026-11-24T06:00:00Z",
            "recorded": {"count": 3, "sum": 300.0}, "held": {"count": 0, "sum": 0.0},
        }  # fmt: skip
        drained(store, victoria(victoriametrics))
    victoriametrics.flush()
    # It remembers for some seconds that there was no such series.
    wait_until(lambda: suanli(tmp_path, *asked).code == 0, within=20, what="the points to be seen")
    assert suanli(tmp_path, "sink", "verify", "two", *asked[3:]).code == 2
    assert suanli(tmp_path, *asked[:3], "--from", "2026-11-25", "--to", "2026-11-24").code == 2
