"""How sites are asked, and which addresses may be."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, PlainSerializer, PlainValidator, model_validator

from suanli.config.base import STRICT, with_tuples
from suanli.model.reach import Network, Reach, network_of, ports_of, ports_text
from suanli.model.site import Id
from suanli.model.units import Duration
from suanli.registry.polled import PollDefaults


class PollConfig(BaseModel):
    """Defaults for sites that do not say otherwise; max_age: when the last word turns unknown (absent: 3 intervals)."""

    model_config = STRICT
    interval: Duration = 60
    timeout: Duration = 10
    max_age: Duration | None = None
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 200

    @property
    def defaults(self) -> PollDefaults:
        return PollDefaults(self.interval, self.timeout, self.max_age)


_Network = Annotated[Network, PlainValidator(network_of), PlainSerializer(str)]
_Ports = Annotated[range, PlainValidator(ports_of), PlainSerializer(ports_text)]


class ReachConfig(BaseModel):
    """What is asked for the operators' URLs beyond public addresses: networks for every site, sites for one by its id.

    ports: which of them, for every site.
    """

    model_config = STRICT
    networks: tuple[_Network, ...] = ()
    ports: tuple[_Ports, ...] = Reach().ports
    sites: dict[Id, tuple[_Network, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("sites"), dict):
            value = value | {"sites": with_tuples(value["sites"])}
        return with_tuples(value)

    def of(self, site: str) -> Reach:
        """What may be asked for this site."""
        return Reach(self.networks + self.sites.get(site, ()), self.ports)
