"""Opening the database, its schema, and what the database itself refuses."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from suanli.model.errors import InputError, SuanliError, Unavailable
from suanli.store import schema
from suanli.store.engine import HEAD, SchemaError, ensure_schema, open_engine, revision, upgrade
from suanli.store.sql import Store
from tests.suanli.making import a_pool, a_site, a_store, database, open_store
from tests.suanli.storing import file_of


def test_the_migrated_schema_is_the_one_in_schema_py(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'new.db'}")
    assert revision(engine) is None
    assert upgrade(engine) == HEAD == revision(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_every_connection_writes_ahead_and_fully_synchronous() -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000}
    with a_store() as store:
        connections = [store.engine.connect() for _ in range(4)]
        for connection in connections:
            assert {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted} == wanted
            connection.rollback()
            connection.close()


OVERLAP = """INSERT INTO capacity
(pool_key, stage, valid_from, valid_until, devices, pflops, basis, source, reason, recorded_at, superseded_at)
VALUES (1, {stage!r}, {start}, {end}, NULL, 5.0, 'fp16', 'x', 'new', 1, {superseded})"""


def inserted(store: Store, start: int, end: str, stage: str = "built", superseded: str = "NULL") -> None:
    with closing(sqlite3.connect(file_of(store))) as connection:
        connection.execute(OVERLAP.format(start=start, end=end, stage=stage, superseded=superseded))
        connection.commit()


def test_the_database_itself_refuses_an_overlap() -> None:
    with a_store(a_site("s", a_pool("p"))) as store:
        inserted(store, 100, "200")
        for start, end in ((150, "160"), (50, "101"), (199, "NULL"), (0, "NULL"), (100, "200")):
            with pytest.raises(sqlite3.IntegrityError, match="capacity overlaps an entry of this pool and stage"):
                inserted(store, start, end)
        inserted(store, 200, "300")
        inserted(store, 50, "100")
        inserted(store, 150, "160", stage="planned")
        inserted(store, 150, "160", superseded="2")
        with (
            closing(sqlite3.connect(file_of(store))) as connection,
            pytest.raises(sqlite3.IntegrityError, match="overlaps"),
        ):
            connection.execute("UPDATE capacity SET superseded_at = NULL WHERE valid_until = 160 AND stage = 'built'")


@pytest.mark.parametrize(("start", "end"), [(200, "200"), (200, "100")])
def test_the_database_itself_refuses_an_end_before_its_start(start: int, end: str) -> None:
    with a_store(a_site("s", a_pool("p"))) as store, pytest.raises(sqlite3.IntegrityError, match="end_after_start"):
        inserted(store, start, end)


def test_another_versions_schema_is_refused_not_touched(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "suanli.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(SchemaError, match=r"schema 9999, this version needs \d{4}.*suanli db upgrade") as caught:
        open_store(url)
    assert caught.value.exit_code == 2


def opened(url: str) -> None:
    engine = open_engine(url)
    ensure_schema(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "error", "told"),
    [
        ("bogus", InputError, "expected an address such as sqlite:///suanli.db"),
        ("mysql://user@host/db", InputError, "mysql is not supported; use sqlite:///FILE or postgresql"),
        ("postgresql+asyncpg://user@host/db", InputError, "postgresql.asyncpg is not supported"),
        ("postgresql://user:s3cret@host/db", InputError, "an address holds no password: name it beside"),
        ("postgresql://user:@host/db", InputError, "an address holds no password: name it beside"),
        ("postgresql://host/db?user=u&password=s3cret", InputError, "an address holds no password"),
        ("postgresql://host/db?sslpassword=s3cret", InputError, "an address holds no password"),
        ("postgresql://user@127.0.0.1:9/db", Unavailable, "store db cannot be opened: .*Connection refused"),
        ("postgresql://user@127.0.0.1:nine/db", InputError, "expected an address such as"),
        ("sqlite:////no/such/folder/x.db", Unavailable, "cannot be opened: unable to open database file"),
        ("sqlite:///{folder}/text.db", Unavailable, "cannot be opened: file is not a database"),
    ],
)
def test_a_store_that_cannot_be_opened(tmp_path: Path, url: str, error: type[SuanliError], told: str) -> None:
    (tmp_path / "text.db").write_text("this is a letter to a friend, not a database\n" * 20, encoding="utf-8")
    with pytest.raises(error, match=told) as caught:
        opened(url.format(folder=tmp_path))
    assert "s3cret" not in str(caught.value)
