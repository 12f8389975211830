"""Who is told of alerts, through what, and when not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from suanli.config.base import STRICT, with_tuples
from suanli.model.alert import KINDS, SEVERITIES, Severity
from suanli.model.secret import SecretRef
from suanli.model.target import scope_of
from suanli.model.units import Duration

_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From a minute of the local day until another, which may lie in the next day."""

    start: int
    end: int

    def cover(self, at: int, zone: ZoneInfo) -> bool:
        """Whether the clock on the wall says so at `at`, UTC seconds; that clock may be set forward and back."""
        wall = datetime.fromtimestamp(at, zone)
        minute = 60 * wall.hour + wall.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start, self.end))


def quiet_hours_of(text: object) -> QuietHours:
    """As written: 22:00-07:00."""
    if isinstance(text, QuietHours):
        return text
    match = _QUIET.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('expected quiet hours in local time, in quotes, such as "22:00-07:00"')
    start, end = 60 * int(match[1]) + int(match[2]), 60 * int(match[3]) + int(match[4])
    if start == end:
        raise ValueError("expected quiet hours that end at another minute than they begin")
    return QuietHours(start, end)


_Quiet = Annotated[
    QuietHours,
    PlainValidator(quiet_hours_of),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["22:00-07:00"]}),
]


class EscalationConfig(BaseModel):
    """to: the channel that is told as well, when nobody has acknowledged for this long."""

    model_config = STRICT
    after: Duration = 1800
    to: str


class TemplateConfig(BaseModel):
    """What a message's title and text are put into; some robots take only what has their keyword in it."""

    model_config = STRICT
    title: str = "{title}"
    text: str = "{text}"

    @model_validator(mode="after")
    def _whole(self) -> TemplateConfig:
        for name, text in (("title", self.title), ("text", self.text)):
            try:
                fields = [field for _, field, spec, conversion in Formatter().parse(text) if field is not None]
                plain = all(not spec and not conversion for _, _, spec, conversion in Formatter().parse(text))
            except ValueError:
                fields, plain = [], False
            if fields != [name] or not plain:
                raise ValueError(f"expected {{{name}}} once in the {name}, and no other braces")
        return self


class ChannelConfig(BaseModel):
    """One channel: an Apprise URL, which is a secret, and what it is told of.

    kinds, scopes: only these (empty: all); scopes as in targets. group: how long changes are gathered for one message.
    calm: how long an alert must have been left alone before its next change is told. repeat: how often an alert that
    fires and that nobody acknowledged is told again. give_up: how long a message is tried. heartbeat: this channel gets
    nothing but the dead man's switch, this often.
    """

    model_config = STRICT
    name: str = Field(pattern=r"^[a-z0-9-]{1,63}$")
    url: SecretRef
    language: Literal["zh", "en"] | None = None
    min_severity: Severity = "warning"
    kinds: tuple[Annotated[str, AfterValidator(lambda name: _kind(name))], ...] = ()
    scopes: tuple[Annotated[str, AfterValidator(scope_of)], ...] = ()
    quiet_hours: _Quiet | None = None
    group: Duration = 30
    calm: Duration = 300
    repeat: Duration | Literal["never"] = 4 * 3600
    escalate: EscalationConfig | None = None
    give_up: Duration = 86_400
    heartbeat: Duration | None = None
    template: TemplateConfig = TemplateConfig()

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return with_tuples(value)

    @field_validator("escalate")
    @classmethod
    def _soon_enough(cls, escalate: EscalationConfig | None) -> EscalationConfig | None:
        if escalate is not None and escalate.after > 7 * 86_400:
            raise ValueError("expected an escalation within 7d")
        return escalate

    @model_validator(mode="after")
    def _only_a_heart(self) -> ChannelConfig:
        if self.heartbeat is not None and (self.kinds or self.scopes or self.escalate or self.quiet_hours):
            raise ValueError(
                "a heartbeat is told always and of nothing: leave kinds, scopes, escalate, quiet_hours out"
            )
        return self

    def severe_enough(self, severity: Severity) -> bool:
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.min_severity)


def _kind(name: str) -> str:
    if name not in KINDS or name == "dead_man":
        raise ValueError(f"expected one of {', '.join(one for one in KINDS if one != 'dead_man')}")
    return name


def check_channels(channels: tuple[ChannelConfig, ...]) -> None:
    """A ValueError when two bear one name, or one passes on to none or to itself."""
    names = [one.name for one in channels]
    if len(set(names)) < len(names):
        raise ValueError("two channels have the same name; each has a queue of its own under its name")
    for one in channels:
        others = [other.name for other in channels if other.name != one.name and other.heartbeat is None]
        if one.escalate is not None and one.escalate.to not in others:
            raise ValueError(f"{one.name} escalates to {one.escalate.to}: expected another channel that takes alerts")
