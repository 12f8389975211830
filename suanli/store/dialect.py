"""What differs between the two databases that a record may lie in, SQLite and PostgreSQL: all of it, and nothing else.

docs/decisions/0010-postgresql.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from suanli.model.errors import InputError, Unavailable
from suanli.model.message import Message, message_of
from suanli.model.secret import SecretRef

DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg"}
"""What may stand before :// of an address, and which driver serves it."""
LONG = BigInteger().with_variant(Integer(), "sqlite")
"""Seconds and numbers that only grow. SQLite's INTEGER is as long, and as a key it takes no place of its own."""
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Sorted by its code points, whatever language the server speaks."""

_WAIT = 10
"""Seconds: so long a writer waits for another, and whoever connects for an answer."""
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_WAIT * 1000}")
_LIVELY = {"connect_timeout": _WAIT, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""A server that is gone without a word is noticed within a minute."""
WRITERS = 0x5A_5A_AA_11
"""The advisory lock of whoever writes: the triggers of migrations take it too."""
_AT_ONCE = {"isolation_level": "AUTOCOMMIT"}
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def word(length: int) -> String:
    """Text of about this length: SQLite does not look at it, so PostgreSQL shall not either."""
    return String(length).with_variant(postgresql.TEXT(collation="C"), "postgresql")


def make_engine(url: URL, password: SecretRef | None = None) -> Engine:
    """An engine that opens every connection as the record needs it. Nothing is connected yet."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": float(_WAIT)})
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    lively = {name: value for name, value in _LIVELY.items() if name not in url.query}
    engine = create_engine(url, connect_args=lively, pool_pre_ping=True)
    if password is not None:
        event.listen(engine, "do_connect", _with_password(password))
    event.listen(engine, "connect", _postgresql_connected)
    event.listen(engine, "begin", _postgresql_begin)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one moment of the record, and can change nothing of it."""
    options = _AT_ONCE if engine.dialect.name == "sqlite" else _SNAPSHOT
    with engine.connect().execution_options(**options) as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # ends when the connection goes back to the pool
        yield connection


@contextmanager
def unenforced(connection: Connection) -> Iterator[None]:
    """Without foreign keys being enforced: SQLite changes a table by making it anew. Not within a transaction."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def fits_together(connection: Connection) -> bool:
    """Whether every foreign key has its row; PostgreSQL never lets it be otherwise."""
    return connection.dialect.name != "sqlite" or connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None


def upsert(connection: Connection, table: Table) -> sqlite.Insert:
    """An insert that knows what to do on conflict. Both kinds are said in the same words."""
    kind: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    made: sqlite.Insert = kind.insert(table)
    return made


def run(connection: Connection, statement: str, values: Sequence[Any]) -> int:
    """Run a statement with a ? for each value, for a tuple or for each of a list of tuples; how many rows it changed.

    Given as they are: half of an append once went into turning rows of names into rows of values.
    """
    return connection.exec_driver_sql(_placed(statement, connection.dialect.name), values).rowcount if values else 0


@cache
def _placed(statement: str, dialect: str) -> str:
    return statement if dialect == "sqlite" else statement.replace("?", "%s")


def given(
    connection: Connection, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]
) -> tuple[str, dict[str, Any]]:
    """Rows of ours to be joined with: what to write after FROM, and the values to bind. columns: types by name."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{name}")
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {name} ({', '.join(f'{one} {columns[one]}' for one in columns)})"
        )
        run(connection, f"INSERT INTO temp.{name} VALUES ({', '.join('?' * len(columns))})", rows)  # noqa: S608
        return f"temp.{name} AS {name}", {}
    arrays = (f"CAST(:{name}_{one} AS {kind}[])" for one, kind in columns.items())
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    bound = {f"{name}_{one}": list(some) for one, some in zip(columns, values, strict=True)}
    return f"unnest({', '.join(arrays)}) AS {name}({', '.join(columns)})", bound


def same(connection: Connection, one: str, other: str) -> str:
    """That two expressions are equal, unknown being equal to unknown."""
    return f"{one} {'IS' if connection.dialect.name == 'sqlite' else 'IS NOT DISTINCT FROM'} {other}"


def json_text(connection: Connection, column: ColumnElement[str], key: str) -> ColumnElement[str]:
    """What stands under this key in a column of JSON text."""
    if connection.dialect.name == "sqlite":
        return func.json_extract(column, f"$.{key}")
    return func.json_extract_path_text(column.cast(postgresql.JSON), key)


def told(error: DBAPIError) -> str:
    """The database's own words in one line: neither the statement nor its values, which may be anybody's secret."""
    diagnosis = getattr(error.orig, "diag", None)
    return " ".join(str((diagnosis and diagnosis.message_primary) or error.orig).split())


def _sqlite_connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: sqlite3's own is deferred and can fail half-way
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    if "isolation_level" not in connection.get_execution_options():
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _with_password(password: SecretRef) -> Callable[[Any, Any, Any, dict[str, Any]], None]:
    """Read for each connection, so that a new password is taken over; it is held by nobody."""

    def connect(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        try:
            parameters["password"] = password.reveal().get_secret_value()
        except InputError as error:
            raise Unavailable(Message("the store cannot be reached: {error}", error=message_of(error))) from None

    return connect


def _postgresql_connected(connection: Any, _record: Any) -> None:
    from psycopg.types.string import StrDumper

    class WithoutNul(StrDumper):
        """PostgreSQL has no NUL in text, and a source or sink may say one: a reader sees that something stood there."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    connection.adapters.register_dumper(str, WithoutNul)


def _postgresql_begin(connection: Connection) -> None:
    """Writers come one at a time, as in SQLite; and what is acknowledged is on disk, whatever the server's default."""
    if "isolation_level" in connection.get_execution_options():
        return
    connection.exec_driver_sql(
        f"SELECT set_config('lock_timeout', '{_WAIT}s', true), set_config('synchronous_commit', "
        "replace(current_setting('synchronous_commit'), 'off', 'on'), true)"
    )
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")
