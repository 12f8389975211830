"""Opening the database that an address names, and bringing its schema up to date."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from suanli.model.errors import InputError, Problem, SuanliError, Unavailable
from suanli.model.message import Message
from suanli.model.secret import NO_PASSWORD, SecretRef, holds_password
from suanli.store.dialect import DRIVERS, fits_together, make_engine, reading, told, unenforced

HEAD = "0010"


class SchemaError(SuanliError):
    """The database was made by another version of Suanli."""

    exit_code = 2


def open_engine(url: str, password: SecretRef | None = None) -> Engine:
    """The engine for this store address; a wrong address is an InputError, a database that is not there Unavailable.

    Raises an InputError too when the password is not where it is said to be.
    """
    parsed = _parsed(url)
    if password is not None:
        password.reveal()
    engine = make_engine(parsed, password)
    try:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
            _check_encoding(connection)
    except DBAPIError as error:
        raise Unavailable(
            Message("the store {database} cannot be opened: {why}", database=parsed.database, why=told(error))
        ) from None
    return engine


def store_file(url: str) -> Path | None:
    """The file that this store address names; None for a server, and for what is in memory only."""
    parsed = _parsed(url)
    named = parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}
    return Path(str(parsed.database)).absolute() if named else None


def _parsed(url: str) -> URL:
    if holds_password(url):
        raise InputError(Problem(Message("store: {told}", told=NO_PASSWORD)))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise InputError(Problem(Message("store: expected an address such as sqlite:///suanli.db"))) from None
    if parsed.drivername not in DRIVERS:
        raise InputError(
            Problem(
                Message(
                    "store: {driver} is not supported; use sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE",
                    driver=parsed.drivername,
                )
            )
        )
    return parsed.set(drivername=DRIVERS[parsed.drivername])


def _check_encoding(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        encoding = connection.execute(text("SELECT current_setting('server_encoding')")).scalar()
        if encoding != "UTF8":
            raise SchemaError(
                Message(
                    "the store's database has the encoding {encoding}: make one with ENCODING 'UTF8'", encoding=encoding
                )
            )


def upgrade(engine: Engine) -> str:
    """Run the migrations that are missing, all or none; the revision that the schema has then.

    Raises SchemaError when what is recorded does not fit the new schema, and Unavailable when it cannot be written.
    """
    try:
        with engine.connect() as connection, unenforced(connection), connection.begin():
            _migrate(connection)
    except IntegrityError as error:
        raise SchemaError(
            Message(
                "what is recorded does not fit schema {head}, nothing was changed: {why}", head=HEAD, why=told(error)
            )
        ) from None
    except DBAPIError as error:
        raise Unavailable(
            Message("the schema cannot be upgraded, nothing was changed: {why}", why=told(error))
        ) from None
    return HEAD


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("suanli.store").joinpath("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if not fits_together(connection):
        raise SchemaError(Message("the migrated rows would not fit together; nothing was changed"))


def revision(engine: Engine) -> str | None:
    """The schema's revision; None for an empty database."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def ensure_schema(engine: Engine) -> None:
    """A new database gets its tables; an older one is left for `suanli db upgrade`, which the person decides on."""
    found = revision(engine)
    if found is None:
        upgrade(engine)
    elif found != HEAD:
        raise SchemaError(
            Message(
                "the store has schema {found}, this version needs {head}: run `suanli db upgrade`",
                found=found,
                head=HEAD,
            )
        )
