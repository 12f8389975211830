"""The store: what `append` acknowledged is on disk, in order, once; and what it cannot keep it says."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.model.errors import Unavailable
from suanli.model.sample import Sample
from suanli.store.samples import last_samples
from tests.suanli.making import T0 as NOW
from tests.suanli.making import Clock, a_sample, a_site, a_store, database, open_store, register
from tests.suanli.storing import SLOW_STORE, TWO, everything, full, groups, many, mend, raw, read_only

pytestmark = pytest.mark.usefixtures("both_databases")
FULL = "(disk is full|No space left on device)"


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
        assert list(store.latest.values()) == [a_sample(NOW + 19, 19.0)]


def test_an_append_is_seen_by_others_when_it_returns() -> None:
    with a_store(a_site("s"), clock=lambda: NOW + 13.9) as store:
        told = a_sample(NOW, 5.0, 2.0, source_at=NOW + 4, fetched_at=NOW + 11, max_age=90, busy_pflops=1.0)
        assert store.append([told.model_copy(update={"quality": "partial", "reason": "两台不可读"})]) == 1
        wanted = (NOW, 1, 4, 7, 2, 90, 5.0, 2.0, 1.0, 3, "两台不可读")
        assert raw(store, "SELECT * FROM samples") == [wanted]
        assert raw(store, "SELECT * FROM outbox") == [(1, NOW, 1)]


def test_a_second_sample_of_a_slot_replaces_the_first_which_is_kept_aside_and_goes_out_again() -> None:
    clock = Clock(NOW + 3)
    with a_store(a_site("s"), clock=clock) as store:
        store.append([a_sample(NOW, 5.0, max_age=60, quality="suspect", reason="x")])
        clock.at = NOW + 30.5
        store.append([a_sample(NOW, 6.0, source_at=NOW + 1)])
        second = (NOW, 1, 1, -1, 30, 180, 6.0, None, None, 0, "")
        assert raw(store, "SELECT * FROM samples") == [second]
        assert [(point.seq, point.values[1]) for point in store.after(1, 10).points] == [(2, 6.0)]
        kept = [(1, NOW, 1, 0, 0, 3, 60, 5.0, None, None, 4, "x", NOW + 30)]
        assert raw(store, "SELECT * FROM replaced") == kept
        clock.at = NOW + 90
        store.append([a_sample(NOW, 5.0)])
        assert raw(store, "SELECT * FROM replaced ORDER BY id") == [*kept, (2, *second, NOW + 90)]
        assert [point.values[1] for point in store.after(2, 10).points] == [5.0]


def test_a_second_sample_that_says_the_same_changes_nothing_and_is_not_sent_again() -> None:
    clock = Clock(NOW + 3)
    with a_store(a_site("s"), clock=clock) as store:
        told = a_sample(NOW, 5.0, None, source_at=NOW + 1, quality="partial", reason="x")
        store.append([told])
        before = everything(store)
        clock.at = NOW + 30
        assert store.append([told.model_copy(update={"fetched_at": NOW + 20})]) == 1
        assert everything(store) == before
        assert store.after(1, 10).points == ()
        assert list(store.latest.values()) == [told]


@pytest.mark.parametrize(
    "update",
    [
        {"source_at": NOW + 2},
        {"max_age": 60},
        {"online_pflops": None},
        {"used_pflops": 0.0},
        {"busy_pflops": 1.0},
        {"quality": "suspect"},
        {"reason": "y"},
    ],
    ids=str,
)
def test_a_second_sample_that_says_anything_else_is_a_new_word(update: dict[str, object]) -> None:
    with a_store(a_site("s"), clock=Clock(NOW + 3)) as store:
        told = a_sample(NOW, 5.0, None, source_at=NOW + 1, quality="partial", reason="x")
        store.append([told])
        store.append([told.model_copy(update=update)])
        assert raw(store, "SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM replaced)") == [(1, 1)]
        assert [point.seq for point in store.after(1, 10).points] == [2]
        assert list(store.latest.values()) == [told.model_copy(update=update)]


def test_what_is_read_in_one_block_is_of_one_moment() -> None:
    with a_store(a_site("s")) as store:
        store.append([a_sample(NOW, 5.0)])
        with store.reading() as connection:
            before = last_samples(connection, {1: ("s", "p")}, None)
            store.append([a_sample(NOW, 6.0), a_sample(NOW + 60, 7.0)])
            assert last_samples(connection, {1: ("s", "p")}, None) == before
        with store.reading() as connection:
            assert last_samples(connection, {1: ("s", "p")}, None) == store.latest


def test_samples_of_unknown_pools_are_left_out() -> None:
    with a_store(a_site("s")) as store:
        strangers = [a_sample(NOW, 1.0, site="t"), a_sample(NOW, 1.0, pool="q")]
        assert store.append(strangers) == 0
        assert store.append([*strangers, a_sample(NOW, 2.0)]) == 1
        assert raw(store, "SELECT pool_key, online_pflops FROM samples") == [(1, 2.0)]
        assert raw(store, "SELECT seq, pool_key FROM outbox") == [(1, 1)]
        assert list(store.latest) == [store.registry[0].pools[0].key] == [1]


def _said_why(sample: Sample) -> Sample:
    """With a reason of its own for each quality: a flag of the entrance makes any quality suspect, and then alike."""
    return sample.model_copy(update={"reason": f"{sample.reason} {sample.quality}"})


@SLOW_STORE
@given(groups.map(lambda many: [[_said_why(sample) for sample in group] for group in many]))
def test_sequence_numbers_are_never_reused_and_never_skipped(appended: list[list[Sample]]) -> None:
    """A number for each word that says something new of its slot."""
    last = 0
    told: dict[tuple[str, str, int], Sample] = {}
    with a_store(*TWO) as store:
        for group in appended:
            slots = {(sample.site, sample.pool, sample.at): sample for sample in group}
            count = sum(told.get(slot) != sample for slot, sample in slots.items())
            told |= slots
            assert store.append(group) == len(slots)
            new = [row[0] for row in raw(store, f"SELECT seq FROM outbox WHERE seq > {last} ORDER BY seq")]  # noqa: S608
            assert new == list(range(last + 1, last + 1 + count))
            last += count
        assert dict(raw(store, "SELECT name, value FROM counters"))["sample_seq"] == last
        assert raw(store, "SELECT count(*) FROM samples") == [(len(told),)]


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
        mend(store)
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


@pytest.mark.parametrize(("how", "told"), [("full", FULL), ("read-only", "read-?only")])
def test_a_store_that_cannot_be_written_says_so_and_keeps_nothing_by_half(how: str, told: str, tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url)) as store:
        register(store, a_site("a"))
        store.append(many(2))
        before, latest = everything(store), dict(store.latest)
        full(store) if how == "full" else read_only(store)
        with pytest.raises(Unavailable, match=f"the store cannot be written: .*{told}"):
            store.append(many(500, NOW + 60))
        assert everything(store) == before
        assert store.latest == latest, "memory shows only what is on disk"
        mend(store)
    with closing(open_store(url)) as store:
        assert store.append(many(500, NOW + 60)) == 500


def test_a_full_disk_leaves_a_plan_undone(tmp_path: Path) -> None:
    with closing(open_store(database(tmp_path))) as store:
        full(store)
        with pytest.raises(Unavailable, match=FULL):
            register(store, *(a_site(f"s{place}", name="名" * 100) for place in range(200)))
        assert raw(store, "SELECT count(*) FROM sites") == [(0,)]
        assert store.registry == []
        mend(store)
