"""Tokens in the database, each with the audit entry of what is done to it. Of a secret only its hash comes here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from suanli.model.access import Principal, Scope
from suanli.model.audit import Author, Entry
from suanli.model.errors import Problem, SuanliError, Unknown
from suanli.model.message import Message
from suanli.store import audit, schema

_table = schema.tokens.c
USED_AT_MOST_EVERY = 60
"""Seconds between two notes of when a token was used."""


@dataclass(frozen=True, slots=True)
class RecordedToken:
    """A token without its hash. networks: CIDR, empty: from anywhere; times in UTC seconds, None: never (yet)."""

    id: str
    owner: str
    scopes: tuple[Scope, ...]
    networks: tuple[str, ...]
    created_at: int
    created_by: str
    expires_at: int | None
    last_used_at: int | None = None
    revoked_at: int | None = None

    @property
    def principal(self) -> Principal:
        return Principal(self.id, self.owner, frozenset(self.scopes))

    def expired(self, now: float) -> bool:
        """From the second of expires_at on."""
        return self.expires_at is not None and now >= self.expires_at


def add_token(connection: Connection, token: RecordedToken, kept: str, author: Author, now: int) -> None:
    """Record a new token under the hash of its secret."""
    row = {"owner": token.owner, "scopes": _scopes(token), "networks": list(token.networks)}
    texts = {"scopes": json.dumps(row["scopes"], ensure_ascii=False), "networks": json.dumps(row["networks"])}
    times = {"created_at": now, "created_by": token.created_by, "expires_at": token.expires_at}
    connection.execute(insert(schema.tokens).values(id=token.id, hash=kept, owner=token.owner, **texts, **times))
    entry = Entry("token.create", token.id, after={**row, "expires_at": token.expires_at})
    audit.append(connection, author, [entry], now)


def revoke_token(connection: Connection, id_: str, author: Author, now: int) -> RecordedToken:
    """From now on nobody is let in with it; it stays in the list. A SuanliError when it was revoked before."""
    found = token_of(connection, id_)
    if found is None:
        raise no_token(id_)
    if found[0].revoked_at is not None:
        raise SuanliError(Message("token {id} has already been revoked", id=id_))
    connection.execute(update(schema.tokens).where(_table.id == id_).values(revoked_at=now))
    entry = Entry("token.revoke", id_, {"owner": found[0].owner, "scopes": _scopes(found[0])}, {"revoked_at": now})
    audit.append(connection, author, [entry], now)
    return found[0]


def no_token(id_: str) -> Unknown:
    """What is said where there is none of this id."""
    return Unknown(Problem(Message("no token {id!r}; `suanli token list` shows them", id=id_), key="id"))


def token_of(connection: Connection, id_: str) -> tuple[RecordedToken, str] | None:
    """The token of this id with the hash of its secret; None when there is none."""
    row = connection.execute(select(schema.tokens).where(_table.id == id_)).first()
    return None if row is None else (_token(row), row.hash)


def tokens(connection: Connection) -> list[RecordedToken]:
    """Every token that was ever given, the oldest first."""
    return [_token(row) for row in connection.execute(select(schema.tokens).order_by(_table.created_at, _table.id))]


def note_use(connection: Connection, id_: str, now: int) -> None:
    """It was used now; written only where the last note is a minute old."""
    old = or_(_table.last_used_at.is_(None), _table.last_used_at <= now - USED_AT_MOST_EVERY)
    connection.execute(update(schema.tokens).where(_table.id == id_, old).values(last_used_at=now))


def _scopes(token: RecordedToken) -> list[str]:
    return sorted(map(str, token.scopes))


def _token(row: Row[Any]) -> RecordedToken:
    return RecordedToken(
        id=row.id,
        owner=row.owner,
        scopes=tuple(map(Scope.parsed, json.loads(row.scopes))),
        networks=tuple(json.loads(row.networks)),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
