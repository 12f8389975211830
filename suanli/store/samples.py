"""Samples on disk: recorded once each, what they replace kept, the hours they touch marked; and read back as words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, select, text, update
from sqlalchemy.exc import IntegrityError

from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.sample import QUALITIES, Sample
from suanli.model.tally import Word
from suanli.quality.entrance import CHECKS
from suanli.store import schema
from suanli.store.dialect import given, run, same

HOUR = 3600
Keyed = tuple[int, Sample]
"""A pool's key, and a sample of it."""

_RUNGS = tuple(rung.field for rung in SAMPLE_RUNGS)
_COLUMNS = ("at", "pool_key", "source_lag", "fetch_lag", "record_lag", "max_age", *_RUNGS, "quality", "reason")
_figures = attrgetter(*_RUNGS)
_PLACE = {quality: place for place, quality in enumerate(QUALITIES)}
MANY = 400  # values in one statement: SQLite takes a bounded number
_APPEND = f"INSERT INTO samples ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608


def record(connection: Connection, samples: Sequence[Keyed], now: int) -> list[Keyed]:
    """Record these in their order, and mark the hours they touch; those that are current now and say something new.

    One of a slot that is taken replaces what was there, which is kept aside; if it says the same, nothing changes.
    """
    last = {(key, sample.at): (key, sample) for key, sample in samples}
    new = list(last.values())
    try:
        with connection.begin_nested():
            _insert(connection, new, now)
    except IntegrityError:
        new = _make_room(connection, new, now)
        _insert(connection, new, now)
    if len(last) < len(samples):
        _aside_at_once(connection, samples, last, now)
    reach = note_reach(connection, new)
    mark(connection, [(key, *_touched(sample, reach, now)) for key, sample in new])
    return new


def mark(connection: Connection, touched: Iterable[tuple[int, int, int]]) -> None:
    """The rollups of these pools are to be made anew for every hour that [first, last] reaches into."""
    rows = {
        (hour, key)
        for key, first, last in touched
        for hour in range(first // HOUR * HOUR, last // HOUR * HOUR + 1, HOUR)
    }
    samples_from = counter(connection, "samples_from")
    late = [row for row in rows if row[0] < samples_from]
    run(connection, _MARK_OPEN, [row * 2 for row in late])
    run(connection, _MARK, list(rows.difference(late)))


_MARK = "INSERT INTO dirty (start, pool_key) VALUES (?, ?) ON CONFLICT DO NOTHING"
_MARK_OPEN = (
    "INSERT INTO dirty (start, pool_key) SELECT ?, ? "
    "WHERE NOT EXISTS (SELECT 1 FROM hours WHERE start = ? AND pool_key = ? AND fresh > 0) ON CONFLICT DO NOTHING"
)
"""Of hours whose samples were let go: what was summed from them cannot be made anew, and stays."""

_CLOSED = """
SELECT 1 FROM hours WHERE pool_key = :key AND start = :hour AND start < :samples_from AND fresh > 0
UNION ALL
SELECT 1 FROM days d
WHERE d.pool_key = :key AND d.zone = (SELECT text FROM notes WHERE name = 'days_zone')
  AND d.start > :hour - 172800 AND d.start < :hour + 3600 AND d.until > :hour
  AND d.start < :samples_from AND d.fresh > 0
  AND (d.start % 3600 <> 0 OR d.until % 3600 <> 0 OR d.fresh > (
    SELECT COALESCE(SUM(h.fresh), 0) FROM hours h
    WHERE h.pool_key = d.pool_key AND h.start >= d.start AND h.start < d.until))
LIMIT 1
"""


def closed(connection: Connection, samples: Iterable[Keyed]) -> set[tuple[int, int]]:
    """The pools and hours of these samples whose sums stand for good, as what they were made of was let go.

    An hour of which nothing was ever told is open, however old it is, unless its day could not be summed again.
    """
    samples_from = counter(connection, "samples_from")
    last = samples_from + 25 * HOUR  # a day that is not made of whole hours may have lost its first ones
    hours = {(key, hour) for key, sample in samples if (hour := sample.source_at // HOUR * HOUR) < last}
    place = {"samples_from": samples_from}
    return {
        (key, hour)
        for key, hour in hours
        if connection.execute(text(_CLOSED), place | {"key": key, "hour": hour}).first() is not None
    }


_ITS_NAME = schema.counters.c.name == bindparam("counter")
_COUNTER = select(schema.counters.c.value).where(_ITS_NAME)
_SET_COUNTER = update(schema.counters).where(_ITS_NAME).values(value=bindparam("to"))


def counter(connection: Connection, name: str) -> int:
    value: int = connection.execute(_COUNTER, {"counter": name}).scalar_one()
    return value


def set_counter(connection: Connection, name: str, value: int) -> None:
    connection.execute(_SET_COUNTER, {"counter": name, "to": value})


def reach_of(connection: Connection) -> int:
    """No word holds anywhere, nor silences another, farther from its own slot than this many seconds."""
    return counter(connection, "reach")


def words_between(
    connection: Connection, lo: int, hi: int, keys: Collection[int] | None = None, as_of: int | None = None
) -> dict[int, list[Word]]:
    """The words that can hold anywhere in [lo, hi), by pool (of these pools, or of all), in order.

    With those that silence them: a short word ends a long one for good, and its slot may lie as far before.
    """
    reach = reach_of(connection)
    found: defaultdict[int, list[Word]] = defaultdict(list)
    for row in _rows(connection, lo - 2 * reach, hi + reach, keys, as_of, _word_columns):
        found[row[0]].append(Word(*row[1:]))
    for words in found.values():
        words.sort(key=lambda word: word[:2])
    return found


def last_samples(
    connection: Connection, names: dict[int, tuple[str, str]], at: int | None, as_of: int | None = None
) -> dict[int, Sample]:
    """Each pool's last word true by `at` (ever, when None) and recorded by `as_of`, however old; names: site, pool."""
    end = _newest(connection) if at is None else at
    found = _last_within(connection, names, end, end, as_of)
    for key in names.keys() - found.keys():
        for first, last in _batches(_hours_before(connection, key, end)):
            older = _last_within(connection, {key: names[key]}, first, min(last + HOUR, end), as_of)
            if older:
                found |= older
                break
    return found


def _batches(hours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of so many hours from the end on: 1, 2, 4, as the last word is mostly near."""
    end, size = len(hours), 1
    while end > 0:
        start = max(0, end - size)
        yield hours[start], hours[end - 1]
        end, size = start, 2 * size


def _last_within(
    connection: Connection, names: dict[int, tuple[str, str]], lo: int, hi: int, as_of: int | None
) -> dict[int, Sample]:
    """The last words of [lo, hi]; before it only of what lies so near that it is come upon."""
    last = _last_rows(connection, names, lo, hi, as_of)
    before = {key: row.source_at for key, row in last.items() if row.source_at < lo}
    if before:  # a later word may have an earlier slot
        last |= _last_rows(connection, before, min(before.values()), hi, as_of)
    return {key: sample_of(row, names[key]) for key, row in last.items() if key in names}


def _last_rows(connection: Connection, keys: Collection[int], lo: int, hi: int, as_of: int | None) -> dict[int, Any]:
    reach = reach_of(connection)
    last: dict[int, Any] = {}
    for row in _rows(connection, lo - reach, hi + reach, keys, as_of, sample_columns):
        before = last.get(row.pool_key)
        if row.source_at <= hi and (before is None or (row.source_at, row.at) > (before.source_at, before.at)):
            last[row.pool_key] = row
    return {key: row for key, row in last.items() if key in keys}


def sample_of(row: Any, name: tuple[str, str]) -> Sample:
    """A row of `sample_columns` as a sample of this site and pool."""
    return Sample(
        site=name[0],
        pool=name[1],
        at=row.at,
        source_at=row.source_at,
        fetched_at=row.fetched_at,
        max_age=row.max_age,
        **{field: getattr(row, field) for field in _RUNGS},
        quality=QUALITIES[row.quality],
        reason=row.reason,
    )


def times_of(table: Table) -> tuple[ColumnElement[int], ColumnElement[int], ColumnElement[int]]:
    """source_at, fetched_at, recorded_at of a row."""
    source_at = table.c.at + table.c.source_lag
    fetched_at = source_at + table.c.fetch_lag
    return source_at, fetched_at, fetched_at + table.c.record_lag


def _word_columns(table: Table) -> list[ColumnElement[Any]]:
    source_at, _, recorded_at = times_of(table)
    rungs = [table.c[field] for field in _RUNGS]
    return [table.c.pool_key, source_at, table.c.at, table.c.max_age, *rungs, table.c.quality > 0, recorded_at]


def sample_columns(table: Table) -> list[ColumnElement[Any]]:
    source_at, fetched_at, _ = times_of(table)
    plain = [table.c[name] for name in ("pool_key", "at", "max_age", *_RUNGS, "quality", "reason")]
    return [*plain, source_at.label("source_at"), fetched_at.label("fetched_at")]


def _rows(
    connection: Connection,
    lo: int,
    hi: int,
    keys: Collection[int] | None,
    as_of: int | None,
    columns: Callable[[Table], list[ColumnElement[Any]]],
) -> Iterator[Any]:
    """Rows whose slot lies in [lo, hi], as they were known at `as_of`."""
    for table in (schema.samples,) if as_of is None else (schema.samples, schema.replaced):
        rows = select(*columns(table)).where(table.c.at.between(lo, hi))
        if keys is not None and len(keys) <= MANY:
            rows = rows.where(table.c.pool_key.in_(list(keys)))
        if as_of is not None:
            rows = rows.where(times_of(table)[2] <= as_of)
        if table is schema.replaced:
            rows = rows.where(table.c.superseded_at > as_of)
        yield from connection.execute(rows)


def _newest(connection: Connection) -> int:
    """The latest time that any source has told; 0 when there is no sample."""
    slot = connection.execute(select(func.max(schema.samples.c.at))).scalar()
    return 0 if slot is None else int(slot) + reach_of(connection)


def _hours_before(connection: Connection, key: int, at: int) -> list[int]:
    """Hours not after `at` in which this pool's word held, in order, from the oldest sample of all on."""
    oldest = connection.execute(select(func.min(schema.samples.c.at))).scalar()
    if oldest is None:
        return []
    lo = oldest - reach_of(connection) - HOUR
    marked, summed = (
        select(table.c.start).where(table.c.pool_key == key, table.c.start.between(lo, at))
        for table in (schema.dirty, schema.hours)
    )
    return sorted(connection.execute(marked.union(summed)).scalars())


def _insert(connection: Connection, samples: Sequence[Keyed], now: int) -> None:
    if not samples:
        return
    rows = [row_of(one, now) for one in samples]
    run(connection, _APPEND, rows)
    first = counter(connection, "sample_seq") + 1
    slots = [(first + place, row[0], row[1]) for place, row in enumerate(rows)]
    run(connection, "INSERT INTO outbox (seq, at, pool_key) VALUES (?, ?, ?)", slots)
    set_counter(connection, "sample_seq", first + len(rows) - 1)


def row_of(one: Keyed, now: int) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    key, sample = one
    return (
        sample.at,
        key,
        sample.source_at - sample.at,
        sample.fetched_at - sample.source_at,
        now - sample.fetched_at,
        sample.max_age,
        *_figures(sample),
        _PLACE[sample.quality],
        sample.reason,
    )


_WORD = ("source_lag", "max_age", *_RUNGS)
_SAID = ("at", "pool_key", *_WORD, "quality", "reason")
_GIVEN = {"place": "BIGINT"} | dict.fromkeys(_SAID, "BIGINT") | dict.fromkeys(_RUNGS, "FLOAT") | {"reason": "TEXT"}
_OTHERS = (
    "SELECT g.place, s.at + s.source_lag, {same}, s.quality, s.reason "
    "FROM {given} LEFT JOIN samples s ON s.at = g.at AND s.pool_key = g.pool_key "
    "WHERE s.at IS NULL OR NOT ({same} AND s.quality = g.quality AND s.reason = g.reason) ORDER BY g.place"
)
"""The given ones that the record does not hold word for word, with what it has in their place."""
_ASIDE = (
    f"INSERT INTO replaced ({', '.join(_COLUMNS)}, superseded_at) "  # noqa: S608
    f"SELECT {', '.join(_COLUMNS)}, ? FROM samples WHERE at = ? AND pool_key = ?"
)
_ASIDE_AT_ONCE = (
    f"INSERT INTO replaced ({', '.join(_COLUMNS)}, superseded_at) "  # noqa: S608
    f"VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"
)


def _make_room(connection: Connection, samples: Sequence[Keyed], now: int) -> list[Keyed]:
    """Put aside what these replace, its hours marked; without those that say what is already recorded.

    The database compares them: what is imported twice is nearly all the same.
    """
    new: list[Keyed] = []
    gone: list[tuple[int, int, int]] = []
    for place, source_at, same_word, quality, reason in _others(connection, samples):
        key, sample = samples[place]
        if same_word and _judged_then(quality, reason, sample):
            continue
        new.append((key, sample))
        if source_at is not None:
            gone.append((key, sample.at, source_at))
    run(connection, _ASIDE, [(now, at, key) for key, at, _ in gone])
    run(connection, "DELETE FROM samples WHERE at = ? AND pool_key = ?", [one[1::-1] for one in gone])
    reach = reach_of(connection)
    mark(connection, [(key, source_at, min(source_at + reach, max(now, source_at))) for key, _, source_at in gone])
    return new


def _others(connection: Connection, samples: Sequence[Keyed]) -> list[Any]:
    rows = [
        (
            *(place, sample.at, key, sample.source_at - sample.at, sample.max_age),
            *(*_figures(sample), _PLACE[sample.quality], sample.reason),
        )
        for place, (key, sample) in enumerate(samples)
    ]
    source, values = given(connection, "g", _GIVEN, rows)
    word = " AND ".join(same(connection, f"s.{name}", f"g.{name}") for name in _WORD)
    return list(connection.execute(text(_OTHERS.format(given=source, same=word)), values))


def _aside_at_once(
    connection: Connection, samples: Iterable[Keyed], last: dict[tuple[int, int], Keyed], now: int
) -> None:
    """Keep those that another of the same slot replaced within the moment in which they came."""
    rows = [row_of(one, now) for one in samples if _said(one[1]) != _said(last[one[0], one[1].at][1])]
    run(connection, _ASIDE_AT_ONCE, [(*row, now) for row in rows])


def _said(sample: Sample) -> tuple[Any, ...]:
    """When it was fetched makes no difference to any figure."""
    return sample.source_at, sample.max_age, *_figures(sample), sample.quality, sample.reason


_OF_ITS_MOMENT = "jump|ahead|past"
"""Flags that tell how a sample came: beside which other, and how long after its own time."""
_FLAGS = "|".join(check.name for check in CHECKS if check.action == "flag")
_MOMENTARY = re.compile(rf"(^|; )(?:{_OF_ITS_MOMENT}): .*?(?=; (?:{_FLAGS}): |$)")


def _judged_then(quality: int, reason: str, sample: Sample) -> bool:
    """Whether a word that is recorded differs from this one only by how it came: that is not judged again."""
    bare, bare_now = (_MOMENTARY.sub("", one).removeprefix("; ") for one in (reason, sample.reason))
    flagged = bare != reason or bare_now != sample.reason
    return bare == bare_now and (flagged or quality == _PLACE[sample.quality])


def note_reach(connection: Connection, samples: Sequence[Keyed]) -> int:
    """The reach of what is recorded now that these are: see `reach_of`."""
    farthest = max((_reach(sample) for _, sample in samples), default=0)
    known = reach_of(connection)
    if farthest > known:
        set_counter(connection, "reach", farthest)
    return max(farthest, known)


def _reach(sample: Sample) -> int:
    return abs(sample.source_at - sample.at) + sample.max_age + 1


def _touched(sample: Sample, reach: int, now: int) -> tuple[int, int]:
    """The first and last second whose figure this sample can change.

    One that comes late may silence an older word that would have held longer than its own.
    """
    late = sample.source_at // HOUR < now // HOUR
    return sample.source_at, max(sample.source_at + sample.max_age, min(sample.source_at + reach, now) if late else 0)
