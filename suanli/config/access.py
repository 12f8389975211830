"""Who may come in, through what, and who decides."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import BaseModel, Field

from suanli.config.base import STRICT
from suanli.model.message import Message


class TlsConfig(BaseModel):
    """Our own certificate and its key, as paths of PEM files: what listens is then https."""

    model_config = STRICT
    cert: str = Field(min_length=1)
    key: str = Field(min_length=1)


def proxy_of(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(Message("expected the address of a proxy, such as 10.1.2.3 or 10.1.2.0/24")) from None
    if network.prefixlen == 0:
        raise ValueError(Message("that is everybody, and everybody could say that they are somebody else"))
    return str(network)


class AcceptanceConfig(BaseModel):
    """What waits for a decision is approved by itself after so many good polls of its own source in a row.

    tolerance: relative to what is declared; a poll is good while what it finds differs by no more.
    """

    model_config = STRICT
    polls: Annotated[int, Field(ge=1, le=10_000)]
    tolerance: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05


class RegistrationConfig(BaseModel):
    """Who decides on what is submitted. two_person: nobody decides on what they submitted themselves.

    acceptance: when the polls of a site decide instead of a person; never if absent. With two_person they only show.
    secrets: the folder in which those who may not decide may name files for a site, as SITE.anything.
    writes_per_minute, reads_per_minute: how often one token may ask for something other than reading, and for reading.
    """

    model_config = STRICT
    two_person: bool = False
    acceptance: AcceptanceConfig | None = None
    secrets: str = "/etc/suanli/sites"
    writes_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 120
    reads_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 3000
