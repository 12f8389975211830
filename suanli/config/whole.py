"""The whole of config.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, Field, field_validator, model_validator

from suanli.catalog.benchmarks import Benchmark
from suanli.config.access import RegistrationConfig, TlsConfig, proxy_of
from suanli.config.alerting import AlertsConfig
from suanli.config.asking import PollConfig, ReachConfig
from suanli.config.base import STRICT, with_tuples
from suanli.config.here import FoldersConfig, ProgramConfig
from suanli.config.keeping import RetentionConfig, StoreConfig
from suanli.config.notify import ChannelConfig, check_channels
from suanli.config.seeing import GrafanaConfig
from suanli.config.sending import SinkConfig
from suanli.model.grants import Grants
from suanli.model.message import Message
from suanli.model.secret import SecretRef
from suanli.model.site import Id
from suanli.model.target import Target
from suanli.model.yamlfile import YamlFile
from suanli.registry.polled import PollDefaults

_Key = TypeVar("_Key", bound=Hashable)


class Config(BaseModel):
    """The whole file; every key may be left out.

    language: of the command line; a file that does not say it leaves it to the terminal's: docs/decisions/0015.
    trusted_proxies: addresses (or networks) of reverse proxies whose word on the client's address (X-Forwarded-For) is
    taken. With one in front, more than this machine can ask, so that reading needs a token on a loopback address too.
    open_reads: whoever reaches `listen` may read, as where a container's port is published on loopback alone.
    """

    model_config = STRICT
    store: StoreConfig = StoreConfig(url="sqlite:///suanli.db")
    listen: str = Field(default="127.0.0.1:9105", pattern=r"^[^\s:]+:\d{1,5}$")
    timezone: str = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"
    tls: TlsConfig | None = None
    trusted_proxies: tuple[Annotated[str, AfterValidator(proxy_of)], ...] = ()
    read_token: SecretRef | None = None
    open_reads: bool = False
    poll: PollConfig = PollConfig()
    reach: ReachConfig = ReachConfig()
    folders: FoldersConfig = FoldersConfig()
    programs: dict[Id, ProgramConfig] = {}
    sinks: tuple[SinkConfig, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    targets: tuple[Target, ...] = ()
    alerts: AlertsConfig = AlertsConfig()
    notify: tuple[ChannelConfig, ...] = ()
    retention: RetentionConfig = RetentionConfig()
    registration: RegistrationConfig = RegistrationConfig()
    grafana: GrafanaConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return with_tuples(value)

    @field_validator("listen")
    @classmethod
    def _known_port(cls, address: str) -> str:
        if int(address.rpartition(":")[2]) > 65535:
            raise ValueError(Message("expected a port of at most 65535"))
        return address

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(Message("expected a time zone such as Asia/Shanghai")) from None
        return name

    @model_validator(mode="after")
    def _open_or_not(self) -> Config:
        if self.open_reads and self.read_token is not None:
            raise ValueError(
                Message("open_reads lets everybody read, read_token nobody without it: leave one of them out")
            )
        return self

    @model_validator(mode="after")
    def _distinct_sinks(self) -> Config:
        names = [sink.name for sink in self.sinks]
        if len(set(names)) < len(names):
            raise ValueError(Message("two sinks have the same name; each has a cursor of its own under its name"))
        return self

    @model_validator(mode="after")
    def _distinct_channels(self) -> Config:
        check_channels(self.notify)
        return self

    @model_validator(mode="after")
    def _said_once(self) -> Config:
        targets = [(one.scope, one.metric, one.basis) for one in self.targets]
        if twice := _twice(targets):
            raise ValueError(
                Message(
                    "two targets of {scope}, {metric} ({basis}): which of them is to be reached?",
                    scope=twice[0],
                    metric=twice[1],
                    basis=twice[2],
                )
            )
        named = [(one.name, one.metric, one.since) for one in self.benchmarks]
        if again := _twice(named):
            raise ValueError(
                Message(
                    "two benchmarks {name} of {metric} from {since}: a name stands for one value",
                    name=again[0],
                    metric=again[1],
                    since=again[2],
                )
            )
        return self

    def grants(self, site: str) -> Grants:
        """What this site may have read or started here."""
        programs = tuple(one.named(name) for name, one in self.programs.items() if site in one.sites)
        return Grants(self.folders.of(site), programs)

    @property
    def polling(self) -> PollDefaults:
        """How sites are polled that do not say otherwise, and what each of them has here."""
        return replace(self.poll.defaults, zone=self.zone, grants=self.grants)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host, int(port)


def _twice(found: Sequence[_Key]) -> _Key | None:
    """The first that is there again; there may be ten thousand."""
    return next((one for one, count in Counter(found).items() if count > 1), None)


def load_config(path: Path) -> Config:
    """The configuration in this file; an InputError lists everything wrong with it, with lines."""
    file = YamlFile.read(path)
    if file.root is None:
        return Config()
    return file.load(Config)
