"""rackview: a made-up product whose API lists racks, each with its cards. An example of a source as a plug-in."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

import collectors.base as base
from collectors.base import Http, Unreadable
from collectors.matching import Counts, pool_of, samples_of
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample


class RackviewSettings(base.Settings):
    """hall: which hall's racks are this site's."""

    hall: str = Field(min_length=1)


class RackviewCollector:
    """One rackview."""

    Settings: ClassVar[type[base.Settings]] = RackviewSettings

    def __init__(self, site: PolledSite, settings: RackviewSettings, http: Http) -> None:
        self._site, self._hall, self._http = site, settings.hall, http

    async def collect(self, now: int) -> list[Sample]:
        """Asks once. Deadline, back-off, TLS, auth, size limits and counting are the engine's, for every source."""
        return parse(await self._http.get_json("/api/racks", {"hall": self._hall}), self._site, now)


def parse(payload: Any, site: PolledSite, now: int) -> list[Sample]:
    """{"racks": [{"model": ..., "cards": 8, "rented": 3}]}; what cannot be believed is Unreadable, never 0."""
    counts = Counts()
    try:
        for rack in payload["racks"]:
            cards, rented = int(rack["cards"]), int(rack["rented"])
            pool = pool_of(site, "model", rack["model"])
            if pool is None:
                counts.strangers[rack["model"]] = counts.strangers.get(rack["model"], 0) + cards
                continue
            count = counts.of(pool)
            count.online, count.used = (count.online or 0) + cards, (count.used or 0) + rented
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"no list of racks as rackview gives it: {type(error).__name__} {error}") from None
    return samples_of(site, counts, now)
