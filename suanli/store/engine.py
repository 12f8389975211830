"""Opening the database: WAL, full synchronous, one writer at a time; and bringing its schema up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError

from suanli.model.errors import InputError, Problem, SuanliError, Unavailable

HEAD = "0005"
READING = {"isolation_level": "AUTOCOMMIT"}


class SchemaError(SuanliError):
    """The database was made by another version of Suanli."""

    exit_code = 2


def open_engine(url: str) -> Engine:
    """The engine for this store address; a wrong address is an InputError, a folder that is not there Unavailable."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InputError(Problem("store: expected an address such as sqlite:///suanli.db")) from None
    if parsed.get_backend_name() != "sqlite":
        raise InputError(
            Problem(f"store: {parsed.get_backend_name()} is not supported by this version; use sqlite:///FILE")
        )
    engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": 10.0})
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect().execution_options(**READING) as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseError as error:
        raise Unavailable(f"the store {parsed.database} cannot be opened: {error.orig}") from None
    return engine


def upgrade(engine: Engine) -> str:
    """Run the migrations that are missing, all or none; the revision that the schema has then.

    Raises SchemaError when what is recorded does not fit the new schema, and Unavailable when it cannot be written.
    """
    try:
        with engine.connect() as connection, _unenforced(connection), connection.begin():
            _migrate(connection)
    except IntegrityError as error:
        raise SchemaError(f"what is recorded does not fit schema {HEAD}, nothing was changed: {error.orig}") from None
    except DatabaseError as error:
        raise Unavailable(f"the schema cannot be upgraded, nothing was changed: {error.orig}") from None
    return HEAD


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("suanli.store").joinpath("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise SchemaError("the migrated rows would not fit together; nothing was changed")


@contextmanager
def _unenforced(connection: Connection) -> Iterator[None]:
    """Without foreign keys being enforced: SQLite changes a table by making it anew. Not within a transaction."""
    raw = connection.connection.driver_connection
    assert raw is not None  # noqa: S101 - a connection just opened has one
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def revision(engine: Engine) -> str | None:
    """The schema's revision; None for an empty database."""
    with engine.connect().execution_options(**READING) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def ensure_schema(engine: Engine) -> None:
    """A new database gets its tables; an older one is left for `suanli db upgrade`, which the person decides on."""
    found = revision(engine)
    if found is None:
        upgrade(engine)
    elif found != HEAD:
        raise SchemaError(f"the store has schema {found}, this version needs {HEAD}: run `suanli db upgrade`")


def database_file(engine: Engine) -> Path | None:
    """The file of the database; None for one in memory."""
    name = engine.url.database
    return Path(name) if name and name != ":memory:" else None


def _connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: sqlite3's own is deferred and can fail half-way
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
