"""Write, then advance. The sink here is a fake: a dictionary that fails as it is told (tests/exporter/making.py)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from exporter import forwarder as engine
from exporter.base import Broken, Rejected, Retry, Shut
from exporter.forwarder import Forwarder
from exporter.own import OwnMetrics
from suanli.model.errors import Unavailable
from suanli.store.sql import Batch, Store
from tests.exporter.making import FakeSink, down
from tests.suanli.making import T0, a_pool, a_sample, a_site, a_store

MANY = settings(max_examples=25, deadline=None)


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(a_site("s")) as made:
        yield made


def append(store: Store, count: int, start: int = 0) -> None:
    store.append([a_sample(T0 + place, float(place), 0.0) for place in range(start, start + count)])


def stored(store: Store) -> dict[tuple[str, str, int], tuple[float | None, ...]]:
    return {(one.site, one.pool, one.at): one.values for one in store.after(0, 10_000).points}


def drained(store: Store, sink: FakeSink, rounds: int = 1) -> None:
    """Until there is nothing more; `rounds` at least, as a forwarder that runs would go on asking."""
    one = Forwarder(store, sink)
    while one.forward() or (rounds := rounds - 1) > 0:
        pass


# ---------------------------------------------------------------- write, then advance


def test_all_points_in_batches_then_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BATCH", 4)
    append(store, 10)
    sink = FakeSink()
    one = Forwarder(store, sink)
    assert [one.forward() for _ in range(4)] == [4, 4, 2, 0]
    assert (sink.written, sink.kept) == (list(range(1, 11)), stored(store))
    assert store.cursor("fake") == 10
    append(store, 1, 10)
    assert one.forward() == 1
    assert sink.batches == [4, 4, 2, 1]


def test_the_cursor_moves_only_after_the_write(store: Store) -> None:
    append(store, 3)
    sink = FakeSink()
    seen: list[int] = []
    sink.after = lambda: seen.append(store.cursor("fake"))
    Forwarder(store, sink).forward()
    assert (seen, store.cursor("fake")) == ([0], 3)


def test_retry_keeps_the_cursor(store: Store) -> None:
    append(store, 3)
    sink = FakeSink()
    sink.before = down()
    with pytest.raises(Retry):
        Forwarder(store, sink).forward()
    assert (store.cursor("fake"), sink.kept) == (0, {})


def test_a_crash_between_write_and_advance_repeats_and_never_loses(store: Store) -> None:
    append(store, 3)
    sink = FakeSink()

    def die() -> None:
        sink.after = lambda: None
        raise Crash

    sink.after = die
    with pytest.raises(Crash):
        Forwarder(store, sink).forward()
    assert store.cursor("fake") == 0
    drained(store, sink)
    assert sink.written == [1, 2, 3, 1, 2, 3]
    assert sink.kept == stored(store)


@MANY
@given(
    st.lists(st.sampled_from(["append", "forward", "down before", "down after", "crash", "same slot"]), max_size=14),
    st.sets(st.integers(1, 20), max_size=5),
    st.booleans(),
)
def test_whatever_fails_nothing_is_lost_and_nothing_is_there_twice(
    steps: list[str], bad: set[int], stores_rest: bool
) -> None:
    with a_store(a_site("s")) as store:
        sink, count = FakeSink(bad, stores_rest=stores_rest), 0
        for step in steps:
            if step == "append":
                append(store, 3, count)
                count += 3
            elif step == "same slot":
                store.append([a_sample(T0, 50.0)])
            else:
                sink.before = down() if step == "down before" else quiet
                sink.after = {"down after": down(), "crash": crash}.get(step, quiet)
                attempt(store, sink)
        sink.before = sink.after = quiet
        drained(store, sink)
        last = {(one.site, one.pool, one.at): one.seq for one in store.after(0, 1000).points}
        sent = {one.seq for one in store.after(0, 1000).points}
        assert {seq for seq, _, _ in store.rejected("fake")} == sent & bad
        delivered = {key for key, seq in last.items() if seq not in bad}
        wanted = stored(store)
        assert {key: sink.kept.get(key) for key in delivered} == {key: wanted[key] for key in delivered}
        assert sink.kept.keys() <= wanted.keys(), "a refused slot may still hold its word of before"
        assert store.cursor("fake") == max([0, *sent])


def quiet() -> None:
    """All is well."""


def crash() -> None:
    raise Crash


def attempt(store: Store, sink: FakeSink) -> None:
    try:
        Forwarder(store, sink).forward()
    except (Retry, Crash):
        return


# ---------------------------------------------------------------- refused for good


@MANY
@given(st.integers(1, 40), st.sets(st.integers(1, 40), max_size=6), st.booleans())
def test_a_refused_batch_is_halved_to_the_bad_points_and_the_others_are_delivered(
    count: int, bad: set[int], stores_rest: bool
) -> None:
    with a_store(a_site("s")) as store:
        append(store, count)
        sink = FakeSink(bad, stores_rest=stores_rest)
        one = Forwarder(store, sink)
        assert one.forward() == count
        there = {seq for seq in bad if seq <= count}
        assert set(sink.written) == set(range(1, count + 1)) - there
        assert len(sink.kept) == count - len(there), "each is there once, however often it was sent"
        assert [(seq, words) for seq, _, words in store.rejected("fake")] == [
            (seq, f"400 unable to parse point {seq}") for seq in sorted(there)
        ]
        assert (one.health.refused, store.cursor("fake")) == (len(there), count)
        assert len(sink.batches) <= 1 + 2 * len(there) * (count.bit_length() + 1)


def test_what_nobody_can_label_is_passed_over_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of a time at which the pool belonged to no site."""
    monkeypatch.setattr(engine, "BATCH", 2)
    with a_store(a_site("s", a_pool("p"), since=datetime.fromtimestamp(T0 + 3, UTC))) as store:
        append(store, 6)
        sink = FakeSink()
        drained(store, sink, rounds=4)
        assert sink.written == [4, 5, 6]
        assert (store.cursor("fake"), store.pending("fake")) == (6, (0, None))


def test_the_quarantine_keeps_the_line_and_the_sinks_words(store: Store) -> None:
    append(store, 3)
    Forwarder(store, FakeSink([2])).forward()
    ((seq, line, words),) = store.rejected("fake")
    assert (seq, words) == (2, "400 unable to parse point 2")
    assert line == (
        f"compute,operator=op,pool=p,province=安徽,site=s built_pflops=100.0,online_pflops=1.0,used_pflops=0.0 {T0 + 1}"
    )


def test_down_in_the_middle_of_halving_keeps_the_cursor_and_quarantines_once(store: Store) -> None:
    append(store, 8)
    sink = FakeSink([1])
    calls = iter([quiet] * 4 + [down()] + [quiet] * 50)
    sink.before = lambda: next(calls)()
    one = Forwarder(store, sink)
    with pytest.raises(Retry):
        one.forward()
    assert store.cursor("fake") == 0
    drained(store, sink)
    assert [seq for seq, _, _ in store.rejected("fake")] == [1]
    assert len(sink.kept) == 7


# ---------------------------------------------------------------- broken over one point, or broken


def breaks_over(sink: FakeSink, bad: set[int]) -> None:
    """500 for every body with one of these points, for ever."""
    write = sink.write

    def breaking(batch: Batch) -> None:
        sink.asked.append([point.seq for point in batch.points])
        if bad.intersection(point.seq for point in batch.points):
            raise Broken("500 cannot digest it")
        write(batch)

    sink.write = breaking  # type: ignore[method-assign] # what is to go wrong, from outside


def tried(one: Forwarder, times: int) -> int:
    """How many of so many rounds failed."""
    failed = 0
    for _ in range(times):
        try:
            one.forward()
        except Retry:
            failed += 1
    return failed


def test_a_sink_that_breaks_over_one_point_for_ever_gets_all_others(store: Store) -> None:
    append(store, 1000)
    sink = FakeSink()
    breaks_over(sink, {617})
    assert tried(Forwarder(store, sink), engine._BROKEN_OFTEN + 1) == engine._BROKEN_OFTEN
    assert [(seq, words) for seq, _, words in store.rejected("fake")] == [(617, "500 cannot digest it")]
    assert (len(sink.kept), store.cursor("fake")) == (999, 1000)
    alone = [place for place, asked in enumerate(sink.asked) if asked == [617]]
    assert len(alone) >= 2
    assert all(sink.asked[place + 1] != [617] for place in alone), "the witness is asked after each failure"
    assert len(sink.asked) < 60, "halved, not tried one by one"


def test_a_sink_that_is_down_for_ever_is_asked_for_witnesses_and_nothing_is_quarantined(store: Store) -> None:
    append(store, 20)
    sink = FakeSink()
    breaks_over(sink, set(range(1, 22)))
    assert tried(Forwarder(store, sink), 30) == 30
    assert (store.rejected("fake"), store.cursor("fake")) == ([], 0)
    assert len(sink.asked) <= 30 * (engine._PROBES + 1)


def test_what_has_no_line_is_no_witness(store: Store) -> None:
    store.append([a_sample(T0, None, None)])
    store.append([a_sample(T0 + 1, 1.0)])
    sink = FakeSink()
    breaks_over(sink, {2})
    sink.line = lambda batch: "" if batch.last == 1 else "line"  # type: ignore[method-assign] # as of a pool never built
    assert tried(Forwarder(store, sink), 12) == 12
    assert store.rejected("fake") == []


def test_one_point_alone_waits_for_another_that_shows_that_the_sink_works(store: Store) -> None:
    append(store, 1)
    sink = FakeSink()
    breaks_over(sink, {1})
    one = Forwarder(store, sink)
    assert tried(one, 9) == 9
    append(store, 1, 1)
    assert tried(one, 1) == 0
    assert [seq for seq, _, _ in store.rejected("fake")] == [1]


def test_a_sink_that_goes_down_while_it_is_halved_loses_nothing(store: Store) -> None:
    append(store, 100)
    sink = FakeSink()
    bad = {50}
    breaks_over(sink, bad)
    sink.after = lambda: bad.update(range(1, 101)) if len(sink.batches) == 4 else None
    one = Forwarder(store, sink)
    assert tried(one, 20) == 20
    assert (store.rejected("fake"), store.cursor("fake")) == ([], 0)
    bad.difference_update(set(range(1, 101)) - {50})
    assert tried(one, 1) == 0
    assert ([seq for seq, _, _ in store.rejected("fake")], len(sink.kept)) == ([50], 99)


# ---------------------------------------------------------------- running


async def until(condition: object, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator] # a function
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_run_forwards_until_stopped_and_then_what_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_IDLE", 0.01)
    append(store, 3)
    sink = FakeSink()
    one = Forwarder(store, sink)
    task = asyncio.create_task(one.run())
    await until(lambda: len(sink.kept) == 3)
    monkeypatch.setattr(engine, "_IDLE", 60.0)
    await asyncio.sleep(0.05)
    append(store, 2, 3)
    one.stop()
    await asyncio.wait_for(task, 5)
    assert (len(sink.kept), sink.closed, store.cursor("fake")) == (5, True, 5)


async def test_the_sinks_wish_to_wait_is_obeyed_and_told(store: Store) -> None:
    append(store, 1)
    sink = FakeSink()
    tries: list[float] = []

    def busy() -> None:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise Retry("429 slow down", 0.3)

    sink.before = busy
    one = Forwarder(store, sink)
    task = asyncio.create_task(one.run())
    await until(lambda: tries)
    await until(lambda: one.health.error)
    assert (one.health.error, one.health.failures) == ("429 slow down", 1)
    await until(lambda: sink.kept)
    assert tries[1] - tries[0] >= 0.29
    await until(lambda: not one.health.error)
    assert one.health.failures == 0
    one.stop()
    await asyncio.wait_for(task, 5)


async def test_a_sink_that_does_not_let_us_in_is_paused_told_and_goes_on_by_itself(store: Store) -> None:
    append(store, 2)
    sink = FakeSink()
    words = [Shut("401 unauthorized access"), Retry("503 busy")]
    sink.before = lambda: raising(words.pop(0)) if words else None
    one = Forwarder(store, sink)
    assert await one._step() == 60.0
    assert (one.health.shut, one.health.error, store.cursor("fake")) == (True, "401 unauthorized access", 0)
    own = generate_latest(OwnMetrics(store, [one]).registry).decode()
    assert 'suanli_sink_shut{sink="fake"} 1.0' in own
    await one._step()
    assert not one.health.shut, "it answers something else"
    await one._step()
    assert (one.health.shut, one.health.error, len(sink.kept), store.rejected("fake")) == (False, "", 2, [])


def raising(error: Exception) -> None:
    raise error


async def test_stop_does_not_wait_for_a_sink_that_is_down(store: Store) -> None:
    append(store, 1)
    sink = FakeSink()
    sink.before = down(after=3600)
    one = Forwarder(store, sink)
    task = asyncio.create_task(one.run())
    await until(lambda: one.health.failures)
    one.stop()
    await asyncio.wait_for(task, 5)
    assert (sink.closed, store.cursor("fake")) == (True, 0)


async def test_a_store_that_cannot_be_written_does_not_end_the_forwarding(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, 1)
    sink = FakeSink()
    one = Forwarder(store, sink)
    full = [True]
    advance = store.advance

    def advancing(name: str, seq: int) -> None:
        if full:
            raise Unavailable("the store cannot be written: database or disk is full")
        advance(name, seq)

    monkeypatch.setattr(store, "advance", advancing)
    monkeypatch.setattr(engine, "_LONGEST_WAIT", 0.02)
    task = asyncio.create_task(one.run())
    await until(lambda: one.health.failures >= 2)
    assert "disk is full" in one.health.error
    full.clear()
    await until(lambda: store.cursor("fake") == 1)
    one.stop()
    await asyncio.wait_for(task, 5)
    assert sink.kept == stored(store)


def test_waits_grow_and_have_an_end(store: Store) -> None:
    one = Forwarder(store, FakeSink())
    waits = [one._wait(Retry("503")) for _ in range(50)]
    assert all(0 <= wait <= min(2.0 ** (place + 1), engine._LONGEST_WAIT) for place, wait in enumerate(waits))
    assert one._wait(Retry("429", 7.0)) == 7.0


def test_errors_are_told_apart_by_type() -> None:
    assert not issubclass(Rejected, Retry)
    assert not issubclass(Retry, Rejected)
