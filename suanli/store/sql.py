"""The store: what `append` acknowledged is on disk, and every sink reads it behind its own cursor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DatabaseError

from suanli.model.errors import Unavailable
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.rates import PoolState
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.registry.ledger import amount_at
from suanli.store import schema
from suanli.store.engine import READING, ensure_schema, open_engine
from suanli.store.plan import Change, carry_out
from suanli.store.registry import RecordedPool, RecordedSite, read_registry
from suanli.store.states import pool_states

_SLOT_AHEAD = 3600
_RUNG_FIELDS = tuple(rung.field for rung in SAMPLE_RUNGS)
_SAMPLE_FIELDS = ("at", "source_at", "fetched_at", *_RUNG_FIELDS, "quality", "reason")
_values = attrgetter(*_SAMPLE_FIELDS)
_insert = upsert(schema.samples)
_APPEND = _insert.on_conflict_do_update(
    index_elements=["pool_key", "at"],
    set_={name: _insert.excluded[name] for name in ("seq", *_SAMPLE_FIELDS)},
)


@dataclass(frozen=True, slots=True)
class Point:
    """A sample on its way out, with the site's labels and what was built at its own instant (rule 6)."""

    seq: int
    at: int
    site: str
    pool: str
    province: str
    operator: str
    values: tuple[float | None, ...]
    """built, online, used, busy: in the order of metric.INFLUX_RUNGS."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Points in the order of their sequence numbers; `last` is where a cursor stands after them."""

    points: tuple[Point, ...]
    last: int


@dataclass(frozen=True, slots=True)
class _Place:
    site: Site
    pool: RecordedPool


class Store:
    """One open database. Methods may be called from any thread; writes are one at a time."""

    def __init__(self, url: str, max_age: Callable[[Site], int]) -> None:
        self.engine: Engine = open_engine(url)
        ensure_schema(self.engine)
        self._max_age = max_age
        # Compiled once and given tuples: half of an append went into turning rows of names into rows of values.
        self._append = str(_APPEND.compile(self.engine, column_keys=["seq", "pool_key", *_SAMPLE_FIELDS]))
        self._lock = threading.RLock()
        self._places: dict[int, _Place] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self.version = 0
        self.latest: dict[tuple[str, str], Sample] = {}
        self.reload()

    def close(self) -> None:
        self.engine.dispose()

    def reload(self) -> None:
        """Read the registry and every pool's last sample again."""
        with self._lock, self._reading() as connection:
            self.registry_version = _counter(connection, "registry_version")
            self.registry = read_registry(connection)
            self._places = _places(self.registry)
            self._keys = {(place.site.id, place.pool.pool.id): key for key, place in self._places.items()}
            self.latest = _last_samples(connection, self._places, at=None, as_of=None)
            self.version += 1

    def changed_elsewhere(self) -> bool:
        """Whether another process has changed the registry since it was read here."""
        with self._reading() as connection:
            return _counter(connection, "registry_version") != self.registry_version

    def append(self, samples: list[Sample]) -> int:
        """Record these samples in one transaction, durable when it returns; how many are kept.

        A second sample of one slot replaces the first. Samples of pools that are not registered are left out.
        """
        known = [(key, sample) for sample in samples if (key := self._keys.get((sample.site, sample.pool)))]
        last = {(key, sample.at): (key, sample) for key, sample in known}
        if not last:
            return 0
        with self._lock:
            with self._writing() as connection:
                first = _counter(connection, "sample_seq") + 1
                rows = [(first + n, key, *_values(sample)) for n, (key, sample) in enumerate(last.values())]
                connection.exec_driver_sql(self._append, rows)
                _set_counter(connection, "sample_seq", first + len(rows) - 1)
            self._remember(sample for _, sample in last.values())
        return len(last)

    def after(self, cursor: int, limit: int) -> Batch:
        """The next points behind this cursor, oldest first."""
        table = schema.samples.c
        rows = select(table.seq, table.pool_key, table.at, table.source_at, *(table[name] for name in _RUNG_FIELDS))
        with self._reading() as connection:
            found = connection.execute(rows.where(table.seq > cursor).order_by(table.seq).limit(limit)).all()
            if any(row.pool_key not in self._places for row in found):
                # Another process has just registered it; `reload` is left to the watch, which also tells the poller.
                self._places = _places(read_registry(connection))
        return Batch(tuple(map(self._point, found)), found[-1][0] if found else cursor)

    def cursor(self, sink: str) -> int:
        """Where this sink stands; a new one stands at the beginning."""
        with self._reading() as connection:
            found = connection.execute(select(schema.cursors.c.seq).where(schema.cursors.c.sink == sink)).scalar()
        return found or 0

    def advance(self, sink: str, seq: int) -> None:
        """This sink has everything up to `seq`; a cursor never goes back."""
        row = upsert(schema.cursors).values(sink=sink, seq=seq)
        ahead = row.excluded.seq > schema.cursors.c.seq
        with self._writing() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=["sink"], set_={"seq": seq}, where=ahead))

    def reject(self, sink: str, seq: int, line: str, reason: str) -> None:
        """Keep a point that the sink will not take, with the sink's words; once for each point."""
        row = {"sink": sink, "seq": seq, "line": line, "reason": reason, "recorded_at": int(time.time())}
        with self._writing() as connection:
            connection.execute(upsert(schema.quarantine).values(**row).on_conflict_do_nothing())

    def rejected(self, sink: str) -> list[tuple[int, str, str]]:
        """Points in quarantine for this sink: sequence number, line, reason."""
        table = schema.quarantine.c
        with self._reading() as connection:
            rows = connection.execute(select(table.seq, table.line, table.reason).where(table.sink == sink))
            return [(seq, line, reason) for seq, line, reason in rows]

    def pending(self, sink: str) -> tuple[int, int | None]:
        """How many points this sink has not got, and the fetch time of the next; no row is counted, be they millions.

        One that was replaced meanwhile counts twice.
        """
        table, cursor = schema.samples.c, self.cursor(sink)
        oldest = select(table.fetched_at).where(table.seq > cursor).order_by(table.seq).limit(1)
        with self._reading() as connection:
            return _counter(connection, "sample_seq") - cursor, connection.execute(oldest).scalar()

    def states(self, at: int, as_of: int | None = None) -> list[PoolState]:
        """Every pool as it was at `at`, from what was recorded by `as_of` (all of it when None)."""
        with self._reading() as connection:
            registry = read_registry(connection, as_of)
            samples = _last_samples(connection, _places(registry), at, as_of)
        return pool_states(registry, samples, at, self._max_age)

    def states_now(self, now: int) -> list[PoolState]:
        """Every pool as it is now, from memory: the same figures as `states(now)` in the process that appends."""
        return pool_states(self.registry, self.latest, now, self._max_age)

    def next_expiry(self, now: int) -> int | None:
        """When the first figure that is known now becomes unknown unless a new sample comes."""
        ages = {item.site.id: self._max_age(item.site) for item in self.registry}
        ends = [sample.source_at + ages[site] for (site, _), sample in self.latest.items() if site in ages]
        return min((end for end in ends if end >= now), default=None)

    def apply(self, changes: list[Change], now: int) -> None:
        """Carry out a plan, all or nothing, and read the registry again."""
        with self._writing() as connection:
            carry_out(connection, changes, now)
        self.reload()

    def _remember(self, samples: Iterable[Sample]) -> None:
        latest = dict(self.latest)  # a new one: the event loop may be reading the old
        for sample in samples:
            before = latest.get((sample.site, sample.pool))
            if before is None or sample.at >= before.at:
                latest[sample.site, sample.pool] = sample
        self.latest = latest
        self.version += 1

    def _point(self, row: Any) -> Point:
        seq, key, at, source_at, *rungs = row
        place = self._places[key]
        built = amount_at(place.pool.ledger, "built", source_at)
        site = place.site
        return Point(seq, at, site.id, place.pool.pool.id, site.province, site.operator, (built, *rungs))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self.engine.connect().execution_options(**READING) as connection:
                yield connection
        except DatabaseError as error:
            raise Unavailable(f"the store cannot be read: {error.orig}") from None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._lock, self.engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise Unavailable(f"the store cannot be written: {error.orig}") from None


def _places(registry: Iterable[RecordedSite]) -> dict[int, _Place]:
    return {pool.key: _Place(item.site, pool) for item in registry for pool in item.pools}


def _last_samples(
    connection: Connection, places: dict[int, _Place], at: int | None, as_of: int | None
) -> dict[tuple[str, str], Sample]:
    """Each pool's last sample true by `at` and fetched by `as_of`, through the index of slots."""
    table = schema.samples.c
    last = select(table.seq).where(table.pool_key == schema.pools.c.key)
    if at is not None:
        # By the source's time; the slot only tells the index where to begin, and lies ahead of it by a poll at most.
        last = last.where(table.at <= at + _SLOT_AHEAD, table.source_at <= at)
    if as_of is not None:
        last = last.where(table.fetched_at <= as_of)
    last = last.order_by(table.at.desc()).limit(1)
    rows = select(schema.samples).join(
        schema.pools, schema.samples.c.seq == last.correlate(schema.pools).scalar_subquery()
    )
    found = connection.execute(rows).mappings()
    samples = [_sample(place, row) for row in found if (place := places.get(row["pool_key"]))]
    return {(sample.site, sample.pool): sample for sample in samples}


def _sample(place: _Place, row: Any) -> Sample:
    fields = {name: row[name] for name in _SAMPLE_FIELDS}
    return Sample(site=place.site.id, pool=place.pool.pool.id, **fields)


def _counter(connection: Connection, name: str) -> int:
    rows = select(schema.counters.c.value).where(schema.counters.c.name == name)
    value: int = connection.execute(rows).scalar_one()
    return value


def _set_counter(connection: Connection, name: str, value: int) -> None:
    connection.execute(update(schema.counters).where(schema.counters.c.name == name).values(value=value))
