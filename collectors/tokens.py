"""Tokens that are given for a secret: fetched when one is needed, and renewed before they end, not by each poll."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
import orjson

from collectors.answers import Answer, clean, gist_of
from collectors.base import Refused, Unreadable
from collectors.credentials import Ask, Secret, basic, encoded
from suanli.model.site import Auth

_RENEW_AT = 0.8
"""Of a token's life: while the old one still works."""


@dataclass(frozen=True, slots=True)
class Token:
    """What was given; seconds: for how long it holds, None where that was not said (until it is refused)."""

    value: str
    seconds: float | None


class Grant(Protocol):
    """How tokens of one kind are asked for, understood and shown."""

    def asked(self, auth: Auth, secret: str) -> tuple[str, dict[str, str], bytes]:
        """URL, headers and body of the question."""
        ...

    def given(self, answer: Answer) -> Token:
        """The token of an answer with a good status; Unreadable when there is none in it."""
        ...

    def headers(self, token: str) -> dict[str, str]:
        """What is sent with it."""
        ...


class TokenSignIn:
    """`collectors.credentials.SignIn` with tokens."""

    def __init__(self, auth: Auth, grant: Grant, clock: Callable[[], float] = time.monotonic) -> None:
        if auth.password is None:
            raise ValueError("a token is given for a secret")
        self._auth, self._grant, self._clock = auth, grant, clock
        self._secret = Secret(auth.password)
        self._token: Token | None = None
        self._renew_at: float | None = None
        self._headers: Mapping[bytes, bytes] = {}
        self._one = asyncio.Lock()

    async def headers(self, ask: Ask) -> Mapping[bytes, bytes]:
        """The same object until the token changes; those who ask meanwhile wait for the one that is being fetched."""
        async with self._one:
            if self._secret.changed(self._auth.user or "") or self._token is None or self._ends():
                await self._fetch(ask)
            return self._headers

    def sealed(self, request: httpx.Request) -> httpx.Request:
        """The token is the same for every request."""
        return request

    def forget(self, headers: Mapping[bytes, bytes], /) -> bool:
        """A token that was refused is replaced, once: of those who were refused with it, the first drops it for all."""
        if headers is self._headers:
            self._token = None
        return True

    def hide(self, text: str) -> str:
        shown = self._secret.hide(text)
        return shown.replace(self._token.value, "***") if self._token else shown

    def _ends(self) -> bool:
        return self._renew_at is not None and self._clock() >= self._renew_at

    async def _fetch(self, ask: Ask) -> None:
        self._token = None
        url, headers, content = self._grant.asked(self._auth, self._secret.value)
        answer = await ask(url, headers, content)
        if not 200 <= answer.status < 300:
            raise self._declined(url, answer)
        token = self._grant.given(answer)
        self._token, self._headers = token, encoded(self._grant.headers(token.value))
        self._renew_at = None if token.seconds is None else self._clock() + _RENEW_AT * token.seconds

    def _declined(self, url: str, answer: Answer) -> Refused | Unreadable:
        said = clean(self.hide(gist_of(answer.body)))
        told = f"{url}: no token is given, answered {answer.status}; {said}"
        if 400 <= answer.status < 500:
            return Refused(f"{told}; check the site's auth")
        return Unreadable(told)


class OAuth2:
    """Client credentials: RFC 6749, section 4.4."""

    def asked(self, auth: Auth, secret: str) -> tuple[str, dict[str, str], bytes]:
        form = {"grant_type": "client_credentials"} | ({"scope": auth.scope} if auth.scope else {})
        # The id and the secret are form-encoded before they are joined (section 2.3.1).
        pair = urlencode({auth.user or "": secret}).split("=", 1)
        headers = {"Authorization": basic(*pair), "Content-Type": "application/x-www-form-urlencoded"}
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


class Keystone:
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


GRANTS: dict[str, Grant] = {"oauth2": OAuth2(), "keystone": Keystone()}


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
