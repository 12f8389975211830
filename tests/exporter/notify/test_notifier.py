"""From a change to a message in the queue: durable, once, and what the owner of a channel asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.notify.letter import Letter
from exporter.notify.notifier import Notifier
from suanli.model.alert import KINDS, Alert
from suanli.model.maintenance import Window
from suanli.store import notifications as queue
from suanli.store.sql import Store
from suanli.store.windows import add_window
from tests.exporter.notify.alerts import an_alert
from tests.suanli.making import T0, ZONE, Clock, a_pool, a_site, a_store, built, config

URL = {"url": {"env": "X"}}
DUTY = {"name": "duty"} | URL
HEART = {"name": "heart", "heartbeat": "1m"} | URL
LIVES = Alert(KINDS["dead_man"], (), "info", "firing", 0, None, None, None, fired_at=0)


@pytest.fixture
def clock() -> Clock:
    return Clock(T0)


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    sites = [a_site(one, a_pool("p", built(100.0)), province=where) for one, where in (("a", "安徽"), ("b", "江苏"))]
    with a_store(*sites, clock=clock) as made:
        yield made


class Desk:
    """A notifier and the alerts as they stand; `again` is another one on the same store, as after a crash."""

    def __init__(self, store: Store, *channels: dict[str, Any]) -> None:
        self.store, self.channels = store, channels
        self.alerts: dict[tuple[str, Any], Alert] = {}
        self.again()

    def again(self) -> None:
        self.notifier = Notifier(self.store, config(notify=list(self.channels)), lambda: list(self.alerts.values()))

    def stands(self, *alerts: Alert) -> None:
        self.alerts |= {(one.kind.name, one.subject): one for one in alerts}

    def changes(self, *alerts: Alert) -> None:
        self.stands(*alerts)
        self.notifier.on_change([(None, one) for one in alerts])

    def letters(self, channel: str = "duty") -> list[Letter]:
        with self.store.reading() as connection:
            rows = queue.listed(connection, channel, 100)
        return [Letter.model_validate_json(row.letter) for row in reversed(rows)]

    def told(self, channel: str = "duty") -> list[list[tuple[str, str]]]:
        """Site and news of each alert in each message."""
        return [
            [(one["subject"].get("site", ""), one["news"]) for one in letter.alerts] for letter in self.letters(channel)
        ]


def fires(site: str = "a", **more: Any) -> Alert:
    return an_alert(site, **{"fired_at": T0, "since": T0} | more)


def ok(site: str = "a", **more: Any) -> Alert:
    return an_alert(site, **{"state": "ok", "fired_at": None} | more)


def test_changes_within_the_window_are_one_message_with_the_worst_first(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.changes(fires("a"))
    desk.notifier.turn()
    clock.at += 29
    desk.changes(fires("b", severity="critical"))
    desk.notifier.turn()
    assert desk.letters() == []
    clock.at += 1
    desk.notifier.turn()
    desk.notifier.turn()
    assert desk.told() == [[("b", "fires"), ("a", "fires")]]


def test_what_was_changed_is_told_although_the_process_died_at_once(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.changes(fires("a"))
    desk.changes(ok("a"))
    desk.again()
    clock.at += 30
    desk.notifier.turn()
    assert desk.told() == [[("a", "passed")]]


def test_the_same_change_twice_is_one(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.changes(fires("a"))
    desk.again()
    desk.changes(fires("a"))
    clock.at += 30
    desk.notifier.turn()
    clock.at += 600
    desk.changes(fires("a"))
    desk.notifier.turn()
    assert desk.told() == [[("a", "fires")]]


def test_a_change_that_nobody_told_is_seen_in_how_things_stand(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.stands(fires("a"))
    desk.notifier.turn()
    clock.at += 30
    desk.notifier.turn()
    clock.at += 600
    desk.stands(ok("a"))
    desk.notifier.turn()
    clock.at += 30
    desk.notifier.turn()
    assert desk.told() == [[("a", "fires")], [("a", "over")]]


def test_without_a_word_of_the_evaluator_nothing_is_over(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.changes(fires("a"))
    clock.at += 30
    desk.notifier.turn()
    desk.alerts.clear()
    desk.again()
    for _ in range(10):
        clock.at += 600
        desk.notifier.turn()
    assert desk.told() == [[("a", "fires")]]
    clock.at += 3 * 3600
    desk.notifier.turn()
    assert desk.told()[1:] == [[("a", "still")]]


def test_the_end_of_a_subject_is_told_to_nobody(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.changes(fires("a"))
    clock.at += 30
    desk.notifier.turn()
    clock.at += 600
    desk.changes(ok("a", gone=True))
    clock.at += 86_400
    desk.notifier.turn()
    assert desk.told() == [[("a", "fires")]]


def test_an_acknowledgement_is_seen_without_a_change_of_state(store: Store, clock: Clock) -> None:
    desk = Desk(
        store, DUTY | {"escalate": {"after": "30m", "to": "boss"}}, {"name": "boss", "kinds": ["disk_low"]} | URL
    )
    desk.changes(fires("a"), fires("b"))
    clock.at += 30
    desk.notifier.turn()
    desk.stands(fires("a", acknowledged_by="陈"))
    for _ in range(9):
        clock.at += 1800
        desk.notifier.turn()
    assert sorted(desk.told()[0]) == [("a", "fires"), ("b", "fires")]
    assert desk.told()[1:] == [[("b", "still")]]
    assert desk.told("boss") == [[("b", "escalated")], [("b", "still")]]
    assert desk.letters("boss")[0].text.startswith("● 警告 · 无人确认，由 duty 升级")


def test_a_site_under_maintenance_is_left_alone_until_its_end(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    hour = {"start": datetime.fromtimestamp(T0, UTC), "end": datetime.fromtimestamp(T0 + 3600, UTC)}
    window = Window.model_validate({"site": "a", "reason": "power", **hour})
    with store.writing() as connection:
        add_window(connection, window, ZONE, T0 - 10, approved_by="boss")
    desk.changes(fires("a"), fires("b"))
    clock.at += 30
    desk.notifier.turn()
    assert desk.told() == [[("b", "fires")]]
    clock.at = T0 + 3600
    desk.notifier.turn()
    assert desk.told() == [[("b", "fires")], [("a", "fires")]]


@pytest.mark.parametrize(
    ("only", "sites"),
    [
        ({"scopes": ["site:a"]}, {"a"}),
        ({"scopes": ["province:江苏"]}, {"b"}),
        ({"scopes": ["operator:op"]}, {"a", "b"}),
        ({"scopes": ["fleet"]}, {""}),
        ({"kinds": ["disk_low"]}, {""}),
        ({"kinds": ["site_silent"]}, {"a", "b"}),
        ({"min_severity": "critical"}, {""}),
        ({}, {"a", "b", ""}),
    ],
)
def test_a_channel_is_told_what_it_asked_for(only: dict[str, Any], sites: set[str], store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY | only)
    disk = Alert(KINDS["disk_low"], (), "critical", "firing", T0, 5e8, 1e9, None, fired_at=T0)
    desk.changes(fires("a"), fires("b"), disk, LIVES)
    clock.at += 30
    desk.notifier.turn()
    assert {site for message in desk.told() for site, _ in message} == sites


def test_a_heart_beats_as_often_as_it_is_asked_and_stops_with_the_evaluator(store: Store, clock: Clock) -> None:
    desk = Desk(store, HEART, DUTY)
    desk.notifier.turn()
    assert desk.letters("heart") == []
    desk.stands(LIVES, fires("a", severity="critical"))
    seen = []
    for _ in range(7):
        desk.notifier.turn()
        with store.reading() as connection:
            seen.append(queue.last_heartbeats(connection)["heart"] - T0)
        clock.at += 20
    assert seen == [0, 0, 0, 60, 60, 60, 120]
    assert len(desk.letters("heart")) == 1
    desk.stands(replace(LIVES, state="unknown"))
    clock.at += 3600
    desk.notifier.turn()
    with store.reading() as connection:
        assert queue.last_heartbeats(connection) == {"heart": T0 + 120}


def test_a_channel_is_told_in_its_own_language(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY, {"name": "english", "language": "en"} | URL)
    desk.changes(fires("a"))
    clock.at += 30
    desk.notifier.turn()
    assert desk.letters()[0].title == "【警告】算力告警：1 项触发"
    assert desk.letters("english")[0].title == "[warning] Suanli: 1 firing"


def test_values_that_move_are_not_written_again_in_every_round(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.changes(fires("a", value=0.1))
    with store.reading() as connection:
        kept = queue.memories(connection)
    desk.stands(fires("a", value=0.2))
    clock.at += 20
    desk.notifier.turn()
    with store.reading() as connection:
        assert queue.memories(connection) == kept
    clock.at += 10
    desk.notifier.turn()
    assert desk.letters()[0].alerts[0]["value"] == 0.2
    assert json.loads(next(iter(kept.values())))["alert"]["kind"] == "site_silent"


def test_ten_thousand_alerts_are_told_in_one_short_message(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.changes(*(fires(f"site-{number:05}") for number in range(2000)))
    desk.stands(*(ok(f"calm-{number:05}") for number in range(8000)))
    clock.at += 30
    desk.notifier.turn()
    (letter,) = desk.letters()
    assert letter.title == "【警告】算力告警：2000 项触发"
    assert len(letter.text.encode()) < 2000
    clock.at += 2
    desk.notifier.turn()
    assert len(desk.letters()) == 1


def test_what_a_removed_channel_left_behind_is_given_up_once(store: Store, clock: Clock) -> None:
    desk = Desk(store, DUTY)
    desk.changes(fires("a"))
    clock.at += 30
    desk.notifier.turn()
    Desk(store).notifier.turn()
    with store.reading() as connection:
        assert queue.memories(connection) == {}
        assert queue.pending(connection) == {}
        assert queue.listed(connection, None, 9)[0].error == "its channel is not configured any more"
