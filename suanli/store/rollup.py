"""Hours and days made of samples, and what may then be let go. Run by the service, and by whoever has the time.

A mark in `dirty` (an hour) or `dirty_days` says that a sample has come since the rollup was made. Marks are set in the
transaction that records the sample, and go in the one that makes the rollup: at no time does a rollup pass for newer
than it is. Readers take marked hours from the samples themselves, so nothing waits for this. docs/decisions/0007
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, delete, func, select

from suanli.model.calendar import HOUR, day_after, day_of
from suanli.model.tally import EXTREMES, SECONDS, SUMS, Tally, Word, added, tally
from suanli.store import closed, schema
from suanli.store.dialect import run, upsert
from suanli.store.samples import counter, reach_of, set_counter, words_between
from suanli.store.sql import Store

GRACE = 300
"""Seconds after its end before an hour is first summed: most of what comes late has come by then."""
TALLY_COLUMNS = (*SECONDS, *SUMS, *EXTREMES, "known_at")


@dataclass(frozen=True, slots=True)
class Retention:
    """How many seconds each is kept; None is for ever."""

    samples: int | None = 90 * 86400
    hours: int | None = 5 * 365 * 86400
    days: int | None = None


def roll(store: Store, zone: ZoneInfo, stopping: Callable[[], bool] = lambda: False) -> int:
    """Sum every marked hour and day that is over; how many hours and days that were.

    One transaction for each. Asked before each, `stopping` ends it: the rest stays marked.
    """
    _follow_zone(store, zone)
    done = 0
    for start in _hours_due(store):
        if stopping():
            return done
        with store.writing() as connection:
            _roll_hour(connection, start, zone)
        done += 1
    for start, keys in _days_due(store, zone).items():
        if stopping():
            return done
        with store.writing() as connection:
            _roll_day(connection, start, zone, keys)
        done += 1
    with store.writing() as connection:
        closed.close(connection, store.now - GRACE, zone)
    return done


def due(store: Store, zone: ZoneInfo) -> tuple[int, int]:
    """How many hours and days `roll` would sum now; more days may be marked by these hours."""
    return len(_hours_due(store)), len(_days_due(store, zone))


def let_go(store: Store, retention: Retention, zone: ZoneInfo, delivered: int | None = None) -> int:
    """Delete what is older than it must be kept, and the outbox up to `delivered`; how many rows that were.

    A sample stays until its hour and day are summed, and an hour until its day is, however old they are. What is in
    quarantine is kept as long as samples are.
    """
    with store.writing() as connection:
        gone = 0
        waiting = sorted(_summable_days(connection, zone))
        if retention.samples is not None:
            gone += _samples_go(connection, (store.now - retention.samples) // HOUR * HOUR, waiting)
            held = schema.quarantine.c.recorded_at < store.now - retention.samples
            gone += _deleted(connection, schema.quarantine, held)
        if retention.hours is not None:
            before = min([store.now - retention.hours, *waiting])
            gone += _deleted(connection, schema.hours, schema.hours.c.start + HOUR <= before)
        if retention.days is not None:
            gone += _deleted(connection, schema.days, schema.days.c.until <= store.now - retention.days)
        if delivered is not None:
            gone += _deleted(connection, schema.outbox, schema.outbox.c.seq <= delivered)
    return gone


def _hours_due(store: Store) -> Sequence[int]:
    table = schema.dirty.c
    starts = select(table.start).where(table.start <= store.now - GRACE - HOUR).distinct()
    with store.reading() as connection:
        return connection.execute(starts.order_by(table.start)).scalars().all()


def _days_due(store: Store, zone: ZoneInfo) -> dict[int, set[int]]:
    over = store.now - GRACE
    with store.reading() as connection:
        days = _summable_days(connection, zone)
    return {start: keys for start, keys in sorted(days.items()) if day_after(start, zone) <= over}


def _roll_hour(connection: Connection, start: int, zone: ZoneInfo) -> None:
    here = schema.dirty.c.start == start
    keys = set(connection.execute(select(schema.dirty.c.pool_key).where(here)).scalars())
    tallies = _from_words(connection, start, start + HOUR, keys).items()
    _keep(connection, schema.hours, [{"pool_key": key, "start": start} | _columns(one) for key, one in tallies])
    connection.execute(delete(schema.dirty).where(here))
    closed.summed_again(connection, "hour", start, start + HOUR, keys)
    days = {day_of(start, zone), day_of(start + HOUR - 1, zone)}
    marks = [(day, key) for key in keys for day in days]
    run(connection, "INSERT INTO dirty_days (start, pool_key) VALUES (?, ?) ON CONFLICT DO NOTHING", marks)


def _roll_day(connection: Connection, start: int, zone: ZoneInfo, marked: set[int]) -> None:
    """The day of every one of these pools of which no hour waits: from its hours, where these fill it exactly."""
    until = day_after(start, zone)
    keys = marked - _unsummed(connection, start, until)
    summed = _from_hours if _whole(start, until) else _from_words
    day = {"zone": zone.key, "start": start, "until": until}
    tallies = summed(connection, start, until, keys).items()
    _keep(connection, schema.days, [day | {"pool_key": key} | _columns(one) for key, one in tallies])
    run(connection, "DELETE FROM dirty_days WHERE start = ? AND pool_key = ?", [(start, key) for key in keys])
    closed.summed_again(connection, "day", start, until, keys)


def _whole(start: int, until: int) -> bool:
    """Whether hours of UTC fill this day exactly: not where a zone is half an hour off."""
    return start % HOUR == until % HOUR == 0


def _unsummed(connection: Connection, start: int, until: int) -> set[int]:
    """Pools of which an hour that reaches into this stretch is marked."""
    table = schema.dirty.c
    rows = select(table.pool_key).where(table.start > start - HOUR, table.start < until)
    return set(connection.execute(rows).scalars())


def _from_hours(connection: Connection, start: int, until: int, keys: set[int]) -> dict[int, Tally]:
    table = schema.hours
    columns = [table.c[name] for name in TALLY_COLUMNS]
    rows = select(table.c.pool_key, *columns).where(table.c.start >= start, table.c.start < until)
    found: defaultdict[int, list[Tally]] = defaultdict(list)
    for key in keys:
        for _, *columns_of in connection.execute(rows.where(table.c.pool_key == key)):
            found[key].append(Tally(*columns_of))
    return {key: added(found[key]) for key in keys}


def _from_words(connection: Connection, start: int, until: int, keys: set[int]) -> dict[int, Tally]:
    words, replaced = words_between(connection, start, until, keys), _replaced_between(connection, start, until)
    return {
        key: replace(tally(words[key], start, until), known_at=_known_at(words[key], replaced[key], start, until))
        for key in keys
    }


def _known_at(words: Iterable[Word], replaced: Iterable[Word], lo: int, hi: int) -> int:
    """When the last of all that bears on [lo, hi) was recorded or replaced; of nothing else, however near it lies.

    What bears on it begins with the first word that reaches into it: those after that one may have silenced it.
    """
    everything = [*words, *replaced]
    reaching = (word.source_at for word in everything if lo - word.max_age <= word.source_at < hi)
    first = min(reaching, default=hi)
    return max((word.known_at for word in everything if first <= word.source_at < hi), default=0)


def _replaced_between(connection: Connection, lo: int, hi: int) -> defaultdict[int, list[Word]]:
    """The words that were replaced and may bear on [lo, hi), by pool; known_at is when they were replaced."""
    table, reach = schema.replaced.c, reach_of(connection)
    columns = (table.pool_key, table.at + table.source_lag, table.at, table.max_age, table.superseded_at)
    found: defaultdict[int, list[Word]] = defaultdict(list)
    for key, source_at, at, max_age, superseded_at in connection.execute(
        select(*columns).where(table.at.between(lo - 2 * reach, hi + reach))
    ):
        found[key].append(Word(source_at, at, max_age, None, None, None, False, superseded_at))
    return found


def _columns(one: Tally) -> dict[str, Any]:
    return {name: getattr(one, name) for name in TALLY_COLUMNS}


def _keep(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        row = upsert(connection, table)
        set_ = {column.name: row.excluded[column.name] for column in table.columns if not column.primary_key}
        key = [column.name for column in table.primary_key]
        connection.execute(row.on_conflict_do_update(index_elements=key, set_=set_), list(rows))


def _follow_zone(store: Store, zone: ZoneInfo) -> None:
    """Days of another zone are no days of this one: those that hours tell of are marked, to be summed anew."""
    with store.reading() as connection:
        if days_zone(connection) == zone.key:
            return
        hours = connection.execute(select(schema.hours.c.pool_key, schema.hours.c.start))
        marks = {(day_of(edge, zone), key) for key, start in hours for edge in (start, start + HOUR - 1)}
    with store.writing() as connection:
        connection.execute(delete(schema.dirty_days))
        run(connection, "INSERT INTO dirty_days (start, pool_key) VALUES (?, ?)", list(marks))
        note = upsert(connection, schema.notes).values(name="days_zone", text=zone.key)
        connection.execute(note.on_conflict_do_update(index_elements=["name"], set_={"text": zone.key}))


def days_zone(connection: Connection) -> str | None:
    """The zone whose days are summed; None before the first."""
    found = connection.execute(select(schema.notes.c.text).where(schema.notes.c.name == "days_zone")).scalar()
    return None if found is None else str(found)


def _summable_days(connection: Connection, zone: ZoneInfo) -> dict[int, set[int]]:
    """Marked days with the pools of which they can still be summed, by their starts."""
    samples_from = counter(connection, "samples_from")
    marked: defaultdict[int, set[int]] = defaultdict(set)
    for start, key in connection.execute(select(schema.dirty_days.c.start, schema.dirty_days.c.pool_key)):
        marked[start].add(key)
    odd = {start for start in marked if start < samples_from and not _whole(start, day_after(start, zone))}
    days = {start: keys for start, keys in marked.items() if start not in odd}
    return days | dict(_backfilled(connection, {start: marked[start] for start in odd}, zone))


def _backfilled(connection: Connection, odd: dict[int, set[int]], zone: ZoneInfo) -> Iterator[tuple[int, set[int]]]:
    """Of days that hours do not fill, and whose samples may be gone: those whose samples are (or came) all there."""
    oldest = connection.execute(select(func.min(schema.samples.c.at))).scalar()
    for start, keys in odd.items():
        until = day_after(start, zone)
        if oldest is not None and oldest - reach_of(connection) < until:
            there = {key for key in keys if _still_told(connection, key, start, until)}
            if there:
                yield start, there


def _still_told(connection: Connection, key: int, start: int, until: int) -> bool:
    """Whether every hour that was summed of this stretch could be summed again from samples."""
    table = schema.hours.c
    rows = select(table.start, table.fresh).where(
        table.pool_key == key, table.start.between(start - HOUR + 1, until - 1)
    )
    words = words_between(connection, start - HOUR, until + HOUR, {key}).get(key, [])
    return all(tally(words, hour, hour + HOUR).fresh == fresh for hour, fresh in connection.execute(rows))


def _samples_go(connection: Connection, before: int, waiting: list[int]) -> int:
    """Whole hours go, but none from which a rollup is still to be made."""
    reach, samples_from = reach_of(connection), counter(connection, "samples_from")
    oldest = connection.execute(select(func.min(schema.dirty.c.start))).scalar()
    needed = [start // HOUR * HOUR for start in waiting if start >= samples_from]
    horizon = min([before, *needed, *([] if oldest is None else [oldest])])
    if horizon <= samples_from:
        return 0
    set_counter(connection, "samples_from", horizon)
    tables = (schema.samples, schema.replaced, schema.outbox, schema.second_words)
    return sum(_deleted(connection, table, table.c.at < horizon - reach) for table in tables)


def _deleted(connection: Connection, table: Table, which: Any) -> int:
    return connection.execute(delete(table).where(which)).rowcount
