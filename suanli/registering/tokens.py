"""Tokens, given and taken back at a desk: only who administers does either, or sees whose there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from suanli.access import WantedToken, new_token, token_row, token_rows
from suanli.answers import iso
from suanli.model.message import Message
from suanli.registering.asker import Asker
from suanli.store.once import Once, answer_of, keep_answer
from suanli.store.sql import Store
from suanli.store.tokens import RecordedToken, add_token, no_token, revoke_token, token_of
from suanli.store.trial import trying

Answer = dict[str, Any]
TokenState = Literal["valid", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """Raises Forbidden where who asks may not administer."""

    store: Store
    who: Asker

    def create(self, wanted: WantedToken, *, dry_run: bool = False, key: str | None = None) -> Answer:
        """The new token, `token` being its text: told this once, and None in a dry run.

        key: under which a request that was carried out within the last day is answered as then, but without the text,
        which is kept nowhere.
        """
        self._must()
        once = None if key is None or dry_run else Once.of(self.who.principal.token_id, key, wanted)
        issued, kept = new_token(wanted, self.who.author, self.store.now)
        answer = _created(issued.token)
        with trying(self.store, dry_run=dry_run) as connection:
            if once and (before := answer_of(connection, once, self.store.now)):
                return before
            add_token(connection, issued.token, kept, self.who.author, self.store.now)
            if once:
                keep_answer(connection, once, answer, self.store.now)
        return answer if dry_run else answer | {"token": issued.text.get_secret_value()}

    def listed(self, owner: str | None = None, state: TokenState | None = None) -> list[Answer]:
        """Every token that was ever given, the oldest first; only this owner's, only those that are in this state."""
        self._must()
        rows = [row | {"state": _state(row, self.store.now)} for row in token_rows(self.store)]
        return [row for row in rows if owner in (None, row["owner"]) and state in (None, row["state"])]

    def one(self, id_: str) -> Answer:
        """The one of this id; Unknown when there is none."""
        self._must()
        with self.store.reading() as connection:
            found = token_of(connection, id_)
        if found is None:
            raise no_token(id_)
        row = token_row(found[0])
        return row | {"state": _state(row, self.store.now)}

    def revoke(self, id_: str, reason: str, *, dry_run: bool = False) -> Answer:
        """Take it back: the next request with it is refused."""
        self._must()
        with trying(self.store, dry_run=dry_run) as connection:
            found = revoke_token(connection, id_, self.who.because(reason).author, self.store.now)
        return {"id": found.id, "owner": found.owner, "revoked": not dry_run}

    def _must(self) -> None:
        self.who.must("administer", Message("see or give tokens"))


def _created(token: RecordedToken) -> Answer:
    row = token_row(token)
    return {name: row[name] for name in ("id", "owner", "scopes", "networks", "expires_at")} | {"token": None}


def _state(row: Answer, now: int) -> TokenState:
    if row["revoked_at"] is not None:
        return "revoked"
    return "expired" if row["expires_at"] is not None and row["expires_at"] <= iso(now) else "valid"
