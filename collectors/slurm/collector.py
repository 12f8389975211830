"""Asks slurmrestd for the nodes; for the past, and for a second word on the present, slurmdbd's jobs behind it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

import collectors.base as base
from collectors.base import Historian, Http, Unreadable
from collectors.slurm.accounting import Run, Tracked, fault_of_pools, runs_of, samples_at, tracked_of
from collectors.slurm.asking import Api
from collectors.slurm.parse import parse
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample

_DAY = 86_400
_LOOKED_BACK = (3600, _DAY, 30 * _DAY)
"""For a job that shows that slurmdbd's record reaches to a moment (seconds): the next only where nothing was found."""


class SlurmSettings(base.Settings):
    """version: None finds it out. gres: the names under which this site counts its accelerators.

    asks: what a poll asks, the controller's nodes or slurmdbd's jobs (for a cross_check; they tell `used` alone).
    cluster: whose jobs, where slurmdbd serves several clusters.
    """

    version: str | None = Field(default=None, pattern=r"^v0\.0\.\d\d$")
    gres: list[str] = Field(default=["gpu", "npu", "dcu", "mlu"], min_length=1)
    asks: Literal["nodes", "accounting"] = "nodes"
    cluster: str | None = Field(default=None, min_length=1)


class SlurmCollector(Historian):
    """One Slurm cluster."""

    most: ClassVar[int] = 1440
    Settings: ClassVar[type[base.Settings]] = SlurmSettings

    def __init__(self, site: PolledSite, settings: SlurmSettings, http: Http) -> None:
        self._site, self._settings = site, settings
        self._gres = frozenset(settings.gres)
        self._controller = Api(http, "slurm", settings.version)
        self._accounting = Api(http, "slurmdb", settings.version)

    async def collect(self, now: int) -> list[Sample]:
        if self._settings.asks == "nodes":
            return parse(await self._controller.get("nodes"), self._site, now, self._gres)
        if fault := self.history_fault():
            raise Unreadable(fault)
        tracked = await self._tracked()
        return samples_at(now, await self._runs(tracked, now, now), tracked, self._site)

    def history_fault(self) -> str:
        return fault_of_pools(self._site)

    async def history(self, moments: range) -> list[Sample]:
        """Of `used` alone: slurmdbd's API tells jobs, and not which nodes were up."""
        tracked = await self._tracked()
        runs = await self._runs(tracked, moments[0], moments[-1])
        since = await self._reaches_to(moments[0], runs, tracked)
        samples: list[Sample] = []
        for moment in moments:
            if since is not None and since <= moment:
                samples += samples_at(moment, runs, tracked, self._site)
        return samples

    async def _reaches_to(self, first: int, runs: list[Run], tracked: Tracked) -> int | None:
        """The start of the earliest job that we find, or None. Before it nothing is known: jobs may be purged, or their
        devices not have been kept yet."""
        for seconds in (0, *_LOOKED_BACK):
            found = runs if not seconds else await self._runs(tracked, first - seconds, first)
            since = min((run.start for run in found), default=None)
            if since is not None and since <= first:
                return since
        return min((run.start for run in runs), default=None)

    async def _tracked(self) -> Tracked:
        return tracked_of(await self._accounting.get("clusters"), self._settings.cluster, self._gres)

    async def _runs(self, tracked: Tracked, first: int, last: int) -> list[Run]:
        """Of the jobs of [first, last]; slurmdbd takes seconds only with this prefix."""
        span = {"start_time": f"uts{first}", "end_time": f"uts{last + 1}", "skip_steps": "true"}
        return runs_of(await self._accounting.get("jobs", span), tracked, self._gres)
