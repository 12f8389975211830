"""agent.yaml: which source is asked, and where its samples are brought."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator, model_validator

from collectors.registry import NOT_ASKED, source_faults
from suanli.catalog.accelerators import load_accelerators, unlisted_text
from suanli.config import ReachConfig
from suanli.config.base import STRICT, with_tuples
from suanli.model.errors import InputError
from suanli.model.message import Message
from suanli.model.polled import PolledSite
from suanli.model.secret import SecretRef
from suanli.model.site import URL, Id, Pool, Site, Source, Tls
from suanli.model.yamlfile import Loc, YamlFile
from suanli.registry.polled import PollDefaults, polled_site

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_NEAR = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128")


class AgentSite(BaseModel):
    """The site as it is registered at the server, but for its source: here is the real one."""

    model_config = STRICT
    id: Id
    source: Source
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return with_tuples(value)

    @property
    def site(self) -> Site:
        """What only the server needs is left open."""
        return Site(id=self.id, name=self.id, province="-", operator="-", source=self.source, pools=self.pools)


class AgentConfig(BaseModel):
    """The whole file.

    tls: the authority of the server's certificate, and ours. queue: the file in which samples wait. reach: the
    addresses that may be asked; an agent stands within its own network, so private ones are open unless it says else.
    """

    model_config = STRICT
    server: str = Field(pattern=URL)
    token: SecretRef
    tls: Tls = Tls()
    queue: str = Field(default="suanli-push.db", min_length=1)
    reach: ReachConfig = ReachConfig.model_validate({"networks": list(_NEAR)})
    site: AgentSite

    @field_validator("server")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        host = url.removeprefix("http://").split("/")[0].rpartition(":")[0] or url.removeprefix("http://").split("/")[0]
        if url.startswith("http://") and host not in _LOOPBACK:
            raise ValueError(Message("the token would travel unencrypted: use https"))
        return url.rstrip("/")

    @property
    def polled(self) -> PolledSite:
        found = polled_site(self.site.site, PollDefaults(), load_accelerators())
        if found is None:
            raise RuntimeError("a site with a source that is operational is polled")
        return found


def load_agent(path: Path) -> AgentConfig:
    """The agent's file; an InputError lists everything wrong with it, with lines."""
    file = YamlFile.read(path)
    config = file.load(AgentConfig)
    if problems := [file.problem(loc, told) for loc, told in _faults(config)]:
        raise InputError(problems)
    return config


def _faults(config: AgentConfig) -> list[tuple[Loc, str]]:
    site = config.site.site
    found: list[tuple[Loc, str]] = [
        (("site", *loc), told) for loc, told in source_faults(site, config.reach.of(site.id))
    ]
    if config.site.source.kind in NOT_ASKED:
        found.append(
            (("site", "source", "kind"), Message("name the source that is asked here, not {kind}", kind="push"))
        )
    models = load_accelerators()
    for place, pool in enumerate(site.pools):
        if models.find(pool.model) is None:
            found.append((("site", "pools", place, "model"), unlisted_text(pool.model, models)))
    try:
        config.token.reveal()
    except InputError as error:
        found += [(("token",), problem.message) for problem in error.problems]
    return found
