"""Asks one of slurmrestd's two APIs, in the newest version of it that is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from collectors.base import Http, NotFound
from collectors.slurm.parse import of_version

VERSIONS = tuple(f"v0.0.{minor}" for minor in range(45, 35, -1))
_TRAILING_SLASH_SINCE = "v0.0.40"


class Api:
    """`slurm` is what the controller says, `slurmdb` what slurmdbd does. wanted: the only version that is asked for."""

    def __init__(self, http: Http, name: Literal["slurm", "slurmdb"], wanted: str | None) -> None:
        self._http, self._name, self._wanted = http, name, wanted
        self._version = wanted

    async def get(self, what: str, params: Mapping[str, str] | None = None) -> object:
        """The decoded list of `what`."""
        for version in [self._version] if self._version else VERSIONS:
            try:
                payload = await self._http.get_json(self._path(version, what), params)
            except NotFound:
                continue
            of_version(payload, version)
            self._version = version
            return payload
        self._version = self._wanted  # the server was changed: find it out anew at the next poll
        raise NotFound(
            f"slurmrestd serves none of {VERSIONS[-1]} to {VERSIONS[0]} of /{self._name} here; check source.url"
        )

    def _path(self, version: str, what: str) -> str:
        return f"/{self._name}/{version}/{what}" + ("/" if version >= _TRAILING_SLASH_SINCE else "")
