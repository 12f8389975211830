"""Knowing who comes by the token that they bring."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import threading
from collections import OrderedDict

from suanli.access.errors import AccessError, Expired, Invalid, LockedOut, Missing, Revoked, WrongNetwork
from suanli.access.lockout import LockOut, ip
from suanli.access.text import NOBODYS, fits, parts_of
from suanli.model.access import Principal
from suanli.model.errors import Unavailable
from suanli.store.sql import Store
from suanli.store.tokens import USED_AT_MOST_EVERY, RecordedToken, note_use, token_of

_log = logging.getLogger("suanli.access")
_REMEMBERED = 1000


class Door:
    """One a process. It remembers which secrets it has found right, so that only a token's first request pays Argon2.

    What is remembered is the SHA-256 of the whole text beside the hash in the store; whether the token still counts is
    read from the store each time. May be called from any thread; it reads the store, so not from an event loop.
    """

    def __init__(self, store: Store, lock_out: LockOut | None = None) -> None:
        self._store = store
        self._lock_out = lock_out or LockOut()
        self._right: OrderedDict[bytes, str] = OrderedDict()
        self._lock = threading.Lock()

    def authenticate(self, text: str | None, address: str, now: float) -> Principal:
        """Whose token this is; address: the client's; now: UTC seconds. An AccessError says why they are not let in.

        1. From an address that is locked out nothing is looked at, so that a right guess cannot be told either.
        2. The secret is compared before anything else is told; a text that is no token, an id that is not there and a
           wrong secret end alike.
        3. Only then: revoked, expired, another network.
        """
        if wait := self._lock_out.remaining(address, now):
            raise LockedOut(wait)
        if text is None or not text.strip():
            raise Missing
        token = self._token(text)
        if token is None:
            self._lock_out.failed(address, now)
            raise Invalid
        if fault := _fault(token, address, now):
            self._forget(text)
            raise fault
        self._note_use(token, int(now))
        return token.principal

    def _token(self, text: str) -> RecordedToken | None:
        """The token whose whole text this is; None when there is none."""
        parts = parts_of(text)
        if parts is None:
            return None
        with self._store.reading() as connection:
            found = token_of(connection, parts[0])
        token, kept = found or (None, NOBODYS)
        return token if self._is_right(text, parts[1], kept) else None

    def _is_right(self, text: str, secret: str, kept: str) -> bool:
        digest = _digest(text)
        with self._lock:
            remembered = self._right.get(digest)
        if remembered is not None and hmac.compare_digest(remembered.encode(), kept.encode()):
            return True
        if not fits(kept, secret):
            return False
        with self._lock:
            self._right[digest] = kept
            if len(self._right) > _REMEMBERED:
                self._right.popitem(last=False)
        return True

    def _forget(self, text: str) -> None:
        with self._lock:
            self._right.pop(_digest(text), None)

    def _note_use(self, token: RecordedToken, now: int) -> None:
        if token.last_used_at is not None and now - token.last_used_at < USED_AT_MOST_EVERY:
            return
        try:
            with self._store.writing() as connection:
                note_use(connection, token.id, now)
        except Unavailable as error:  # a full disk is no reason not to read
            _log.warning("the use of token %s is not noted: %s", token.id, error)


def _fault(token: RecordedToken, address: str, now: float) -> AccessError | None:
    """Why who has the secret is not let in all the same."""
    if token.revoked_at is not None:
        return Revoked()
    if token.expired(now):
        return Expired()
    return None if _is_from(address, token.networks) else WrongNetwork()


def _is_from(address: str, networks: tuple[str, ...]) -> bool:
    if not networks:
        return True
    try:
        found = ip(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network) for network in networks)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
