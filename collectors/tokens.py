"""Tokens and cookies that are given for a secret: fetched when needed, renewed before they end, not by each poll."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol
from urllib.parse import urlencode

import httpx
import orjson

from collectors.answers import Answer, clean, gist_of, origin_of
from collectors.base import Refused, Unreadable
from collectors.credentials import Ask, Lent, Secret, basic, encoded
from suanli.model.secret import Hidden
from suanli.model.site import Auth

_RENEW_AT = 0.8
"""Of a token's life: while the old one still works."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_HIDDEN_FROM = 8
"""Characters of a cookie that is a secret; shorter ones say such things as the language."""


@dataclass(frozen=True, slots=True)
class Token:
    """What was given; seconds: for how long it holds, None where that was not said (until it is refused).

    place: what is deleted to give it back, where the giver has few to give. parts: of it that are never shown either.
    """

    value: str
    seconds: float | None
    place: str = ""
    parts: tuple[str, ...] = ()


class Grant(Protocol):
    """How tokens of one kind are asked for, understood, refused and shown.

    statuses: of answers that give one. patience: seconds that pass before we sign in again after it was of no use.
    """

    statuses: ClassVar[range] = range(200, 300)
    patience: ClassVar[float] = 0.0

    def asked(self, auth: Auth, secret: str) -> tuple[str, dict[str, str], bytes]:
        """URL, headers and body of the question."""
        ...

    def given(self, answer: Answer) -> Token:
        """The token of an answer with a good status; Unreadable or Refused when there is none in it."""
        ...

    def headers(self, token: str) -> dict[str, str]:
        """What is sent with it."""
        ...

    def refused(self, answer: Answer) -> bool:
        """Whether the API says that the token does not hold, or not any longer."""
        return answer.status == 401


class TokenSignIn:
    """`collectors.credentials.SignIn` with tokens."""

    def __init__(self, auth: Auth, grant: Grant, clock: Callable[[], float] = time.monotonic) -> None:
        if auth.password is None:
            raise ValueError("a token is given for a secret")
        self._auth, self._grant, self._clock = auth, grant, clock
        self._secret = Secret(auth.password)
        self._token: Token | None = None
        self._place: str | None = None
        self._words: tuple[str, ...] = ()
        self._hide = Hidden()
        self._renew_at: float | None = None
        self._asked_at = -math.inf
        self._declined: Refused | None = None
        self._headers: Mapping[bytes, bytes] = {}
        self._one = asyncio.Lock()

    async def headers(self, ask: Ask) -> Mapping[bytes, bytes]:
        """The same object until the token changes; those who ask meanwhile wait for the one that is being fetched."""
        async with self._one:
            if self._secret.changed(self._auth.user or ""):
                self._token = self._declined = None
            if self._token is None or self._ends():
                await self._fetch(ask)
            return self._headers

    def signed(self, url: httpx.URL) -> httpx.URL:
        return url

    def refused(self, answer: Answer) -> bool:
        return self._grant.refused(answer)

    def sealed(self, request: httpx.Request) -> httpx.Request:
        """The token is the same for every request."""
        return request

    def forget(self, headers: Mapping[bytes, bytes], /) -> bool:
        """A token that was refused is replaced, once: of those who were refused with it, the first drops it for all.

        One that is refused while it is new is kept: another would be refused too, and many may lock the account.
        """
        if headers is self._headers and self._token is not None:
            if self._is_too_early():
                return False
            self._token = None
        return True

    def lent(self) -> Lent | None:
        return (self._place, self._headers) if self._token and self._place else None

    def hide(self, text: str) -> str:
        return self._hide(self._secret.hide(text))

    def _ends(self) -> bool:
        return self._renew_at is not None and self._clock() >= self._renew_at

    def _is_too_early(self) -> bool:
        return self._clock() - self._asked_at < self._grant.patience

    async def _fetch(self, ask: Ask) -> None:
        if self._declined is not None and self._is_too_early():
            raise Refused(f"{self._declined}; it is not tried again for a while, so that the account is not locked")
        self._token = None
        url, headers, content = self._grant.asked(self._auth, self._secret.value)
        answer = await ask(url, headers, content)
        self._asked_at = self._clock()
        try:
            token = self._given(url, answer)
        except Refused as error:
            self._declined = error
            raise
        # Who was asked with the one before may still answer, and repeat it.
        words = (token.value, *token.parts)
        self._hide, self._words = Hidden(*words, *self._words), words
        self._token, self._headers = token, encoded(self._grant.headers(token.value))
        self._place = _beside(url, token.place)
        self._renew_at = None if token.seconds is None else self._clock() + _RENEW_AT * token.seconds

    def _given(self, url: str, answer: Answer) -> Token:
        if answer.status in self._grant.statuses:
            return self._grant.given(answer)
        said = clean(self.hide(gist_of(answer.body)))
        told = f"{url}: no token is given, answered {answer.status}; {said}"
        if 400 <= answer.status < 500:
            raise Refused(f"{told}; check the site's auth")
        raise Unreadable(told)


class OAuth2(Grant):
    """Client credentials: RFC 6749, section 4.4."""

    def asked(self, auth: Auth, secret: str) -> tuple[str, dict[str, str], bytes]:
        form = {"grant_type": "client_credentials"} | ({"scope": auth.scope} if auth.scope else {})
        headers = dict(_FORM)
        if auth.credentials_in == "body":
            form |= {"client_id": auth.user or "", "client_secret": secret}
        else:
            # The id and the secret are form-encoded before they are joined (section 2.3.1).
            headers["Authorization"] = basic(*urlencode({auth.user or "": secret}).split("=", 1))
        return auth.url or "", headers, urlencode(form).encode()

    def given(self, answer: Answer) -> Token:
        body = _object(answer)
        token, seconds = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not token or str(body.get("token_type", "")).lower() != "bearer":
            raise Unreadable("the answer holds no bearer token")
        # Some write the number as text.
        known = float(seconds) if isinstance(seconds, int | float | str) and str(seconds).isdecimal() else None
        return Token(token, known)

    def headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}


class Keystone(Grant):
    """OpenStack's identity, version 3; also that of clouds that took it over."""

    def asked(self, auth: Auth, secret: str) -> tuple[str, dict[str, str], bytes]:
        body = {"auth": _of_user(auth, secret) if auth.project else _of_application(auth, secret)}
        return f"{(auth.url or '').rstrip('/')}/auth/tokens", {"Content-Type": "application/json"}, orjson.dumps(body)

    def given(self, answer: Answer) -> Token:
        token = answer.headers.get("x-subject-token", "")
        if not token:
            raise Unreadable("the answer holds no X-Subject-Token")
        return Token(token, _life(_object(answer).get("token")))

    def headers(self, token: str) -> dict[str, str]:
        return {"X-Auth-Token": token}


class Redfish(Grant):
    """A session at a BMC, which has room for few of them: auth.url is the BMC's own address."""

    def asked(self, auth: Auth, secret: str) -> tuple[str, dict[str, str], bytes]:
        url = f"{(auth.url or '').rstrip('/')}/redfish/v1/SessionService/Sessions"
        body = {"UserName": auth.user, "Password": secret}
        return url, {"Content-Type": "application/json"}, orjson.dumps(body)

    def given(self, answer: Answer) -> Token:
        token = answer.headers.get("x-auth-token", "")
        if not token:
            raise Unreadable("the answer holds no X-Auth-Token")
        # It ends when it is not used for a while, which no poll knows beforehand.
        return Token(token, None, answer.headers.get("location", ""))

    def headers(self, token: str) -> dict[str, str]:
        return {"X-Auth-Token": token}


class Form(Grant):
    """A log-in form as a browser posts it; the session is in the cookies of the answer, mostly a redirection.

    A console whose session is over says so in many ways: a page or a way to it in place of an answer are two of them.
    """

    statuses: ClassVar[range] = range(200, 400)
    patience: ClassVar[float] = 300.0

    def asked(self, auth: Auth, secret: str) -> tuple[str, dict[str, str], bytes]:
        fields = {auth.user_field or "username": auth.user or "", auth.password_field or "password": secret}
        return auth.url or "", dict(_FORM), urlencode(fields).encode()

    def given(self, answer: Answer) -> Token:
        found = [_cookie(line) for line in answer.headers.get_list("set-cookie")]
        kept = {name: (value, life) for name, value, life in found if value and (life is None or life > 0)}
        if not kept:
            raise Refused("the log-in gave no cookie: check the site's auth (user, password, the form's fields)")
        lives = [life for _, life in kept.values() if life is not None]
        parts = tuple(value for value, _ in kept.values() if len(value) >= _HIDDEN_FROM)
        value = "; ".join(f"{name}={value}" for name, (value, _) in kept.items())
        return Token(value, min(lives, default=None), parts=parts)

    def headers(self, token: str) -> dict[str, str]:
        return {"Cookie": token}

    def refused(self, answer: Answer) -> bool:
        is_page = answer.headers.get("content-type", "").strip().lower().startswith("text/html")
        return (
            answer.status in (401, 403, 440) or answer.status in (302, 303, 307) or (answer.status == 200 and is_page)
        )


GRANTS: dict[str, Grant] = {"oauth2": OAuth2(), "keystone": Keystone(), "redfish": Redfish(), "form": Form()}
LENT = frozenset({"redfish"})
"""Kinds whose tokens are given back."""


def _beside(url: str, place: str) -> str | None:
    """Where a token is given back: of the same origin as its giver, or nowhere."""
    try:
        giver = httpx.URL(url)
        found = giver.join(place) if place else None
    except httpx.InvalidURL:
        return None
    same = found is not None and (origin_of(found), found.userinfo) == (origin_of(giver), b"")
    return str(found) if same else None


def _cookie(line: str) -> tuple[str, str, float | None]:
    """Name, value and seconds of life of a Set-Cookie, as RFC 6265 (5.2) reads it. Where it may go is not looked at:
    it is sent to the site that its owner named beside the form."""
    pair, *attributes = line.split(";")
    name, _, value = pair.partition("=")
    for attribute in attributes:
        key, _, text = attribute.partition("=")
        if key.strip().lower() == "max-age" and text.strip().lstrip("-").isdecimal():
            return name.strip(), value.strip(), float(text)
    return name.strip(), value.strip(), None


def _of_application(auth: Auth, secret: str) -> dict[str, Any]:
    known = {"id": auth.user, "secret": secret}
    return {"identity": {"methods": ["application_credential"], "application_credential": known}}


def _of_user(auth: Auth, secret: str) -> dict[str, Any]:
    domain = {"name": auth.domain or "Default"}
    user = {"name": auth.user, "domain": domain, "password": secret}
    return {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": auth.project, "domain": domain}},
    }


def _life(token: object) -> float | None:
    """Both times are the server's, so a clock that differs from ours changes nothing."""
    if not isinstance(token, dict):
        return None
    try:
        issued, expires = (datetime.fromisoformat(token[key]) for key in ("issued_at", "expires_at"))
        return max(0.0, (expires - issued).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None


def _object(answer: Answer) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Unreadable("the answer to our sign-in is no JSON object")
    return found
