"""States: every pool's last word that is not too old, from the database and from memory."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.model.rates import PoolState
from suanli.model.sample import Sample
from tests.suanli.making import T0 as NOW
from tests.suanli.making import Clock, a_pool, a_sample, a_site, a_store, built, open_store
from tests.suanli.storing import SLOW_STORE, TWO, address_of, groups

pytestmark = pytest.mark.usefixtures("both_databases")


@SLOW_STORE
@given(groups, st.integers(0, 400))
def test_states_now_from_memory_are_the_states_from_the_database(appended: list[list[Sample]], later: int) -> None:
    with a_store(*TWO) as store:
        for group in appended:
            store.append(group)
        now = NOW + later
        assert store.states_now(now) == store.states(now)
        with closing(open_store(address_of(store))) as reopened:
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
            last = max(true, key=lambda one: (one.source_at, one.at), default=None)
            fresh = last if last is not None and at - last.source_at <= last.max_age else None
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


def test_as_of_leaves_out_what_was_recorded_later_whenever_it_was_fetched() -> None:
    clock = Clock()
    with a_store(a_site("s"), clock=clock) as store:
        for at, online, clock.at in ((NOW - 60, 5.0, NOW - 55.5), (NOW, 6.0, NOW + 5.5)):
            store.append([a_sample(at, online)])
        wanted = {None: 6.0, NOW + 5: 6.0, NOW + 4: 5.0, NOW - 56: 5.0, NOW - 57: None}
        assert {as_of: store.states(NOW, as_of)[0].online_pflops for as_of in wanted} == wanted


def test_as_of_gives_a_replaced_word_until_the_second_in_which_it_was_replaced() -> None:
    clock = Clock(NOW + 1)
    with a_store(a_site("s"), clock=clock) as store:
        store.append([a_sample(NOW, 5.0)])
        clock.at = NOW + 10
        store.append([a_sample(NOW, None, source_at=NOW + 2)])
        wanted = {None: (None, 8), NOW + 10: (None, 8), NOW + 9: (5.0, 10), NOW + 1: (5.0, 10), NOW: (None, None)}
        found = {as_of: store.states(NOW + 10, as_of)[0] for as_of in wanted}
        assert {as_of: (one.online_pflops, one.age_seconds) for as_of, one in found.items()} == wanted


def test_each_word_holds_for_its_own_time() -> None:
    with a_store(a_site("s")) as store:
        store.append([a_sample(NOW, 5.0, max_age=10), a_sample(NOW + 60, 6.0, max_age=3600)])
        known = [store.states(NOW + second)[0].online_pflops for second in (10, 11, 59, 60, 3660, 3661)]
        assert known == [5.0, None, None, 6.0, 6.0, None]
        assert [store.states_now(NOW + second)[0].online_pflops for second in (3660, 3661)] == [6.0, None]
        assert (store.next_expiry(NOW + 3660), store.next_expiry(NOW + 3661)) == (NOW + 3660, None)


def test_a_word_that_is_replaced_by_one_of_an_earlier_second_is_gone_from_memory_too() -> None:
    with a_store(a_site("s")) as store:
        store.append([a_sample(NOW, 5.0, source_at=NOW + 30)])
        store.append([a_sample(NOW, 6.0, source_at=NOW + 10)])
        assert store.states_now(NOW + 40) == store.states(NOW + 40)
        assert [state.online_pflops for state in store.states_now(NOW + 40)] == [6.0]


def test_a_word_that_silenced_an_older_one_and_is_replaced_by_a_still_older_one() -> None:
    with a_store(a_site("s")) as store:
        store.append([a_sample(NOW, 5.0, source_at=NOW + 20), a_sample(NOW + 60, 7.0, source_at=NOW + 60)])
        store.append([a_sample(NOW + 60, 6.0, source_at=NOW + 10)])
        assert [state.online_pflops for state in store.states(NOW + 70)] == [5.0]
        assert store.states_now(NOW + 70) == store.states(NOW + 70)


def test_a_sample_is_remembered_as_it_was_given() -> None:
    with a_store(a_site("s")) as store:
        one = a_sample(NOW, 5.0)
        store.append([one, replace_at(one, NOW - 60)])
        assert list(store.latest.values()) == [one]
        assert next(iter(store.latest.values())) is one


def replace_at(sample: Sample, at: int) -> Sample:
    return sample.model_copy(update={"at": at, "source_at": at})
