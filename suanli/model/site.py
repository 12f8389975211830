"""Sites and pools as the registry's file describes them (`suanli apply`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suanli.model.capacity import CapacityEntry, Moment
from suanli.model.message import Message
from suanli.model.secret import SecretRef
from suanli.model.text import PLAIN
from suanli.model.units import CANONICAL_BASIS, Basis, Duration

Status = Literal["planned", "building", "operational", "maintenance", "retired"]
Id = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""Stable for ever: lower-case letters, digits and hyphens."""
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=PLAIN)]

URL = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"
PUSH = "push"
"""The kind of a source that nobody asks: what it says is brought to us (docs/decisions/0024-push.md)."""
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


AUTH_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "basic": (("user", "password"), ()),
    "bearer": (("token",), ()),
    "header": (("header", "token"), ()),
    "query": (("parameter", "token"), ()),
    "slurm": (("user", "token"), ()),
    "oauth2": (("url", "user", "password"), ("scope", "credentials_in")),
    "keystone": (("url", "user", "password"), ("project", "domain")),
    "redfish": (("user", "password"), ()),
    "form": (("url", "user", "password"), ("user_field", "password_field")),
    "huawei_ak_sk": (("user", "password"), ()),
    "alibaba_ak_sk": (("user", "password"), ()),
    "huawei_sts": (("token",), ()),
    "alibaba_sts": (("token",), ()),
    "kubeconfig": (("kubeconfig",), ("context",)),
}
"""What each kind takes: what it needs, and what may be given beside it."""
_PLAIN_WORD = Field(default=None, min_length=1, max_length=500, pattern=PLAIN)


AuthKind = Literal[
    "none",
    "basic",
    "bearer",
    "header",
    "query",
    "slurm",
    "oauth2",
    "keystone",
    "redfish",
    "form",
    "huawei_ak_sk",
    "alibaba_ak_sk",
    "huawei_sts",
    "alibaba_sts",
    "kubeconfig",
]
KUBECONFIG: AuthKind = "kubeconfig"
"""The one that names the server and its certificates too."""


class Auth(BaseModel):
    """How a site's API knows us. kind decides which of the others are needed.

    query: the token is sent as this parameter of each URL. oauth2: client credentials; url gives the tokens, user is
    the client's id, password its secret, both sent in a header unless credentials_in is body. keystone: url ends in
    /v3; user and password are an application credential's id and secret, or with a project a user's of this domain
    ("Default" if it is not said). redfish: a session of this user at each BMC, ended when we end. form: url is where a
    log-in form is posted to, which answers with cookies; its fields are called username and password if it is not said.
    huawei_ak_sk, alibaba_ak_sk: user and password are an access key's id and secret, with which each request is signed.
    huawei_sts, alibaba_sts: token is a temporary key (id, secret, session token) as the cloud gives it out in JSON.
    kubeconfig: a kubeconfig's text, which holds secrets, and of it the current context if no other is named.
    """

    model_config = _STRICT
    kind: AuthKind = "none"
    user: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = None
    header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]+$")
    parameter: str | None = _PLAIN_WORD
    url: str | None = Field(default=None, pattern=URL)
    scope: str | None = _PLAIN_WORD
    credentials_in: Literal["header", "body"] | None = None
    project: str | None = _PLAIN_WORD
    domain: str | None = _PLAIN_WORD
    user_field: str | None = _PLAIN_WORD
    password_field: str | None = _PLAIN_WORD
    kubeconfig: SecretRef | None = None
    context: str | None = _PLAIN_WORD

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        needed, also = AUTH_KINDS[self.kind]
        given = {name for name in type(self).model_fields if name != "kind" and getattr(self, name) is not None}
        if not set(needed) <= given or given - set(needed) - set(also):
            known = ", ".join(needed) or Message("nothing else")
            more = Message("; and may take {more}", more=", ".join(also)) if also else ""
            raise ValueError(Message("auth kind {kind} takes {known}{more}", kind=self.kind, known=known, more=more))
        return self


class Tls(BaseModel):
    """A site's own certificate authority and our certificate for it (paths of PEM files)."""

    model_config = _STRICT
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _pair(self) -> Tls:
        if (self.cert is None) != (self.key is None):
            raise ValueError(Message("cert and key are given together"))
        return self


class Source(BaseModel):
    """Where a site's figures come from; `settings` are those of its kind of collector.

    url: of what is asked over HTTP; tables that are dropped here, programs that run here and what is pushed have none.
    interval: of a source that is not asked, how often it is expected to come.
    """

    model_config = _STRICT
    kind: str
    url: str | None = Field(default=None, pattern=URL)
    auth: Auth = Auth()
    tls: Tls = Tls()
    interval: Duration | None = None
    timeout: Duration | None = None
    max_age: Duration | None = None
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _not_asked(self) -> Source:
        if self.kind == PUSH and (self.url or self.auth != Auth() or self.tls != Tls() or self.timeout is not None):
            raise ValueError(Message("a source of kind push is not asked: leave out url, auth, tls and timeout"))
        return self

    @model_validator(mode="after")
    def _told_once(self) -> Source:
        if self.auth.kind == KUBECONFIG and (self.url or self.tls != Tls()):
            raise ValueError(Message("a kubeconfig names the server and its certificates: leave out url and tls"))
        return self


class Match(BaseModel):
    """How a pool's devices are told from others in the source's answer: this label has this value."""

    model_config = _STRICT
    label: str = Field(min_length=1, max_length=500, pattern=PLAIN)
    value: str = Field(min_length=1, max_length=500, pattern=PLAIN)


class CrossCheck(Source):
    """A second, independent signal of the same pools: its words are compared with the source's, and never counted.

    matches: how the pools are told apart in it, by pool, where that is another way than in the source.
    """

    matches: dict[str, Match] = {}


class Pool(BaseModel):
    """Devices of one model in one site."""

    model_config = _STRICT
    id: Id
    model: str = Field(min_length=1)
    basis: Basis = CANONICAL_BASIS
    match: Match | None = None
    capacity: tuple[CapacityEntry, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return _with_tuple(value, "capacity")


class Site(BaseModel):
    """One data centre, or one part of it that is counted by itself. since: nothing can have been built there before."""

    model_config = _STRICT
    id: Id
    name: Name
    province: Name
    operator: Name
    status: Status = "operational"
    since: Moment | None = None
    source: Source | None = None
    cross_check: CrossCheck | None = None
    pools: tuple[Pool, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return _with_tuple(value, "pools")

    @model_validator(mode="after")
    def _distinct_pools(self) -> Site:
        ids = [pool.id for pool in self.pools]
        if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
            raise ValueError(Message("pool {pool} is listed twice", pool=twice[0]))
        return self

    @model_validator(mode="after")
    def _checked_against(self) -> Site:
        if self.cross_check is not None:
            if self.source is None:
                raise ValueError(Message("a cross_check needs a source to be compared with"))
            if self.cross_check.kind == PUSH:
                raise ValueError(Message("a cross_check is asked: it cannot be of kind push"))
            strange = sorted(self.cross_check.matches.keys() - {pool.id for pool in self.pools})
            if strange and self.pools:
                raise ValueError(
                    Message(
                        "cross_check.matches names {name}, which is no pool of this site",
                        name=strange[0],
                    )
                )
        return self


def _with_tuple(value: Any, key: str) -> Any:
    """YAML writes lists; the models hold tuples, so that nothing changes them."""
    if isinstance(value, dict) and isinstance(value.get(key), list):
        return value | {key: tuple(value[key])}
    return value
