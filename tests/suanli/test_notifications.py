"""The queue of messages: in order, each until it is delivered or given up; on both databases."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli.model.delivery import Delivery
from suanli.store import notifications as queue
from suanli.store.notifications import LEASE, LONGEST_WAIT, REFUSALS, Queued, claim, settle, wait
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_store

pytestmark = pytest.mark.usefixtures("both_databases")
DAY = 86_400
DOWN = Delivery(False, "it answers 503")


@pytest.fixture
def clock() -> Clock:
    return Clock(T0)


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    with a_store(clock=clock) as store:
        yield store


def put(store: Store, *letters: str, channel: str = "duty", give_up: int = DAY) -> None:
    with store.writing() as connection:
        for letter in letters:
            queue.enqueue(connection, channel, "alerts", letter, store.now, give_up)


def taken(store: Store, channel: str = "duty") -> Queued:
    found = claim(store, channel)
    assert found is not None
    return found


def states(store: Store) -> list[tuple[str, str, int, str]]:
    """Letter, state, tries and error of every message, in order."""
    with store.reading() as connection:
        rows = queue.listed(connection, None, 100)
    return [(row.letter, row.state, row.tries, row.error) for row in reversed(rows)]


def test_messages_go_in_order_and_one_that_waits_lets_none_of_its_channel_pass(store: Store, clock: Clock) -> None:
    put(store, "1", "2")
    put(store, "other", channel="mail")
    settle(store, taken(store), DOWN)
    assert claim(store, "duty") is None
    assert taken(store, "mail").letter == "other"
    clock.at += LONGEST_WAIT
    settle(store, taken(store), Delivery(True))
    second = taken(store)
    assert second.letter == "2"
    settle(store, second, Delivery(True))
    assert claim(store, "duty") is None
    assert states(store) == [("1", "delivered", 2, ""), ("2", "delivered", 1, ""), ("other", "pending", 1, "")]


def test_what_is_being_sent_is_nobody_elses_until_its_lease_is_over_and_keeps_its_key(
    store: Store, clock: Clock
) -> None:
    put(store, "1")
    first = taken(store)
    clock.at += LEASE - 1
    assert claim(store, "duty") is None
    clock.at += 1
    again = taken(store)
    assert (again.key, again.tries) == (first.key, 2)
    settle(store, again, Delivery(True))
    settle(store, first, DOWN)  # the one that was thought dead comes too late
    assert states(store) == [("1", "delivered", 2, "")]


def test_after_its_age_it_is_given_up_with_the_channels_last_words_and_the_next_one_comes(
    store: Store, clock: Clock
) -> None:
    put(store, "1", give_up=3600)
    put(store, "2")
    settle(store, taken(store), DOWN)
    clock.at += 3600
    assert taken(store).letter == "2"
    assert states(store)[0] == ("1", "failed", 1, "given up after 1 tries: it answers 503")


def test_one_that_was_never_tried_says_so(store: Store, clock: Clock) -> None:
    put(store, "1", give_up=60)
    clock.at += 60
    assert claim(store, "duty") is None
    assert states(store) == [("1", "failed", 0, "given up after 0 tries: it was never tried")]


def test_a_message_that_is_refused_as_such_does_not_hold_up_the_others_for_ever(store: Store, clock: Clock) -> None:
    put(store, "bad", "good")
    for _ in range(REFUSALS):
        settle(store, taken(store), Delivery(False, "it answers 400", refused=True))
        clock.at += LONGEST_WAIT
    assert taken(store).letter == "good"
    assert states(store)[0] == ("bad", "failed", REFUSALS, f"refused {REFUSALS} times: it answers 400")


def test_the_channel_says_when_to_come_again_within_reason(store: Store, clock: Clock) -> None:
    put(store, "1")
    settle(store, taken(store), Delivery(False, "429", after=90.0))
    clock.at += 90
    assert claim(store, "duty") is None
    clock.at += 1
    settle(store, taken(store), Delivery(False, "429", after=1e9))
    clock.at += LONGEST_WAIT + 1
    assert taken(store).tries == 3


@given(tries=st.integers(1, 10**6), seed=st.integers(0, 9))
def test_the_wait_grows_to_its_bound_and_is_never_none(tries: int, seed: int) -> None:
    random.seed(seed)
    longest = min(LONGEST_WAIT, 5 * 2 ** min(tries - 1, 20))
    assert longest // 2 <= wait(tries, None) <= longest


def test_a_heartbeat_takes_the_place_of_the_one_before(store: Store) -> None:
    for letter in ("1", "2"):
        with store.writing() as connection:
            queue.enqueue(connection, "heart", "heartbeat", letter, store.now, 60)
    put(store, "alert", channel="heart")
    assert [letter for letter, *_ in states(store)] == ["2", "alert"]
    with store.reading() as connection:
        assert queue.last_heartbeats(connection) == {"heart": T0}


def test_what_ended_is_listed_for_a_month_and_what_has_no_channel_is_given_up(store: Store, clock: Clock) -> None:
    put(store, "old", "new")
    put(store, "orphan", channel="gone")
    settle(store, taken(store), Delivery(True))
    clock.at += 30 * DAY
    with store.writing() as connection:
        queue.keep_memories(connection, {}, {("duty", "x"): "1", ("gone", "x"): "2"})
        queue.let_go(connection, ["duty"], store.now)
    assert states(store) == [
        ("new", "pending", 0, ""),
        ("orphan", "failed", 0, "its channel is not configured any more"),
    ]
    with store.reading() as connection:
        assert queue.memories(connection) == {("duty", "x"): "1"}
        assert queue.pending(connection) == {"duty": 1}


_TABLES = st.dictionaries(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), st.sampled_from(["1", "2"]))


@given(steps=st.lists(_TABLES, max_size=6))
@settings(max_examples=30, deadline=None)
def test_memories_become_what_they_are_said_to_be(steps: list[dict[tuple[str, str], str]]) -> None:
    with a_store(clock=Clock(T0)) as store:
        before: dict[tuple[str, str], str] = {}
        for after in steps:
            with store.writing() as connection:
                queue.keep_memories(connection, before, after)
                assert queue.memories(connection) == after
            before = after
