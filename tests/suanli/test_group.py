"""Group commit: many polls, one transaction, and every poll hears how its own samples fared."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from suanli.model.errors import Unavailable
from suanli.model.sample import Sample
from suanli.store.group import GroupCommit
from suanli.store.sql import Store
from tests.suanli.making import T0 as NOW
from tests.suanli.making import a_sample, a_site, database, register
from tests.suanli.storing import full, many, mend, raw

pytestmark = pytest.mark.usefixtures("both_databases")


class Counted(Store):
    """Counts the transactions in which samples are appended."""

    appends = 0

    def append(self, samples: list[Sample]) -> int:
        self.appends += 1
        return super().append(samples)


def counted(folder: Path, *sites: Any) -> Counted:
    store = Counted(database(folder))
    register(store, *sites)
    return store


async def test_many_appends_are_one_transaction(tmp_path: Path) -> None:
    with closing(counted(tmp_path, *(a_site(f"s{place}") for place in range(100)))) as store:
        commit = GroupCommit(store.append)
        await asyncio.gather(*(commit.append([a_sample(NOW, 1.0, site=f"s{place}")]) for place in range(100)))
        assert store.appends == 1
        assert raw(store, "SELECT count(*), max(seq) FROM samples JOIN outbox USING (at, pool_key)") == [(100, 100)]
        await commit.append([a_sample(NOW + 60, 1.0, site="s0")])
        assert store.appends == 2
        await commit.close()


async def test_what_comes_while_a_commit_runs_is_in_the_next_one(tmp_path: Path) -> None:
    with closing(counted(tmp_path, a_site("s"))) as store:
        commit = GroupCommit(store.append)

        async def late(place: int) -> None:
            await asyncio.sleep(0.02 * place)
            await commit.append([a_sample(NOW + place, float(place))])

        await asyncio.gather(*(late(place) for place in range(12)))
        assert 2 <= store.appends < 12
        assert raw(store, "SELECT count(*) FROM samples") == [(12,)]
        await commit.close()


async def test_an_error_is_handed_to_every_waiter_and_the_next_append_works(tmp_path: Path) -> None:
    with closing(counted(tmp_path, a_site("a"))) as store:
        commit = GroupCommit(store.append)
        full(store)
        waiting = [commit.append(many(200, NOW + 1000 * place)) for place in range(5)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in found] == [Unavailable] * 5
        assert raw(store, "SELECT count(*) FROM samples") == [(0,)]
        mend(store)
        await commit.append([a_sample(NOW, 1.0, site="a")])
        assert raw(store, "SELECT count(*) FROM samples") == [(1,)]
        await commit.close()


async def test_a_waiter_that_gives_up_takes_nobody_with_it(tmp_path: Path) -> None:
    with closing(counted(tmp_path, a_site("s"))) as store:
        commit = GroupCommit(store.append)
        giving_up = asyncio.create_task(commit.append([a_sample(NOW, 1.0)]))
        staying = asyncio.create_task(commit.append([a_sample(NOW + 60, 2.0)]))
        await asyncio.sleep(0)
        giving_up.cancel()
        await staying
        await commit.close()
        assert raw(store, "SELECT at FROM samples ORDER BY at") == [(NOW,), (NOW + 60,)]
