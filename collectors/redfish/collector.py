"""Asks all BMCs of a site, many at once."""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

import collectors.base as base
from collectors.base import Http
from collectors.redfish.bmc import Bmc
from collectors.redfish.hosts import MOST, address_of, addresses_of, hosts_of
from collectors.redfish.tally import samples_of
from collectors.several import several
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.model.yamlfile import Loc

_PART_OF_TIMEOUT = 0.9  # the rest is ours, to tell what was heard


def _meant(pattern: str) -> str:
    hosts_of(pattern)
    return pattern


class RedfishSettings(base.Settings):
    """hosts: the site's other BMCs, asked as the one at `url` is: names and addresses, with a port if it is another
    one, with numbers in brackets for many. concurrency: BMCs asked at once. metrics: whether to ask how busy devices
    are, which costs a question a device where a BMC cannot give all in one."""

    hosts: list[Annotated[str, AfterValidator(_meant)]] = Field(default_factory=list)
    concurrency: int = Field(default=250, ge=1, le=1000)
    metrics: bool = True

    @model_validator(mode="after")
    def _few(self) -> RedfishSettings:
        if sum(len(hosts_of(pattern)) for pattern in self.hosts) > MOST:
            raise ValueError(f"more than {MOST} hosts: register them as several sites")
        return self

    def addresses(self, url: str) -> list[tuple[Loc, str]]:
        places = [(index, host) for index, pattern in enumerate(self.hosts) for host in hosts_of(pattern)]
        return [(("hosts", index), address_of(url, host)) for index, host in places]


class RedfishCollector:
    """The BMCs of one site."""

    Settings: ClassVar[type[base.Settings]] = RedfishSettings

    def __init__(self, site: PolledSite, settings: RedfishSettings, http: Http) -> None:
        self._site, self._settings = site, settings
        urls = addresses_of(site.source.url or "", settings.hosts)
        doors = [http, *(http.at(url) for url in urls[1:])]
        self._bmcs = [Bmc(url, door, settings.metrics) for url, door in zip(urls, doors, strict=True)]

    async def collect(self, now: int) -> list[Sample]:
        asked = [bmc for bmc in self._bmcs if not bmc.rests()] or self._bmcs
        patience = self._patience(len(asked))
        await several([partial(bmc.listen, patience) for bmc in asked], self._settings.concurrency)
        return samples_of(self._site, self._bmcs, now)

    def _patience(self, asked: int) -> float | None:
        """Seconds for one BMC, so that those that are silent leave time for all others; a lone one has the poll's."""
        if len(self._bmcs) == 1:
            return None
        return _PART_OF_TIMEOUT * self._site.timeout / ceil(asked / self._settings.concurrency)
