"""`suanli apply`: idempotent, all or nothing, and what was said before is kept."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from suanli.answers import Asked, rates_answer
from suanli.catalog.accelerators import Accelerators, load_accelerators
from suanli.model.audit import Entry
from suanli.model.errors import InputError, SuanliError, Unavailable
from suanli.model.site import Site
from suanli.registry.file import read_sites, write_sites
from suanli.store.plan import Change, plan
from suanli.store.registry import as_written
from suanli.store.sql import Store
from tests.suanli.making import (
    A100,
    T0,
    ZONE,
    a_pool,
    a_sample,
    a_site,
    a_store,
    built,
    config,
    database,
    local,
    open_store,
    register,
    sites,
)

pytestmark = pytest.mark.usefixtures("both_databases")

SLOW_STORE = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def exported(store: Store) -> str:
    return write_sites(as_written(item, ZONE) for item in store.registry)


def rows(store: Store) -> list[Any]:
    """Everything in the registry's tables, straight from the database."""
    tables = ("sites", "site_facts", "pools", "pool_facts", "capacity", "counters")
    with store.engine.connect() as connection:
        return [tuple(row) for name in tables for row in connection.execute(text(f"SELECT * FROM {name}"))]  # noqa: S608


def devices(count: int, since: date = date(2024, 1, 1), **more: Any) -> dict[str, Any]:
    return {"from": since, "stage": "built", "devices": count, "source": "acceptance", **more}


def one_pool(*capacity: dict[str, Any], **more: Any) -> Site:
    return a_site("s", a_pool("p", *capacity, **more))


def fleet(store: Store, at: int, as_of: int | None = None) -> dict[str, Any]:
    answer = rates_answer(store.states(at, as_of), Asked(at, as_of or at), config())
    found: dict[str, Any] = answer["fleet"]
    return found


def doubled() -> Accelerators:
    """A later catalogue, in which every device has twice the peak."""
    shipped = load_accelerators()
    new = {row.id: replace(row, tflops={basis: 2 * peak for basis, peak in row.tflops.items()}) for row in shipped.rows}
    return Accelerators(tuple(new.values()), {name: new[row.id] for name, row in shipped.by_name.items()})


# ---------------------------------------------------------------- twice is once; export is apply's inverse


@SLOW_STORE
@given(st.lists(sites(), max_size=2, unique_by=lambda site: site.id))
def test_apply_twice_is_once(wanted: list[Site]) -> None:
    with a_store() as store:
        first = register(store, *wanted)
        before = rows(store)
        assert register(store, *wanted) == []
        assert rows(store) == before
        assert len([one for one in first if one.startswith("+ site")]) == len(wanted)


@SLOW_STORE
@given(st.lists(sites(), max_size=2, unique_by=lambda site: site.id))
def test_what_export_writes_apply_reads_back_to_the_same(wanted: list[Site]) -> None:
    with a_store(*wanted) as store, a_store() as other:
        written = exported(store)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "sites.yaml"
            file.write_text(written, encoding="utf-8")
            read = read_sites([file], ZONE, load_accelerators())
        assert register(store, *read) == []
        register(other, *read)
        assert exported(other) == written
        assert [(item.site, item.since) for item in other.registry] == [
            (item.site, item.since) for item in store.registry
        ]
        ledgers = [[(pool.pool, pool.ledger) for item in one.registry for pool in item.pools] for one in (store, other)]
        assert ledgers[0] == ledgers[1]


@SLOW_STORE
@given(sites("same"), sites("same"))
def test_apply_makes_the_plain_facts_of_a_site_say_what_the_file_says(first: Site, second: Site) -> None:
    second = second.model_copy(update={"pools": first.pools, "since": None})
    with a_store(first) as store:
        register(store, second)
        (item,) = store.registry
        assert item.site == second.model_copy(update={"pools": ()})
        assert item.since == 0


def test_sites_and_pools_that_are_not_named_stay() -> None:
    with a_store(a_site("a"), a_site("b", a_pool("p"), a_pool("q"))) as store:
        assert register(store, a_site("b", a_pool("p"))) == []
        assert [item.site.id for item in store.registry] == ["a", "b"]
        assert [pool.pool.id for pool in store.registry[1].pools] == ["p", "q"]


def test_a_plan_tells_what_it_would_change_and_changes_nothing() -> None:
    with a_store(one_pool(devices(10))) as store:
        before = rows(store)
        wanted = one_pool(devices(10), devices(20, date(2025, 1, 1))).model_copy(update={"name": "new name"})
        told = [change.text for change in plan(store.registry, [wanted], ZONE, load_accelerators())]
        assert told == [
            "~ site s: name: site s -> new name",
            "- capacity s/p: built 10 devices from 2024-01-01 (acceptance)",
            "+ capacity s/p: built 10 devices from 2024-01-01 until 2025-01-01 (acceptance)",
            "+ capacity s/p: built 20 devices from 2025-01-01 (acceptance)",
        ]
        assert rows(store) == before


# ---------------------------------------------------------------- all or nothing


def test_changed_capacity_without_a_reason_is_refused_and_nothing_is_changed() -> None:
    with a_store(one_pool(devices(10))) as store:
        before = rows(store)
        for wanted in (one_pool(devices(11)), one_pool(devices(10, date(2024, 2, 1))), one_pool()):
            with pytest.raises(
                InputError, match=r"site s, pool p: the ledger already says built 10 devices .*correction"
            ):
                register(store, a_site("new"), wanted)
        assert rows(store) == before


def test_a_change_that_fails_takes_the_whole_plan_with_it() -> None:
    def fail(connection: Any, now: int) -> None:
        connection.execute(
            text(
                "INSERT INTO pool_facts (pool_key, site_key, pool, model, basis, valid_from, recorded_at) "
                "VALUES (999, 999, 'x', 'm', 'fp16', 0, 1)"
            )
        )

    with a_store() as store:
        before = rows(store)
        changes = plan(store.registry, [a_site("a")], ZONE, load_accelerators())
        with pytest.raises(Unavailable, match=r"(?i)foreign key"):
            store.apply([*changes, Change("a pool of no site", fail, Entry("pool.register", "x"))], T0)
        assert rows(store) == before
        assert store.registry == []


# ---------------------------------------------------------------- two times


def test_a_correction_supersedes_and_as_of_gives_the_old_figure() -> None:
    at = local(date(2024, 6, 1))
    with a_store(clock=lambda: at + 1500.0) as store:
        register(store, one_pool(built(100.0)), now=at + 1000)
        store.append([a_sample(at, 50.0, 10.0)])
        register(store, one_pool(built(80.0, reason="correction", source="recount")), now=at + 2000)
        assert fleet(store, at)["online_ratio"] == 50 / 80
        assert fleet(store, at, at + 2000)["online_ratio"] == 50 / 80
        assert fleet(store, at, at + 1999)["online_ratio"] == 50 / 100
        assert fleet(store, at, at + 1499)["online_ratio"] is None
        assert fleet(store, at, at + 999)["built_pflops"] is None
        with store.engine.connect() as connection:
            kept = connection.execute(
                text("SELECT pflops, recorded_at, superseded_at, reason FROM capacity ORDER BY id")
            )
            assert [tuple(row) for row in kept] == [
                (100.0, at + 1000, at + 2000, "new"),
                (80.0, at + 2000, None, "correction"),
            ]


def test_a_value_is_divided_by_the_capacity_that_was_true_at_its_own_instant() -> None:
    """Trap: used 104 % because capacity was out of date."""
    before, after = local(date(2024, 12, 31)), local(date(2025, 1, 1))
    with a_store(one_pool(built(100.0), built(200.0, date(2025, 1, 1)))) as store:
        store.append([a_sample(before, 90.0, 45.0), a_sample(after, 180.0, 90.0)])
        assert fleet(store, before)["online_ratio"] == fleet(store, after)["online_ratio"] == 0.9
        assert [point.values[0] for point in store.after(0, 10).points] == [100.0, 200.0]


def test_an_entry_that_ends_another_needs_no_reason() -> None:
    with a_store(one_pool(built(100.0))) as store:
        register(store, one_pool(built(100.0), built(200.0, date(2025, 1, 1))), now=T0)
        (line, later) = store.registry[0].pools[0].ledger
        assert (line.valid_until, later.valid_until) == (local(date(2025, 1, 1)), None)


def test_an_entry_that_is_cut_short_needs_a_reason() -> None:
    with a_store(one_pool(devices(10))) as store:
        before = rows(store)
        with pytest.raises(InputError, match="the ledger already says built 10 devices"):
            register(store, one_pool(devices(10, until=date(2024, 7, 1))))
        assert rows(store) == before
        register(store, one_pool(devices(10, until=date(2024, 7, 1), reason="retirement")))
        assert fleet(store, local(date(2024, 8, 1)))["built_pflops"] is None


# ---------------------------------------------------------------- a later catalogue


def test_devices_keep_the_pflops_that_were_recorded_though_the_catalogue_changes() -> None:
    at, later = local(date(2024, 6, 1)), local(date(2025, 6, 1))
    with a_store(one_pool(devices(1000))) as store:
        assert fleet(store, at)["built_pflops"] == pytest.approx(312.0)
        assert register(store, one_pool(devices(1000)), catalogue=doubled()) == []
        wanted = one_pool(devices(1000), devices(2000, date(2025, 1, 1)))
        assert len(register(store, wanted, catalogue=doubled())) == 3
        assert fleet(store, at)["built_pflops"] == pytest.approx(312.0)
        assert fleet(store, later)["built_pflops"] == pytest.approx(2 * 624.0)
        assert register(store, wanted, catalogue=load_accelerators()) == []


def test_a_re_rating_takes_the_new_catalogue_and_keeps_the_old_figure() -> None:
    at = local(date(2024, 6, 1))
    with a_store(one_pool(devices(1000))) as store:
        wanted = one_pool(devices(1000, reason="re-rating", source="new data sheet"))
        register(store, wanted, catalogue=doubled(), now=T0)
        assert fleet(store, at)["built_pflops"] == pytest.approx(624.0)
        assert fleet(store, at, T0 - 1)["built_pflops"] == pytest.approx(312.0)
        assert register(store, wanted) == []


def test_another_model_is_another_figure_and_needs_a_reason() -> None:
    with a_store(one_pool(devices(1000))) as store:
        other = next(row.id for row in load_accelerators().rows if row.peak_pflops("fp16") not in (None, 0.312))
        assert other != A100
        with pytest.raises(InputError, match="the ledger already says"):
            register(store, one_pool(devices(1000), model=other))


def test_a_plan_that_was_made_before_someone_else_wrote_is_refused_whole(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url)) as mine, closing(open_store(url)) as theirs:
        changes = plan(mine.registry, [a_site("a")], ZONE, load_accelerators())
        register(theirs, a_site("b"))
        before = rows(theirs)
        with pytest.raises(SuanliError, match="changed meanwhile by someone else; nothing of yours was recorded"):
            mine.apply(changes, T0)
        assert rows(theirs) == before
        mine.reload()
        register(mine, a_site("a"))
        assert [item.site.id for item in mine.registry] == ["a", "b"]
