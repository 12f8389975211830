"""What a collector is given: one site, its pools, and the peak of a device where it is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from suanli.model.grants import NOTHING, Grants
from suanli.model.sample import Sample
from suanli.model.site import Match, Source

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class PolledPool:
    """One pool to be asked for. peak_pflops is of one device in the pool's basis; None where nobody published it."""

    id: str
    model: str
    aliases: frozenset[str]
    peak_pflops: float | None
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class PolledSite:
    """One site to be polled; interval, timeout and max_age in seconds.

    zone: of times that do not say theirs. grants: what it may have read or started on this machine.
    """

    id: str
    source: Source
    pools: tuple[PolledPool, ...]
    interval: int
    timeout: float
    max_age: int
    zone: ZoneInfo = UTC
    grants: Grants = NOTHING


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """How one poll ended: result is `ok` or the name of the error's kind, reason is for a person.

    at: UTC seconds; seconds: how long it took.
    """

    site: str
    at: int
    result: str
    seconds: float
    reason: str = ""
    samples: tuple[Sample, ...] = field(default=(), repr=False)
