"""Who we are to a site's API, and what must never be shown of it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

from collectors.base import Refused
from suanli.model.errors import InputError
from suanli.model.secret import Hidden, SecretRef
from suanli.model.site import Auth


class Credentials:
    """The headers that tell an API who we are; made again when a variable or a file has changed."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._stamp: object = None
        self._headers: Mapping[bytes, bytes] = {}
        self.hide = Hidden()

    def headers(self) -> Mapping[bytes, bytes]:
        """The same object until something changes; Refused if a secret is missing or cannot be sent."""
        ref = self._auth.password or self._auth.token
        if ref is not None and (stamp := _stamp(ref)) != self._stamp:
            self._take(_revealed(ref))
            self._stamp = stamp
        return self._headers

    def _take(self, secret: str) -> None:
        headers = _auth_headers(self._auth, secret)
        if not all(value.isprintable() for value in headers.values()):
            raise Refused("a user's name or secret holds characters that no header can carry (a line end within?)")
        self._headers = {name.encode(): value.encode() for name, value in headers.items()}
        self.hide = Hidden(secret, _basic(self._auth.user or "", secret))


def _auth_headers(auth: Auth, secret: str) -> dict[str, str]:
    user = auth.user or ""
    match auth.kind:
        case "basic":
            return {"Authorization": f"Basic {_basic(user, secret)}"}
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
    try:
        found = os.stat(ref.file)
    except OSError:
        return object()  # never equal: `reveal` says what is wrong
    return found.st_mtime_ns, found.st_size, found.st_ino


def _revealed(ref: SecretRef) -> str:
    try:
        return ref.reveal().get_secret_value()
    except InputError as error:
        raise Refused(str(error)) from None
