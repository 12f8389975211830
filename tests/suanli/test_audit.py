"""The audit trail: every change is in it, and whoever tampers with it is found out."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from suanli.model.audit import GENESIS, Author, Entry, Head, Row, chained, verify
from suanli.model.errors import Unavailable
from suanli.store import audit
from suanli.store.plan import moved
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_pool, a_site, a_store, built, database, open_store, register
from tests.suanli.running import suanli

AUTHOR = Author(actor="token:1 甲", reason="因为", request_id="r-1")
texts = st.text(max_size=8)
data = st.none() | st.recursive(
    texts | st.integers(-9, 9) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
entries = st.lists(st.builds(Entry, texts, texts, data, data), min_size=1, max_size=8)


def trail(found: list[Entry]) -> list[Row]:
    return chained(found, AUTHOR, T0, Head(0, GENESIS))


@given(entries)
def test_a_trail_as_it_was_written_is_whole(found: list[Entry]) -> None:
    rows = trail(found)
    assert verify(rows) is None
    assert verify(rows, Head(len(rows), rows[-1].hash), len(rows)) is None
    assert [row.seq for row in rows] == list(range(1, len(found) + 1))


@given(entries, st.data())
def test_any_edit_of_any_field_is_found_at_its_row(found: list[Entry], drawn: st.DataObject) -> None:
    rows = trail(found)
    place = drawn.draw(st.integers(0, len(rows) - 1))
    field = drawn.draw(st.sampled_from(["at", "actor", "action", "subject", "before", "after", "reason", "request_id"]))
    before = getattr(rows[place], field)
    values: st.SearchStrategy[Any] = st.integers(0, 9) if field == "at" else texts | st.none()
    rows[place] = replace(rows[place], **{field: drawn.draw(values.filter(lambda value: value != before))})
    fault = verify(rows)
    assert fault is not None
    assert fault.seq == place + 1


@given(entries, st.data())
def test_a_row_taken_out_put_in_or_swapped_is_found(found: list[Entry], drawn: st.DataObject) -> None:
    rows = trail(found)
    place = drawn.draw(st.integers(0, len(rows) - 1))
    assert verify(rows[:place] + rows[place + 1 :], counted=len(rows)) is not None
    forged = chained([Entry("x", "y")], AUTHOR, T0, Head(place, GENESIS))
    assert verify(rows[:place] + forged + rows[place:]) is not None
    if place:
        rows[place - 1], rows[place] = rows[place], rows[place - 1]
        assert verify(rows) is not None


@given(entries, st.data())
def test_a_tail_that_is_cut_off_is_missed_by_the_noted_head(found: list[Entry], drawn: st.DataObject) -> None:
    rows = trail(found)
    kept = rows[: drawn.draw(st.integers(0, len(rows) - 1))]
    assert verify(kept) is None
    for noted in (Head(len(rows), rows[-1].hash), Head(0, rows[-1].hash)):
        assert verify(kept, noted) is not None
    assert verify(kept, counted=len(rows)) is not None


def test_a_trail_written_anew_from_a_row_on_is_unlike_the_noted_head() -> None:
    rows = trail([Entry("a", "b"), Entry("c", "d")])
    other = trail([Entry("a", "b"), Entry("c", "forged")])
    assert verify(other) is None
    fault = verify(other, Head(2, rows[-1].hash))
    assert fault is not None
    assert (fault.seq, fault.kind) == (2, "unlike")


# ---------------------------------------------------------------- in the database

SITE = a_site("s", a_pool("p", built(100.0)))


def actions(store: Store) -> list[tuple[str, str]]:
    with store.reading() as connection:
        assert audit.verified(connection) is None
        return [(row.action, row.subject) for row in audit.audit_rows(connection)]


def test_every_change_of_the_registry_is_in_it() -> None:
    with a_store(SITE, clock=Clock(T0)) as store:
        assert actions(store) == [("site.register", "s"), ("pool.register", "s/p"), ("capacity.add", "s/p")]
        register(store, a_site("s", a_pool("p", built(100.0)), name="other"))
        register(store, a_site("t", a_pool("q", built(1.0))))
        store.apply([moved("s", "p", "t", "r", T0)], T0, author=AUTHOR)
        assert actions(store)[3:] == [
            ("site.update", "s"),
            *[("site.register", "t"), ("pool.register", "t/q"), ("capacity.add", "t/q")],
            ("pool.move", "s/p"),
        ]
        with store.reading() as connection:
            last = audit.audit_rows(connection, limit=1)[0]
        assert (last.actor, last.reason, last.request_id) == ("token:1 甲", "因为", "r-1")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 3",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
        "INSERT INTO audit SELECT 2, at, actor, action, subject, before, after, reason, request_id, previous, hash "
        "FROM audit WHERE seq = 1",
    ],
)
def test_the_database_itself_refuses_to_change_it(statement: str) -> None:
    with a_store(SITE) as store, pytest.raises(Unavailable, match="append-only"), store.writing() as connection:
        connection.execute(text(statement))


def test_one_changed_byte_of_the_file_is_found(tmp_path: Path) -> None:
    with a_store(a_site("s", a_pool("p", built(100.0)), name="站点甲"), folder=tmp_path):
        pass
    whole = suanli(tmp_path, "audit", "--verify", "--json")
    assert (whole.code, whole.data["ok"], whole.data["fault"]) == (0, True, None)
    file = tmp_path / "suanli.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = file.read_bytes()
    place = content.rindex(b"site.register")
    file.write_bytes(content[:place] + b"r" + content[place + 1 :])
    broken = suanli(tmp_path, "--lang", "en", "audit", "--verify")
    assert (broken.code, broken.out) == (1, "")
    assert "row 1 of the audit trail was edited" in broken.err
    assert suanli(tmp_path, "audit", "--verify", "--json").data["fault"] == {"seq": 1, "kind": "edited"}


def test_a_noted_head_finds_what_was_cut_off(tmp_path: Path) -> None:
    with a_store(SITE, folder=tmp_path):
        pass
    head = suanli(tmp_path, "audit", "--verify", "--json").data["head"]
    with closing(sqlite3.connect(tmp_path / "suanli.db")) as connection:
        connection.execute("DROP TRIGGER audit_no_delete")
        connection.execute("DELETE FROM audit WHERE seq = 3")
        connection.execute("UPDATE counters SET value = 2 WHERE name = 'audit_seq'")
        connection.commit()
    assert suanli(tmp_path, "audit", "--verify").code == 0
    for noted in (head, head.partition(":")[2]):
        assert suanli(tmp_path, "audit", "--verify", "--head", noted).code == 1
    assert suanli(tmp_path, "audit", "--verify", "--head", "3:x").code == 2
    assert suanli(tmp_path, "audit", "--head", head).code == 2


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["site.register", "pool.register", "capacity.add"]),
        (["--action", "site"], ["site.register"]),
        (["--action", "capacity.add"], ["capacity.add"]),
        (["--action", "sit"], []),
        (["--subject", "s"], ["site.register", "pool.register", "capacity.add"]),
        (["--subject", "s/p"], ["pool.register", "capacity.add"]),
        (["--actor", "nobody"], []),
        (["--limit", "1"], ["capacity.add"]),
        (["--from", "2060-01-01"], []),
        (["--to", "2000-01-01"], []),
    ],
)
def test_it_is_listed(tmp_path: Path, words: list[str], found: list[str]) -> None:
    with a_store(SITE, folder=tmp_path):
        pass
    assert [row["action"] for row in suanli(tmp_path, "audit", "--json", *words).data["audit"]] == found
    assert suanli(tmp_path, "audit", *words).code == 0


def test_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    url = database(tmp_path)
    failed: list[Any] = []

    def write(place: int) -> None:
        try:
            with closing(open_store(url)) as store:
                for _ in range(5):
                    with store.writing() as connection:
                        audit.append(connection, AUTHOR, [Entry("x", str(place))] * 2, T0)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with closing(open_store(url)) as store:
        assert len(actions(store)) == 60
