"""Our own metrics: what is held and doubted, how much room there is, what the process takes."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from exporter.own import OwnMetrics
from suanli.quality.history import Finding
from suanli.quality.inspections import INSPECTIONS
from suanli.store.findings import keep_findings
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_sample, a_site, a_store

HOUR = 3600


def told(store: Store, own: OwnMetrics, name: str) -> dict[str, float]:
    text = generate_latest(own.registry).decode()
    lines = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


def test_what_is_held_is_counted_by_check_from_nought_on_and_never_less() -> None:
    with a_store(a_site("s"), clock=Clock(T0)) as store:
        own = OwnMetrics(store, [])
        nothing = dict.fromkeys(("sentinel", "future", "unit", "closed"), 0.0)
        assert told(store, own, "suanli_quarantined_samples_total") == nothing
        store.append([a_sample(T0, 80_000.0), a_sample(T0, 90_000.0), a_sample(T0 + 90_000, 1.0)])
        store.append([a_sample(T0, 80_000.0)])
        counted = nothing | {"unit": 2.0, "future": 1.0}
        assert told(store, own, "suanli_quarantined_samples_total") == counted
        store.release(1, "me")
        assert told(store, own, "suanli_quarantined_samples_total") == counted


def test_findings_are_shown_while_they_are_open() -> None:
    clock = Clock(T0)
    with a_store(a_site("s"), clock=clock) as store:
        own = OwnMetrics(store, [], clock)
        quiet = {inspection.name: 0.0 for inspection in INSPECTIONS}
        assert told(store, own, "suanli_findings") == quiet
        with store.writing() as connection:
            keep_findings(connection, [(1, Finding("s", "p", "constant", T0 - 9 * HOUR, T0, "x"))], T0)
        store.note_findings()
        assert told(store, own, "suanli_findings") == quiet | {"constant": 1.0}
        clock.at = T0 + 2 * HOUR + 1
        assert told(store, own, "suanli_findings") == quiet


def plain(store: Store) -> dict[str, float]:
    """Those without labels."""
    lines = generate_latest(OwnMetrics(store, []).registry).decode().splitlines()
    pairs = [line.split(" ") for line in lines if not line.startswith("#") and "{" not in line]
    return {name: float(value) for name, value in pairs}


def test_room_is_what_the_system_says_of_the_folder_and_size_that_of_the_files(tmp_path: Path) -> None:
    with a_store(a_site("s"), folder=tmp_path) as store:
        found = plain(store)
        assert found["suanli_store_size_bytes"] == sum(file.stat().st_size for file in tmp_path.iterdir())
        told = os.statvfs(tmp_path)
        assert found["suanli_store_free_bytes"] == pytest.approx(told.f_bavail * told.f_frsize, rel=0.05)


def test_what_the_system_does_not_tell_has_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise PermissionError("made up")

    with a_store(a_site("s")) as store:
        monkeypatch.setattr("suanli.store.space.shutil.disk_usage", refused)
        monkeypatch.setattr("suanli.store.space._PARTS", ("-not-there",))
        assert [name for name in plain(store) if name.startswith("suanli_store")] == []


def test_the_process_tells_its_memory_and_processor_time() -> None:
    with a_store(a_site("s")) as store:
        before = sum(os.times()[:2])
        found = plain(store)
        assert before - 0.02 <= found["process_cpu_seconds_total"] <= sum(os.times()[:2]) + 0.02
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        assert 0.2 * most < found["process_resident_memory_bytes"] <= 1.01 * most
