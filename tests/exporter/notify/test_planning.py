"""What a channel is told, case by case; the law beside it has them all, but seldom the rare ones."""

from __future__ import annotations

from typing import Any

from exporter.notify.planning import Circumstances, Memories, noted, planned
from suanli.config import ChannelConfig
from tests.exporter.notify.alerts import a_channel, an_alert
from tests.suanli.making import ZONE

NIGHT = 1_795_539_600  # 2026-11-25T01:00 in Shanghai
MORNING = NIGHT + 6 * 3600


class Days:
    """Some channels through time. `at` says what stands; `told` looks, and gives channel, site and news."""

    def __init__(self, *channels: ChannelConfig) -> None:
        self.excused: set[str] = set()
        self.memories: Memories = {}
        self.around = Circumstances(
            channels, ZONE, lambda _: {"fleet"}, lambda one: dict(one.subject)["site"] in self.excused
        )

    def at(self, now: int, site: str, *, fires: bool = True, **more: Any) -> None:
        plain: dict[str, Any] = {"fired_at": now} if fires else {"state": "ok", "fired_at": None}
        self.memories = noted(self.memories, [an_alert(site, **plain | more)], self.around, now)

    def told(self, now: int) -> list[tuple[str, str, str]]:
        self.memories, messages = planned(self.memories, self.around, now)
        lines = [(channel, one) for channel, some in messages.items() for one in some]
        return [(channel, dict(one.alert.subject)["site"], one.news) for channel, one in lines]


def test_a_flapping_alert_is_told_no_oftener_than_every_five_minutes() -> None:
    days = Days(a_channel(group="1s"))
    words = []
    for minute in range(20):
        days.at(60 * minute, "a", fires=minute % 2 == 0)
        words += [(minute, news) for _, _, news in days.told(60 * minute + 30)]
    assert words == [(0, "fires"), (5, "over"), (10, "fires"), (15, "over")]


def test_an_end_is_told_under_maintenance_and_what_came_and_went_in_it_is_not() -> None:
    days = Days(a_channel())
    days.at(0, "a")
    assert days.told(30) == [("duty", "a", "fires")]
    days.excused = {"a", "b"}
    days.at(600, "a", fires=False)
    days.at(600, "b")
    days.at(660, "b", fires=False)
    assert days.told(700) == [("duty", "a", "over")]
    days.excused = set()
    assert days.told(10_000) == []
    assert days.memories == {}


def test_at_night_only_what_is_critical_is_told_and_the_rest_in_the_morning() -> None:
    days = Days(a_channel(quiet_hours="22:00-07:00"))
    for site, severity in (("a", "critical"), ("b", "warning"), ("c", "warning")):
        days.at(NIGHT, site, severity=severity)
    assert days.told(NIGHT + 30) == [("duty", "a", "fires")]
    days.at(NIGHT + 600, "c", fires=False)
    days.at(NIGHT + 600, "a", fires=False, severity="critical")
    assert days.told(NIGHT + 700) == [("duty", "a", "over")]
    assert days.told(MORNING - 1) == []
    assert days.told(MORNING) == [("duty", "b", "fires"), ("duty", "c", "passed")]


def test_what_was_passed_on_and_then_acknowledged_or_over_before_it_was_told_is_not_told() -> None:
    boss = a_channel("boss", kinds=["disk_low"], quiet_hours="00:00-07:00")
    days = Days(a_channel(escalate={"after": "10m", "to": "boss"}), boss)
    for site in ("a", "b", "c"):
        days.at(NIGHT, site)
    assert len(days.told(NIGHT + 30)) == 3
    assert days.told(NIGHT + 700) == []
    days.at(NIGHT + 800, "a", acknowledged_by="me", fired_at=NIGHT)
    days.at(NIGHT + 800, "b", fires=False)
    assert days.told(NIGHT + 900) == [("duty", "b", "over")]
    told = days.told(MORNING)
    assert [one for one in told if one[0] == "boss"] == [("boss", "c", "escalated")]


def test_what_was_passed_on_is_told_to_its_end() -> None:
    days = Days(a_channel(escalate={"after": "10m", "to": "boss"}), a_channel("boss", kinds=["disk_low"]))
    days.at(0, "a")
    assert days.told(30) == [("duty", "a", "fires")]
    assert days.told(629) == []
    assert days.told(630) == [("boss", "a", "escalated")]
    days.at(2000, "a", fires=False)
    assert days.told(2030) == [("duty", "a", "over"), ("boss", "a", "over")]


def test_an_acknowledged_alert_is_not_repeated() -> None:
    days = Days(a_channel(repeat="1h"))
    days.at(0, "a")
    assert days.told(30) == [("duty", "a", "fires")]
    assert days.told(3630) == [("duty", "a", "still")]
    days.at(4000, "a", fired_at=0, acknowledged_by="me")
    assert days.told(90_000) == []
