"""config.yaml: how this instance runs. Strict: an unknown key is an error that names the nearest known one."""

from __future__ import annotations

import ssl
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from suanli.catalog.benchmarks import Benchmark
from suanli.model.compare import RatioMetric
from suanli.model.errors import InputError, Problem
from suanli.model.reach import Network, Reach, network_of, ports_of, ports_text
from suanli.model.secret import NO_PASSWORD, SecretRef, holds_password
from suanli.model.site import Id, Name
from suanli.model.units import CANONICAL_BASIS, Basis, Duration
from suanli.model.yamlfile import Loc, YamlFile, dotted
from suanli.registry.polled import PollDefaults

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
_Share = Annotated[float, Field(gt=0, lt=1)]


def _with_tuples(value: Any) -> Any:
    """YAML writes lists; the models hold tuples, so that nothing changes them."""
    if not isinstance(value, dict):
        return value
    return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}


class PollConfig(BaseModel):
    """Defaults for sites that do not say otherwise; max_age: when the last word turns unknown (absent: 3 intervals)."""

    model_config = _STRICT
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

    model_config = _STRICT
    networks: tuple[_Network, ...] = ()
    ports: tuple[_Ports, ...] = Reach().ports
    sites: dict[Id, tuple[_Network, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("sites"), dict):
            value = value | {"sites": _with_tuples(value["sites"])}
        return _with_tuples(value)

    def of(self, site: str) -> Reach:
        """What may be asked for this site."""
        return Reach(self.networks + self.sites.get(site, ()), self.ports)


class SinkConfig(BaseModel):
    """A time-series database that takes line protocol: InfluxDB 2 (org, bucket, token) or VictoriaMetrics."""

    model_config = _STRICT
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    kind: Literal["influxdb", "victoriametrics"]
    url: str = Field(pattern=r"^https?://[^\s@]+$")
    org: str = ""
    bucket: str = ""
    token: SecretRef | None = None

    @model_validator(mode="after")
    def _complete(self) -> SinkConfig:
        if self.kind == "influxdb" and not (self.org and self.bucket and self.token):
            raise ValueError("a sink of kind influxdb needs org, bucket and token")
        return self


class StoreConfig(BaseModel):
    """Where the record is kept: sqlite:///FILE, or postgresql+psycopg://USER@HOST/DATABASE with its password named."""

    model_config = _STRICT
    url: str
    password: SecretRef | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_an_address(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str) -> str:
        if holds_password(url):
            raise ValueError(NO_PASSWORD)
        return url


def store_at(url: str) -> StoreConfig:
    """The store at this address, as given on the command line; an InputError when a password is written in it."""
    if holds_password(url):
        raise InputError(Problem(NO_PASSWORD, key="store"))
    return StoreConfig(url=url)


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


def _scope(text: str) -> str:
    """As written; a name that is not registered is no mistake, for the registry may come later."""
    kind, _, name = text.partition(":")
    try:
        if text != "fleet":
            _SCOPES[kind].validate_python(name)
    except (KeyError, ValidationError):
        raise ValueError("expected fleet, province:NAME, operator:NAME or site:ID") from None
    return text


class TargetConfig(BaseModel):
    """A rate that is to be reached, with the band above it in which an alert stays on.

    scope: fleet, province:NAME, operator:NAME or site:ID. basis: in which it is judged, whatever else is asked for.
    """

    model_config = _STRICT
    scope: Annotated[str, AfterValidator(_scope)] = "fleet"
    metric: RatioMetric
    basis: Basis = CANONICAL_BASIS
    target: _Share
    band: Annotated[float, Field(ge=0, lt=0.5)] = 0.02
    for_: Duration = Field(default=600, alias="for")

    def covers(self, one: Placed) -> bool:
        """Whether this pool's figures count in the rate that is judged."""
        kind, _, name = self.scope.partition(":")
        return one.basis == self.basis and (kind == "fleet" or getattr(one, kind) == name)


class TlsConfig(BaseModel):
    """Our own certificate and its key, as paths of PEM files: what listens is then https."""

    model_config = _STRICT
    cert: str = Field(min_length=1)
    key: str = Field(min_length=1)


class RetentionConfig(BaseModel):
    """How long the record is kept; `forever` has no end. What is summed into hours and days outlives its samples."""

    model_config = _STRICT
    samples: Duration | Literal["forever"] = 90 * 86400
    hourly: Duration | Literal["forever"] = 5 * 365 * 86400
    daily: Duration | Literal["forever"] = "forever"

    @model_validator(mode="after")
    def _long_enough(self) -> RetentionConfig:
        lengths = [10**12 if one == "forever" else one for one in (self.samples, self.hourly, self.daily)]
        if lengths[0] < 2 * 86400:
            raise ValueError("samples must be kept for at least 2d: days are made of them")
        if lengths != sorted(lengths):
            raise ValueError("hourly must not be shorter than samples, nor daily than hourly")
        return self


def _proxy(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError("expected the address of a proxy, such as 10.1.2.3 or 10.1.2.0/24") from None
    if network.prefixlen == 0:
        raise ValueError("that is everybody, and everybody could say that they are somebody else")
    return str(network)


class RegistrationConfig(BaseModel):
    """Who decides on what is submitted. two_person: nobody decides on what they submitted themselves.

    secrets: the folder in which those who may not decide may name files for a site, as SITE.anything.
    writes_per_minute: how often one token may ask for something other than reading.
    """

    model_config = _STRICT
    two_person: bool = False
    secrets: str = "/etc/suanli/sites"
    writes_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 120


class Config(BaseModel):
    """The whole file; every key may be left out.

    trusted_proxies: addresses (or networks) of reverse proxies whose word on the client's address (X-Forwarded-For) is
    taken. With one in front, more than this machine can ask, so that reading needs a token on a loopback address too.
    """

    model_config = _STRICT
    store: StoreConfig = StoreConfig(url="sqlite:///suanli.db")
    listen: str = Field(default="127.0.0.1:9105", pattern=r"^[^\s:]+:\d{1,5}$")
    timezone: str = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"
    tls: TlsConfig | None = None
    trusted_proxies: tuple[Annotated[str, AfterValidator(_proxy)], ...] = ()
    read_token: SecretRef | None = None
    poll: PollConfig = PollConfig()
    reach: ReachConfig = ReachConfig()
    sinks: tuple[SinkConfig, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    targets: tuple[TargetConfig, ...] = ()
    retention: RetentionConfig = RetentionConfig()
    registration: RegistrationConfig = RegistrationConfig()

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return _with_tuples(value)

    @field_validator("listen")
    @classmethod
    def _known_port(cls, address: str) -> str:
        if int(address.rpartition(":")[2]) > 65535:
            raise ValueError("expected a port of at most 65535")
        return address

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("expected a time zone such as Asia/Shanghai") from None
        return name

    @model_validator(mode="after")
    def _distinct_sinks(self) -> Config:
        names = [sink.name for sink in self.sinks]
        if len(set(names)) < len(names):
            raise ValueError("two sinks have the same name; each has a cursor of its own under its name")
        return self

    @model_validator(mode="after")
    def _said_once(self) -> Config:
        targets = [(one.scope, one.metric, one.basis) for one in self.targets]
        if twice := next((one for one in targets if targets.count(one) > 1), None):
            raise ValueError(f"two targets of {twice[0]}, {twice[1]} ({twice[2]}): which of them is to be reached?")
        named = [(one.name, one.metric, one.since) for one in self.benchmarks]
        if again := next((one for one in named if named.count(one) > 1), None):
            raise ValueError(f"two benchmarks {again[0]} of {again[1]} from {again[2]}: a name stands for one value")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host, int(port)


def load_config(path: Path) -> Config:
    """The configuration in this file; an InputError lists everything wrong with it, with lines."""
    file = YamlFile.read(path)
    if file.root is None:
        return Config()
    return file.load(Config)


def check_certificate(tls: TlsConfig) -> None:
    """An InputError says which of the two files cannot be used, and why."""
    for key, file in (("tls.cert", tls.cert), ("tls.key", tls.key)):
        try:
            Path(file).read_bytes()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise InputError(Problem(f"{file} cannot be read: {why}", key=key)) from None
    try:  # a key with a password would else be asked for at the terminal
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert, tls.key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        told = f"{tls.cert} and {tls.key} are no certificate with its key, in PEM and without a password: {why}"
        raise InputError(Problem(told, key="tls")) from None


def check_secrets(config: Config, path: Path | None = None) -> None:
    """Every file and secret that the configuration names is there; an InputError lists those that are not, by lines."""
    named: list[tuple[Loc, SecretRef | None]] = [(("store", "password"), config.store.password)]
    named.append((("read_token",), config.read_token))
    named += [(("sinks", place, "token"), sink.token) for place, sink in enumerate(config.sinks)]
    problems = [problem for loc, secret in named if secret for problem in _missing(secret, loc, path)]
    problems += _unusable(config.tls, path)
    if problems:
        raise InputError(problems)


def _unusable(tls: TlsConfig | None, path: Path | None) -> list[Problem]:
    try:
        if tls is not None:
            check_certificate(tls)
    except InputError as error:
        file = YamlFile.read(path) if path else None
        return [file.problem(tuple(one.key.split(".")), one.message) if file else one for one in error.problems]
    return []


def _missing(secret: SecretRef, loc: Loc, path: Path | None) -> list[Problem]:
    try:
        secret.reveal()
    except InputError as error:
        told = [problem.message for problem in error.problems]
        file = YamlFile.read(path) if path else None
        return [file.problem(loc, text) if file else Problem(text, key=dotted(loc)) for text in told]
    return []
