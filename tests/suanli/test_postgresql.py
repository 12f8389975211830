"""What PostgreSQL does its own way, on a real server: its schema, secrets, locks, faults, and a power cut."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from suanli.config import load_config
from suanli.model.errors import InputError, SuanliError, Unavailable
from suanli.record import opened_store
from suanli.store import dialect, schema
from suanli.store.engine import HEAD, SchemaError
from suanli.store.sql import Store
from tests.exporter_double import serving as answered
from tests.instance import Instance, instance
from tests.servers.postgresql import PASSWORD, PostgreSQL, cluster, make_users, serving
from tests.servers.processes import free_port, wait_until
from tests.suanli.engines import OnPostgreSQL
from tests.suanli.making import T0, a_sample, a_site, built, register
from tests.suanli.running import suanli
from tests.suanli.storing import raw


@pytest.fixture
def url(on_postgresql: OnPostgreSQL, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database."""
    yield on_postgresql.new(tmp_path)
    on_postgresql.drop_taken()


@pytest.fixture
def unmade(shared_postgresql: PostgreSQL) -> Iterator[str]:
    """The name of a database without any table."""
    name = shared_postgresql.create()
    yield name
    shared_postgresql.drop(name)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(Store(url, lambda: T0)) as made:
        register(made, a_site("s"))
        yield made


# ---------------------------------------------------------------- schema


def test_the_migrated_schema_is_the_one_in_schema_py(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_every_number_is_long_and_every_text_sorts_by_code_points(store: Store) -> None:
    kinds = raw(
        store,
        "SELECT DISTINCT data_type, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1",
    )
    assert kinds == [("bigint", None), ("double precision", None), ("text", "C")]
    assert raw(store, "SELECT 'a' < 'B', 'a' COLLATE \"C\" < 'B'") == [(True, False)], "the server sorts otherwise"


def test_seconds_after_2038_are_seconds(url: str) -> None:
    far = 2**33
    with closing(Store(url, lambda: far)) as store:
        register(store, a_site("s"))
        store.append([a_sample(far, 5.0)])
        assert store.states(far)[0].online_pflops == 5.0
        assert raw(store, "SELECT at, record_lag FROM samples") == [(far, 0)]


def test_db_upgrade_makes_the_tables_once(shared_postgresql: PostgreSQL, unmade: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"store: {shared_postgresql.url(unmade)}\n", encoding="utf-8")
    assert f"would upgrade the schema from nothing to {HEAD}" in suanli(tmp_path, "db", "upgrade", "--dry-run").err
    assert f"schema nothing -> {HEAD}" in suanli(tmp_path, "db", "upgrade").err
    assert f"the schema is up to date ({HEAD})" in suanli(tmp_path, "db", "upgrade").err


def test_instances_that_begin_at_once_make_the_tables_once(shared_postgresql: PostgreSQL, unmade: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        for one in list(pool.map(Store, [shared_postgresql.url(unmade)] * 8)):
            one.close()
    assert shared_postgresql.ask("SELECT count(*) FROM counters", unmade) == [(10,)]


LINE = """INSERT INTO capacity (pool_key, stage, valid_from, valid_until, pflops, basis, source, reason, recorded_at)
VALUES (1, 'planned', {}, {}, {}, 'fp16', 'x', 'new', 1)"""


def test_the_database_itself_refuses_an_overlap_and_what_is_no_amount(url: str, store: Store) -> None:
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(LINE.format(100, 200, 5.0))
        with pytest.raises(psycopg.IntegrityError, match="capacity overlaps an entry of this pool and stage"):
            connection.execute(LINE.format(199, "NULL", 5.0))
        connection.execute(LINE.format(200, 300, 5.0))
        for bad in ("'NaN'", "'Infinity'", "-1"):
            with pytest.raises(psycopg.errors.CheckViolation, match="pflops_not_negative"):
                connection.execute(LINE.format(400, 500, bad))
        facts = "UPDATE site_facts SET valid_from = valid_from"
        connection.execute(facts)
        again = "INSERT INTO site_facts SELECT nextval('site_facts_id_seq'), site_key, name, province, operator, status"
        with pytest.raises(psycopg.IntegrityError, match="site_facts overlaps what is already said of that time"):
            connection.execute(f"{again}, 5, NULL, 1, NULL FROM site_facts")


def test_of_two_that_do_not_see_each_other_one_is_refused_whoever_writes(url: str, store: Store) -> None:
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain) as one, psycopg.connect(plain) as two, ThreadPoolExecutor(1) as pool:
        one.execute(LINE.format(100, 200, 5.0))
        second = pool.submit(two.execute, LINE.format(150, 160, 5.0))
        wait_until(lambda: raw(store, "SELECT 1 FROM pg_locks WHERE NOT granted"), within=10, what="one to wait")
        one.commit()
        with pytest.raises(psycopg.errors.ExclusionViolation):
            second.result(timeout=10)


# ---------------------------------------------------------------- who may open it, and with what


def test_a_password_is_named_and_a_new_one_is_taken_over(
    shared_postgresql: PostgreSQL, url: str, tmp_path: Path
) -> None:
    secret, database = tmp_path / "secret", url.rpartition("/")[2]
    named = f"{{url: '{shared_postgresql.url(database, 'guarded')}', password: {{file: {secret}}}}}"
    (tmp_path / "config.yaml").write_text(f"store: {named}\n", encoding="utf-8")
    config = load_config(tmp_path / "config.yaml")
    secret.write_text(PASSWORD, encoding="utf-8")
    with opened_store(config) as store:
        store.subscribe(["one"])
        store.engine.dispose()
        secret.write_text("Wrong-Hunter3", encoding="utf-8")
        with pytest.raises(Unavailable, match="password authentication failed") as caught:
            store.subscribe(["two"])
        assert "Hunter" not in str(caught.value)
        secret.unlink()
        with pytest.raises(Unavailable, match=r"cannot read .*/secret"):
            store.subscribe(["two"])
        secret.write_text(PASSWORD, encoding="utf-8")
        store.subscribe(["two"])
        assert "Hunter" not in repr((store.engine, store.engine.url, config))
    secret.unlink()
    with pytest.raises(InputError, match="secret missing: cannot read"), opened_store(config):
        pass


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("no_such", Unavailable, 'cannot be opened: .*database "no_such" does not exist'),
        ("latin", SchemaError, "has the encoding LATIN1: make one with ENCODING 'UTF8'"),
        ("others", Unavailable, "schema cannot be upgraded, nothing was changed: permission denied for schema public"),
    ],
)
def test_a_database_that_cannot_be_used(
    shared_postgresql: PostgreSQL, name: str, error: type[SuanliError], told: str
) -> None:
    latin = "ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
    made = name if name == "no_such" else shared_postgresql.create(options=latin if name == "latin" else "")
    if name == "others":
        shared_postgresql.ask(f"ALTER DATABASE {made} OWNER TO postgres")
    try:
        with pytest.raises(error, match=told):
            Store(shared_postgresql.url(made))
    finally:
        shared_postgresql.drop(made)


# ---------------------------------------------------------------- locks, promises, texts


def test_whoever_waits_too_long_for_another_writer_is_told(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "_WAIT", 1)
    with closing(Store(url)) as other, other.writing():
        with pytest.raises(Unavailable, match="cannot be written: canceling statement due to lock timeout"):
            store.append([a_sample(T0, 5.0)])
        assert store.states(T0)[0].online_pflops is None, "who reads waits for nobody"
    assert store.append([a_sample(T0, 5.0)]) == 1


@pytest.mark.parametrize(("default", "wanted"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")])
def test_what_is_written_is_on_disk_whatever_the_server_does_by_default(
    shared_postgresql: PostgreSQL, url: str, store: Store, default: str, wanted: str
) -> None:
    shared_postgresql.ask(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = {default}")
    store.engine.dispose()
    with store.writing() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == wanted


def test_who_reads_can_change_nothing(store: Store) -> None:
    with pytest.raises(Unavailable, match="read-only transaction"), store.reading() as connection:
        connection.execute(text("DELETE FROM samples"))


def test_a_text_with_nul_is_kept_with_a_sign_in_its_place(store: Store) -> None:
    store.reject("one", 1, "compute x=1", "400 \0 no")
    assert store.rejected("one") == [(1, "compute x=1", "400 \ufffd no")]


def test_times_are_compared_as_numbers_of_any_size(store: Store) -> None:
    with store.reading() as connection:
        table = schema.samples
        assert connection.execute(select(table.c.at).where(table.c.at < 2**62)).all() == []


# ---------------------------------------------------------------- faults


def test_a_connection_that_is_lost_in_the_middle_is_told_and_the_next_call_connects_again(
    shared_postgresql: PostgreSQL, url: str, store: Store
) -> None:
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.rpartition('/')[2]}'"  # noqa: S608
    for what, using in (("written", store.writing), ("read", store.reading)):
        with pytest.raises(Unavailable, match=f"the store cannot be {what}: "), using() as connection:  # noqa: PT012
            connection.execute(text("SELECT 1"))
            shared_postgresql.ask(end)
            connection.execute(text("SELECT 1"))
        assert store.append([a_sample(T0, 5.0)]) == 1
    shared_postgresql.ask(end)
    assert store.states(T0)[0].online_pflops == 5.0, "one that was lost while nobody used it is not even noticed"


def test_what_append_acknowledged_survives_a_server_that_is_killed() -> None:
    """With fsync, and the whole tree of its processes killed at once in the middle of appending."""
    port, acknowledged = free_port(), []
    with cluster() as folder, serving(folder, port=port) as server:
        make_users(server)
        name = server.create()
        with closing(Store(server.url(name))) as store:
            register(store, a_site("s"))
            enough = threading.Event()
            killer = threading.Thread(target=_killing, args=(server, enough))
            killer.start()
            with pytest.raises(Unavailable, match=r"the store cannot be (written|read)"):  # noqa: PT012
                for place in range(100_000):
                    store.append([a_sample(T0 + place, float(place))])
                    acknowledged.append(place)
                    if place == 20:
                        enough.set()
            killer.join()
            with pytest.raises(Unavailable, match="Connection refused"):
                store.append([a_sample(T0, 5.0)])
            with serving(folder, port=port):
                last = len(acknowledged)
                store.append([a_sample(T0 + last + 1, 1.0)])
                found = {point.at - T0 for point in store.after(0, 1_000_000).points}
    assert len(acknowledged) > 20
    assert set(acknowledged) <= found <= {*acknowledged, last, last + 1}


def _killing(server: PostgreSQL, enough: threading.Event) -> None:
    enough.wait(30)
    server.tree.stop()


def test_an_instance_notices_what_another_registers_and_waits_for_a_server_that_is_gone(tmp_path: Path) -> None:
    port = free_port()
    answering = answered(lambda _path: b'{"online": 50, "used": 20}')
    with cluster() as folder, instance(tmp_path, PGTEST=PASSWORD) as service, answering as address:
        with serving(folder, port=port) as server:
            make_users(server)
            named = {"url": server.url(server.create(), "guarded"), "password": {"env": "PGTEST"}}
            service.configure(store=named)
            service.start()
            service.apply(_polled(address))
            wait_until(lambda: _recorded(service), within=20, what="the new site to be polled and recorded")
        wait_until(lambda: not service.ready(), within=30, what="the instance to say that it cannot record")
        with serving(folder, port=port):
            wait_until(service.ready, within=30, what="the instance to record again")
        assert service.stop() == 0
        assert PASSWORD not in service.log()


def _polled(address: str) -> dict[str, Any]:
    settings = {"unit": "PFLOPS", "fields": {"online": "online", "used": "used"}}
    source = {"kind": "http_json", "url": f"http://{address}/", "interval": "1s", "settings": settings}
    pool = {"id": "all", "model": "nvidia-h20-96gb", "capacity": [built(100.0)]}
    return {"id": "s", "name": "s", "province": "安徽", "operator": "o", "source": source, "pools": [pool]}


def _recorded(service: Instance) -> bool:
    groups = service.rates(by="site")["groups"]
    return [group["online_pflops"] for group in groups] == [50.0]
