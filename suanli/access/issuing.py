"""Giving a token, and taking it back."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)

from suanli.access.text import hashed, new_text
from suanli.model.access import Scope
from suanli.model.audit import Author, Line
from suanli.model.message import Message, message_of
from suanli.model.units import seconds_of
from suanli.store.sql import Store
from suanli.store.tokens import RecordedToken, add_token, revoke_token
from suanli.store.trial import trying

_LONGEST = 10 * 365 * 86400


def _scope(text: object) -> object:
    if isinstance(text, Scope):
        return text
    if not isinstance(text, str):
        raise ValueError(Message("expected the words of a scope"))
    return Scope.parsed(text)


def _some(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    if not scopes:
        raise ValueError(Message("expected at least one scope: a token without any may do nothing"))
    return scopes


def _network(text: object) -> str:
    try:
        return str(ipaddress.ip_network(text if isinstance(text, str) else ""))
    except ValueError as error:
        raise ValueError(
            Message("expected a network such as 10.1.0.0/16 or 2001:db8::/32: {error}", error=message_of(error))
        ) from None


def _lifetime(text: object) -> object:
    if text == "never":
        return None
    seconds = seconds_of(text)
    if isinstance(seconds, int) and seconds > _LONGEST:
        raise ValueError(Message("expected at most 10y, or never"))
    return seconds


_SCOPE = {"type": "string", "examples": ["read", "register:示例运营方", "push:wh-1", "approve", "admin"]}
_LIFE = {"type": "string", "examples": ["90d", "1y", "never"]}
_Scope = Annotated[Scope, BeforeValidator(_scope), WithJsonSchema(_SCOPE)]
_Network = Annotated[str, BeforeValidator(_network), WithJsonSchema({"type": "string", "examples": ["10.1.0.0/16"]})]


class WantedToken(BaseModel):
    """A token as it is asked for. expires: its life in seconds, written as `90d`; None, written as `never`: no end."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    owner: Annotated[Line, StringConstraints(max_length=120)]
    scope: Annotated[tuple[_Scope, ...], AfterValidator(_some), Field(max_length=100)]
    expires: Annotated[int | None, BeforeValidator(_lifetime), WithJsonSchema(_LIFE)] = 365 * 86400
    network: Annotated[tuple[_Network, ...], Field(max_length=100)] = ()


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it was recorded, and its text: shown this once, kept nowhere."""

    token: RecordedToken
    text: SecretStr


def new_token(wanted: WantedToken, author: Author, now: int) -> tuple[Issued, str]:
    """A token that is recorded nowhere yet, and the hash under which its secret is to be kept."""
    id_, text = new_text()
    terms: dict[str, Any] = {"scopes": tuple(sorted(set(wanted.scope), key=str)), "networks": wanted.network}
    expires_at = None if wanted.expires is None else now + wanted.expires
    token = RecordedToken(id_, wanted.owner, **terms, created_at=now, created_by=author.actor, expires_at=expires_at)
    return Issued(token, text), hashed(text)


def issue(store: Store, wanted: WantedToken, author: Author, *, dry_run: bool = False) -> Issued:
    """Record a new token; a dry run keeps nothing, and its text is of no use."""
    issued, kept = new_token(wanted, author, store.now)
    with trying(store, dry_run=dry_run) as connection:
        add_token(connection, issued.token, kept, author, store.now)
    return issued


def revoke(store: Store, id_: str, author: Author, *, dry_run: bool = False) -> RecordedToken:
    """Take the token back: the next request with it is refused. An Unknown when there is none of this id."""
    with trying(store, dry_run=dry_run) as connection:
        return revoke_token(connection, id_, author, store.now)
