"""Which channel is to be told what, now. Pure: what is known goes in, what is then known and the lines come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from zoneinfo import ZoneInfo

from exporter.notify.memory import Memory, News, first_seen, key_of, phase_of
from suanli.config import ChannelConfig
from suanli.model.alert import Alert

Memories = dict[tuple[str, str], Memory]
"""By the channel's name and the alert's key."""


@dataclass(frozen=True, slots=True)
class Line:
    """One alert in a message. turns: how often it was over since the channel was last told; fired_at: since when."""

    news: News
    alert: Alert
    turns: int
    fired_at: int | None
    asked_by: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """channels: those that take alerts. scopes_of: every scope that an alert is in; excused: it is about a site that is
    under maintenance now, so that nobody is told of it."""

    channels: tuple[ChannelConfig, ...]
    zone: ZoneInfo
    scopes_of: Callable[[Alert], set[str]]
    excused: Callable[[Alert], bool]

    def wants(self, channel: ChannelConfig, alert: Alert) -> bool:
        """Whether this channel is to be told of this alert by itself."""
        if not channel.severe_enough(alert.severity) or (channel.kinds and alert.kind.name not in channel.kinds):
            return False
        return not channel.scopes or not self.scopes_of(alert).isdisjoint(channel.scopes)


def noted(memories: Memories, alerts: Iterable[Alert], around: Circumstances, now: int) -> Memories:
    """With these alerts seen, in this order. The same alerts again change nothing."""
    after = dict(memories)
    for alert in alerts:
        if alert.kind.name == "dead_man":
            continue
        key = key_of(alert)
        for channel in around.channels:
            _note(after, (channel.name, key), alert, partial(around.wants, channel, alert), now)
    return after


def _note(after: Memories, place: tuple[str, str], alert: Alert, wanted: Callable[[], bool], now: int) -> None:
    if alert.gone:
        after.pop(place, None)
    elif (memory := after.get(place)) is not None:
        after[place] = memory.noted(alert, now)
        if memory.asked_by and not after[place].asked_by and memory.told == "over" and not wanted():
            del after[place]  # acknowledged or over before it was told: nothing to this channel
    elif phase_of(alert) != "over" and wanted():
        after[place] = first_seen(alert, now)


def planned(
    memories: Memories, around: Circumstances, now: int, current: Mapping[str, Alert] | None = None
) -> tuple[Memories, dict[str, list[Line]]]:
    """What each channel is told now, and what it then knows. current: the alerts with their values, by their keys."""
    after = _passed_on(dict(memories), around, now)
    messages: dict[str, list[Line]] = {}
    for channel in around.channels:
        mine = {place: one for place, one in after.items() if place[0] == channel.name}
        told = [place for place, one in mine.items() if _may(one, channel, around, now)]
        if any(mine[place].urges(channel, now) for place in told):
            told = [place for place in told if mine[place].news or mine[place].repeats(channel, now)]
            messages[channel.name] = [_line(after[place], (current or {}).get(place[1])) for place in told]
            after |= {place: after[place].after_telling(now) for place in told}
        _forget(after, mine, channel, around, now)
    return after, messages


def _passed_on(after: Memories, around: Circumstances, now: int) -> Memories:
    """With those of which another channel is to be told, as nobody acknowledged them."""
    for channel in around.channels:
        for place, memory in list(after.items()):
            if place[0] != channel.name or channel.escalate is None or not memory.escalates(channel, now):
                continue
            if around.excused(memory.alert):
                continue
            after[place] = replace(memory, passed_on=True)
            other = (channel.escalate.to, place[1])
            known = after.get(other) or first_seen(memory.alert, now)
            after[other] = replace(known, asked_by=channel.name, changed_at=now)
    return after


def _may(memory: Memory, channel: ChannelConfig, around: Circumstances, now: int) -> bool:
    """Whether nothing speaks against telling it now: calm, quiet hours, maintenance (of which an end is no news)."""
    if memory.news is not None and now < memory.ready_at(channel):
        return False
    quiet = channel.quiet_hours
    if quiet is not None and memory.alert.severity != "critical" and quiet.cover(now, around.zone):
        return False
    return memory.news == "over" or not around.excused(memory.alert)


def _forget(
    after: Memories, mine: Iterable[tuple[str, str]], channel: ChannelConfig, around: Circumstances, now: int
) -> None:
    """Drop what is over and told, or came and went under maintenance."""
    for place in mine:
        memory = after[place]
        if memory.forgotten(channel, now) or (memory.news == "passed" and around.excused(memory.alert)):
            del after[place]


def _line(memory: Memory, current: Alert | None) -> Line:
    alert = current if current is not None and memory.same(current) else memory.alert
    fired_at = memory.fired_at if memory.fired_at is not None else alert.fired_at
    return Line(memory.news or "still", alert, memory.turns, fired_at, memory.asked_by)
