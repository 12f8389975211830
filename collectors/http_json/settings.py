"""What `source.settings` of an http_json site may say."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo, available_timezones

import jmespath
from pydantic import ConfigDict, Field, field_validator, model_validator

import collectors.base as base
from collectors.http_json.templates import template_fault
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.units import Duration, Unit

_RUNGS = frozenset(rung.name for rung in SAMPLE_RUNGS)
_KNOWN = _RUNGS | {"pool"}
_NEEDS: dict[str, tuple[str, ...]] = {
    "next": ("at",),
    "cursor": ("at", "param"),
    "number": ("param",),
    "offset": ("param",),
    "link": (),
}


class Pages(base.Settings):
    """How the next page of an answer is asked for.

    by: next (its address is in the answer, where `at` points), cursor (a word where `at` points, sent as `param`),
    number or offset (counted, sent as `param`), link (its address is in the Link header). first: the first page's
    number or offset, if not 1 or 0. items: the list that is counted, if it is not `pools`. total: how many there are.
    most: pages that are asked for; more is an error.
    """

    by: Literal["next", "cursor", "number", "offset", "link"]
    at: str | None = None
    param: str | None = Field(default=None, min_length=1, max_length=100)
    first: int | None = Field(default=None, ge=0, le=1_000_000)
    items: str | None = None
    total: str | None = None
    most: int = Field(default=100, ge=1, le=10_000)

    @field_validator("at", "items", "total")
    @classmethod
    def _compiles(cls, text: str | None) -> str | None:
        return text if text is None else checked(text)

    @model_validator(mode="after")
    def _complete(self) -> Pages:
        needed = _NEEDS[self.by]
        given = tuple(name for name in ("at", "param") if getattr(self, name) is not None)
        if given != needed:
            raise ValueError(f"pages by {self.by} take {' and '.join(needed) or 'neither at nor param'}")
        if self.first is not None and self.by not in ("number", "offset"):
            raise ValueError("first is for pages by number or offset")
        return self


class Question(base.Settings):
    """One address, what is sent to it, and what is where in its answer.

    params, body: their texts may hold times, e.g. {to} or {from:ms}. fields: pool, online, used, busy of each pool.
    """

    path: str = Field(default="", pattern=r"^(/\S*)?$")
    params: dict[str, str] = Field(default_factory=dict)
    body: dict[str, Any] | list[Any] | None = None
    format: Literal["json", "xml", "csv"] = "json"
    encoding: Literal["utf-8", "gb18030", "utf-16"] | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    pages: Pages | None = None
    pools: str | None = None
    fields: dict[str, str] = Field(min_length=1)
    time: str | None = None

    @field_validator("pools", "time")
    @classmethod
    def _compiles(cls, text: str | None) -> str | None:
        return text if text is None else checked(text)

    @field_validator("params", "body")
    @classmethod
    def _times_are_known(cls, value: Any) -> Any:
        if fault := template_fault(value):
            raise ValueError(fault)
        return value

    @model_validator(mode="after")
    def _known_fields(self) -> Question:
        if strange := sorted(self.fields.keys() - _KNOWN):
            raise ValueError(f"unknown field {strange[0]}; known: {', '.join(sorted(_KNOWN))}")
        if self.fields and not self.rungs:
            raise ValueError("fields name no figure; give online, used or busy")
        for text in self.fields.values():
            checked(text)
        return self

    @model_validator(mode="after")
    def _pages_can_be_counted(self) -> Question:
        pages = self.pages
        if pages and not (pages.items or self.pools) and (pages.total or pages.by in ("number", "offset")):
            raise ValueError("pages need items (or pools): the list whose elements are counted")
        if pages and pages.param and isinstance(self.body, list):
            raise ValueError("pages with a param need a body that is a mapping, or none")
        return self

    @property
    def rungs(self) -> frozenset[str]:
        """What it fills."""
        return _RUNGS & self.fields.keys()


class HttpJsonSettings(Question):
    """One question, or `requests`: several, each of which fills a part.

    unit: what all amounts are. window: what {from} is before {to}. zone: of times that are written as dates.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True)
    fields: dict[str, str] = Field(default={}, min_length=1)
    unit: Unit = "devices"
    requests: list[Question] = Field(default_factory=list, max_length=20)
    window: Duration = 300
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name}: no zone of the IANA list, such as Asia/Shanghai")
        return name

    @model_validator(mode="after")
    def _one_or_several(self) -> HttpJsonSettings:
        if not self.fields and not self.requests:
            raise ValueError("fields are needed: what is where in the answer; or requests, each with its own")
        own = self.model_fields_set & Question.model_fields.keys()
        if self.requests and own:
            raise ValueError(f"{sorted(own)[0]} belongs to each of requests where they are given")
        return self

    @property
    def questions(self) -> list[Question]:
        return self.requests or [self]

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


def checked(text: str) -> str:
    """The text, if it is an expression."""
    try:
        jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"{text!r} is not a JMESPath expression: {str(error).splitlines()[0]}") from None
    return text
