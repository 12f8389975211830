"""A database of the first schema, as it was left behind, brought up to date: everything in it is found again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from suanli.model.sample import QUALITIES, Sample
from suanli.store import samples as on_disk
from suanli.store import schema
from suanli.store.alone import alone
from suanli.store.copies import damage, revision_of
from suanli.store.engine import HEAD, SchemaError, open_engine, revision, upgrade
from suanli.store.sql import Store
from tests.suanli.making import T0, a_sample, open_store
from tests.suanli.running import suanli

FIRST, LATER, CORRECTED = T0 - 9000, T0 - 8000, T0 - 7000
"""When site a was registered, site b, and a's ledger corrected."""

# Site a was touched again at LATER: the first schema then put that time over the one of its registration.
FILLED = f"""
INSERT INTO sites (key, id, name, province, operator, status, source, recorded_at) VALUES
  (1, 'a', '甲', '安徽', 'op', 'operational', '{{"kind": "http_json", "url": "http://127.0.0.1:9/"}}', {LATER}),
  (4, 'b', '乙', '江苏', 'po', 'retired', NULL, {LATER});
INSERT INTO pools (key, site_key, id, model, basis, match, recorded_at) VALUES
  (2, 1, 'p', 'nvidia-a100-sxm4-80gb', 'fp16', '{{"label": "l", "value": "v"}}', {LATER}),
  (3, 1, 'q', 'nvidia-h800-sxm5-80gb', 'fp64', NULL, {LATER}),
  (7, 4, 'p', 'nvidia-a100-sxm4-80gb', 'fp16', NULL, {LATER});
INSERT INTO capacity (id, pool_key, stage, valid_from, valid_until, devices, pflops, basis, source, reason,
    recorded_at, superseded_at) VALUES
  (1, 2, 'built', 1000, NULL, NULL, 100.0, 'fp16', 'first', 'new', {FIRST}, {CORRECTED}),
  (2, 2, 'built', 1000, 2000, 7, 80.5, 'fp16', 'again', 'correction', {CORRECTED}, NULL),
  (3, 2, 'built', 2000, NULL, NULL, NULL, 'fp16', 'more', 'new', {CORRECTED}, NULL),
  (4, 2, 'planned', 1000, NULL, NULL, 300.0, 'fp16', 'plan', 'new', {FIRST}, NULL),
  (5, 7, 'built', 1000, NULL, NULL, 50.0, 'fp16', 'first', 'new', {LATER}, NULL);
UPDATE counters SET value = 9 WHERE name = 'sample_seq';
UPDATE counters SET value = 4 WHERE name = 'registry_version';
INSERT INTO cursors (sink, seq) VALUES ('one', 6), ('two', 9);
INSERT INTO quarantine (id, sink, seq, line, reason, recorded_at) VALUES (1, 'one', 5, 'compute x=1 1', '400 no', 77);
"""  # noqa: S608
_TOLD: list[tuple[int, int, float | None, dict[str, Any]]] = [
    (1, 2, None, {"site": "a", "pool": "p", "quality": "ok"}),
    (4, 2, 5.0, {"site": "a", "pool": "p", "quality": "estimated", "source_at": T0 + 60 + 45}),
    (5, 3, 6.5, {"site": "a", "pool": "q", "quality": "declared", "fetched_at": T0 + 127, "reason": "两台"}),
    (6, 7, 0.0, {"site": "b", "pool": "p", "quality": "partial", "busy_pflops": 1.5}),
    (7, 2, 8.0, {"site": "a", "pool": "p", "quality": "suspect", "source_at": T0 + 240 - 2}),
    (8, 7, 9.0, {"site": "b", "pool": "p", "source_at": T0 + 3595, "fetched_at": T0 + 3600}),
]
SAMPLES = {
    seq: (key, a_sample(T0 + 60 * place, online, 2.0, **more)) for place, (seq, key, online, more) in enumerate(_TOLD)
}
"""By sequence number, with the pool's key. Where one was replaced its number is missing: so the first schema had it."""
_COLUMNS = (
    *("seq", "pool_key", "at", "source_at", "fetched_at"),
    *("online_pflops", "used_pflops", "busy_pflops", "quality", "reason"),
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A filled database of the first schema, made by its own revision."""
    file = tmp_path / "suanli.db"
    engine = open_engine(f"sqlite:///{file}")
    config = Config()
    config.set_main_option("script_location", str(files("suanli.store").joinpath("migrations")))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    assert revision(engine) == "0001"
    engine.dispose()
    with closing(sqlite3.connect(file)) as filled:
        filled.executescript(FILLED)
        rows = [(seq, key, *(getattr(one, name) for name in _COLUMNS[2:])) for seq, (key, one) in SAMPLES.items()]
        places = ", ".join("?" * len(_COLUMNS))
        filled.executemany(f"INSERT INTO samples ({', '.join(_COLUMNS)}) VALUES ({places})", rows)  # noqa: S608
        filled.commit()
    return file


def upgraded(file: Path) -> None:
    engine = open_engine(f"sqlite:///{file}")
    assert upgrade(engine) == HEAD == revision(engine)
    engine.dispose()


@pytest.fixture
def store(old: Path) -> Iterator[Store]:
    upgraded(old)
    with closing(open_store(f"sqlite:///{old}", lambda: T0 + 7200)) as made:
        yield made


def dumped(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def asked(file: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def test_the_upgraded_schema_is_the_one_in_schema_py_and_every_row_fits(store: Store, old: Path) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    assert asked(old, "PRAGMA foreign_key_check") == []
    assert asked(old, "PRAGMA integrity_check") == [("ok",)]


def test_an_upgraded_database_is_one_that_was_made_anew(store: Store, old: Path, tmp_path: Path) -> None:
    """Tables, indices and triggers, whoever made them."""
    upgraded(tmp_path / "new.db")
    names = "SELECT type, name, tbl_name FROM sqlite_master ORDER BY type, name"
    assert asked(old, names) == asked(tmp_path / "new.db", names)
    assert len(asked(old, "SELECT 1 FROM sqlite_master WHERE type = 'trigger'")) == 9


def test_the_registry_is_found_again(store: Store) -> None:
    one, two = store.registry
    assert (one.key, one.site.id, one.site.name, one.site.operator, one.site.status) == (
        *(1, "a", "甲"),
        *("op", "operational"),
    )
    assert (two.key, two.site.id, two.site.province, two.site.status) == (4, "b", "江苏", "retired")
    assert one.site.source is not None
    assert (one.site.source.url, two.site.source, one.since) == ("http://127.0.0.1:9/", None, 0)
    found = [(pool.key, pool.pool.id, pool.pool.model, pool.pool.basis) for pool in (*one.pools, *two.pools)]
    assert found == [
        (2, "p", "nvidia-a100-sxm4-80gb", "fp16"),
        (3, "q", "nvidia-h800-sxm5-80gb", "fp64"),
        (7, "p", "nvidia-a100-sxm4-80gb", "fp16"),
    ]
    match = one.pools[0].pool.match
    assert match is not None
    assert (match.label, match.value) == ("l", "v")
    assert store.registry_version == 4


def built(store: Store, at: int, as_of: int | None = None) -> dict[tuple[str, str], float | None]:
    return {(one.site, one.pool): one.built_pflops for one in store.states(at, as_of)}


def test_the_ledger_is_found_again_as_of_then_and_now(store: Store) -> None:
    assert [built(store, at)["a", "p"] for at in (999, 1000, 1999, 2000)] == [None, 80.5, 80.5, None]
    assert [built(store, at, CORRECTED - 1)["a", "p"] for at in (999, 1000, 2000)] == [None, 100.0, 100.0]
    assert built(store, 1000, CORRECTED)["a", "p"] == 80.5
    lines = [(line.stage, line.devices, line.pflops, line.reason) for line in store.registry[0].pools[0].ledger]
    assert lines == [
        ("built", 7, 80.5, "correction"),
        ("built", None, None, "new"),
        ("planned", None, 300.0, "new"),
    ]


def test_a_site_is_known_since_its_ledgers_first_word_though_it_was_touched_later(store: Store) -> None:
    assert built(store, 1000, FIRST - 1) == {}
    assert built(store, 1000, FIRST) == {("a", "p"): 100.0}
    assert set(built(store, 1000, LATER)) == {("a", "p"), ("a", "q"), ("b", "p")}
    assert [one.province for one in store.states(1, LATER)] == ["安徽", "安徽", "江苏"], "facts hold for all time"


def test_every_sample_is_found_again(store: Store) -> None:
    found: dict[int, list[Sample]] = {2: [], 3: [], 7: []}
    for key, some in found.items():
        wanted = [one for owner, one in SAMPLES.values() if owner == key]
        with store.reading() as connection:
            for one in wanted:
                names = {key: (one.site, one.pool)}
                some += on_disk.last_samples(connection, names, one.source_at).values()
        assert some == wanted
    assert {one.quality for some in found.values() for one in some} == set(QUALITIES)
    assert {one.max_age for some in found.values() for one in some} == {180}
    assert store.latest == {2: SAMPLES[7][1], 3: SAMPLES[5][1], 7: SAMPLES[8][1]}


def test_a_sample_counts_as_recorded_when_it_was_fetched(store: Store) -> None:
    state = {as_of: store.states(T0 + 130, as_of)[1] for as_of in (T0 + 126, T0 + 127)}
    assert {as_of: (one.pool, one.online_pflops) for as_of, one in state.items()} == {
        T0 + 126: ("q", None),
        T0 + 127: ("q", 6.5),
    }


def test_the_sequence_and_the_sinks_go_on_where_they_stood(store: Store) -> None:
    assert [point.seq for point in store.after(0, 100).points] == sorted(SAMPLES)
    assert [store.cursor(sink) for sink in ("one", "two", "three")] == [6, 9, 0]
    ahead = store.after(store.cursor("one"), 100)
    assert [(point.seq, point.site, point.at) for point in ahead.points] == [(7, "a", T0 + 240), (8, "b", T0 + 300)]
    assert store.pending("one") == (3, SAMPLES[7][1].fetched_at)
    assert store.rejected("one") == [(5, "compute x=1 1", "400 no")]
    store.append([a_sample(T0 + 7200, 1.0, site="b", pool="p")])
    assert [point.seq for point in store.after(9, 100).points] == [10]
    store.reject("one", 5, "again", "still no")
    assert store.rejected("one") == [(5, "compute x=1 1", "400 no")]


def test_a_slot_of_before_is_replaced_or_left_alone_as_any_other(store: Store, old: Path) -> None:
    key, one = SAMPLES[4]
    store.append([one])
    assert asked(old, "SELECT count(*) FROM replaced") == [(0,)]
    store.append([one.model_copy(update={"online_pflops": 5.5})])
    aside = asked(old, "SELECT pool_key, at, online_pflops, quality, superseded_at FROM replaced")
    assert aside == [(key, one.at, 5.0, 1, T0 + 7200)]


def test_every_hour_that_a_word_touches_is_marked_to_be_summed(store: Store, old: Path) -> None:
    first = T0 // 3600 * 3600
    marks = {(start, key) for start, key in asked(old, "SELECT start, pool_key FROM dirty")}
    touched = {
        (second // 3600 * 3600, key)
        for key, one in SAMPLES.values()
        for second in range(one.source_at, one.source_at + one.max_age + 1)
    }
    assert marks == touched
    assert {(first, 7), (first + 3600, 7)} <= marks
    assert asked(old, "SELECT value FROM counters WHERE name = 'reach'")[0][0] >= 3595 - 300 + 181


OF_SITE = "INSERT INTO site_facts (site_key, name, province, operator, status, valid_from, valid_until, recorded_at) "
OF_POOL = "INSERT INTO pool_facts (pool_key, site_key, pool, model, basis, valid_from, valid_until, recorded_at) "


@pytest.mark.parametrize(
    "statement",
    [
        OF_SITE + "VALUES (1, 'n', 'x', 'o', 'operational', 500, 600, 1)",
        OF_SITE + "VALUES (1, 'n', 'x', 'o', 'operational', 500, NULL, 1)",
        OF_POOL + "VALUES (2, 4, 'r', 'm', 'fp16', 500, 600, 1)",
        OF_POOL + "VALUES (3, 1, 'p', 'm', 'fp16', 500, NULL, 1)",
        "UPDATE pool_facts SET pool = 'q' WHERE pool_key = 2",
        "UPDATE pool_facts SET site_key = 1 WHERE pool_key = 7",
    ],
)
def test_the_database_itself_refuses_facts_that_overlap(store: Store, old: Path, statement: str) -> None:
    """Of one site; of one pool; and of two pools that would bear the same name at the same time."""
    with pytest.raises(sqlite3.IntegrityError, match="_facts overlaps what is already said of that time"):
        changed(old, statement)


def test_what_follows_each_other_or_was_superseded_is_no_overlap(store: Store, old: Path) -> None:
    changed(old, "UPDATE site_facts SET valid_until = 500 WHERE site_key = 1")
    changed(old, OF_SITE + "VALUES (1, 'n', 'x', 'o', 'operational', 500, NULL, 1)")
    changed(old, "UPDATE pool_facts SET valid_until = 500 WHERE pool_key = 2")
    changed(old, OF_POOL + "VALUES (3, 4, 'q', 'm', 'fp16', 500, NULL, 1)", error="overlaps")
    changed(old, "UPDATE pool_facts SET superseded_at = 5 WHERE pool_key = 3")
    changed(old, OF_POOL + "VALUES (3, 1, 'p', 'm', 'fp16', 500, NULL, 1)")
    changed(old, "UPDATE pool_facts SET superseded_at = NULL WHERE pool_key = 3", error="overlaps")


def test_the_database_still_refuses_capacity_that_overlaps(store: Store, old: Path) -> None:
    line = (
        "INSERT INTO capacity (pool_key, stage, valid_from, pflops, basis, source, reason, recorded_at) "
        "VALUES (7, 'built', 1500, 1.0, 'fp16', 'x', 'new', 1)"
    )
    changed(old, line, error="capacity overlaps an entry of this pool and stage")


def changed(file: Path, statement: str, error: str = "") -> None:
    """The statement by itself, on a connection of its own; or the error that it must end with."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        if error:
            with pytest.raises(sqlite3.IntegrityError, match=error):
                connection.execute(statement)
        else:
            connection.execute(statement)
            connection.commit()


@pytest.mark.parametrize(
    ("spoiling", "told"),
    [
        ("UPDATE samples SET quality = 'splendid' WHERE seq = 5", "NOT NULL constraint failed: samples.quality"),
        ("UPDATE capacity SET pool_key = 99 WHERE id = 5", "would not fit together; nothing was changed"),
    ],
)
def test_a_migration_that_fails_leaves_the_first_schema_untouched(old: Path, spoiling: str, told: str) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute(spoiling)
        connection.commit()
    before = dumped(old)
    engine = open_engine(f"sqlite:///{old}")
    with pytest.raises(SchemaError, match=told):
        upgrade(engine)
    assert revision(engine) == "0001"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()
    assert dumped(old) == before
    with pytest.raises(SchemaError, match=r"schema 0001, this version needs \d{4}: run `suanli db upgrade`"):
        open_store(f"sqlite:///{old}")


def test_a_file_is_upgraded_on_a_copy_first_and_kept_as_it_was(old: Path) -> None:
    before = dumped(old)
    told = suanli(old.parent, "db", "upgrade")
    kept = old.with_name("suanli.db.0001")
    assert (told.code, told.err) == (0, f"schema 0001 -> {HEAD}\nthe store as it was: {kept}\n")
    assert dumped(kept) == before
    assert (revision_of(old), damage(old, thorough=True)) == (HEAD, [])
    assert {file.name for file in old.parent.glob("suanli.db*")} == {kept.name, "suanli.db", "suanli.db-serving"}


def test_what_fails_on_the_copy_is_not_tried_on_the_store(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("UPDATE samples SET quality = 'splendid' WHERE seq = 5")
        connection.commit()
    before, touched = dumped(old), old.read_bytes()
    told = suanli(old.parent, "db", "upgrade")
    assert (told.code, "NOT NULL constraint failed: samples.quality" in told.err) == (2, True)
    assert (dumped(old), old.read_bytes()) == (before, touched)
    assert not list(old.parent.glob("*.trial*"))


def test_a_file_is_not_upgraded_while_it_is_served(old: Path) -> None:
    with alone(old):
        told = suanli(old.parent, "db", "upgrade")
    assert (told.code, f"is served by process {os.getpid()} already" in told.err) == (3, True)
    assert revision_of(old) == "0001"


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(old: Path) -> None:
    upgraded(old)
    before = dumped(old)
    upgraded(old)
    assert dumped(old) == before


def test_an_empty_database_of_the_first_schema(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        for table in ("samples", "capacity", "pools", "sites", "cursors", "quarantine"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
        connection.commit()
    upgraded(old)
    with closing(open_store(f"sqlite:///{old}")) as store:
        assert (store.registry, store.latest, store.after(0, 10).points) == ([], {}, ())
