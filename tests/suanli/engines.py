"""Where the databases of tests lie: in SQLite, or, for the suites that ask for both, on a real PostgreSQL as well.

A database on PostgreSQL is a copy of a migrated one. Copies that are given back are emptied and handed out again, as
that is quicker than another copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from sqlalchemy import Table

from suanli.store import schema
from suanli.store.sql import Store
from tests.servers.postgresql import PostgreSQL


class OnPostgreSQL:
    """Empty, migrated databases on one server."""

    def __init__(self, server: PostgreSQL) -> None:
        self._server = server
        self._model = server.create()
        Store(server.url(self._model)).close()
        self._reset = self._resetting()
        self._free: list[str] = []
        self._taken: set[str] = set()
        self._of: dict[Path, str] = {}

    def new(self, folder: Path) -> str:
        """The address of an empty one, which is from now on the one of this folder."""
        name = self._free.pop() if self._free else self._server.create(template=self._model)
        self._taken.add(name)
        self._of[folder] = self._server.url(name)
        return self._of[folder]

    def of(self, folder: Path) -> str | None:
        """The address of the last that was made for this folder."""
        return self._of.get(folder)

    def fill_disk(self, store: Store) -> None:
        """From now on this store's database lies on a disk on which no page is free."""
        store.engine.dispose()
        self._server.ask(f"ALTER DATABASE {store.engine.url.database} SET TABLESPACE small")
        store.changed_elsewhere()  # connected once, a server needs no room for the next connection
        store.engine.dispose()
        self._server.ask("CREATE TABLE ballast (page text) TABLESPACE small")
        self._server.ask("ALTER TABLE ballast ALTER COLUMN page SET STORAGE plain")
        with suppress(psycopg.errors.DiskFull):
            self._server.ask("INSERT INTO ballast SELECT repeat('x', 7000) FROM generate_series(1, 9000)")

    def make_read_only(self, store: Store) -> None:
        """From now on nothing can be written to this store's database."""
        store.engine.dispose()
        self._server.ask(f"ALTER DATABASE {store.engine.url.database} SET default_transaction_read_only = on")

    def mend(self, store: Store) -> None:
        """It can be written again."""
        store.engine.dispose()
        self._server.ask("DROP TABLE IF EXISTS ballast")
        self._server.ask(f"ALTER DATABASE {store.engine.url.database} SET TABLESPACE pg_default")
        self._server.ask(f"ALTER DATABASE {store.engine.url.database} RESET default_transaction_read_only")

    def give_back(self, url: str) -> None:
        """Nobody is connected to it any more."""
        name = url.rpartition("/")[2]
        if name in self._taken:
            self._server.ask(self._reset, name)
            self._taken.remove(name)
            self._free.append(name)

    def drop_taken(self) -> None:
        """Those that nobody gave back."""
        for name in self._taken:
            self._server.drop(name)
        self._taken.clear()
        self._of.clear()

    def _resetting(self) -> str:
        """Every row goes but those of a new database, past any trigger; and numbers begin again."""
        tables = schema.metadata.sorted_tables
        gone = [f"DELETE FROM {table.name}" for table in reversed(tables)]  # noqa: S608 - our own words
        filled = [table.name for table in tables if self._server.ask(f"TABLE {table.name} LIMIT 1", self._model)]
        self._server.ask("CREATE SCHEMA first", self._model)
        for name in filled:
            self._server.ask(f"CREATE TABLE first.{name} AS TABLE {name}", self._model)
        back = [f"INSERT INTO {name} TABLE first.{name}" for name in filled]
        numbers = [f"SELECT setval(pg_get_serial_sequence('{t.name}', '{_key(t)}'), 1, false)" for t in tables]
        return "; ".join(["BEGIN", "SET LOCAL session_replication_role = replica", *gone, *back, *numbers, "COMMIT"])


def _key(table: Table) -> str:
    return next(iter(table.primary_key)).name


_chosen: list[OnPostgreSQL] = []


def chosen() -> OnPostgreSQL | None:
    """Where new databases are to be made now; None: in SQLite, as ever."""
    return _chosen[-1] if _chosen else None


@contextmanager
def on(databases: OnPostgreSQL) -> Iterator[None]:
    """Until the end of the block, stores of tests lie there."""
    _chosen.append(databases)
    try:
        yield
    finally:
        _chosen.pop()
        databases.drop_taken()


def made(folder: Path, in_sqlite: Callable[[Path], str]) -> str:
    """The address of a new database of this folder, where they are made now."""
    databases = chosen()
    return in_sqlite(folder) if databases is None else databases.new(folder)


def address_in(folder: Path) -> str:
    """The address of the store that was made for this folder."""
    databases = chosen()
    return (databases and databases.of(folder)) or f"sqlite:///{folder}/suanli.db"
