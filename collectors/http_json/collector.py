"""Asks one address and reads the answer as its settings say."""

from __future__ import annotations

from typing import ClassVar

import jmespath
from pydantic import ConfigDict, Field, field_validator, model_validator

import collectors.base as base
from collectors.base import Http
from collectors.http_json.parse import Expressions, parse
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.model.units import Unit

_KNOWN = frozenset(rung.name for rung in SAMPLE_RUNGS) | {"pool"}


class HttpJsonSettings(base.Settings):
    """pools: expression for the list of pools (none: the answer is one pool). fields: pool, online, used, busy of each.

    time: expression on the whole answer for the source's own time (UTC seconds, milliseconds or ISO 8601).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)
    path: str = Field(default="", pattern=r"^(/\S*)?$")
    unit: Unit = "devices"
    pools: str | None = None
    fields: dict[str, str] = Field(min_length=1)
    time: str | None = None

    @field_validator("pools", "time")
    @classmethod
    def _compiles(cls, text: str | None) -> str | None:
        return text if text is None else _checked(text)

    @model_validator(mode="after")
    def _known_fields(self) -> HttpJsonSettings:
        if strange := sorted(self.fields.keys() - _KNOWN):
            raise ValueError(f"unknown field {strange[0]}; known: {', '.join(sorted(_KNOWN))}")
        if not self.fields.keys() - {"pool"}:
            raise ValueError("fields name no figure; give online, used or busy")
        for text in self.fields.values():
            _checked(text)
        return self


class HttpJsonCollector:
    """One address."""

    Settings: ClassVar[type[base.Settings]] = HttpJsonSettings

    def __init__(self, site: PolledSite, settings: HttpJsonSettings, http: Http) -> None:
        self._site, self._http, self._settings = site, http, settings
        self._expressions = Expressions.compiled(settings.pools, settings.fields, settings.time)

    async def collect(self, now: int) -> list[Sample]:
        payload = await self._http.get_json(self._settings.path)
        return parse(payload, self._site, now, self._expressions, self._settings.unit)


def _checked(text: str) -> str:
    try:
        jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"{text!r} is not a JMESPath expression: {str(error).splitlines()[0]}") from None
    return text
