"""A sink that was down for long: what is new goes at once, and what it missed behind that, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import forwarder as engine
from exporter.forwarder import Forwarder
from suanli.config import Config
from suanli.store import outbox
from suanli.store.feeds import Backlog, Live
from suanli.store.sent import not_sent
from suanli.store.sql import Store
from suanli.upkeep import delivered
from tests.exporter.making import FakeSink
from tests.suanli.making import T0, a_sample, a_site, a_store

ONE = Config.model_validate({"sinks": [{"name": "fake", "kind": "victoriametrics", "url": "http://127.0.0.1:9"}]})


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BATCH", 4)
    monkeypatch.setattr(outbox, "FAR", 12)
    monkeypatch.setattr(outbox, "NEAR", 4)


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(a_site("s")) as made:
        made.subscribe(["fake"])
        yield made


def append(store: Store, count: int, start: int = 0) -> None:
    store.append([a_sample(T0 + place, float(place)) for place in range(start, start + count)])


def both(store: Store, sink: FakeSink) -> tuple[Forwarder, Forwarder]:
    return Forwarder(Live(store), sink), Forwarder(Backlog(store, "fake"), sink)


def test_the_newest_go_first_and_the_rest_behind_from_new_to_old(store: Store) -> None:
    append(store, 20)
    sink = FakeSink()
    live, behind = both(store, sink)
    assert behind.forward() == 0, "there is no gap yet"
    assert live.forward() == 4
    assert sink.written == [17, 18, 19, 20]
    assert (store.pending("fake"), delivered(store, ONE)) == ((16, T0), 0)
    append(store, 1, 20)
    assert behind.forward() == 4
    assert live.forward() == 1
    assert sink.written[4:] == [13, 14, 15, 16, 21]
    assert [behind.forward() for _ in range(5)] == [4, 4, 4, 0, 0]
    assert sink.written[9:] == [9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4]
    assert (store.pending("fake"), delivered(store, ONE), len(sink.kept)) == ((0, None), 21, 21)


def test_a_sink_that_is_a_little_behind_gets_everything_in_order(store: Store) -> None:
    append(store, 12)
    sink = FakeSink()
    live, behind = both(store, sink)
    while live.forward():
        assert behind.forward() == 0
    assert sink.written == list(range(1, 13))


def test_a_gap_that_grows_while_it_is_filled_loses_nothing(store: Store) -> None:
    append(store, 20)
    sink = FakeSink()
    live, behind = both(store, sink)
    live.forward()

    def meanwhile() -> None:
        sink.after = lambda: None
        append(store, 20, 20)
        assert live.forward() == 4

    sink.after = meanwhile
    behind.forward()
    while behind.forward() or live.forward():
        pass
    assert set(sink.written) == set(range(1, 41))


def test_what_is_in_the_gap_is_not_let_go_nor_compared(store: Store) -> None:
    append(store, 20)
    both(store, FakeSink())[0].forward()
    assert delivered(store, ONE) == 0
    assert not_sent(store, "fake", T0, T0 + 100) == {(1, T0)}
    assert not_sent(store, "fake", T0 + 16, T0 + 100) == set()


def test_a_correction_that_overtakes_its_point_on_the_way_is_what_stays(store: Store) -> None:
    append(store, 20)
    sink = FakeSink()
    live, behind = both(store, sink)
    live.forward()

    def overtaking() -> None:
        sink.before = lambda: None
        store.append([a_sample(T0 + 14, 77.0)])
        live.forward()

    sink.before = overtaking
    behind.forward()
    while behind.forward():
        pass
    assert sink.kept["s", "p", T0 + 14] == (100.0, 77.0, None, None)


class Walk:
    """A store, its sink and both forwarders; what happens by name."""

    def __init__(self, store: Store) -> None:
        self.store, self.sink, self.count = store, FakeSink(), 0
        self.restart()

    def restart(self) -> None:
        self.store.subscribe(["fake"])
        self.live, self.behind = both(self.store, self.sink)

    def append(self, more: int = 2) -> None:
        append(self.store, more, self.count)
        self.count += more

    def much(self) -> None:
        self.append(15)

    def correct(self) -> None:
        self.append(1)
        self.store.append([a_sample(T0 + self.count // 2, 50.0)])

    def new(self) -> None:
        self.live.forward()

    def missed(self) -> None:
        self.behind.forward()

    def crash(self) -> None:
        self.sink.after = crash
        for one in (self.live, self.behind):
            with suppress(MemoryError):
                one.forward()
        self.sink.after = lambda: None


def crash() -> None:
    raise MemoryError


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(["append", "much", "correct", "new", "missed", "crash", "restart"]), max_size=25))
def test_whatever_the_order_the_sink_has_each_point_in_the_end(steps: list[str]) -> None:
    with a_store(a_site("s")) as store:
        walk = Walk(store)
        for step in steps:
            getattr(walk, step)()
            unsent = {point.at for point in store.after(delivered(store, ONE), 10_000).points}
            assert {T0 + place for place in range(walk.count)} - {at for _, _, at in walk.sink.kept} <= unsent
        while walk.live.forward() or walk.behind.forward():
            pass
        wanted = {(point.site, point.pool, point.at): point.values for point in store.after(0, 10_000).points}
        assert (walk.sink.kept, store.pending("fake")[0]) == (wanted, 0)
