"""Samples made up for a store, and its database looked at as another program would."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg
from hypothesis import settings
from hypothesis import strategies as st
from sqlalchemy import event

from suanli.model.sample import Sample
from suanli.store.sql import Store
from tests.suanli.engines import chosen
from tests.suanli.making import T0, a_pool, a_sample, a_site, built

SLOW_STORE = settings(max_examples=30, deadline=None)
TWO = (a_site("a", a_pool("p", built(10.0)), a_pool("q", built(20.0))), a_site("b", a_pool("p", built(30.0))))
PLACES = [("a", "p"), ("a", "q"), ("b", "p")]


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Of one of nine slots of one of three pools, true somewhere in its minute and for one to four minutes."""
    site, pool = draw(st.sampled_from(PLACES))
    at = T0 - 60 * draw(st.integers(0, 8))
    source_at = min(T0, at + draw(st.integers(0, 59)))
    rung = st.none() | st.just(0.0) | st.floats(1, 40)  # a thousandth of what is built would be held: another unit
    quality = draw(st.sampled_from(["ok", "partial", "suspect"]))
    return a_sample(
        at,
        draw(rung),
        draw(rung),
        site=site,
        pool=pool,
        source_at=source_at,
        max_age=draw(st.sampled_from([180, 60, 90, 240])),
        busy_pflops=draw(rung),
        quality=quality,
        reason=draw(st.sampled_from(["", "两台不可读"])),
    )


groups = st.lists(st.lists(samples(), max_size=6), max_size=6)


def address_of(store: Store) -> str:
    """Where this store lies, to open it once more."""
    return store.engine.url.render_as_string()


def dsn(store: Store) -> str:
    """For psycopg itself."""
    return store.engine.url.set(drivername="postgresql").render_as_string()


def file_of(store: Store) -> str:
    return str(store.engine.url.database)


def raw(store: Store, query: str) -> list[Any]:
    """Asked on a connection of its own, as another program would."""
    if store.engine.dialect.name == "postgresql":
        with psycopg.connect(dsn(store), autocommit=True) as asking:
            return asking.execute(query).fetchall()
    with closing(sqlite3.connect(file_of(store))) as connection:
        return connection.execute(query).fetchall()


def everything(store: Store) -> list[Any]:
    """Every row of what an append writes to."""
    tables = {"samples": "pool_key, at", "replaced": "id", "outbox": "seq", "dirty": "start, pool_key"}
    tables |= {"counters": "name"}
    return [raw(store, f"SELECT * FROM {table} ORDER BY {key}") for table, key in tables.items()]  # noqa: S608


def full(store: Store) -> None:
    """From now on there is no room for this store to grow."""
    if databases := chosen():
        databases.fill_disk(store)
    else:
        (pages,) = raw(store, "PRAGMA page_count")[0]
        _limit(store, f"max_page_count={pages}")


def read_only(store: Store) -> None:
    """From now on nothing can be written to this store's database."""
    if databases := chosen():
        databases.make_read_only(store)
    else:
        _limit(store, "query_only=ON")


def mend(store: Store) -> None:
    """It can be written again."""
    if databases := chosen():
        databases.mend(store)
    else:
        _limit(store, "max_page_count=1000000")
        _limit(store, "query_only=OFF")


def _limit(store: Store, pragma: str) -> None:
    store.engine.dispose()
    event.listen(store.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))


def many(count: int, at: int = T0) -> list[Sample]:
    return [a_sample(at - 60 * place, 1.0, 1.0, site="a", reason="x" * 200) for place in range(count)]
