"""What a data centre pushes: samples of its pools, as they came out of its source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from suanli.model.sample import Quality, Sample
from suanli.model.site import Id
from suanli.model.text import PLAIN_OR_NOTHING

MOST_SAMPLES = 5000
"""In one request."""
_FIRST, _LAST = 10**8, 32_503_680_000
"""1973, so that a day written as 20240301 is not taken for seconds, and the year 3000."""
_MOST_REFUSED = 100
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
Second = Annotated[int, Field(ge=_FIRST, le=_LAST)]
Number = Annotated[float, Field(allow_inf_nan=False)] | None


class RefusedFigure(BaseModel):
    """A number that the source gave and that is no amount, as whoever asked it found: it goes to quarantine."""

    model_config = _STRICT
    pool: Id
    rung: Literal["online", "used", "busy"]
    value: Annotated[str, Field(max_length=60, pattern=PLAIN_OR_NOTHING)]
    why: Annotated[str, Field(max_length=200, pattern=PLAIN_OR_NOTHING)]


class PushedSample(BaseModel):
    """One pool at one time. Null or left out is unknown, which is not 0.

    at: when it was true, UTC seconds; fetched_at: when its source was asked, now if that is left out. Devices become
    PFLOPS by the catalogue's peak of the pool's model, unless these PFLOPS are given too.
    """

    model_config = _STRICT
    pool: Id
    at: Second
    fetched_at: Second | None = None
    online_pflops: Number = None
    used_pflops: Number = None
    busy_pflops: Number = None
    online_devices: Number = None
    used_devices: Number = None
    busy_devices: Number = None
    quality: Quality = "ok"
    reason: Annotated[str, Field(max_length=1000, pattern=PLAIN_OR_NOTHING)] = ""
    refused: Annotated[list[RefusedFigure], Field(max_length=_MOST_REFUSED)] = []

    @classmethod
    def of(cls, sample: Sample) -> PushedSample:
        """What a collector found, with all that it said of it, in the words that fit.

        An answer may be of a later second than the one in which it was asked for, and its slot then begins after that.
        """
        figures = [
            RefusedFigure(pool=one.pool, rung=one.rung, value=_line(one.value, 60), why=_line(one.why, 200))
            for one in sample.refused[:_MOST_REFUSED]
        ]
        same = ("pool", "online_pflops", "used_pflops", "busy_pflops", "online_devices", "used_devices", "quality")
        plain = {name: getattr(sample, name) for name in (*same, "fetched_at")}
        return cls(at=max(sample.at, sample.source_at), reason=_line(sample.reason, 1000), refused=figures, **plain)


class Pushed(BaseModel):
    """One request: all of its samples are taken, or none."""

    model_config = _STRICT
    samples: Annotated[list[PushedSample], Field(min_length=1, max_length=MOST_SAMPLES)]


def _line(text: str, most: int) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:most]
