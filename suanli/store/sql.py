"""The store: what `append` acknowledged is on disk, and every sink reads it behind its own cursor."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from suanli.model.audit import Author, local_author
from suanli.model.clock import Clock
from suanli.model.disagreement import Disagreement
from suanli.model.errors import Unavailable
from suanli.model.message import Message
from suanli.model.rates import PoolState
from suanli.model.sample import Sample
from suanli.model.secret import SecretRef
from suanli.registry.timeline import Timeline
from suanli.store import closed, findings, outbox, quarantine, schema
from suanli.store import samples as on_disk
from suanli.store.dialect import reading, run, told, upsert
from suanli.store.engine import ensure_schema, open_engine
from suanli.store.gate import Gate, HeldOf, without_closed
from suanli.store.plan import Change, carry_out
from suanli.store.points import Batch as Batch
from suanli.store.points import Point as Point
from suanli.store.points import point_of
from suanli.store.registry import Record, RecordedSite, read_record
from suanli.store.resend import send_again
from suanli.store.second import apart, record_second, second_words
from suanli.store.space import leave_free
from suanli.store.states import pool_states
from suanli.store.taken import Taken, nothing_else

_log = logging.getLogger("suanli.store")


class Store:
    """One open database. Methods may be called from any thread; writes are one at a time."""

    def __init__(
        self, url: str, clock: Callable[[], float] = time.time, password: SecretRef | None = None, min_free: int = 0
    ) -> None:
        """min_free: bytes that samples leave free where the record lies, for its upkeep and for what people record."""
        self.engine: Engine = open_engine(url, password)
        ensure_schema(self.engine)
        self._clock, self._min_free = clock, min_free
        self._lock = threading.RLock()
        self._keys: dict[tuple[str, str], int] = {}
        self._strangers: set[tuple[str, str]] = set()
        self.version = 0
        self.latest: dict[int, Sample] = {}
        """By the pool's key."""
        self.second: dict[int, Sample] = {}
        """The last word of each pool's second signal, by the pool's key."""
        self.findings: list[findings.Found] = []
        """Those that may be open."""
        self.reload()

    def close(self) -> None:
        self.engine.dispose()

    @property
    def now(self) -> int:
        """This store's clock, in UTC seconds."""
        return int(self._clock())

    @property
    def registry(self) -> list[RecordedSite]:
        """Every site as it is now."""
        return self.record.sites

    @property
    def timelines(self) -> dict[int, Timeline]:
        """Every pool through all time, by its key."""
        return self.record.timelines

    def reload(self) -> None:
        """Read the registry and every pool's last sample again."""
        with self._lock, self.reading() as connection:
            version = on_disk.counter(connection, "registry_version")
            self._take_over(read_record(connection, self.now))
            self.registry_version = version  # last: who finds it finds what belongs to it
            self.latest = on_disk.last_samples(connection, _names(self.record), None)
            self.second = second_words(connection, _names(self.record), self.now)
            self.findings = findings.maybe_open(connection, self.now)
            self.version += 1

    def changed_elsewhere(self) -> bool:
        """Whether the registry says something else than was read here: another process wrote, or a day has come."""
        if self.record.changes_at is not None and self.record.changes_at <= self.now:
            return True
        with self.reading() as connection:
            return on_disk.counter(connection, "registry_version") != self.registry_version

    def append(self, samples: list[Sample]) -> int:
        """Record these samples in one transaction, durable when it returns; how many slots now hold one of them.

        A second sample of one slot replaces the first, which is kept aside. What the entrance holds goes to quarantine
        in the same transaction. Samples of pools that are not registered are left out, and that is told once.
        """
        return self.take(samples).slots

    def take(self, samples: list[Sample], also: Callable[[Connection], None] = nothing_else) -> Taken:
        """The same, telling what became of each. also: what else is recorded in that transaction."""
        known = self._known(samples)
        if not known:
            return Taken()
        leave_free(self.engine, self._min_free)
        with self._lock:
            with self.writing() as connection:
                kept, held = self._judged(connection, known)
                quarantine.keep(connection, quarantine.rows_of(held, known, self._keys), self.now)
                new = on_disk.record(connection, kept, self.now)
                latest = self._latest_with(connection, new)
                also(connection)
            self._take_latest(latest)
        return Taken(kept, held, new)

    def append_second(self, samples: list[Sample]) -> None:
        """Record what second signals said, durable when it returns; it is compared, and never counted."""
        known = self._known(samples)
        if known:
            leave_free(self.engine, self._min_free)
            with self._lock:
                with self.writing() as connection:
                    record_second(connection, known, self.now)
                later = [(key, one) for key, one in known if self._second_at(key) <= one.source_at]
                self.second = self.second | dict(later)
                self.version += 1

    def _second_at(self, key: int) -> int:
        """When this pool's second word in memory was true; before all times where there is none."""
        word = self.second.get(key)
        return -1 if word is None else word.source_at

    def release(self, id_: int, by: str, author: Author | None = None) -> Sample:
        """Record what is held in quarantine under this number; an InputError says why it cannot be."""
        with self._lock:
            with self.writing() as connection:
                key, sample = quarantine.release(connection, id_, by, self.now, author)
                latest = self._latest_with(connection, [(key, sample)])
            self._take_latest(latest)
        return sample

    def after(self, cursor: int, limit: int) -> Batch:
        """The next points behind this cursor, oldest first."""
        seq = schema.outbox.c.seq
        with self.reading() as connection:
            found = outbox.rows(connection, seq > cursor, seq, limit)
            timelines = self.timelines_in(connection) if found else {}
        points = [point_of(row, timelines[row.pool_key]) for row in found]
        return Batch(tuple(filter(None, points)), found[-1][0] if found else cursor)

    def timelines_in(self, connection: Connection) -> Mapping[int, Timeline]:
        """As they are in this moment of the record: points that a correction sends again must carry it.

        Where another process has changed them, `reload` is left to the watch, which also tells the poller.
        """
        if on_disk.counter(connection, "registry_version") == self.registry_version:
            return self.timelines
        return read_record(connection, self.now).timelines

    def cursor(self, sink: str) -> int:
        """Where this sink stands; a new one stands at the beginning."""
        with self.reading() as connection:
            return outbox.cursor(connection, sink)

    def delivered(self, sink: str) -> int:
        """Up to where this sink has everything."""
        with self.reading() as connection:
            return outbox.delivered(connection, sink)

    def subscribe(self, sinks: Iterable[str]) -> None:
        """These sinks get everything from now on, and what there is: a new one also what others had sent before.

        Points that everyone had got are out of the outbox. For one who had not, they come back, in order of time, under
        numbers that lie before the cursors of all others.
        """
        with self.writing() as connection:
            first = connection.execute(select(func.min(schema.outbox.c.seq))).scalar()
            gone = on_disk.counter(connection, "sample_seq") if first is None else first - 1
            late = [sink for sink in sinks if outbox.delivered(connection, sink) < gone]
            start = gone - run(connection, _BACK, (gone, gone)) if late else 0
            for sink in sinks:
                row = upsert(connection, schema.cursors).values(sink=sink, seq=start if sink in late else 0)
                if sink in late:
                    _log.info("sink %s gets the history: %d samples", sink, gone - start)
                    row = row.on_conflict_do_update(index_elements=["sink"], set_={"seq": start})
                connection.execute(row.on_conflict_do_nothing() if sink not in late else row)

    def advance(self, sink: str, seq: int) -> None:
        """This sink has everything up to `seq`; a cursor never goes back."""
        with self.writing() as connection:
            row = upsert(connection, schema.cursors).values(sink=sink, seq=seq)
            ahead = row.excluded.seq > schema.cursors.c.seq
            connection.execute(row.on_conflict_do_update(index_elements=["sink"], set_={"seq": seq}, where=ahead))

    def reject(self, sink: str, seq: int, line: str, reason: str) -> None:
        """Keep a point that the sink will not take, with the sink's words; once for each point."""
        row = {"sink": sink, "seq": seq, "line": line, "reason": reason, "recorded_at": self.now}
        with self.writing() as connection:
            connection.execute(upsert(connection, schema.rejections).values(**row).on_conflict_do_nothing())

    def rejected(self, sink: str) -> list[tuple[int, str, str]]:
        """Points that this sink refused: sequence number, line, reason."""
        table = schema.rejections.c
        with self.reading() as connection:
            rows = connection.execute(select(table.seq, table.line, table.reason).where(table.sink == sink))
            return [(seq, line, reason) for seq, line, reason in rows]

    def pending(self, sink: str) -> tuple[int, int | None]:
        """How many points this sink has not got, and the fetch time of the next; no row is counted, be they millions.

        One that was replaced meanwhile counts twice.
        """
        slot, sample = schema.outbox.c, schema.samples.c
        same = (sample.at == slot.at) & (sample.pool_key == slot.pool_key)
        oldest = select(on_disk.times_of(schema.samples)[1]).join_from(schema.outbox, schema.samples, same)
        with self.reading() as connection:
            lo, hi = outbox.gap(connection, sink)
            behind = slot.seq > outbox.delivered(connection, sink)
            fetched_at = connection.execute(oldest.where(behind).order_by(slot.seq).limit(1)).scalar()
            count = on_disk.counter(connection, "sample_seq") - outbox.cursor(connection, sink) + max(0, hi - lo)
            return count, fetched_at

    def states(self, at: int, as_of: int | None = None) -> list[PoolState]:
        """Every pool as it was at `at`, from what was recorded by `as_of` (all of it when None)."""
        with self.reading() as connection:
            record = read_record(connection, at, as_of)
            samples = on_disk.last_samples(connection, _names(record), at, as_of)
            found = findings.maybe_open(connection, at, as_of)
        return pool_states(record.timelines, samples, at, findings.doubtful(found, at))

    def states_now(self, now: int) -> list[PoolState]:
        """Every pool as it is now, from memory: the same figures as `states(now)` in the process that appends."""
        return pool_states(self.timelines, self.latest, now, findings.doubtful(self.findings, now))

    def disagreements(self, at: int, as_of: int | None = None) -> list[Disagreement]:
        """Where two signals of a rung were both heard at `at`, how far they were apart; recorded by `as_of`."""
        with self.reading() as connection:
            names = _names(read_record(connection, at, as_of))
            words = on_disk.last_samples(connection, names, at, as_of)
            return apart(words, second_words(connection, names, at, as_of), at)

    def disagreements_now(self, now: int) -> list[Disagreement]:
        """The same as of now, from memory."""
        return apart(self.latest, self.second, now)

    def next_expiry(self, now: int) -> int | None:
        """When the first figure that is known now becomes unknown unless a new sample comes."""
        words = (*self.latest.values(), *self.second.values())
        ends = [sample.source_at + sample.max_age for sample in words]
        return min((end for end in ends if end >= now), default=None)

    def apply(
        self, changes: list[Change], now: int, planned_on: int | None = None, author: Author | None = None
    ) -> None:
        """Carry out a plan, all or nothing, and read the registry again; points that it changes go out again.

        author: for the audit trail; None: the user as whom this process runs. planned_on: the registry's version that
        the plan was made from; None: the one that this store has read. A SuanliError when another writer was faster:
        nothing is changed then.
        """
        version = self.registry_version if planned_on is None else planned_on
        with self.writing() as connection:
            self.apply_within(connection, changes, now, author, version)
        self.reload()

    def apply_within(
        self,
        connection: Connection,
        changes: list[Change],
        now: int,
        author: Author | None = None,
        planned_on: int | None = None,
    ) -> None:
        """The same in a transaction that is open; `reload` is left to the caller, once it is kept."""
        before = read_record(connection, now).timelines
        carry_out(connection, changes, author or local_author(), now, planned_on)
        after = read_record(connection, now).timelines
        again = send_again(connection, before, after)
        closed.corrected(connection, before, after)
        if again:
            _log.info("%d points are sent again, as the registry says something else of their time", again)

    @contextmanager
    def exclusively(self) -> Iterator[Connection]:
        """The one transaction that may write, with the registry read as it is: nobody changes it before the end."""
        with self._lock, self.writing() as connection:
            if on_disk.counter(connection, "registry_version") != self.registry_version:
                self.reload()
            yield connection

    def note_findings(self) -> None:
        """Read again which findings may be open."""
        with self.reading() as connection:
            found = findings.maybe_open(connection, self.now)
        if found != self.findings:
            self.findings = found
            self.version += 1

    def quarantined(self) -> dict[str, int]:
        """How many were ever put into quarantine, by check."""
        with self.reading() as connection:
            return quarantine.counted(connection)

    def _take_over(self, record: Record) -> None:
        self.record = record
        self._gate = Gate(record.timelines)
        self._keys = {(site.site.id, pool.pool.id): pool.key for site in record.sites for pool in site.pools}

    def _known(self, samples: Iterable[Sample]) -> list[on_disk.Keyed]:
        known = []
        for sample in samples:
            key = self._keys.get((sample.site, sample.pool))
            if key is None:
                self._tell_stranger(sample.site, sample.pool)
            else:
                known.append((key, sample))
        return known

    def _tell_stranger(self, site: str, pool: str) -> None:
        if (site, pool) not in self._strangers:
            self._strangers.add((site, pool))
            _log.warning("samples of %s/%s are left out: no such pool is registered", site, pool)

    def _judged(self, connection: Connection, samples: list[on_disk.Keyed]) -> tuple[list[on_disk.Keyed], list[HeldOf]]:
        kept, held = self._gate.judged(samples, self.latest, self.now)
        if closed := on_disk.closed(connection, kept):
            kept, more = without_closed(kept, closed)
            held += more
        return kept, held

    def _latest_with(self, connection: Connection, samples: Iterable[on_disk.Keyed]) -> dict[int, Sample]:
        """The last words now that these are recorded: in a new dict, as the event loop may be reading the old."""
        latest = dict(self.latest)
        lost = set()
        for key, sample in samples:
            before = latest.get(key)
            if before is None or (sample.source_at, sample.at) >= (before.source_at, before.at):
                latest[key] = sample
            elif sample.at == before.at:  # the last word itself was replaced, by one of an earlier second
                lost.add(key)
        if lost:
            names = {key: name for key, name in _names(self.record).items() if key in lost}
            latest |= on_disk.last_samples(connection, names, None)
        return latest

    def _take_latest(self, latest: dict[int, Sample]) -> None:
        self.latest = latest
        self.version += 1

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the record; Unavailable when it cannot be read."""
        try:
            with reading(self.engine) as connection:
                yield connection
        except DBAPIError as error:
            raise Unavailable(Message("the store cannot be read: {why}", why=told(error))) from None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The one transaction that may write; all of it is kept when the block ends, or nothing."""
        if isinstance(self._clock, Clock):
            self._clock.check()
        try:
            with self._lock, self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Unavailable(Message("the store cannot be written: {why}", why=told(error))) from None


_BACK = (
    "INSERT INTO outbox (seq, at, pool_key) "
    "SELECT ? - COUNT(*) OVER () + ROW_NUMBER() OVER (ORDER BY at, pool_key), at, pool_key FROM "
    "(SELECT at, pool_key FROM samples EXCEPT SELECT at, pool_key FROM outbox) AS missing WHERE ? > 0"
)


def _names(record: Record) -> dict[int, tuple[str, str]]:
    return {pool.key: (site.site.id, pool.pool.id) for site in record.sites for pool in site.pools}
