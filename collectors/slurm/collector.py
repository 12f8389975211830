"""Asks slurmrestd for the nodes, in the newest version of the API that it serves."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

import collectors.base as base
from collectors.base import Http, NotFound
from collectors.slurm.parse import of_version, parse
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample

VERSIONS = tuple(f"v0.0.{minor}" for minor in range(45, 35, -1))
_TRAILING_SLASH_SINCE = "v0.0.40"


class SlurmSettings(base.Settings):
    """version: None finds it out. gres: the names under which this site counts its accelerators."""

    version: str | None = Field(default=None, pattern=r"^v0\.0\.\d\d$")
    gres: list[str] = Field(default=["gpu", "npu", "dcu", "mlu"], min_length=1)


class SlurmCollector:
    """One Slurm cluster."""

    Settings: ClassVar[type[base.Settings]] = SlurmSettings

    def __init__(self, site: PolledSite, settings: SlurmSettings, http: Http) -> None:
        self._site, self._http, self._settings = site, http, settings
        self._version = settings.version

    async def collect(self, now: int) -> list[Sample]:
        payload = await self._nodes()
        return parse(payload, self._site, now, frozenset(self._settings.gres))

    async def _nodes(self) -> object:
        for version in [self._version] if self._version else VERSIONS:
            try:
                payload = await self._http.get_json(_path(version))
            except NotFound:
                continue
            of_version(payload, version)
            self._version = version
            return payload
        self._version = self._settings.version  # the server was changed: find it out anew at the next poll
        raise NotFound(f"slurmrestd serves none of {VERSIONS[-1]} to {VERSIONS[0]} here; check source.url")


def _path(version: str) -> str:
    return f"/slurm/{version}/nodes" + ("/" if version >= _TRAILING_SLASH_SINCE else "")
