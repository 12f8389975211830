"""The law of what a channel is told: against a model that looks back over the whole history instead of remembering.

The model keeps every change and every message, and from those lists alone works out, each second anew, what there is to
tell. A turn is a minute, a change takes a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from exporter.notify.memory import read, written
from exporter.notify.planning import Circumstances, Memories, noted, planned
from suanli.model.alert import Alert
from tests.exporter.notify.alerts import a_channel, an_alert

ZONE = ZoneInfo("Asia/Shanghai")
MIDNIGHT = 1_795_449_600  # 2026-11-24T00:00 in Shanghai
GROUP, CALM, REPEAT, AFTER = 60, 300, 1200, 900
SITES = ("a", "b", "c")
SEVERE = {"a": "critical", "b": "warning", "c": "info"}


@dataclass
class Story:
    """Of one alert: its changes (time, phase, begin of the firing), and what each channel was told (time, news, phase).

    dropped: until when what came and went under maintenance is nobody's news; asked: passed on, and not told yet.
    """

    changes: list[tuple[int, str, int]] = field(default_factory=lambda: [(0, "over", 0)])
    acknowledged: int | None = None
    told: dict[str, list[tuple[int, str, str]]] = field(default_factory=lambda: {"day": [], "boss": []})
    passed_on: list[int] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=lambda: {"day": 0, "boss": 0})
    asked: int | None = None

    @property
    def phase(self) -> str:
        return self.changes[-1][1]

    def last(self, channel: str) -> tuple[int, str]:
        """When it was last told something, and what it believes since."""
        return (self.told[channel][-1][0], self.told[channel][-1][2]) if self.told[channel] else (-(10**9), "over")


class Told(RuleBasedStateMachine):
    """Two channels: day has quiet hours and passes on to boss, who takes only what is critical by itself."""

    @initialize(hour=st.integers(0, 23))
    def begin(self, hour: int) -> None:
        self.now = MIDNIGHT + 3600 * hour
        plain = {"group": "1m", "calm": "5m", "repeat": "20m"}
        day = a_channel(
            "day", **plain, quiet_hours="22:00-07:00", escalate={"after": "15m", "to": "boss"}, min_severity="warning"
        )
        boss = a_channel("boss", **plain, min_severity="critical")
        self.excused: set[str] = set()
        self.around = Circumstances(
            (day, boss), ZONE, lambda _: {"fleet"}, lambda alert: dict(alert.subject)["site"] in self.excused
        )
        self.memories: Memories = {}
        self.stories = {site: Story() for site in SITES}
        self.alerts = {site: an_alert(site, severity=SEVERE[site], state="ok", fired_at=None) for site in SITES}

    @rule(site=st.sampled_from(SITES), phase=st.sampled_from(["fires", "held", "over"]), twice=st.booleans())
    def change(self, site: str, phase: str, twice: bool) -> None:
        """twice: the evaluator says it again, as after a crash."""
        before = self.alerts[site]
        if phase == self.stories[site].phase:
            return
        self.now += 1
        fired_at = None if phase == "over" else before.fired_at if before.fires else self.now
        known = before.acknowledged_by if before.fires and phase != "over" else ""
        state = "ok" if phase == "over" else "firing"
        self.alerts[site] = an_alert(
            site, severity=SEVERE[site], state=state, fired_at=fired_at, held=phase == "held", acknowledged_by=known
        )
        for _ in range(1 + twice):
            self._note([self.alerts[site]])
        story = self.stories[site]
        story.changes.append((self.now, phase, fired_at or 0))
        if phase == "over":
            story.acknowledged = story.asked = None

    @rule(site=st.sampled_from(SITES))
    def acknowledge(self, site: str) -> None:
        alert = self.alerts[site]
        if alert.fires and not alert.acknowledged_by:
            self.alerts[site] = an_alert(
                site,
                severity=SEVERE[site],
                fired_at=alert.fired_at,
                held=alert.held,
                acknowledged_by="me",
            )
            self._note([self.alerts[site]])
            self.stories[site].acknowledged = self.now
            self.stories[site].asked = None

    @rule(site=st.sampled_from(SITES))
    def maintain(self, site: str) -> None:
        self.now += 1
        self.excused ^= {site}

    @rule(minutes=st.integers(1, 40))
    def go_on(self, minutes: int) -> None:
        for _ in range(minutes):
            self.now += 60
            self._note(list(self.alerts.values()))
            self.memories, messages = planned(self.memories, self.around, self.now)
            seen = {
                name: {(dict(line.alert.subject)["site"], line.news, line.turns) for line in lines}
                for name, lines in messages.items()
            }
            assert seen == self._expected(), self.now

    def _note(self, alerts: list[Alert]) -> None:
        self.memories = noted(self.memories, alerts, self.around, self.now)

    @invariant()
    def what_is_kept_is_what_is_read(self) -> None:
        if hasattr(self, "memories"):
            assert {place: read(written(one)) for place, one in self.memories.items()} == self.memories

    def _expected(self) -> dict[str, set[tuple[str, str, int]]]:
        """The same by looking back, and written into the stories."""
        self._pass_on()
        found: dict[str, set[tuple[str, str, int]]] = {}
        for channel in ("day", "boss"):
            open_ = {site: told for site in SITES if (told := self._to_tell(channel, site)) is not None}
            if any(urgent for _, urgent, _ in open_.values()):
                found[channel] = {(site, news, turns) for site, (news, _, turns) in open_.items()}
                for site, (news, _, _) in open_.items():
                    story = self.stories[site]
                    story.told[channel].append((self.now, news, story.phase))
                    if channel == "boss":
                        story.asked = None
            for site in SITES:
                self._came_and_went_under_maintenance(channel, site)
        return found

    def _pass_on(self) -> None:
        for site, story in self.stories.items():
            beginning = next((at for at, _, left in _this_belief(story.told["day"])), None)
            if beginning is None or story.phase == "over" or story.acknowledged is not None or site in self.excused:
                continue
            already = any(at >= beginning for at in story.passed_on)
            if not already and self.now >= beginning + AFTER:
                story.passed_on.append(self.now)
                story.asked = self.now

    def _to_tell(self, channel: str, site: str) -> tuple[str, bool, int] | None:
        """What this channel could be told now, whether a message is sent for it, and how often it was over."""
        story = self.stories[site]
        told_at, believes = story.last(channel)
        takes = SEVERE[site] == "critical" if channel == "boss" else SEVERE[site] != "info"
        since = [one for one in story.changes if one[0] > self._seen_until(channel, site)]
        turns = sum(phase == "over" for _, phase, _ in since)
        asked = channel == "boss" and story.asked is not None and story.phase != "over"
        if not takes and not asked and believes == "over":
            return None
        news = story.phase if story.phase != believes else "passed" if turns and story.phase == "over" else None
        if asked:
            news = "escalated"
        muted = site in self.excused
        night = channel == "day" and SEVERE[site] != "critical" and self._is_night()
        if night or (muted and news != "over"):
            return None
        if news is None:
            fresh = believes != "over" and story.acknowledged is None and self.now >= told_at + REPEAT
            return ("still", True, turns) if fresh else None
        if news != "escalated" and self.now < told_at + CALM:
            return None
        return news, asked or self.now >= self._new_since(channel, site) + GROUP, turns

    def _seen_until(self, channel: str, site: str) -> int:
        story = self.stories[site]
        return max(story.last(channel)[0], story.dropped[channel], self._unwatched(channel, site))

    def _unwatched(self, channel: str, site: str) -> int:
        """A channel that takes no such alert by itself looks at it from the moment at which it was passed on."""
        if channel == "day" or SEVERE[site] == "critical" or self.stories[site].last(channel)[1] != "over":
            return 0
        return self.stories[site].asked or self.now

    def _new_since(self, channel: str, site: str) -> int:
        """The first moment of the unbroken time in which there was something to tell."""
        story = self.stories[site]
        believes = story.last(channel)[1]
        start = self.now
        for at, phase, _ in reversed([one for one in story.changes if one[0] > self._seen_until(channel, site)]):
            untold_turn = believes == "over"  # what began and ended untold is news as well
            if phase == believes and not untold_turn:
                break
            start = at
        return start

    def _is_night(self) -> bool:
        hour = (self.now - MIDNIGHT) // 3600 % 24
        return hour >= 22 or hour < 7

    def _came_and_went_under_maintenance(self, channel: str, site: str) -> None:
        story = self.stories[site]
        if site in self.excused and story.phase == "over" and story.last(channel)[1] == "over":
            story.dropped[channel] = self.now


def _this_belief(told: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """What was told since it last believed that it was over."""
    ends = [place for place, (_, _, left) in enumerate(told) if left == "over"]
    return told[ends[-1] + 1 :] if ends else told


Told.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
TestTold = Told.TestCase
