"""Samples on disk: what was recorded is found again, as of any moment, and every hour that changed is marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from suanli.model.sample import Sample
from suanli.model.tally import Word, in_order, stretches
from suanli.store import samples as on_disk
from suanli.store import schema
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store
from tests.suanli.storing import raw

pytestmark = pytest.mark.usefixtures("both_databases")

LAWS = settings(max_examples=40, deadline=None)
HOUR = 16
"""Seconds. On disk an hour is as long as this module says: so short a one has a naive count of every second of it."""
START = T0 // HOUR * HOUR
SPAN = range(START - 2 * HOUR, START + 8 * HOUR)
NAMES = {1: ("s", "p"), 2: ("s", "q")}
Slot = tuple[int, int]
Figure = tuple[float | None, float | None, float | None, bool]


@dataclass(frozen=True, slots=True)
class Step:
    """Some words of one pool each, and when they are recorded. rolled: all hours that are over were summed before."""

    now: int
    words: dict[Slot, Sample]
    rolled: bool


Recorded = tuple[int, Sample]
"""When it was recorded, and what."""


@dataclass(slots=True)
class Model:
    """A dict of what each slot says, and a list of what each said until when."""

    current: dict[Slot, Recorded] = field(default_factory=dict)
    gone: list[tuple[Slot, int, Recorded]] = field(default_factory=list)

    def record(self, step: Step) -> None:
        for slot, sample in step.words.items():
            before = self.current.get(slot)
            if before is None or before[1] != sample:
                self.gone += [] if before is None else [(slot, step.now, before)]
                self.current[slot] = (step.now, sample)

    def known(self, key: int, as_of: int | None = None) -> list[Recorded]:
        """This pool's words as they were known."""
        now = [one for slot, one in self.current.items() if slot[0] == key]
        if as_of is None:
            return now
        then = [one for slot, until, one in self.gone if slot[0] == key and as_of < until]
        return [one for one in now + then if one[0] <= as_of]


def last_word(known: Iterable[Recorded], at: int) -> Sample | None:
    told = [one for _, one in known if one.source_at <= at]
    return max(told, key=lambda one: (one.source_at, one.at), default=None)


def figure(known: Iterable[Recorded], at: int) -> Figure | None:
    """What is known of this second; None when the last word is too old."""
    last = last_word(known, at)
    if last is None or at - last.source_at > last.max_age:
        return None
    return last.online_pflops, last.used_pflops, last.busy_pflops, last.quality != "ok"


def figures(known: dict[int, list[Recorded]], span: range = SPAN) -> dict[tuple[int, int], Figure | None]:
    return {(key, at): figure(some, at) for key, some in known.items() for at in span}


def everyone(model: Model, as_of: int | None = None) -> dict[int, list[Recorded]]:
    return {key: model.known(key, as_of) for key in NAMES}


@st.composite
def words(draw: st.DrawFn) -> tuple[Slot, Sample]:
    """On a grid of four seconds, told before its slot or long after, holding for a second or for hours."""
    key = draw(st.sampled_from([1, 1, 1, 2]))
    at = START + 4 * draw(st.integers(-2, 12))
    site, pool = NAMES[key]
    source_at = at + draw(st.sampled_from([0, 0, 1, 3, -2, 9, -9, 17]))
    rung = st.sampled_from([None, 1.0, 2.0, 3.0])
    max_age = draw(st.sampled_from([3, 1, 12, 20, 50]))
    sample = a_sample(at, draw(rung), draw(rung), site=site, pool=pool, source_at=source_at, max_age=max_age)
    return (key, at), sample.model_copy(update={"quality": draw(st.sampled_from(["ok", "partial"]))})


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Appends one after the other, in whatever order the words come."""
    found, now = [], START
    for _ in range(draw(st.integers(1, 8))):
        now += draw(st.sampled_from([0, 1, 5, 20, 60]))
        some = draw(st.lists(words(), min_size=1, max_size=4))
        found.append(Step(now, dict(some), draw(st.booleans())))
    return found


moments = st.none() | st.integers(-10, 200).map(lambda second: START + second)


@pytest.fixture(autouse=True)
def _short_hours() -> Iterator[None]:
    with patch.object(on_disk, "HOUR", HOUR):
        yield


@contextmanager
def two_pools() -> Iterator[tuple[Store, Clock]]:
    clock = Clock()
    with a_store(a_site("s", a_pool("p"), a_pool("q")), clock=clock) as store:
        assert {pool.key: pool.pool.id for pool in store.registry[0].pools} == {1: "p", 2: "q"}
        with store.writing() as connection:
            on_disk.set_counter(connection, "reach", 0)  # a new store begins with three minutes: more than our hours
        yield store, clock


def taken(store: Store, clock: Clock, model: Model, step: Step) -> None:
    """The step is taken on disk and in the model."""
    clock.at = step.now
    if step.rolled:
        roll(store)
    put(store, *step.words.values())
    model.record(step)


def put(store: Store, *samples: Sample) -> None:
    """Recorded as they are: what the entrance thinks of them is told elsewhere."""
    keys = {name: key for key, name in NAMES.items()}
    with store.writing() as connection:
        on_disk.record(connection, [(keys[one.site, one.pool], one) for one in samples], store.now)


def roll(store: Store) -> None:
    """What summing does to the marks: those of hours that are over go, and instead the hour is there."""
    sums = ", ".join(column.name for column in schema.hours.columns if not column.nullable and not column.primary_key)
    over = f"start + {HOUR} <= {store.now}"
    zeros = ", ".join("0" for _ in sums.split(", "))
    insert = f"INSERT INTO hours (pool_key, start, {sums}) SELECT pool_key, start, {zeros} FROM dirty WHERE "  # noqa: S608
    with store.writing() as connection:
        connection.execute(text(f"{insert}{over} ON CONFLICT DO NOTHING"))
        connection.execute(text(f"DELETE FROM dirty WHERE {over}"))  # noqa: S608


def dirty(store: Store) -> set[tuple[int, int]]:
    return {(key, start) for start, key in raw(store, "SELECT start, pool_key FROM dirty")}


@LAWS
@given(histories())
def test_every_hour_in_which_any_second_changed_is_marked(history: list[Step]) -> None:
    model = Model()
    with two_pools() as (store, clock):
        before = figures(everyone(model))
        for step in history:
            taken(store, clock, model, step)
            after = figures(everyone(model))
            changed = {(key, at // HOUR * HOUR) for (key, at), one in after.items() if one != before[key, at]}
            assert changed <= dirty(store)
            before = after


@LAWS
@given(histories(), st.integers(-20, 120), st.integers(1, 60), moments)
def test_words_between_are_enough_for_every_second_between(
    history: list[Step], lo: int, length: int, as_of: int | None
) -> None:
    model, first = Model(), START + lo
    span = range(first, first + length)
    with two_pools() as (store, clock):
        for step in history:
            taken(store, clock, model, step)
        with store.reading() as connection:
            found = on_disk.words_between(connection, span.start, span.stop, as_of=as_of)
            one = on_disk.words_between(connection, span.start, span.stop, {2}, as_of=as_of)
    assert one == {key: some for key, some in found.items() if key == 2}
    recorded = everyone(model, as_of)
    for key in NAMES:
        some = found.get(key, [])
        assert set(some) <= set(map(as_word, recorded[key]))
        assert some == in_order(some)
    assert told(found, span) == figures(recorded, span)


def as_word(one: Recorded) -> Word:
    recorded_at, sample = one
    return Word(
        sample.source_at,
        sample.at,
        sample.max_age,
        sample.online_pflops,
        sample.used_pflops,
        sample.busy_pflops,
        sample.quality != "ok",
        recorded_at,
    )


def told(found: dict[int, list[Word]], span: range) -> dict[tuple[int, int], Figure | None]:
    """What these words say of every second."""
    seconds: dict[tuple[int, int], Figure | None] = {(key, at): None for key in NAMES for at in span}
    for key, some in found.items():
        for lo, hi, word in stretches(some, span.start, span.stop):
            seconds |= {(key, at): (word.online, word.used, word.busy, word.flagged) for at in range(lo, hi)}
    return seconds


@LAWS
@given(histories(), moments)
def test_the_words_of_all_time_are_those_that_were_recorded(history: list[Step], as_of: int | None) -> None:
    model = Model()
    with two_pools() as (store, clock):
        for step in history:
            taken(store, clock, model, step)
        with store.reading() as connection:
            found = on_disk.words_between(connection, 0, 2 * T0, as_of=as_of)
    wanted = {key: in_order(map(as_word, some)) for key, some in everyone(model, as_of).items() if some}
    assert found == wanted


@LAWS
@given(histories(), moments, moments)
def test_the_last_sample_is_the_last_word_however_old(history: list[Step], at: int | None, as_of: int | None) -> None:
    model = Model()
    with two_pools() as (store, clock):
        for step in history:
            taken(store, clock, model, step)
        with store.reading() as connection:
            found = on_disk.last_samples(connection, NAMES, at, as_of)
    last = {key: last_word(some, 2 * T0 if at is None else at) for key, some in everyone(model, as_of).items()}
    assert found == {key: one for key, one in last.items() if one is not None}


def word(at: int, online: float, source: int = 0, max_age: int = 3) -> Sample:
    """A sample of pool p; seconds since START."""
    return a_sample(START + at, online, source_at=START + at + source, max_age=max_age, site="s", pool="p")


def state(store: Store, second: int) -> tuple[float | None, int | None]:
    (one, _) = store.states(START + second)
    return one.online_pflops, one.age_seconds


def test_a_late_word_of_long_ago_does_not_hide_the_last_one_of_an_hour_that_is_summed() -> None:
    with two_pools() as (store, clock):
        put(store, word(3 * HOUR, 1.0))
        clock.at = START + 10 * HOUR
        roll(store)
        put(store, word(0, 2.0))
        assert state(store, 9 * HOUR) == (None, 6 * HOUR)
        store.reload()
        assert store.states_now(START + 9 * HOUR) == store.states(START + 9 * HOUR)


def test_a_short_word_told_long_after_its_slot_silences_a_long_one_to_its_end() -> None:
    with two_pools() as (store, _):
        put(store, word(4, 1.0, max_age=20), word(0, 2.0, source=5, max_age=1))
        assert [state(store, second) for second in (4, 6, 7, 24)] == [(1.0, 0), (2.0, 1), (None, 2), (None, 19)]
        with store.reading() as connection:
            found = on_disk.words_between(connection, START + 24, START + 25)
        assert list(stretches(found[1], START + 24, START + 25)) == []


def test_a_word_told_before_its_slot_is_marked_to_its_end_when_it_is_silenced() -> None:
    with two_pools() as (store, clock):
        put(store, word(10, 1.0, source=-9, max_age=HOUR + 15))
        clock.at = START + 4 * HOUR
        roll(store)
        put(store, word(2, 2.0, max_age=1))
        assert {(1, START), (1, START + HOUR), (1, START + 2 * HOUR)} <= dirty(store)
        assert state(store, 2 * HOUR) == (None, 2 * HOUR - 2)


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def test_what_was_known_long_ago_is_found_without_a_question_for_every_hour_since() -> None:
    with two_pools() as (store, clock):
        for hour in range(200):
            clock.at = START + hour * HOUR
            put(store, word(hour * HOUR, float(hour)))
        with counted(store) as statements:
            assert store.states(START + 200 * HOUR, START + HOUR)[0].age_seconds == 199 * HOUR
        assert len(statements) < 50


def test_a_pool_whose_samples_were_let_go_is_not_looked_for_in_every_hour_that_was_summed() -> None:
    with two_pools() as (store, clock):
        put(store, *(word(hour * HOUR, float(hour)) for hour in range(200)))
        clock.at = START + 300 * HOUR
        roll(store)
        with store.writing() as connection:
            connection.execute(schema.samples.delete())
            on_disk.set_counter(connection, "samples_from", START + 250 * HOUR)
        put(store, a_sample(START + 300 * HOUR, 1.0, site="s", pool="q"))
        with counted(store) as statements:
            store.reload()
        assert [sample.pool for sample in store.latest.values()] == ["q"]
        assert len(statements) < 50
