"""Worlds of the oracle put on record in a real store, samples through the product's own door, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import insert

from suanli.model.sample import Sample
from suanli.store import samples, schema
from suanli.store.sql import Store
from tests.oracle.recorded import SampleEvent, World


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> float:
        return float(self.now)


def put(store: Store, world: World, clock: Clock, rolls: Iterable[int] = (), roll: Any = None) -> dict[str, int]:
    """Record the world; at each of these moments `roll(store)` is called between the samples. The pools' keys."""
    sites = {name: place for place, name in enumerate(sorted({one.site for one in world.sites}), 1)}
    pools = {name: place for place, name in enumerate(sorted({one.pool for one in world.pools}), 1)}
    with store.writing() as connection:
        _insert(connection, schema.sites, [{"key": key, "id": name, "recorded_at": 0} for name, key in sites.items()])
        _insert(connection, schema.pools, [{"key": key, "recorded_at": 0} for key in pools.values()])
        _insert(connection, schema.site_facts, [_of_site(one, sites) for one in world.sites])
        _insert(connection, schema.pool_facts, [_of_pool(one, sites, pools) for one in world.pools])
        _insert(connection, schema.capacity, [_of_entry(one, pools) for one in world.entries])
        _insert(connection, schema.maintenance, _of_windows(world, sites, pools))
    steps: list[tuple[int, SampleEvent | None]] = [(one.recorded_at, one) for one in world.samples]
    steps += [(moment, None) for moment in rolls]
    for rolling, group in groupby(sorted(steps, key=_before), key=lambda step: step[1] is None):
        if rolling:
            for clock.now, _ in group:
                roll(store)
        else:
            _append(store, pools, [one for _, one in group if one is not None])
    store.reload()
    return pools


def _before(step: tuple[int, SampleEvent | None]) -> tuple[int, bool]:
    return step[0], step[1] is not None


def _append(store: Store, pools: dict[str, int], events: list[SampleEvent]) -> None:
    """In one transaction, for speed, though recorded at their own times."""
    with store.writing() as connection:
        for one in events:
            samples.record(connection, [(pools[one.pool], _sample(one))], one.recorded_at)


def _sample(one: SampleEvent) -> Sample:
    return Sample(
        site="site",
        pool=one.pool,
        at=one.at,
        source_at=one.source_at,
        fetched_at=one.recorded_at,
        max_age=one.max_age,
        online_pflops=one.online,
        used_pflops=one.used,
        busy_pflops=one.busy,
        quality=one.quality,  # type: ignore[arg-type] # the oracle knows no types of ours
    )


def _insert(connection: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    # Superseded rows first: no two current ones may overlap at any time.
    for row in sorted(rows, key=lambda row: row.get("superseded_at") is None):
        connection.execute(insert(table).values(**row))


def _two_times(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("valid_from", "valid_until", "recorded_at", "superseded_at")}


def _of_site(one: Any, sites: dict[str, int]) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in ("name", "province", "operator", "status")}
    return {"site_key": sites[one.site], **plain, **_two_times(one)}


def _of_pool(one: Any, sites: dict[str, int], pools: dict[str, int]) -> dict[str, Any]:
    plain = {"pool_key": pools[one.pool], "site_key": sites[one.site], "pool": one.id}
    return plain | {"model": one.model, "basis": one.basis, **_two_times(one)}


def _of_entry(one: Any, pools: dict[str, int]) -> dict[str, Any]:
    plain = {"pool_key": pools[one.pool], "stage": one.stage, "pflops": one.pflops, "basis": "fp16"}
    return plain | {"source": "oracle", "reason": "new", **_two_times(one)}


def _of_windows(world: World, sites: dict[str, int], pools: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "site_key": sites[one.site],
            "pool_key": None if one.pool is None else pools[one.pool],
            "start": start,
            "end": end,
            "policy": one.policy,
            "reason": "oracle",
            "approved_at": one.approved_at,
            "recorded_at": one.recorded_at,
        }
        for one in world.windows
        for start, end in one.stretches
    ]
