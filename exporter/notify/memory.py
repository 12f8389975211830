"""What one channel was told of one alert and what it was not told yet; and what follows for it. Pure.

Like Alertmanager's log of notifications: what is to be told is the difference between an alert as it stands and what
the channel was told, so that a round that is missed or comes twice changes nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import TypeAdapter

from suanli.config import ChannelConfig
from suanli.model.alert import KINDS, Alert

Phase = Literal["fires", "held", "over"]
News = Literal["fires", "held", "over", "passed", "escalated", "still"]
"""passed: it fired and is over, and nobody was told meanwhile. still: it is told again as nobody acknowledged it."""


def phase_of(alert: Alert) -> Phase:
    """What people are told of its state: a number that nobody knows resolves nothing."""
    if not alert.fires:
        return "over"
    return "held" if alert.held else "fires"


def key_of(alert: Alert) -> str:
    """What tells alerts apart: site_silent[["site","a"]]."""
    return alert.kind.name + json.dumps(alert.subject, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Memory:
    """alert: as it was when it last changed. Times are UTC seconds, None where it has not happened.

    told: what the channel believes; told_at: when it was last told something; first_told: when of this firing.
    changed_at: since when there is something to tell. turns: how often it was over since the channel was last told;
    fired_at: when the first firing that the channel was not told of began. asked_by: the channel that passed it on and
    of which this one has not been told; passed_on: whether this one passed it on.
    """

    alert: Alert
    told: Phase = "over"
    told_at: int | None = None
    first_told: int | None = None
    changed_at: int | None = None
    turns: int = 0
    fired_at: int | None = None
    asked_by: str = ""
    passed_on: bool = False

    @property
    def news(self) -> News | None:
        """What there is to tell; None: the channel knows."""
        phase = phase_of(self.alert)
        if self.asked_by and phase != "over" and not self.alert.acknowledged_by:
            return "escalated"
        if phase != self.told:
            return phase
        return "passed" if self.turns and phase == "over" else None

    def same(self, alert: Alert) -> bool:
        """Whether nothing that counts here has changed; values change in every round."""
        fields = (phase_of(alert), alert.fired_at, alert.acknowledged_by, alert.severity)
        mine = self.alert
        return fields == (phase_of(mine), mine.fired_at, mine.acknowledged_by, mine.severity)

    def noted(self, alert: Alert, now: int) -> Memory:
        """After the alert was seen like this. One that began anew unseen was over in between."""
        if self.same(alert):
            return self
        was, phase = phase_of(self.alert), phase_of(alert)
        again = was != "over" and phase != "over" and alert.fired_at != self.alert.fired_at
        ended = was != "over" and (phase == "over" or again)
        first = alert.fired_at if self.told == "over" and self.fired_at is None and phase != "over" else self.fired_at
        seen = replace(self, alert=alert, turns=self.turns + ended, fired_at=first)
        return seen.dated(now)

    def dated(self, now: int) -> Memory:
        """With the time since which there is something to tell."""
        asked_by = self.asked_by if self.news == "escalated" else ""
        changed_at = None if self.news is None else now if self.changed_at is None else self.changed_at
        return replace(self, asked_by=asked_by, changed_at=changed_at)

    def after_telling(self, now: int) -> Memory:
        """Once a message that says how it stands is in the queue."""
        phase = phase_of(self.alert)
        first = None if phase == "over" else now if self.told == "over" else self.first_told
        passed_on = self.passed_on and first is not None and self.told != "over"
        known = replace(self, told=phase, told_at=now, first_told=first, passed_on=passed_on)
        return replace(known, changed_at=None, turns=0, fired_at=None, asked_by="")

    def forgotten(self, channel: ChannelConfig, now: int) -> bool:
        """Whether nothing is to be remembered of it any more."""
        calm = self.told_at is None or now >= self.told_at + channel.calm
        return self.told == "over" and self.news is None and calm

    def ready_at(self, channel: ChannelConfig) -> int:
        """From when on its news may be told in a message that is sent for another's sake."""
        return 0 if self.told_at is None or self.news == "escalated" else self.told_at + channel.calm

    def urges(self, channel: ChannelConfig, now: int) -> bool:
        """Whether a message is to be sent for its sake, as far as its own times say."""
        if self.changed_at is None:
            return self.repeats(channel, now)
        return self.news == "escalated" or now >= self.changed_at + channel.group

    def repeats(self, channel: ChannelConfig, now: int) -> bool:
        """Whether it is to be told again, although nothing is new."""
        if self.news or self.told == "over" or self.alert.acknowledged_by or self.told_at is None:
            return False
        return channel.repeat != "never" and now >= self.told_at + channel.repeat

    def escalates(self, channel: ChannelConfig, now: int) -> bool:
        """Whether another channel is to be told, as nobody acknowledged what this one was told."""
        if channel.escalate is None or self.passed_on or self.first_told is None or self.alert.acknowledged_by:
            return False
        return phase_of(self.alert) != "over" and now >= self.first_told + channel.escalate.after


def first_seen(alert: Alert, now: int, asked_by: str = "") -> Memory:
    """Of an alert that fires and that the channel knows nothing of."""
    return Memory(alert, changed_at=now, fired_at=alert.fired_at, asked_by=asked_by)


def written(memory: Memory) -> str:
    """As text for the store; the kind of the alert by its name."""
    data: Any = _ADAPTER.dump_python(replace(memory, alert=replace(memory.alert, kind=_NAMELESS)), mode="json")
    data["alert"]["kind"] = memory.alert.kind.name
    return json.dumps(data, ensure_ascii=False)


def read(text: str) -> Memory | None:
    """As `written`; None for a kind that this version does not know."""
    data = json.loads(text)
    kind = KINDS.get(data["alert"]["kind"])
    if kind is None:
        return None
    data["alert"]["kind"] = _KIND.dump_python(kind, mode="json")
    found = _ADAPTER.validate_python(data)
    return replace(found, alert=replace(found.alert, kind=kind))


_ADAPTER = TypeAdapter(Memory)
_KIND = TypeAdapter(type(KINDS["dead_man"]))
_NAMELESS = KINDS["dead_man"]
