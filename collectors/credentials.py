"""Who we are to a site's API, and what must never be shown of it."""

from __future__ import annotations

import base64
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from urllib.parse import quote_plus

import httpx

from collectors.answers import Answer
from collectors.base import Refused
from suanli.model.errors import InputError
from suanli.model.secret import Hidden, SecretRef
from suanli.model.site import Auth

Ask = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]
"""Posts to a URL with these headers and body, within the site's reach; any status is an answer."""


Lent = tuple[str, Mapping[bytes, bytes]]
"""The URL that is deleted to give back what we hold, and the headers to do so."""


class SignIn(Protocol):
    """How we tell an API who we are."""

    async def headers(self, ask: Ask) -> Mapping[bytes, bytes]:
        """The same object until something changes; Refused if a secret is missing, unfit to be sent or not accepted."""
        ...

    def signed(self, url: httpx.URL) -> httpx.URL:
        """The URL with what of ours belongs into it; the same one until the headers are another object."""
        ...

    def sealed(self, request: httpx.Request) -> httpx.Request:
        """The request as it is sent: a signed copy where each has a signature of its own, else itself."""
        ...

    def refused(self, answer: Answer) -> bool:
        """Whether this answer says that the API does not know us, or not any longer."""
        ...

    def forget(self, headers: Mapping[bytes, bytes], /) -> bool:
        """The API did not accept these. Whether others may be had, by asking for them once more."""
        ...

    def lent(self) -> Lent | None:
        """What is to be given back at the end, if anything is."""
        ...

    def hide(self, text: str) -> str:
        """The text without our secrets in any form."""
        ...


class Secret:
    """A named secret, read again when its variable or file has changed; and its forms, which are never shown."""

    def __init__(self, ref: SecretRef) -> None:
        self._ref = ref
        self._stamp: object = None
        self.value = ""
        self.hide = Hidden()

    def changed(self, user: str = "") -> bool:
        """Whether it was read anew; Refused if it is missing. user: whose password it is."""
        if (stamp := _stamp(self._ref)) == self._stamp:
            return False
        self.value = _revealed(self._ref)
        joined = (_basic(user, self.value), _basic(quote_plus(user), quote_plus(self.value)))
        self.hide = Hidden(self.value, *joined)
        self._stamp = stamp
        return True


class Credentials:
    """The headers that tell an API who we are; made again when a variable or a file has changed."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        ref = auth.password or auth.token
        self._secret = Secret(ref) if ref is not None else None
        self._headers: Mapping[bytes, bytes] = {}

    async def headers(self, _ask: Ask | None = None) -> Mapping[bytes, bytes]:
        """The same object until something changes; Refused if a secret is missing or cannot be sent."""
        if self._secret is not None and self._secret.changed(self._auth.user or ""):
            self._headers = encoded(_auth_headers(self._auth, self._secret.value))
        return self._headers

    def signed(self, url: httpx.URL) -> httpx.URL:
        """With the key, where it is sent in the query; one that somebody put there already is replaced."""
        if self._auth.parameter is None or self._secret is None:
            return url
        try:
            return url.copy_set_param(self._auth.parameter, self._secret.value)
        except httpx.InvalidURL:
            raise Refused("the key is longer than a URL may be: check the site's auth") from None

    def refused(self, answer: Answer) -> bool:
        return answer.status == 401

    def sealed(self, request: httpx.Request) -> httpx.Request:
        """The headers are the same for every request."""
        return request

    def forget(self, _headers: Mapping[bytes, bytes], /) -> bool:
        """These are all that there are."""
        return False

    def lent(self) -> Lent | None:
        return None

    def hide(self, text: str) -> str:
        return self._secret.hide(text) if self._secret else text


def encoded(headers: Mapping[str, str]) -> Mapping[bytes, bytes]:
    """As they are sent; Refused for what no header can carry."""
    if not all(value.isprintable() for value in headers.values()):
        raise Refused("a user's name or secret holds characters that no header can carry (a line end within?)")
    return {name.encode(): value.encode() for name, value in headers.items()}


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return f"Basic {_basic(user, password)}"


def _auth_headers(auth: Auth, secret: str) -> dict[str, str]:
    user = auth.user or ""
    match auth.kind:
        case "basic":
            return {"Authorization": basic(user, secret)}
        case "bearer":
            return {"Authorization": f"Bearer {secret}"}
        case "slurm":
            return {"X-SLURM-USER-NAME": user, "X-SLURM-USER-TOKEN": secret}
        case _:
            return {auth.header: secret} if auth.header else {}


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def _stamp(ref: SecretRef) -> object:
    """Changes whenever the secret may have changed; costs no reading of a file."""
    if ref.file is None:
        return os.environ.get(ref.env or "", "")
    return stamp_of(ref.file)


def stamp_of(file: str) -> object:
    """Changes whenever the file may have changed; without reading it."""
    try:
        found = os.stat(file)
    except OSError:
        return object()  # never equal: whoever reads it says what is wrong
    return found.st_mtime_ns, found.st_size, found.st_ino


def _revealed(ref: SecretRef) -> str:
    try:
        return ref.reveal().get_secret_value()
    except InputError as error:
        raise Refused(str(error)) from None
