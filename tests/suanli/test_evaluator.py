"""The built-in evaluator on a real record: what it finds, what it tells, what it keeps, and what survives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from suanli.alerts.evaluator import Evaluator
from suanli.alerts.round import Change
from suanli.config import Config
from suanli.model.alert import ALERTS, KINDS, Alert
from suanli.model.errors import InputError, Unavailable
from suanli.model.maintenance import Window
from suanli.model.polled import PollOutcome
from suanli.model.site import Site
from suanli.store.alerts import acknowledge, looked_at, named, read_alerts, subject_of
from suanli.store.maintenance import add_window
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Store
from tests.suanli.making import T0, ZONE, Clock, a_pool, a_sample, a_site, a_store, built, config, open_store, register
from tests.suanli.storing import address_of, raw

pytestmark = pytest.mark.usefixtures("both_databases")

POLLED = {"source": {"kind": "http_json", "url": "http://127.0.0.1:9/"}}
TARGET = {"scope": "fleet", "metric": "online_ratio", "target": 0.8, "for": "1m"}


class Watched:
    """A store with an evaluator whose clock is moved by hand, and what it told."""

    def __init__(self, store: Store, clock: Clock, settings: Config) -> None:
        self.store, self.clock, self.config = store, clock, settings
        self.outcomes = Outcomes()
        self.told: list[Change] = []
        self.evaluator = self.begun()

    def begun(self, store: Store | None = None) -> Evaluator:
        """A new process on the same record."""
        return Evaluator(store or self.store, self.config, self.outcomes, self.told.extend)

    def at(self, second: int) -> dict[str, str]:
        """A round so many seconds after the beginning; the states that are not ok, by name."""
        self.clock.at = T0 + second
        self.evaluator.round(T0 + second)
        return {
            named(*key): alert.state
            for key, alert in self.evaluator.alerts.items()
            if alert.state != "ok" and alert.kind.name not in ("dead_man", "disk_low")
        }

    def says(self, second: int, online: float | None, used: float | None = 1.0, site: str = "s", **more: Any) -> None:
        self.store.append([a_sample(T0 + second, online, used, site=site, max_age=100_000, **more)])

    def polled(self, result: str, site: str = "s") -> None:
        self.outcomes.note(PollOutcome(site=site, at=self.store.now, result=result, seconds=0.1))

    def alert(self, name: str) -> Alert:
        return next(alert for key, alert in self.evaluator.alerts.items() if named(*key) == name)


@contextmanager
def watched(*sites: Site, **settings: Any) -> Iterator[Watched]:
    clock = Clock(T0)
    with a_store(*(sites or (a_site("s"),)), clock=clock) as store:
        yield Watched(store, clock, config(**settings))


RATE = "rate_below_target:fleet,online_ratio,fp16"

# ---------------------------------------------------------------- one kind after the other


def test_a_rate_below_its_target_fires_after_its_own_time_and_ends_above_the_band() -> None:
    with watched(targets=[TARGET]) as one:
        one.says(0, 70.0)
        assert one.at(0) == {RATE: "pending"}
        assert one.at(59) == {RATE: "pending"}
        assert one.at(60) == {RATE: "firing"}
        alert = one.alert(RATE)
        assert (alert.value, alert.threshold, alert.stake) == (0.7, 0.8, 10.0)
        one.says(70, 81.0)
        assert one.at(90) == {RATE: "firing"}
        one.says(100, 82.0)
        assert one.at(120) == {RATE: "recovering"}
        assert one.at(120 + 299) == {RATE: "recovering"}
        assert one.at(120 + 300) == {}
        assert [(before, alert.state) for before, alert in one.told if alert.kind.name == "rate_below_target"] == [
            (None, "pending"),
            ("pending", "firing"),
            ("firing", "recovering"),
            ("recovering", "ok"),
        ]


def test_a_target_of_which_nothing_is_known_holds_what_fires_and_tells_that_it_cannot_be_judged() -> None:
    with watched(targets=[TARGET]) as one:
        one.store.append([a_sample(T0, 70.0, 1.0, max_age=90)])
        one.at(0)
        assert one.at(60)[RATE] == "firing"
        found = one.at(91)
        assert found[RATE] == "firing"
        assert one.alert(RATE).held
        assert one.alert(RATE).value is None
        assert found["no_target_data:fleet,online_ratio,fp16"] == "pending"
        assert one.at(91 + 1800)["no_target_data:fleet,online_ratio,fp16"] == "firing"


def test_a_silent_site_is_none_that_was_never_heard() -> None:
    with watched(a_site("s", **POLLED), a_site("t", **POLLED), a_site("u")) as one:
        silent, never = {"site_silent:s": "unknown", "site_silent:t": "unknown"}, "site_never_heard:"
        expected = {f"{never}s": "pending", f"{never}t": "pending"}
        assert {name: state for name, state in one.at(0).items() if name.startswith("site_")} == silent | expected
        one.polled("ok", "s")
        one.polled("unreachable", "t")
        assert [name for name in one.at(30) if name.startswith("site_")] == [f"{never}t"]
        one.polled("unreachable", "s")
        assert one.at(60)["site_silent:s"] == "pending"
        assert one.at(60 + 900)["site_silent:s"] == "firing"
        assert one.at(3600)[f"{never}t"] == "firing"
        assert one.alert("site_silent:s").stake == 100.0
        one.polled("ok", "s")
        assert "site_silent:s" not in one.at(3630)


def test_a_site_under_an_approved_window_is_neither_silent_nor_never_heard_nor_below_its_target() -> None:
    with watched(a_site("s", **POLLED), a_site("t", **POLLED), targets=[TARGET]) as one:
        one.polled("ok", "s")
        one.polled("unreachable", "s")
        one.says(0, 100.0, site="t")
        one.says(0, 10.0, site="s")
        assert one.at(0) == {**one.at(0), RATE: "pending", "site_silent:s": "pending"}
        window = {"site": "s", "from": "1970-01-02", "until": "2100-01-01", "reason": "work"}
        with one.store.writing() as connection:
            number = add_window(connection, Window.model_validate_json(_json(window)), ZONE, one.store.now)
        assert "site_silent:s" in one.at(30)
        with one.store.writing() as connection:
            from suanli.store.windows import approve_window

            approve_window(connection, number, "王", one.store.now)
        found = one.at(60)
        assert "site_silent:s" not in found
        assert "site_never_heard:s" not in found
        assert RATE not in found
        assert one.alert(RATE).value == 1.0


def _json(plain: dict[str, str]) -> str:
    import json

    return json.dumps(plain)


def test_a_target_whose_whole_scope_is_excused_is_not_without_data() -> None:
    with watched(targets=[TARGET]) as one:
        window = {"site": "s", "from": "1970-01-02", "until": "2100-01-01", "reason": "work"}
        with one.store.writing() as connection:
            add_window(connection, Window.model_validate_json(_json(window)), ZONE, one.store.now, "王")
        assert "no_target_data:fleet,online_ratio,fp16" not in one.at(0)


def test_coverage_used_above_online_and_a_jump() -> None:
    with watched(a_site("s"), a_site("t", a_pool("p", built(300.0)))) as one:
        one.says(0, 50.0, 60.0)
        found = one.at(0)
        assert found == {
            "coverage_low:fp16": "pending",
            "used_above_online:s": "pending",
            "used_above_online:t": "unknown",
        }
        assert one.alert("coverage_low:fp16").value == 0.25
        assert one.alert("coverage_low:fp16").stake == 400.0
        one.says(10, 60.0, 60.0)
        assert "used_above_online:s" not in one.at(30)
        register(one.store, a_site("s", a_pool("p", built(121.0, reason="correction"))), now=T0 + 40)
        assert one.at(60)["capacity_jump:s"] == "firing"
        assert one.alert("capacity_jump:s").value == pytest.approx(0.21)
        assert one.at(40 + 3599)["capacity_jump:s"] == "firing"
        assert "capacity_jump:s" not in one.at(40 + 3600)


def test_a_new_site_and_a_new_pool_have_not_jumped() -> None:
    with watched() as one:
        one.at(0)
        register(one.store, a_site("s", a_pool("p", built(100.0)), a_pool("q", built(900.0))), now=T0 + 40)
        register(one.store, a_site("new"), now=T0 + 40)
        found = one.at(60)
        assert "capacity_jump:s" not in found
        assert found["capacity_jump:new"] == "unknown"


def test_what_begins_by_itself_within_the_hour_is_a_jump_too() -> None:
    from datetime import UTC, datetime

    later = built(50.0, datetime.fromtimestamp(T0 + 100, UTC))
    with watched(a_site("s", a_pool("p", built(100.0), later))) as one:
        assert "capacity_jump:s" not in one.at(99)
        assert one.at(100)["capacity_jump:s"] == "firing"
        assert one.alert("capacity_jump:s").value == -0.5


def test_a_sink_that_lags_and_a_quarantine_that_grows() -> None:
    sink = {"name": "one", "kind": "victoriametrics", "url": "http://127.0.0.1:9"}
    with watched(sinks=[sink]) as one:
        one.store.subscribe(["one"])
        assert one.at(0) == {"coverage_low:fp16": "pending", "used_above_online:s": "unknown"}
        one.says(10, 1.0)
        assert "sink_lagging:one" not in one.at(910)
        assert one.at(911)["sink_lagging:one"] == "pending"
        one.clock.at = T0 + 1000
        held = [a_sample(T0 + 1000 + place, 9e5, 1.0, fetched_at=T0 + 1000) for place in range(11)]
        one.store.append(held)
        assert raw(one.store, "SELECT count(*) FROM quarantine") == [(11,)]
        assert one.at(1000)["quarantine_growing"] == "firing"
        assert one.at(1000 + 3599)["quarantine_growing"] == "firing"
        assert one.at(1000 + 3600)["quarantine_growing"] == "recovering"
        assert "quarantine_growing" not in one.at(1000 + 4200)


def test_a_sink_that_does_not_let_us_in_fires_until_it_does() -> None:
    sink = {"name": "one", "kind": "victoriametrics", "url": "http://127.0.0.1:9"}
    with watched(sinks=[sink]) as one:
        shut = ["one"]
        one.evaluator = Evaluator(one.store, one.config, one.outcomes, shut=lambda: shut)
        assert one.at(0)["sink_shut:one"] == "pending"
        assert one.at(120)["sink_shut:one"] == "firing"
        shut.clear()
        assert "sink_shut:one" not in one.at(150)


def test_every_kind_has_its_readings_and_the_dead_man_always_fires() -> None:
    sink = {"name": "one", "kind": "victoriametrics", "url": "http://127.0.0.1:9"}
    with watched(a_site("s", **POLLED), targets=[TARGET], sinks=[sink]) as one:
        one.store.subscribe(["one"])
        one.at(0)
        assert {alert.kind.name for alert in one.evaluator.alerts.values()} == {kind.name for kind in ALERTS}
        assert one.alert("dead_man").state == "firing"
        for alert in one.evaluator.alerts.values():
            assert tuple(label for label, _ in alert.subject) == alert.kind.subject


def test_what_is_switched_off_or_said_differently() -> None:
    said = {"coverage_low": {"threshold": 0.2, "for": "0s", "severity": "critical"}, "dead_man": {"enabled": False}}
    with watched(alerts=said) as one:
        one.at(0)
        coverage = one.alert("coverage_low:fp16")
        assert (coverage.state, coverage.severity, coverage.threshold) == ("firing", "critical", 0.2)
        assert all(alert.kind.name != "dead_man" for alert in one.evaluator.alerts.values())


# ---------------------------------------------------------------- what survives, and what is written


def test_the_clocks_go_on_over_a_restart() -> None:
    with watched(targets=[TARGET]) as one:
        one.says(0, 70.0)
        one.at(0)
        with closing(open_store(address_of(one.store), one.clock)) as again:
            one.evaluator = one.begun(again)
            assert one.at(60) == {RATE: "firing"}
            one.says(61, 90.0)
            one.store.reload()
            again.reload()
            one.at(90)
        one.evaluator = one.begun()
        assert one.at(90 + 299) == {RATE: "recovering"}
        assert one.alert(RATE).fired_at == T0 + 60
        assert one.at(90 + 300) == {}


def test_only_changes_are_written() -> None:
    with watched(targets=[TARGET]) as one:
        one.says(0, 70.0)
        one.at(0)
        rows = raw(one.store, "SELECT * FROM alerts ORDER BY kind, subject")
        one.says(10, 71.0)
        one.at(30)
        assert raw(one.store, "SELECT * FROM alerts ORDER BY kind, subject") == rows
        assert one.alert(RATE).value == 0.71
        with one.store.reading() as connection:
            assert looked_at(connection) == T0 + 30
            assert {key: alert.state for key, alert in read_alerts(connection).items()} == {
                key: alert.state for key, alert in one.evaluator.alerts.items()
            }


def test_a_subject_that_is_no_more_ends_without_firing_on() -> None:
    with watched(a_site("s", **POLLED), targets=[TARGET]) as one:
        one.polled("ok")
        one.polled("unreachable")
        one.says(0, 70.0)
        one.at(0)
        assert one.at(900) == {**one.at(900), RATE: "firing", "site_silent:s": "firing"}
        one.told.clear()
        one.config = config()
        one.clock.at = T0 + 901
        register(one.store, a_site("s", status="retired", **POLLED), now=T0 + 901)
        one.evaluator = one.begun()
        assert one.at(930) == {"coverage_low:fp16": "unknown"}
        over = {named(alert.kind.name, alert.subject): (before, alert.state, alert.gone) for before, alert in one.told}
        assert over[RATE] == ("firing", "ok", True)
        assert over["site_silent:s"] == ("firing", "ok", True)
        assert raw(one.store, "SELECT count(*) FROM alerts WHERE kind LIKE 'site%'") == [(0,)]


def test_whoever_is_told_and_fails_is_told_again_and_nothing_is_recorded_before() -> None:
    with watched(targets=[TARGET]) as one:
        told: list[list[Change]] = []

        def failing(changes: list[Change]) -> None:
            told.append(changes)
            if len(told) == 1:
                raise ValueError("no room for a message")

        one.evaluator = Evaluator(one.store, one.config, one.outcomes, failing)
        one.evaluator.turn()
        assert one.evaluator.fault == "ValueError: no room for a message"
        assert raw(one.store, "SELECT count(*) FROM alerts") == [(0,)]
        one.evaluator.turn()
        assert one.evaluator.fault == ""
        assert [alert.kind for _, alert in told[0]] == [alert.kind for _, alert in told[1]]


def renamed(store: Store, table: str, name: str) -> None:
    with store.writing() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}")


def test_a_round_that_cannot_be_recorded_holds_every_state_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with watched(targets=[TARGET]) as one:
        one.says(0, 70.0)
        one.at(0)
        before = dict(one.evaluator.alerts)
        renamed(one.store, "alerts", "mislaid")
        one.clock.at = T0 + 60
        with pytest.raises(Unavailable):
            one.evaluator.round(T0 + 60)
        one.evaluator.turn()
        renamed(one.store, "mislaid", "alerts")
        assert one.evaluator.alerts == before
        assert "the store cannot be read" in one.evaluator.fault
        assert "alerts stay as they are" in caplog.text
        assert one.at(60) == {RATE: "firing"}


# ---------------------------------------------------------------- acknowledging


def acked(one: Watched, name: str, by: str = "王", why: str = "换电源") -> Alert:
    kind, _, subject = name.partition(":")
    with one.store.writing() as connection:
        return acknowledge(connection, (kind, subject_of(KINDS[kind], subject)), by, why, one.store.now)


def test_an_acknowledgement_is_audited_and_cleared_when_the_alert_is_over() -> None:
    with watched(targets=[TARGET]) as one:
        one.says(0, 70.0)
        one.at(0)
        with pytest.raises(InputError, match="does not fire"):
            acked(one, RATE)
        one.at(60)
        assert acked(one, RATE).acknowledged_by == "王"
        one.at(90)
        assert (one.alert(RATE).acknowledged_by, one.alert(RATE).acknowledged_why) == ("王", "换电源")
        ((actor, subject, after),) = raw(
            one.store, "SELECT reason, subject, after FROM audit WHERE action = 'alert.acknowledge'"
        )
        assert (actor, subject, after) == ("换电源", RATE, '{"by":"王","why":"换电源"}')
        one.says(91, 90.0)
        one.at(120)
        assert one.alert(RATE).acknowledged_by == "王"
        one.at(420)
        assert one.alert(RATE).acknowledged_by == ""
        assert raw(one.store, "SELECT count(*) FROM alerts WHERE acknowledged_by <> ''") == [(0,)]


def test_an_acknowledgement_made_while_a_round_runs_is_not_lost() -> None:
    with watched(targets=[TARGET]) as one:
        one.says(0, 70.0)
        one.at(0)
        one.at(60)
        one.says(61, 90.0)

        def acknowledging(_: list[Change]) -> None:
            acked(one, RATE)

        one.evaluator = Evaluator(one.store, one.config, one.outcomes, acknowledging)
        one.at(90)
        assert raw(one.store, "SELECT acknowledged_by, state FROM alerts WHERE acknowledged_by <> ''") == [
            ("王", "recovering")
        ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("site_silent:s", (("site", "s"),)),
        ("rate_below_target:operator:甲,乙,usage_ratio,fp16", "operator:甲,乙"),
        ("disk_low", ()),
    ],
)
def test_names_are_read_back(name: str, expected: Any) -> None:
    kind, _, rest = name.partition(":")
    subject = subject_of(KINDS[kind], rest)
    assert named(kind, subject) == name
    assert subject == expected or subject[0][1] == expected


@pytest.mark.parametrize("name", ["site_silent:", "disk_low:x", "rate_below_target:fleet", "coverage_low"])
def test_a_name_with_other_labels_is_refused(name: str) -> None:
    kind, _, rest = name.partition(":")
    with pytest.raises(InputError, match="expected"):
        subject_of(KINDS[kind], rest)
