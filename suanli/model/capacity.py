"""One entry of the capacity ledger: how much, of which stage, from when until when, by whose word."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from suanli.model.message import Message
from suanli.model.sample import Pflops
from suanli.model.text import PLAIN

Stage = Literal["planned", "built", "retired"]
Reason = Literal["new", "repair-return", "retirement", "correction", "re-rating"]
CORRECTING: frozenset[Reason] = frozenset({"correction", "re-rating", "retirement"})
"""Reasons that may change what was recorded before."""


def _read(value: object) -> object:
    """JSON has no dates; what is no ISO date or time stays as it is, for the model to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if len(value) <= len("2026-11-24") else datetime.fromisoformat(value)
    except ValueError:
        return value


def _in_range(moment: date | datetime) -> date | datetime:
    if not 1800 <= moment.year < 3000:  # beyond lie times that no clock and no database can write back
        raise ValueError(Message("expected a time from 1800 to 2999"))
    return moment


_TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
_WRITTEN = {
    "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "pattern": _TIME}],
    "examples": ["2026-11-24", "2026-11-24T06:00:00+08:00"],
}
Moment = Annotated[date | datetime, BeforeValidator(_read), AfterValidator(_in_range), WithJsonSchema(_WRITTEN)]
"""A day, or a time, as YAML or JSON writes it."""


class CapacityEntry(BaseModel):
    """As a person writes it: a day is midnight in the configured zone; `until` is exclusive and may be left open."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
    since: Moment = Field(alias="from")
    until: Moment | None = None
    stage: Stage
    devices: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    pflops: Pflops | None = None
    source: str = Field(min_length=1, max_length=500, pattern=PLAIN)
    reason: Reason = "new"

    @model_validator(mode="after")
    def _one_amount(self) -> CapacityEntry:
        if (self.devices is None) == (self.pflops is None):
            raise ValueError(Message("expected exactly one of devices and pflops"))
        return self


def instant(day: date | datetime, zone: ZoneInfo) -> int:
    """UTC seconds of a moment as people write it: a day begins at its midnight in `zone`, a naive time is in `zone`."""
    moment = day if isinstance(day, datetime) else datetime(day.year, day.month, day.day, tzinfo=zone)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


def written(at: int, zone: ZoneInfo) -> date | datetime:
    """The inverse of `instant`: a day where it is midnight in `zone`, else the time in UTC."""
    local = datetime.fromtimestamp(at, zone)
    return local.date() if (local.hour, local.minute, local.second) == (0, 0, 0) else datetime.fromtimestamp(at, UTC)
