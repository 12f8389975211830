"""A rate that is to be reached, and whose figures count in it: rule 13."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from suanli.model.compare import RatioMetric
from suanli.model.message import Message
from suanli.model.site import Id, Name
from suanli.model.units import CANONICAL_BASIS, Basis, Duration


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(Message("expected a rate above 0 and below 1, such as 0.8 for 80 %, not {value}", value=value))
    return value


_Share = Annotated[float, AfterValidator(_share)]


class Placed(Protocol):
    """What tells whether a pool is in a target's scope: its state at an instant, or a span of it."""

    @property
    def site(self) -> str: ...
    @property
    def province(self) -> str: ...
    @property
    def operator(self) -> str: ...
    @property
    def basis(self) -> Basis: ...


_SCOPES: dict[str, TypeAdapter[str]] = {
    "province": TypeAdapter(Name),
    "operator": TypeAdapter(Name),
    "site": TypeAdapter(Id),
}


def scope_of(text: str) -> str:
    """As written; a name that is not registered is no mistake, for the registry may come later."""
    kind, _, name = text.partition(":")
    try:
        if text != "fleet":
            _SCOPES[kind].validate_python(name)
    except (KeyError, ValidationError):
        raise ValueError(Message("expected fleet, province:NAME, operator:NAME or site:ID")) from None
    return text


class Target(BaseModel):
    """A rate that is to be reached, with the band above it in which an alert stays on.

    scope: fleet, province:NAME, operator:NAME or site:ID. basis: in which it is judged, whatever else is asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    scope: Annotated[str, AfterValidator(scope_of)] = "fleet"
    metric: RatioMetric
    basis: Basis = CANONICAL_BASIS
    target: _Share
    band: Annotated[float, Field(ge=0, lt=0.5)] = 0.02
    for_: Duration = Field(default=600, alias="for")

    @model_validator(mode="after")
    def _can_end(self) -> Target:
        if self.band > self.target:
            told = Message("the band ({band}) is larger than the target ({target})", band=self.band, target=self.target)
            raise ValueError(told)
        if self.clear > 1:
            raise ValueError(
                Message(
                    "target and band come to {clear}: no rate is above 1, so that its alert could never end; "
                    "write a band of at most {most}",
                    clear=self.clear,
                    most=float(1 - Decimal(str(self.target))),
                )
            )
        return self

    @property
    def clear(self) -> float:
        """The rate at which an alert that fires is over, worked out as decimals: 0.8 and 0.02 are 0.82."""
        return float(Decimal(str(self.target)) + Decimal(str(self.band)))

    def covers(self, one: Placed) -> bool:
        """Whether this pool's figures count in the rate that is judged."""
        kind, _, name = self.scope.partition(":")
        return one.basis == self.basis and (kind == "fleet" or getattr(one, kind) == name)
