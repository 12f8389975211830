"""What a person asks the registry to say: the same whether it comes from a terminal, a file or over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from suanli.model.capacity import CapacityEntry, Moment
from suanli.model.message import Message
from suanli.model.site import Id, Site
from suanli.model.text import SAID

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
_Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=SAID)] | None
"""Why it is asked for, for the audit trail."""


class SitesRequest(BaseModel):
    """The registry says what these sites say. effective: since when changed facts are true; None: since recorded.

    reason: why, beside every row of the audit trail.
    """

    model_config = _STRICT
    action: Literal["sites.apply"] = "sites.apply"
    sites: Annotated[tuple[Site, ...], Field(min_length=1, max_length=10_000)]
    effective: Moment | None = None
    reason: _Reason = None

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("sites"), list):
            return value | {"sites": tuple(value["sites"])}
        return value

    @model_validator(mode="after")
    def _distinct(self) -> SitesRequest:
        ids = [site.id for site in self.sites]
        if len(set(ids)) < len(ids):
            twice = next(one for one in ids if ids.count(one) > 1)
            raise ValueError(Message("site {twice} is listed twice", twice=twice))
        return self

    @property
    def subject(self) -> str:
        """The sites that it is about."""
        first = ", ".join(site.id for site in self.sites[:3])
        return first if len(self.sites) <= 3 else f"{first} and {len(self.sites) - 3} more"

    @property
    def site_ids(self) -> tuple[str, ...]:
        return tuple(site.id for site in self.sites)


class _EntryRequest(BaseModel):
    model_config = _STRICT
    site: Id
    pool: Id
    entry: CapacityEntry
    reason: _Reason = None

    @property
    def subject(self) -> str:
        return f"{self.site}/{self.pool}"

    @property
    def site_ids(self) -> tuple[str, ...]:
        return (self.site,)


class AdditionRequest(_EntryRequest):
    """One entry more in the ledger of a pool."""

    action: Literal["capacity.add"] = "capacity.add"


class CorrectionRequest(_EntryRequest):
    """One entry in place of what the ledger says of its time, with a reason."""

    action: Literal["capacity.correct"] = "capacity.correct"


class MoveRequest(BaseModel):
    """A pool belongs to the site `to` from then on, under the id `as` (its own where that is left out)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
    action: Literal["pool.move"] = "pool.move"
    site: Id
    pool: Id
    to: Id
    as_id: Id | None = Field(default=None, alias="as")
    since: Moment = Field(alias="from")
    reason: _Reason = None

    @property
    def subject(self) -> str:
        return f"{self.site}/{self.pool}"

    @property
    def site_ids(self) -> tuple[str, ...]:
        """Both: who may not ask for a change of either may not move anything between them."""
        return tuple(dict.fromkeys((self.site, self.to)))


Request = SitesRequest | AdditionRequest | CorrectionRequest | MoveRequest
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="action")])


def request_json(request: BaseModel) -> str:
    """As it is kept until it is decided on, and sent to a server; `REQUEST.validate_json` reads it back."""
    return request.model_dump_json(by_alias=True, exclude_none=True)
