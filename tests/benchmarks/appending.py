"""Durable append, beside sqlite3's own executemany into the same table with the same promise (synchronous=FULL)."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
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

_SITES, _TURNS, _START = 100, 5, 1_795_500_000
_COLUMNS = (
    *("seq", "pool_key", "at", "source_at", "fetched_at"),
    *("online_pflops", "used_pflops", "busy_pflops", "quality", "reason"),
)
_INSERT = (
    f"INSERT INTO samples ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608
    f"ON CONFLICT (pool_key, at) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)}"
)


def appending_figures(folder: Path) -> list[Figure]:
    """10,000 samples in one transaction, and the 80 that 2,000 sites of two pools give in 100 ms."""
    ours = _store(folder / "ours.db")
    theirs_schema = _store(folder / "theirs.db")  # for its tables and its registry
    theirs_schema.close()
    raw = _raw(folder / "theirs.db")
    try:
        return [figure for size in (10_000, 80) for figure in _figures(ours, raw, size)]
    finally:
        raw.close()
        ours.close()


def _figures(ours: Store, raw: sqlite3.Connection, size: int) -> list[Figure]:
    walls: tuple[list[float], list[float]] = ([], [])
    for turn in range(_TURNS):
        samples = _samples(size, _START + turn * 86_400)
        rows = [_row(sample, size * turn + number + _sequence(raw)) for number, sample in enumerate(samples)]
        walls[0].append(_wall_ms(lambda some=samples: ours.append(some)))  # type: ignore[misc]
        walls[1].append(_wall_ms(lambda some=rows: _raw_append(raw, some)))  # type: ignore[misc]
    counts = [one.execute("SELECT count(*) FROM samples").fetchone()[0] for one in (raw, _other(ours))]
    if counts[0] != counts[1]:
        raise BenchError(f"raw sqlite3 holds {counts[0]} samples, the store {counts[1]}")
    mine, others = (statistics.median(taken) for taken in walls)
    return [Figure(f"append_{size}_ms", mine, "ms", f"sqlite3_{size}_ms", others)]
