"""Requests that carry a signature of their own, made with the secret of an access key, which itself is not sent."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote

import httpx
import orjson

from collectors.answers import Answer
from collectors.base import Refused
from collectors.credentials import Ask, Secret, encoded
from suanli.model.secret import Hidden
from suanli.model.site import Auth

_SIGNATURE = re.compile(r"[0-9a-fA-F]{64,}")


class Scheme(Protocol):
    """What a cloud wants to be signed, and how."""

    def headers(self, request: httpx.Request, user: str, secret: str, at: float) -> dict[str, str]:
        """What is sent beside the headers of the request. user: the access key's id; at: UTC seconds."""
        ...


class SigningSignIn:
    """`collectors.credentials.SignIn` with an access key. The clouds refuse a time a quarter of an hour off theirs."""

    def __init__(self, auth: Auth, scheme: Scheme, clock: Callable[[], float] = time.time) -> None:
        if auth.password is None or auth.user is None:
            raise ValueError("a signature is made with an access key's id and secret")
        self._user, self._scheme, self._clock = auth.user, scheme, clock
        self._secret = Secret(auth.password)
        self._headers: Mapping[bytes, bytes] = {}

    async def headers(self, _ask: Ask | None = None) -> Mapping[bytes, bytes]:
        """None that all requests share; another object when the secret has changed."""
        if self._secret.changed(self._user):
            self._headers = {}
        return self._headers

    def signed(self, url: httpx.URL) -> httpx.URL:
        return url

    def sealed(self, request: httpx.Request) -> httpx.Request:
        """A signed copy; the request itself may be asked again later. A space is sent as %20: a + is not read alike."""
        url = request.url.copy_with(query=query_of(request.url).encode() or None)
        copy = httpx.Request(request.method, url, headers=request.headers.raw, content=request.content)
        return self._with_signature(copy)

    def _with_signature(self, copy: httpx.Request) -> httpx.Request:
        copy.headers.update(encoded(self._scheme.headers(copy, self._user, self._secret.value, self._clock())))
        return copy

    def refused(self, answer: Answer) -> bool:
        return answer.status == 401

    def forget(self, _headers: Mapping[bytes, bytes], /) -> bool:
        """Another signature of the same key would be refused as well."""
        return False

    def lent(self) -> None:
        """Nothing is to be given back."""

    def hide(self, text: str) -> str:
        """Signatures too: until its time is over, who has one may ask the same question."""
        return _SIGNATURE.sub("***", self._secret.hide(text))


class SdkHmac:
    """SDK-HMAC-SHA256, of Huawei Cloud."""

    def headers(self, request: httpx.Request, user: str, secret: str, at: float) -> dict[str, str]:
        stamp = _stamp(at, "%Y%m%dT%H%M%SZ")
        added = {"X-Sdk-Date": stamp}
        # Its gateway decodes the whole path before it takes it apart, and ends it with a slash.
        path = "/".join(_quoted(unquote(_path(request.url)).split("/"))).removesuffix("/") + "/"
        names, text = _canonical(request, added, path)
        signature = _hmac(secret, f"SDK-HMAC-SHA256\n{stamp}\n{_hash(text.encode())}")
        signed = f"SDK-HMAC-SHA256 Access={user}, SignedHeaders={names}, Signature={signature}"
        return {**added, "Authorization": signed}


@dataclass(frozen=True, slots=True)
class Acs3:
    """ACS3-HMAC-SHA256, of Alibaba Cloud. nonce: never the same twice, so that a request is not taken twice."""

    nonce: Callable[[], str] = token_hex

    def headers(self, request: httpx.Request, user: str, secret: str, at: float) -> dict[str, str]:
        added = {
            "x-acs-content-sha256": _hash(request.content),
            "x-acs-date": _stamp(at, "%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": self.nonce(),
        }
        path = "/".join(_quoted(unquote(part) for part in _path(request.url).split("/"))) or "/"
        names, text = _canonical(request, added, path)
        signature = _hmac(secret, f"ACS3-HMAC-SHA256\n{_hash(text.encode())}")
        return {
            **added,
            "Authorization": f"ACS3-HMAC-SHA256 Credential={user},SignedHeaders={names},Signature={signature}",
        }


SCHEMES: dict[str, Scheme] = {"huawei_ak_sk": SdkHmac(), "alibaba_ak_sk": Acs3()}


@dataclass(frozen=True, slots=True)
class Session:
    """What a cloud calls the three words of a temporary key, and the header that its token is sent in.

    within: the key of the object that holds them, in an answer that says more. id_header: where its id is sent too.
    """

    scheme: Scheme
    within: str
    words: tuple[str, str, str]
    token_header: str
    id_header: str = ""


SESSIONS: dict[str, Session] = {
    "huawei_sts": Session(SdkHmac(), "credential", ("access", "secret", "securitytoken"), "X-Security-Token"),
    "alibaba_sts": Session(
        Acs3(),
        "Credentials",
        ("AccessKeyId", "AccessKeySecret", "SecurityToken"),
        "x-acs-security-token",
        "x-acs-accesskey-id",
    ),
}


class SessionSignIn(SigningSignIn):
    """With a key that holds for hours and is renewed by others: its id, secret and token stand in one text, as the
    cloud gives them out, so that no request is signed with a half of each of two keys."""

    def __init__(self, auth: Auth, session: Session, clock: Callable[[], float] = time.time) -> None:
        if auth.token is None:
            raise ValueError("a temporary key is read from where `token` says")
        self._user, self._scheme, self._clock = "", session.scheme, clock
        self._session, self._secret = session, Secret(auth.token)
        self._key, self._token, self._hidden = "", "", Hidden()
        self._headers = {}

    async def headers(self, _ask: Ask | None = None) -> Mapping[bytes, bytes]:
        """Another object when the key has changed; Refused where it is no temporary key."""
        if self._secret.changed() or not self._token:
            self._token = ""
            self._user, self._key, self._token = _temporary(self._secret.value, self._session)
            self._hidden, self._headers = Hidden(self._key, self._token), {}
        return self._headers

    def hide(self, text: str) -> str:
        return self._hidden(super().hide(text))

    def _with_signature(self, copy: httpx.Request) -> httpx.Request:
        """The token is signed too."""
        session = self._session
        copy.headers.update(encoded({session.token_header: self._token}))
        if session.id_header:
            copy.headers.update(encoded({session.id_header: self._user}))
        copy.headers.update(encoded(self._scheme.headers(copy, self._user, self._key, self._clock())))
        return copy


def _temporary(text: str, session: Session) -> tuple[str, str, str]:
    """Id, secret and token; Refused, without telling what stands there."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict) and isinstance(found.get(session.within), dict):
        found = found[session.within]
    values = [found.get(word) if isinstance(found, dict) else None for word in session.words]
    user, key, token = (value if isinstance(value, str) else "" for value in values)
    if not (user and key and token):
        raise Refused(f"what auth.token names is no temporary key: expected JSON with {', '.join(session.words)}")
    return user, key, token


def query_of(url: httpx.URL) -> str:
    """The query in the one way of writing it that both sides sign: sorted, and all but plain characters quoted."""
    pairs = sorted(parse_qsl(url.query.decode(), keep_blank_values=True))
    return "&".join("=".join(_quoted(pair)) for pair in pairs)


def _canonical(request: httpx.Request, added: Mapping[str, str], path: str) -> tuple[str, str]:
    """The names of what is signed, and the text. Of the headers only those that no proxy has reason to touch."""
    headers = {name.lower(): value.strip() for name, value in [*request.headers.items(), *added.items()]}
    signed = {name: headers[name] for name in sorted(headers) if name == "host" or name.startswith("x-")}
    names = ";".join(signed)
    lines = [f"{name}:{value}" for name, value in signed.items()]
    parts = [request.method, path, query_of(request.url), *lines, "", names, _hash(request.content)]
    return names, "\n".join(parts)


def _path(url: httpx.URL) -> str:
    return url.raw_path.partition(b"?")[0].decode()


def _quoted(texts: Iterable[str]) -> list[str]:
    return [quote(text, safe="~") for text in texts]


def _stamp(at: float, form: str) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(form)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hmac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
