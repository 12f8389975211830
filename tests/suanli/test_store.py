"""The store: what `append` acknowledged is on disk, in order, once; and what it cannot keep it says."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from suanli.model.errors import InputError, SuanliError, Unavailable
from suanli.model.rates import PoolState
from suanli.model.sample import Sample
from suanli.store import schema
from suanli.store.engine import HEAD, SchemaError, ensure_schema, open_engine, revision, upgrade
from suanli.store.group import GroupCommit
from suanli.store.sql import Store
from tests.suanli.making import MAX_AGE, T0, a_pool, a_sample, a_site, a_store, built, database, open_store, register

NOW = T0
SLOW_STORE = settings(max_examples=30, deadline=None)
TWO = (a_site("a", a_pool("p", built(10.0)), a_pool("q", built(20.0))), a_site("b", a_pool("p", built(30.0))))
PLACES = [("a", "p"), ("a", "q"), ("b", "p")]


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    site, pool = draw(st.sampled_from(PLACES))
    at = NOW - 60 * draw(st.integers(0, 8))
    source_at = min(NOW, at + draw(st.integers(0, 59)))
    rung = st.none() | st.floats(0, 40)
    quality = draw(st.sampled_from(["ok", "partial", "suspect"]))
    return a_sample(
        at,
        draw(rung),
        draw(rung),
        site=site,
        pool=pool,
        source_at=source_at,
        busy_pflops=draw(rung),
        quality=quality,
        reason=draw(st.sampled_from(["", "两台不可读"])),
    )


groups = st.lists(st.lists(samples(), max_size=6), max_size=6)


def file_of(store: Store) -> str:
    return str(store.engine.url.database)


def raw(store: Store, query: str) -> list[Any]:
    """Asked on a connection of its own, as another program would."""
    with closing(sqlite3.connect(file_of(store))) as connection:
        return connection.execute(query).fetchall()


def everything(store: Store) -> list[Any]:
    return raw(store, "SELECT * FROM samples ORDER BY seq") + raw(store, "SELECT * FROM counters ORDER BY name")


def limit(store: Store, pragma: str) -> None:
    """From now on every connection of this store has this pragma, as if the disk were full or locked."""
    store.engine.dispose()
    event.listen(store.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))


def full(store: Store) -> None:
    (pages,) = raw(store, "PRAGMA page_count")[0]
    limit(store, f"max_page_count={pages}")


def many(count: int, at: int = NOW) -> list[Sample]:
    return [a_sample(at - 60 * place, 1.0, 1.0, site="a", reason="x" * 200) for place in range(count)]


# ---------------------------------------------------------------- durable


def test_what_append_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url)) as store:
        register(store, a_site("s"))
    script = f"""
import os, signal
from tests.suanli.making import *
store = open_store({url!r})
for place in range(20):
    store.append([a_sample(T0 + place, float(place))])
    print(place, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr
    assert ended.stdout.split() == [str(place) for place in range(20)]
    with closing(open_store(url)) as store:
        assert [point.values[1] for point in store.after(0, 100).points] == [float(place) for place in range(20)]
        assert store.latest["s", "p"] == a_sample(T0 + 19, 19.0)


def test_an_append_is_seen_by_others_when_it_returns() -> None:
    with a_store(a_site("s")) as store:
        assert store.append([a_sample(NOW, 5.0, 2.0, busy_pflops=1.0, quality="partial", reason="两台不可读")]) == 1
        wanted = (1, 1, NOW, NOW, NOW, 5.0, 2.0, 1.0, "partial", "两台不可读")
        assert raw(store, "SELECT * FROM samples") == [wanted]


def test_every_connection_writes_ahead_and_fully_synchronous() -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000}
    with a_store() as store:
        connections = [store.engine.connect() for _ in range(4)]
        for connection in connections:
            assert {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted} == wanted
            connection.rollback()
            connection.close()


# ---------------------------------------------------------------- slots and sequence numbers


def test_a_second_sample_of_a_slot_replaces_the_first_and_goes_out_again() -> None:
    with a_store(a_site("s")) as store:
        store.append([a_sample(NOW, 5.0)])
        store.append([a_sample(NOW, 6.0, source_at=NOW + 1)])
        assert raw(store, "SELECT seq, at, source_at, online_pflops FROM samples") == [(2, NOW, NOW + 1, 6.0)]
        assert [point.seq for point in store.after(1, 10).points] == [2]


def test_samples_of_unknown_pools_are_left_out() -> None:
    with a_store(a_site("s")) as store:
        strangers = [a_sample(NOW, 1.0, site="t"), a_sample(NOW, 1.0, pool="q")]
        assert store.append(strangers) == 0
        assert store.append([*strangers, a_sample(NOW, 2.0)]) == 1
        assert raw(store, "SELECT seq, online_pflops FROM samples") == [(1, 2.0)]
        assert list(store.latest) == [("s", "p")]


@SLOW_STORE
@given(groups)
def test_sequence_numbers_are_never_reused_and_never_skipped(appended: list[list[Sample]]) -> None:
    last, given_out = 0, 0
    with a_store(*TWO) as store:
        for group in appended:
            slots = {(sample.site, sample.pool, sample.at) for sample in group}
            assert store.append(group) == len(slots)
            new = [row[0] for row in raw(store, f"SELECT seq FROM samples WHERE seq > {last} ORDER BY seq")]  # noqa: S608
            assert new == list(range(last + 1, last + 1 + len(slots)))
            last += len(slots)
            given_out += len(slots)
        assert dict(raw(store, "SELECT name, value FROM counters"))["sample_seq"] == given_out


@SLOW_STORE
@given(groups, st.integers(1, 7))
def test_a_reader_that_pages_along_gets_the_last_of_every_slot(appended: list[list[Sample]], page: int) -> None:
    got: dict[tuple[str, str, int], tuple[float | None, ...]] = {}
    cursor = 0
    with a_store(*TWO) as store:
        for group in appended:
            store.append(group)
            while (batch := store.after(cursor, page)).points:
                assert len(batch.points) <= page
                seqs = [point.seq for point in batch.points]
                assert seqs == sorted(seqs)
                assert (min(seqs) > cursor, batch.last) == (True, seqs[-1])
                got |= {(one.site, one.pool, one.at): one.values[1:] for one in batch.points}
                cursor = batch.last
        assert store.after(cursor, page).last == cursor
    wanted = {
        (one.site, one.pool, one.at): (one.online_pflops, one.used_pflops, one.busy_pflops)
        for group in appended
        for one in group
    }
    assert got == wanted


def test_the_sequence_goes_on_after_a_restart_and_after_a_failure(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url)) as store:
        register(store, a_site("a"))
        store.append(many(3))
        full(store)
        with pytest.raises(Unavailable):
            store.append(many(500))
    with closing(open_store(url)) as store:
        store.append([a_sample(NOW + 60, 1.0, site="a")])
        assert [point.seq for point in store.after(0, 10).points] == [1, 2, 3, 4]


def test_points_carry_the_sites_labels() -> None:
    with a_store(*TWO) as store:
        store.append([a_sample(NOW, 5.0, 4.0, site="b")])
        (point,) = store.after(0, 10).points
        assert (point.site, point.pool, point.province, point.operator, point.at) == ("b", "p", "安徽", "op", NOW)
        assert point.values == (30.0, 5.0, 4.0, None)


def test_points_of_a_pool_that_another_process_has_just_registered(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url)) as serving, closing(open_store(url)) as other:
        register(other, a_site("new"))
        other.append([a_sample(NOW, 5.0, site="new")])
        assert [point.site for point in serving.after(0, 10).points] == ["new"]
        assert serving.changed_elsewhere(), "the poller must still be told"
        serving.reload()
        assert not serving.changed_elsewhere()


# ---------------------------------------------------------------- cursors and quarantine


@SLOW_STORE
@given(st.lists(st.integers(0, 50), max_size=8))
def test_a_cursor_never_goes_back(steps: list[int]) -> None:
    with a_store() as store:
        store.advance("other", 7)
        for place, step in enumerate(steps):
            store.advance("one", step)
            assert store.cursor("one") == max(steps[: place + 1])
        assert (store.cursor("new"), store.cursor("other")) == (0, 7)


def test_a_rejection_is_kept_once_with_the_first_words() -> None:
    with a_store() as store:
        store.reject("one", 5, "compute,site=a x=1 1", "400 no")
        store.reject("one", 5, "compute,site=a x=1 1", "400 still no")
        store.reject("two", 5, "line", "other sink")
        assert store.rejected("one") == [(5, "compute,site=a x=1 1", "400 no")]
        assert store.rejected("two") == [(5, "line", "other sink")]


def test_pending_counts_from_the_cursor_and_dates_the_oldest() -> None:
    with a_store(a_site("a")) as store:
        assert store.pending("one") == (0, None)
        store.append(list(reversed(many(3))))
        assert store.pending("one") == (3, NOW - 120)
        store.advance("one", 2)
        assert store.pending("one") == (1, NOW)


# ---------------------------------------------------------------- states


@SLOW_STORE
@given(groups, st.integers(0, 400))
def test_states_now_from_memory_are_the_states_from_the_database(appended: list[list[Sample]], later: int) -> None:
    with a_store(*TWO) as store:
        for group in appended:
            store.append(group)
        now = NOW + later
        assert store.states_now(now) == store.states(now)
        with closing(open_store(f"sqlite:///{file_of(store)}")) as reopened:
            assert reopened.states_now(now) == store.states_now(now)


@SLOW_STORE
@given(groups, st.integers(-600, 400))
def test_states_are_the_last_words_that_are_not_too_old(appended: list[list[Sample]], later: int) -> None:
    """Against a plain search through all samples."""
    at = NOW + later
    slots = {(one.site, one.pool, one.at): one for group in appended for one in group}
    with a_store(*TWO) as store:
        for group in appended:
            store.append(group)
        for state in store.states(at):
            true = [one for key, one in slots.items() if key[:2] == (state.site, state.pool) and one.source_at <= at]
            last = max(true, key=lambda one: one.at, default=None)
            fresh = last if last is not None and at - last.source_at <= MAX_AGE else None
            assert state.age_seconds == (None if last is None else at - last.source_at)
            assert rungs(state) == ((None,) * 3 if fresh is None else rungs(fresh))
            assert state.built_pflops == {"ap": 10.0, "aq": 20.0, "bp": 30.0}[state.site + state.pool]


def rungs(one: PoolState | Sample) -> tuple[float | None, ...]:
    return one.online_pflops, one.used_pflops, one.busy_pflops


@SLOW_STORE
@given(groups, st.integers(0, 300))
def test_nothing_expires_before_next_expiry_and_something_does_after_it(
    appended: list[list[Sample]], later: int
) -> None:
    now = NOW + later
    with a_store(*TWO) as store:
        for group in appended:
            store.append([one.model_copy(update={"online_pflops": 1.0}) for one in group])
        known = heard(store.states_now(now))
        end = store.next_expiry(now)
        assert (end is None) == (known == set())
        if end is not None:
            assert heard(store.states_now(end)) == known
            assert heard(store.states_now(end + 1)) < known


def heard(states: Iterable[PoolState]) -> set[tuple[str, str]]:
    return {(state.site, state.pool) for state in states if state.online_pflops is not None}


def test_a_ladder_that_is_broken_is_suspect() -> None:
    with a_store(a_site("s", a_pool("p", built(10.0)))) as store:
        store.append([a_sample(NOW, 5.0, 6.0)])
        assert [state.quality for state in store.states_now(NOW)] == ["suspect"]


def test_what_became_true_later_in_its_slot_is_not_yet_true() -> None:
    with a_store(a_site("s")) as store:
        store.append([a_sample(NOW - 120, 5.0), a_sample(NOW - 60, 6.0, source_at=NOW - 30)])
        assert [(one.online_pflops, one.age_seconds) for one in store.states(NOW - 31)] == [(5.0, 89)]
        assert [(one.online_pflops, one.age_seconds) for one in store.states(NOW - 30)] == [(6.0, 0)]


def test_as_of_leaves_out_what_was_fetched_later() -> None:
    with a_store(a_site("s")) as store:
        store.append([a_sample(NOW - 60, 5.0, fetched_at=NOW - 60), a_sample(NOW, 6.0, fetched_at=NOW + 5)])
        assert [state.online_pflops for state in store.states(NOW)] == [6.0]
        assert [state.online_pflops for state in store.states(NOW, NOW + 5)] == [6.0]
        assert [state.online_pflops for state in store.states(NOW, NOW + 4)] == [5.0]


# ---------------------------------------------------------------- when nothing can be written


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_store_that_cannot_be_written_says_so_and_keeps_nothing_by_half(how: str, tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url)) as store:
        register(store, a_site("a"))
        store.append(many(2))
        before, latest = everything(store), dict(store.latest)
        full(store) if how == "full" else limit(store, "query_only=ON")
        with pytest.raises(Unavailable, match=r"the store cannot be written: .*(full|readonly)"):
            store.append(many(500, NOW + 60))
        assert everything(store) == before
        assert store.latest == latest, "memory shows only what is on disk"
    with closing(open_store(url)) as store:
        assert store.append(many(500, NOW + 60)) == 500


def test_a_full_disk_leaves_a_plan_undone(tmp_path: Path) -> None:
    with closing(open_store(database(tmp_path))) as store:
        full(store)
        with pytest.raises(Unavailable, match="full"):
            register(store, *(a_site(f"s{place}", name="名" * 100) for place in range(200)))
        assert raw(store, "SELECT count(*) FROM sites") == [(0,)]
        assert store.registry == []


# ---------------------------------------------------------------- the schema


def test_the_migrated_schema_is_the_one_in_schema_py(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'new.db'}")
    assert revision(engine) is None
    assert upgrade(engine) == HEAD == revision(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


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
    with pytest.raises(SchemaError, match=r"schema 9999, this version needs 0001.*suanli db upgrade") as caught:
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
        ("postgresql://user:s3cret@host/db", InputError, "postgresql is not supported by this version"),
        ("sqlite:////no/such/folder/x.db", Unavailable, "cannot be opened: unable to open database file"),
        ("sqlite:///{folder}/text.db", Unavailable, "cannot be opened: file is not a database"),
    ],
)
def test_a_store_that_cannot_be_opened(tmp_path: Path, url: str, error: type[SuanliError], told: str) -> None:
    (tmp_path / "text.db").write_text("this is a letter to a friend, not a database\n" * 20, encoding="utf-8")
    with pytest.raises(error, match=told) as caught:
        opened(url.format(folder=tmp_path))
    assert "s3cret" not in str(caught.value)


# ---------------------------------------------------------------- group commit


class Counted(Store):
    """Counts the transactions in which samples are appended."""

    appends = 0

    def append(self, samples: list[Sample]) -> int:
        self.appends += 1
        return super().append(samples)


def counted(folder: Path, *sites: Any) -> Counted:
    store = Counted(database(folder), lambda _: MAX_AGE)
    register(store, *sites)
    return store


async def test_many_appends_are_one_transaction(tmp_path: Path) -> None:
    with closing(counted(tmp_path, *(a_site(f"s{place}") for place in range(100)))) as store:
        commit = GroupCommit(store)
        await asyncio.gather(*(commit.append([a_sample(NOW, 1.0, site=f"s{place}")]) for place in range(100)))
        assert store.appends == 1
        assert raw(store, "SELECT count(*), max(seq) FROM samples") == [(100, 100)]
        await commit.append([a_sample(NOW + 60, 1.0, site="s0")])
        assert store.appends == 2
        await commit.close()


async def test_what_comes_while_a_commit_runs_is_in_the_next_one(tmp_path: Path) -> None:
    with closing(counted(tmp_path, a_site("s"))) as store:
        commit = GroupCommit(store)

        async def late(place: int) -> None:
            await asyncio.sleep(0.02 * place)
            await commit.append([a_sample(NOW + place, float(place))])

        await asyncio.gather(*(late(place) for place in range(12)))
        assert 2 <= store.appends < 12
        assert raw(store, "SELECT count(*) FROM samples") == [(12,)]
        await commit.close()


async def test_an_error_is_handed_to_every_waiter_and_the_next_append_works(tmp_path: Path) -> None:
    with closing(counted(tmp_path, a_site("a"))) as store:
        commit = GroupCommit(store)
        (pages,) = raw(store, "PRAGMA page_count")[0]
        full(store)
        waiting = [commit.append(many(200, NOW + 1000 * place)) for place in range(5)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in found] == [Unavailable] * 5
        assert raw(store, "SELECT count(*) FROM samples") == [(0,)]
        limit(store, f"max_page_count={pages * 100}")
        await commit.append([a_sample(NOW, 1.0, site="a")])
        assert raw(store, "SELECT count(*) FROM samples") == [(1,)]
        await commit.close()


async def test_a_waiter_that_gives_up_takes_nobody_with_it(tmp_path: Path) -> None:
    with closing(counted(tmp_path, a_site("s"))) as store:
        commit = GroupCommit(store)
        giving_up = asyncio.create_task(commit.append([a_sample(NOW, 1.0)]))
        staying = asyncio.create_task(commit.append([a_sample(NOW + 60, 2.0)]))
        await asyncio.sleep(0)
        giving_up.cancel()
        await staying
        await commit.close()
        assert raw(store, "SELECT at FROM samples ORDER BY at") == [(NOW,), (NOW + 60,)]


def test_a_sample_is_remembered_as_it_was_given() -> None:
    with a_store(a_site("s")) as store:
        one = a_sample(NOW, 5.0)
        store.append([one, replace_at(one, NOW - 60)])
        assert store.latest["s", "p"] is one


def replace_at(sample: Sample, at: int) -> Sample:
    return sample.model_copy(update={"at": at, "source_at": at})
