"""The text of a token, `suanli_<id>_<secret>`, and the hash under which its secret is kept."""

from __future__ import annotations

import re
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import SecretStr

from suanli.model.message import Message

_SECRET_BYTES = 32
_ID_BYTES = 6
_TEXT = re.compile(r"suanli_([0-9a-f]{12})_([0-9a-f]{64})")
# The least that OWASP names for Argon2id (19 MiB): some 25 ms, once a process and token. 256 random bits need no more.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Of a secret that nobody has: what is not there is looked at as long as what is.
NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$240CJOP9iVgv/kuUNjXudg$ExkRaC7Sg1vLgrESQ7HuWNG9DjSlE3b+ItBK5wr4gbI"


def new_text() -> tuple[str, SecretStr]:
    """A new id, and the whole text, which is shown once."""
    id_ = secrets.token_hex(_ID_BYTES)
    return id_, SecretStr(f"suanli_{id_}_{secrets.token_hex(_SECRET_BYTES)}")


def parts_of(text: str) -> tuple[str, str] | None:
    """Id and secret of a token's text; None for what cannot be one."""
    match = _TEXT.fullmatch(text)
    return (match[1], match[2]) if match else None


def hashed(text: SecretStr) -> str:
    """The Argon2id hash of the text's secret, as it is kept."""
    parts = parts_of(text.get_secret_value())
    if parts is None:
        raise ValueError(Message("expected the text of a token"))
    return _HASHER.hash(parts[1])


def fits(kept: str, secret: str) -> bool:
    """Whether this is the secret of that hash, compared in constant time; what is no hash fits nothing."""
    try:
        return _HASHER.verify(kept, secret)
    except (Argon2Error, InvalidHashError):
        return False
