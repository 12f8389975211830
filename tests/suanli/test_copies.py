"""The store's file as a whole: served by one, checked, copied while it is written, put back.

Damage is made as a disk makes it: bytes in the middle of the file are other bytes.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from suanli.model.errors import InputError, Unavailable
from suanli.store.alone import alone
from suanli.store.copies import backup, damage, fit, restore
from suanli.store.engine import store_file
from suanli.store.sql import Store
from tests.instance import instance
from tests.suanli.making import T0, a_pool, a_sample, a_site, built, open_store, register
from tests.suanli.running import started, suanli

ROWS = 400


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "suanli.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    """One pool with a sample for each of so many minutes."""
    store = open_store(f"sqlite:///{file}")
    register(store, a_site("s", a_pool("p", built(10.0))))
    store.append([a_sample(T0 + 60 * minute, 1.0 + minute) for minute in range(ROWS)])
    yield store
    store.close()


def _slots(file: Path) -> set[int]:
    with closing(sqlite3.connect(file)) as connection:
        return {row[0] for row in connection.execute("SELECT at FROM samples")}


def _spoil(file: Path) -> None:
    """Every page of the samples' tree but the root of all gets other bytes."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'samples'").fetchone()[0]
    with file.open("r+b") as handle:
        handle.seek((page - 1) * size)
        handle.write(b"\xa5" * size)


def test_the_address_of_a_file_names_it(tmp_path: Path) -> None:
    assert store_file(f"sqlite:///{tmp_path}/a b.db") == tmp_path / "a b.db"
    assert store_file("sqlite:///here.db") == Path("here.db").absolute()
    assert store_file("sqlite://") is None
    assert store_file("postgresql://u@h/d") is None


def test_a_file_is_served_by_one_until_that_one_ends(file: Path) -> None:
    with alone(file), pytest.raises(Unavailable, match=r"is served by process \d+ already"), alone(file):
        pass
    with alone(file), alone(None), alone(None):
        pass


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be opened: No such file"), alone(tmp_path / "no" / "suanli.db"):
        pass


def test_a_whole_file_has_no_damage_also_while_it_is_written(store: Store, file: Path) -> None:
    with store.writing():
        assert damage(file) == []
        assert damage(file, thorough=True) == []


def test_damage_is_found(store: Store, file: Path) -> None:
    store.close()
    _spoil(file)
    assert any("page" in word or "malformed" in word for word in damage(file))


def test_a_row_without_its_parent_is_damage(store: Store, file: Path) -> None:
    store.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("UPDATE samples SET pool_key = 99 WHERE at = ?", (T0,))
        connection.commit()
    assert damage(file) == ["a row of samples belongs to a row of pools that is not there"]


def test_an_index_without_its_rows_is_found_by_the_thorough_look(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.execute("CREATE INDEX i ON t (a)")
        connection.execute("INSERT INTO t VALUES (1, 2)")
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (b)' WHERE name = 'i'")
        connection.commit()
    assert damage(file) == []
    assert any("missing from index i" in word for word in damage(file, thorough=True))


def test_a_copy_is_one_moment_of_what_others_go_on_writing(store: Store, file: Path, tmp_path: Path) -> None:
    stop, copy = threading.Event(), tmp_path / "copy.db"
    seconds: list[int] = []

    def write() -> None:
        while not stop.is_set():
            second = len(seconds) + 1
            store.append([a_sample(T0 - 60 * second, 2.0)])
            seconds.append(second)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        steps: list[tuple[int, int]] = []
        before = len(seconds)
        size = backup(file, copy, lambda done, pages: steps.append((done, pages)))
        after = len(seconds)
    finally:
        stop.set()
        writer.join()
    written = {T0 + 60 * minute for minute in range(ROWS)}
    early = {T0 - 60 * second for second in seconds[: after + 1]}
    found = _slots(copy)
    assert written | {T0 - 60 * second for second in seconds[:before]} <= found <= written | early
    assert steps[-1][0] == steps[-1][1] == size // 4096
    assert sorted(one.name for one in tmp_path.glob("copy*")) == ["copy.db"]


def test_a_copy_that_cannot_be_written_leaves_what_was_there(store: Store, file: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        backup(file, tmp_path / "no" / "copy.db", print)
    store.close()
    _spoil(file)
    old = tmp_path / "old.db"
    old.write_text("yesterday's")
    with pytest.raises(Unavailable, match="damaged, nothing was kept"):
        backup(file, old, print)
    assert old.read_text() == "yesterday's"
    assert not list(tmp_path.glob("*.part"))


def test_what_is_put_back_is_what_was_copied_and_the_rest_is_kept(store: Store, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(file, copy, print)
    store.append([a_sample(T0 - 60, 2.0)])
    store.close()
    aside = restore(file, copy, "then")
    assert aside == tmp_path / "suanli.db.then"
    assert _slots(aside) - _slots(file) == {T0 - 60}
    assert _slots(file) == _slots(copy)
    again = open_store(f"sqlite:///{file}")
    assert again.append([a_sample(T0 - 120, 3.0)]) == 1
    again.close()


def test_a_damaged_store_is_kept_with_its_log_and_replaced(store: Store, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(file, copy, print)
    store.close()
    file.write_bytes(b"no database at all" * 100)
    Path(f"{file}-wal").write_bytes(b"what is left of its log")
    aside = restore(file, copy, "then")
    assert aside is not None
    assert aside.read_bytes().startswith(b"no database")
    assert not Path(f"{file}-wal").exists()
    assert _slots(file) == _slots(copy)


def test_nothing_is_put_in_the_place_of_what_is_used(store: Store, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(file, copy, print)
    store.append([a_sample(T0 - 60, 2.0)])
    with pytest.raises(Unavailable, match="is in use"):
        restore(file, copy, "then")
    store.close()
    with alone(file), pytest.raises(Unavailable, match="served by process"):
        restore(file, copy, "then")
    assert T0 - 60 in _slots(file)
    assert not list(tmp_path.glob("*then*"))


def test_only_a_store_that_this_version_knows_is_put_back(store: Store, file: Path, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy.db", tmp_path / "other.db"
    with pytest.raises(InputError, match="there is no such file"):
        fit(copy)
    other.write_text("name,pflops\n")
    with pytest.raises(InputError, match="no store of Suanli"):
        fit(other)
    backup(file, copy, print)
    assert fit(copy) == "0010"
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(InputError, match="9999 is newer than this version knows"):
        fit(copy)
    backup(file, copy, print)
    _spoil(copy)
    with pytest.raises(InputError, match="damaged"):
        fit(copy)


def test_the_commands_copy_check_and_put_back(store: Store, tmp_path: Path) -> None:
    there = {"SUANLI_STORE": f"sqlite:///{tmp_path}/suanli.db"}
    assert suanli(tmp_path, "db", "check", **there).out == f"{tmp_path}/suanli.db is whole\n"
    assert suanli(tmp_path, "db", "check", "--json", **there).data == {"file": f"{tmp_path}/suanli.db", "damage": []}
    made = suanli(tmp_path, "--quiet", "db", "backup", "copy.db", **there)
    assert (made.code, made.err) == (0, "")
    assert re.fullmatch(r"copy\.db: [\d,]+ bytes, found whole\n", made.out)
    twice = suanli(tmp_path, "db", "backup", "copy.db", **there)
    assert (twice.code, "--force" in twice.err) == (2, True)
    assert suanli(tmp_path, "db", "backup", "--force", "--json", "copy.db", **there).data["file"] == "copy.db"
    assert suanli(tmp_path, "db", "backup", "--force", "suanli.db", **there).code == 2
    store.close()
    tried = suanli(tmp_path, "db", "restore", "--dry-run", "copy.db", **there)
    assert (tried.code, list(tmp_path.glob("suanli.db.*"))) == (0, [])
    assert "would put copy.db" in tried.err
    done = suanli(tmp_path, "db", "restore", "copy.db", **there)
    assert (done.code, len(list(tmp_path.glob("suanli.db.*Z")))) == (0, 1)
    _spoil(tmp_path / "suanli.db")
    found = suanli(tmp_path, "db", "check", **there)
    assert (found.code, "is damaged" in found.err) == (1, True)


def test_no_store_is_made_by_looking_for_one(tmp_path: Path) -> None:
    there = {"SUANLI_STORE": f"sqlite:///{tmp_path}/suanli.db"}
    for words in (("check",), ("backup", "copy.db")):
        ended = suanli(tmp_path, "db", *words, **there)
        assert (ended.code, "there is no store at" in ended.err) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_another_database_is_left_to_its_own_programs(tmp_path: Path) -> None:
    ended = suanli(tmp_path, "db", "check", SUANLI_STORE="postgresql://u@127.0.0.1:1/d")
    assert (ended.code, "pg_dump" in ended.err) == (2, True)


def test_a_second_instance_refuses_and_the_first_goes_on(tmp_path: Path) -> None:
    with instance(tmp_path) as first:
        first.configure()
        first.start()
        second = started(tmp_path, "serve", SUANLI_STORE=f"sqlite:///{tmp_path}/suanli.db")
        assert second.code == 3
        assert f"served by process {first.process.pid if first.process else 0} already" in second.err
        assert first.ready()
        first.run("db", "backup", str(tmp_path / "copy.db"))
        refused = first.run("db", "restore", str(tmp_path / "copy.db"), check=False)
        assert (refused.returncode, "served by process" in refused.stderr) == (3, True)
        first.kill()
        first.start()
        assert first.stop() == 0
        assert first.run("db", "restore", str(tmp_path / "copy.db")).returncode == 0
