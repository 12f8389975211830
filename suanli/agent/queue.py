"""Samples that wait for the server: on disk before a poll counts, gone when the server has acknowledged them."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from suanli.model.errors import Unavailable
from suanli.model.message import Message
from suanli.model.sample import Sample
from suanli.store.points import Batch, SamplePoint

_TABLES = """
CREATE TABLE IF NOT EXISTS queue (seq INTEGER PRIMARY KEY AUTOINCREMENT, sample TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refused (seq INTEGER PRIMARY KEY, line TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER);
"""


class Queue:
    """`exporter.forwarder.Feed` for one sink. May be called from any thread; each write is flushed to the disk."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, timeout=10, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_TABLES)
        except sqlite3.Error as error:
            raise Unavailable(Message("the queue {path} cannot be used: {why}", path=path, why=str(error))) from None

    def close(self) -> None:
        self._db.close()

    def append(self, samples: list[Sample]) -> None:
        """All of them, durable when it returns."""
        with self._writing() as db:
            db.executemany("INSERT INTO queue (sample) VALUES (?)", [(one.model_dump_json(),) for one in samples])

    def cursor(self, _sink: str) -> int:
        """What is acknowledged is gone, so that the first that waits comes next."""
        return 0

    def after(self, cursor: int, limit: int) -> Batch:
        """The oldest that wait."""
        with self._writing() as db:
            rows = db.execute("SELECT seq, sample FROM queue WHERE seq > ? ORDER BY seq LIMIT ?", (cursor, limit))
            points = tuple(_point(seq, Sample.model_validate_json(text)) for seq, text in rows)
        return Batch(points, points[-1].seq if points else cursor)

    def advance(self, _sink: str, seq: int) -> None:
        """The server has everything up to here."""
        with self._writing() as db:
            db.execute("DELETE FROM queue WHERE seq <= ?", (seq,))

    def reject(self, _sink: str, seq: int, line: str, reason: str) -> None:
        """One that the server will never take is kept aside with its words."""
        row = (seq, line, reason, int(time.time()))
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO refused VALUES (?, ?, ?, ?)", row)

    def counted(self) -> tuple[int, int]:
        """How many wait, and how many were ever refused."""
        with self._writing() as db:
            (found,) = db.execute("SELECT (SELECT COUNT(*) FROM queue), (SELECT COUNT(*) FROM refused)")
        return found[0], found[1]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._db:
                yield self._db
        except sqlite3.Error as error:
            raise Unavailable(Message("the queue cannot be used: {why}", why=str(error))) from None


def _point(seq: int, sample: Sample) -> SamplePoint:
    return SamplePoint(seq, sample.at, sample.site, sample.pool, "", "", (), sample)
