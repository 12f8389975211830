"""Our own metrics of what is held and doubted."""

from __future__ import annotations

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
