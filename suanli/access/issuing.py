"""Giving a token, and taking it back."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, StringConstraints

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
    return Scope.parsed(text) if isinstance(text, str) else text


def _some(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    if not scopes:
        raise ValueError(Message("expected at least one scope: a token without any may do nothing"))
    return scopes


def _network(text: object) -> str:
    try:
        return str(ipaddress.ip_network(str(text)))
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


class WantedToken(BaseModel):
    """A token as it is asked for. expires: its life in seconds, written as `90d`; None, written as `never`: no end."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    owner: Annotated[Line, StringConstraints(max_length=120)]
    scope: Annotated[tuple[Annotated[Scope, BeforeValidator(_scope)], ...], AfterValidator(_some)]
    expires: Annotated[int | None, BeforeValidator(_lifetime)] = 365 * 86400
    network: tuple[Annotated[str, BeforeValidator(_network)], ...] = ()


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it was recorded, and its text: shown this once, kept nowhere."""

    token: RecordedToken
    text: SecretStr


def issue(store: Store, wanted: WantedToken, author: Author, *, dry_run: bool = False) -> Issued:
    """Record a new token; a dry run keeps nothing, and its text is of no use."""
    now, (id_, text) = store.now, new_text()
    terms: dict[str, Any] = {"scopes": tuple(sorted(set(wanted.scope), key=str)), "networks": wanted.network}
    expires_at = None if wanted.expires is None else now + wanted.expires
    token = RecordedToken(id_, wanted.owner, **terms, created_at=now, created_by=author.actor, expires_at=expires_at)
    kept = hashed(text)
    with trying(store, dry_run=dry_run) as connection:
        add_token(connection, token, kept, author, now)
    return Issued(token, text)


def revoke(store: Store, id_: str, author: Author, *, dry_run: bool = False) -> RecordedToken:
    """Take the token back: the next request with it is refused. An InputError when there is none of this id."""
    with trying(store, dry_run=dry_run) as connection:
        return revoke_token(connection, id_, author, store.now)
