"""What every dialect of the city has in common: a question, an answer, and the site whose state is told."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, ClassVar, Generic, TypeVar

import orjson

from suanli.demo.city import PoolPlan, SitePlan
from suanli.demo.state import City, PoolNow

USER = "suanli"
"""Who asks, in every dialect that wants a name beside the secret."""
Json = dict[str, Any]
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. path: below the address of the site; url: the whole of it; at: UTC seconds of the city's clock."""

    method: str
    url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float

    def basic(self) -> tuple[str, str]:
        """User and password of a basic sign-in; empty where there is none."""
        scheme, _, given = self.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(given if scheme.lower() == "basic" else "").decode().partition(":")
        except ValueError:
            return "", ""
        return user, password


@dataclass(frozen=True, slots=True)
class Told:
    """An answer."""

    body: bytes
    status: int = 200
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def json(body: Any, status: int = 200, **headers: str) -> Told:
    """Headers are written with an underscore for each hyphen."""
    return Told(orjson.dumps(body), status, headers={name.replace("_", "-"): text for name, text in headers.items()})


@dataclass(frozen=True, slots=True)
class Simulated:
    """A site as its API knows it: its devices now, and the one secret of those who may ask."""

    plan: SitePlan
    city: City
    secret: str = field(repr=False)

    @property
    def pools(self) -> Sequence[PoolNow]:
        return self.city.sites[self.plan.id]

    def trusts(self, given: str) -> bool:
        return compare_digest(given.encode(), self.secret.encode())

    def kept(self, make: Callable[[Sequence[PoolNow]], _Made]) -> Kept[_Made]:
        return Kept(self, make)


class Kept(Generic[_Made]):
    """What was made of the pools, until they move."""

    def __init__(self, site: Simulated, make: Callable[[Sequence[PoolNow]], _Made]) -> None:
        self._site, self._make = site, make
        self._made: tuple[int, _Made] | None = None

    def __call__(self) -> _Made:
        if self._made is None or self._made[0] != self._site.city.version:
            self._made = (self._site.city.version, self._make(self._site.pools))
        return self._made[1]


class Dialect:
    """One kind of API as one site speaks it, and what the registry says of it. Here: who asks has a bearer token.

    label: of a pool's match. served: whether it is spoken over HTTP.
    """

    label: ClassVar[str]
    served: ClassVar[bool] = True

    def __init__(self, site: Simulated) -> None:
        self.site = site

    @classmethod
    def reached(cls, url: str, secret: Json) -> Json:
        """Of `source`, what says how this API is asked at this url."""
        return {"url": url, "auth": cls.auth(url, secret)}

    @classmethod
    def auth(cls, _url: str, secret: Json) -> Json:
        """`source.auth` of a site at this url. secret: as the registry names it."""
        return {"kind": "bearer", "token": secret}

    @classmethod
    def settings(cls, _plan: SitePlan) -> Json:
        """`source.settings`."""
        return {}

    @classmethod
    def name(cls, pool: PoolPlan) -> str:
        """What this API calls the pool: the value of its match."""
        return pool.name

    def knows(self, asked: Asked) -> bool:
        """Whether who asks may, or asks for nothing but to be let in."""
        scheme, _, given = asked.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.site.trusts(given)

    def told(self, asked: Asked) -> Told | None:
        """The answer; None where there is nothing at this path."""
        raise NotImplementedError


def access_key(secret: Json) -> Json:
    """Whom an access key or an account belongs to, and its secret, as a registry's auth has them."""
    return {"user": USER, "password": secret}
