"""What a source said of one pool at one instant."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Quality = Literal["ok", "estimated", "declared", "partial", "suspect"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)
"""From best to worst, so that the quality of several samples is the last of theirs in this order."""

# A "no value" sentinel such as 9.2e18 must not become a figure: a million PFLOPS is more than the world has.
MOST_PFLOPS = 1e6
Pflops = Annotated[float, Field(ge=0.0, le=MOST_PFLOPS, allow_inf_nan=False)]


class Refused(BaseModel):
    """A number of one pool's rung that the source gave and that is no amount; it goes to quarantine.

    value: as text, since JSON has no NaN. The pool is named, as one of which nothing else is known has no sample: its
    refused numbers are told by the first sample of the same answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    pool: str
    rung: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.pool}: {self.rung} {self.value}: {self.why}"


class Sample(BaseModel):
    """One pool's rungs in PFLOPS; None is unknown, never 0.

    source_at: when it was true, by the source's clock, UTC seconds. fetched_at: when it was asked, by ours.
    at: start of the poll's grid slot that it stands for; a repeated poll of one slot is the same point.
    max_age: for how many seconds after source_at its word holds.
    refused: what the answer said that could not be counted. left_out: what is there and not counted as online, and why;
    for the person who asks, and not kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    site: str
    pool: str
    at: int
    source_at: int
    fetched_at: int
    max_age: Annotated[int, Field(ge=1)] = 180
    online_pflops: Pflops | None = None
    used_pflops: Pflops | None = None
    busy_pflops: Pflops | None = None
    quality: Quality = "ok"
    reason: str = ""
    online_devices: float | None = None
    used_devices: float | None = None
    refused: tuple[Refused, ...] = ()
    left_out: tuple[str, ...] = Field(default=(), exclude=True)


def worst(qualities: list[Quality]) -> Quality:
    """The worst of these; `ok` of none."""
    return max(qualities, key=QUALITIES.index, default="ok")
