"""A change tried out: the figures as they would be, without anything being kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from suanli.model.audit import Author
from suanli.model.sample import Sample
from suanli.store.plan import Change, carry_out
from suanli.store.samples import record
from suanli.store.sql import Store
from suanli.store.writes import pool_key

_NOBODY = Author(actor="nobody: tried only")


class _Undone(Exception):
    """Ends the transaction without keeping it."""


class _Tried(Store):
    """Reads what the open transaction of another store sees; it must not be written to."""

    def __init__(self, store: Store, connection: Connection) -> None:
        self._clock = store._clock
        self._connection = connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        yield self._connection


@contextmanager
def trying(store: Store, *, dry_run: bool = True) -> Iterator[Connection]:
    """A transaction, the registry read as it is, that is undone when the block ends unless it is no dry run."""
    try:
        with store.exclusively() as connection:
            yield connection
            if dry_run:
                raise _Undone
    except _Undone:
        return


@contextmanager
def tried(
    store: Store, connection: Connection, changes: list[Change], now: int, heard: Sequence[Sample] = ()
) -> Iterator[Store]:
    """The store as it would be after these changes, to be read until the block ends; then they are undone.

    connection: of the transaction that is open (`Store.exclusively`). heard: what the sources say, as if it had been
    recorded then. Others cannot write meanwhile, so ask no more than is needed.
    """
    savepoint = connection.begin_nested()
    try:
        carry_out(connection, changes, _NOBODY, now)
        record(connection, [(pool_key(connection, one.site, one.pool), one) for one in heard], now)
        yield _Tried(store, connection)
    finally:
        savepoint.rollback()
