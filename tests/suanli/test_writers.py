"""Many writers at once, each with a store of its own: nothing is lost, nothing is there twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from suanli.model.errors import SuanliError
from suanli.store.sql import Store
from tests.suanli.making import T0, a_pool, a_sample, a_site, built, database, open_store, register
from tests.suanli.storing import raw

pytestmark = pytest.mark.usefixtures("both_databases")
WRITERS, APPENDS = 50, 4
POOLS = [a_pool(f"p{number}", built(100.0)) for number in range(WRITERS)]


def test_fifty_writers_at_once_lose_nothing_and_nothing_is_there_twice(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url, lambda: T0)) as store, ThreadPoolExecutor(WRITERS) as pool:
        register(store, a_site("s", *POOLS))
        assert sum(pool.map(lambda number: appended(url, number), range(WRITERS))) == 2 * WRITERS * APPENDS
        own = raw(store, f"SELECT pool_key, at, online_pflops FROM samples WHERE at >= {T0} ORDER BY 1, 2")  # noqa: S608
        assert own == [(key, T0 + at, 10.0 + at) for key in range(1, WRITERS + 1) for at in range(APPENDS)]
        shared = raw(store, f"SELECT at FROM samples WHERE at < {T0} ORDER BY at")  # noqa: S608
        assert shared == [(T0 - 1000 + at,) for at in range(APPENDS)]
        seqs = [seq for (seq,) in raw(store, "SELECT seq FROM outbox ORDER BY seq")]
        assert seqs == list(range(1, len(seqs) + 1))
        assert raw(store, "SELECT value FROM counters WHERE name = 'sample_seq'") == [(len(seqs),)]
        words = raw(store, "SELECT (SELECT count(*) FROM samples) + (SELECT count(*) FROM replaced)")
        assert words == [(len(seqs),)], "each word is there once, be it current or replaced"


def appended(url: str, number: int) -> int:
    """Slots of its own, and the same slots of the first pool as everybody else, each with another figure."""
    with closing(open_store(url, lambda: T0)) as store:
        return sum(
            store.append([a_sample(T0 + place, 10.0 + place, pool=f"p{number}")])
            + store.append([a_sample(T0 - 1000 + place, 20.0 + number, pool="p0")])
            for place in range(APPENDS)
        )


def test_of_many_plans_made_from_one_registry_one_is_carried_out(tmp_path: Path) -> None:
    url = database(tmp_path)
    stores = [open_store(url) for _ in range(12)]
    with ThreadPoolExecutor(len(stores)) as pool:
        done = list(pool.map(registered, stores, range(len(stores))))
    assert sorted(done) == [False] * 11 + [True]
    for store in stores:
        store.reload()
        assert [site.site.id for site in store.registry] == [f"s{done.index(True)}"]
        store.close()


def registered(store: Store, number: int) -> bool:
    try:
        register(store, a_site(f"s{number}"))
    except SuanliError:
        return False
    return True
