"""The one source that is not asked: what is pushed is read, and stamped as the answer of a poll would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import collectors.base as base
from collectors.base import Http
from collectors.push.parse import parse
from collectors.schedule import Turn, stamped
from suanli.model.polled import PolledSite
from suanli.model.pushed import Pushed
from suanli.model.sample import Sample

CLOCKS_DIFFER = 300.0
"""Seconds that a pushed time may be ahead and still name its own slot: who sends it again then sends the same point."""


class PushSettings(base.Settings):
    """There is nothing to be set."""

    reached_by: ClassVar[base.ReachedBy] = "nobody"


class PushCollector:
    """One site that pushes."""

    Settings: ClassVar[type[base.Settings]] = PushSettings

    def __init__(self, site: PolledSite, _settings: Any = None, _http: Http | None = None) -> None:
        self._site = site
        self._near, self._far = (Turn(replace(site, timeout=most), self, 0.0) for most in (CLOCKS_DIFFER, 0.0))

    async def collect(self, _now: int) -> list[Sample]:
        raise base.Refused(f"{self._site.id} is of kind push: nobody asks it, its samples are brought to us")

    def received(self, pushed: Pushed, now: int) -> list[Sample]:
        """What is pushed as the poller would have it, in the same slots; an InputError names each that cannot be."""
        return [self._received(sample, now) for sample in parse(pushed, self._site, now)]

    def _received(self, sample: Sample, now: int) -> Sample:
        """When its source was asked is the pusher's word, as only they know; it is never later than now."""
        turn = self._near if sample.source_at <= now + CLOCKS_DIFFER else self._far
        asked = min(max(sample.fetched_at, sample.source_at), now)
        return stamped(turn, [sample], now)[0].model_copy(update={"fetched_at": asked})
