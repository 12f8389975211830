"""Tallies: what words told over a stretch, against sums over every single second; and they can be cut and added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from suanli.model.tally import EXTREMES, SECONDS, SUMS, Tally, Word, added, in_order, stretches, tally

SPAN = range(-5, 60)
figures = st.none() | st.integers(0, 9).map(float)


@st.composite
def words(draw: st.DrawFn) -> list[Word]:
    """No two of one slot, as on record; some of one source time, some told long after or before their slot."""
    slots = draw(st.lists(st.integers(0, 40), max_size=8, unique=True))
    found = [
        Word(
            at + draw(st.sampled_from([0, 0, 1, -2, 5])),
            at,
            draw(st.integers(1, 15)),
            draw(figures),
            draw(figures),
            draw(figures),
            draw(st.booleans()),
            draw(st.integers(0, 99)),
        )
        for at in slots
    ]
    return in_order(found)


cuts = st.lists(st.integers(SPAN.start, SPAN.stop), min_size=2, max_size=6).map(sorted)


def held(some: Sequence[Word], at: int) -> Word | None:
    """The word that holds at this second: the last one told by then, if it is not too old."""
    said = [one for one in some if one.source_at <= at]
    last = max(said, key=lambda one: (one.source_at, one.at), default=None)
    return last if last is not None and at - last.source_at <= last.max_age else None


def plain(some: Sequence[Word], lo: int, hi: int) -> Tally:
    """Second by second."""
    everything = [one for at in range(lo, hi) if (one := held(some, at)) is not None]
    heard = [one for one in everything if one.online is not None]
    told = [one for one in heard if one.used is not None]
    busy = [one for one in told if one.busy is not None]
    known: dict[str, list[float]] = {
        rung: [value for one in everything if (value := getattr(one, rung)) is not None]
        for rung in ("online", "used", "busy")
    }
    return Tally(
        fresh=len(everything),
        heard=len(heard),
        told=len(told),
        busy_told=len(busy),
        flagged=sum(one.flagged for one in everything),
        online=sum(one.online or 0 for one in heard),
        used=sum(one.used or 0 for one in told),
        told_online=sum(one.online or 0 for one in told),
        busy=sum(one.busy or 0 for one in busy),
        busy_used=sum(one.used or 0 for one in busy),
        online_min=min(known["online"], default=None),
        online_max=max(known["online"], default=None),
        used_min=min(known["used"], default=None),
        used_max=max(known["used"], default=None),
        busy_min=min(known["busy"], default=None),
        busy_max=max(known["busy"], default=None),
        known_at=max((one.known_at for one in some), default=0),
    )


@given(words(), cuts)
def test_a_tally_is_the_sum_over_every_second(some: list[Word], ends: list[int]) -> None:
    lo, hi = ends[0], ends[-1]
    assert tally(some, lo, hi) == plain(some, lo, hi)


@given(words(), cuts)
def test_stretches_say_of_every_second_which_word_holds(some: list[Word], ends: list[int]) -> None:
    lo, hi = ends[0], ends[-1]
    parts = list(stretches(some, lo, hi))
    found = {at: word for start, end, word in parts for at in range(start, end)}
    assert found == {at: word for at in range(lo, hi) if (word := held(some, at)) is not None}
    assert sum(end - start for start, end, _ in parts) == len(found), "no second is counted twice"
    assert all(lo <= start < end <= hi for start, end, _ in parts)


@given(words(), cuts)
def test_a_stretch_may_be_cut_anywhere_and_added_again(some: list[Word], ends: list[int]) -> None:
    parts = [tally(some, lo, hi) for lo, hi in pairwise(ends)]
    assert added(parts) == tally(some, ends[0], ends[-1])


@given(st.lists(words(), max_size=4), cuts, st.randoms(use_true_random=False))
def test_tallies_of_pools_are_added_in_any_order_and_any_grouping(
    pools: list[list[Word]], ends: list[int], random: object
) -> None:
    parts = [tally(some, ends[0], ends[-1]) for some in pools]
    whole, middle = added(parts), len(parts) // 2
    random.shuffle(parts)  # type: ignore[attr-defined] # Hypothesis gives a random.Random
    assert added(parts) == added([added(parts[:middle]), added(parts[middle:])]) == whole


def test_nothing_is_unknown_not_zero() -> None:
    nothing = tally([], 0, 3600)
    assert nothing == added([]) == Tally()
    assert [getattr(nothing, name) for name in EXTREMES] == [None] * 6
    silent = tally([a_word(0, online=None)], 0, 3600)
    assert (silent.fresh, silent.heard, silent.online_min) == (11, 0, None)


def a_word(source_at: int, at: int | None = None, *, online: float | None = 4.0, used: float | None = 2.0) -> Word:
    """Holds for ten seconds."""
    return Word(source_at, source_at if at is None else at, 10, online, used, None, flagged=False, known_at=source_at)


def test_a_word_holds_in_the_last_second_of_its_age_and_no_longer() -> None:
    assert list(stretches([a_word(100)], 0, 1000)) == [(100, 111, a_word(100))]
    assert [tally([a_word(100)], at, at + 1).fresh for at in (99, 100, 110, 111)] == [0, 1, 1, 0]


def test_no_gap_is_bridged_and_the_next_word_ends_one() -> None:
    some = [a_word(0), a_word(11), a_word(23), a_word(25)]
    assert [(start, end) for start, end, _ in stretches(some, 0, 100)] == [(0, 11), (11, 22), (23, 25), (25, 36)]
    found = tally(some, 0, 100)
    assert (found.fresh, found.online, found.used) == (35, 4.0 * 35, 2.0 * 35)


def test_of_two_words_of_one_source_time_the_later_slot_is_the_last_word() -> None:
    early, late = a_word(100, 60, online=1.0), a_word(100, 90, online=2.0)
    assert in_order([late, early]) == [early, late]
    assert list(stretches([early, late], 0, 1000)) == [(100, 111, late)]
    assert (tally([early, late], 0, 1000).online, tally([early, late], 0, 1000).online_min) == (22.0, 2.0)


def test_a_word_that_knows_nothing_ends_what_was_known() -> None:
    found = tally([a_word(0), a_word(5, online=None)], 0, 100)
    assert (found.fresh, found.heard, found.told, found.online, found.used) == (16, 5, 5, 20.0, 10.0)


def test_sums_of_many_small_parts_are_exact() -> None:
    """A tenth cannot be written in binary: added one by one, an hour of them drifts."""
    parts = [Tally(fresh=1, heard=1, online=0.1)] * 36_000
    assert added(parts).online == 3600.0


def test_the_fields_are_those_that_are_added() -> None:
    assert [one.name for one in fields(Tally)] == [*SECONDS, *SUMS, *EXTREMES, "known_at"]
