"""Durable append, beside sqlite3's own executemany into the same tables with the same promise (synchronous=FULL)."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.sample import Sample
from suanli.model.site import Pool, Site
from suanli.store.plan import plan
from suanli.store.sql import Store
from tests.benchmarks.children import BenchError
from tests.benchmarks.figures import Figure

_SITES, _POOLS, _TURNS, _START = 100, 2, 5, 1_795_500_000
_COLUMNS = (
    *("at", "pool_key", "source_lag", "fetch_lag", "record_lag", "max_age"),
    *("online_pflops", "used_pflops", "busy_pflops", "quality", "reason"),
)
_SAMPLE = f"INSERT INTO samples ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_TO_SEND = "INSERT INTO outbox (seq, at, pool_key) VALUES (?, ?, ?)"
_MARK = "INSERT OR IGNORE INTO dirty (start, pool_key) VALUES (?, ?)"


class _Clock:
    """The store's: as the samples come just when they are true, it is set to theirs."""

    at = float(_START)

    def __call__(self) -> float:
        return self.at


def appending_figures(folder: Path) -> list[Figure]:
    """10,000 samples in one transaction, and the 80 that 2,000 sites of two pools give in 100 ms."""
    clock = _Clock()
    ours = _store(folder / "ours.db", clock)
    _store(folder / "theirs.db", clock).close()  # makes its tables
    raw = _raw(folder / "theirs.db")
    try:
        return [figure for size in (10_000, 80) for figure in _figures(ours, clock, raw, size)]
    finally:
        raw.close()
        ours.close()


def appended(file: Path, count: int) -> Store:
    """A store in which so many samples wait for sinks."""
    clock = _Clock()
    store = _store(file, clock)
    for start in range(0, count, 10_000):
        samples = _samples(min(10_000, count - start), _START + start // (_SITES * _POOLS) * 5)
        clock.at = samples[-1].at
        store.append(samples)
    return store


def _figures(ours: Store, clock: _Clock, raw: sqlite3.Connection, size: int) -> list[Figure]:
    mine, others = [], []
    for turn in range(_TURNS):
        samples = _samples(size, _START + (size + turn) * 86_400)
        clock.at = samples[-1].at
        mine.append(_wall_ms(partial(ours.append, samples)))
        others.append(_wall_ms(partial(_append, raw, [_row(sample) for sample in samples])))
    kept, expected = ours.after(0, 10**9).points, raw.execute("SELECT count(*) FROM samples").fetchone()[0]
    if len(kept) != expected:
        raise BenchError(f"the store kept {len(kept)} samples, sqlite3 {expected}")
    return [Figure(f"append_{size}_ms", statistics.median(mine), "ms", f"sqlite3_{size}_ms", statistics.median(others))]


def _store(file: Path, clock: _Clock) -> Store:
    """A new store in which the sites are registered."""
    config = Config()
    store = Store(f"sqlite:///{file}", clock)
    pools = tuple(Pool(id=f"pool-{number}", model="nvidia-a100-sxm4-80gb") for number in range(_POOLS))
    sites = [
        Site(id=f"site-{number:03}", name="智算中心", province="安徽", operator="示例", pools=pools)
        for number in range(_SITES)
    ]
    store.apply(plan(store.registry, sites, config.zone, load_accelerators()), _START)
    return store


def _raw(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _append(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    """The samples, their places in the sequence, and the hours they touch: what the store keeps, put plainly."""
    first = connection.execute("SELECT value FROM counters WHERE name = 'sample_seq'").fetchone()[0] + 1
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_SAMPLE, rows)
    connection.executemany(_TO_SEND, [(first + place, row[0], row[1]) for place, row in enumerate(rows)])
    connection.executemany(_MARK, {(end // 3600 * 3600, row[1]) for row in rows for end in (row[0], row[0] + row[5])})
    connection.execute("UPDATE counters SET value = ? WHERE name = 'sample_seq'", (first + len(rows) - 1,))
    connection.execute("COMMIT")


def _samples(size: int, start: int) -> list[Sample]:
    """So many samples of different slots, dealt out to the pools in turn."""
    return [_sample(number % (_SITES * _POOLS), start + 5 * (number // (_SITES * _POOLS))) for number in range(size)]


def _sample(pool: int, at: int) -> Sample:
    return Sample(
        site=f"site-{pool // _POOLS:03}",
        pool=f"pool-{pool % _POOLS}",
        at=at,
        source_at=at,
        fetched_at=at,
        online_pflops=312.5 - at % 7,
        used_pflops=200.25 - pool % 9,
        busy_pflops=150.125,
    )


def _row(sample: Sample) -> tuple[Any, ...]:
    """Pools were registered in this order, into an empty store; all times are the slot's, the quality is the best."""
    key = int(sample.site[5:]) * _POOLS + int(sample.pool[5:]) + 1
    figures = (sample.online_pflops, sample.used_pflops, sample.busy_pflops)
    return (sample.at, key, 0, 0, 0, sample.max_age, *figures, 0, sample.reason)


def _wall_ms(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return (time.perf_counter() - start) * 1e3
