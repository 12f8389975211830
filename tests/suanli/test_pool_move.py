"""A pool goes to another site, a site changes its name and operator, a pool is split: history stays where it was."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from suanli.answers import Asked, rates_answer
from suanli.model.audit import Entry
from suanli.model.errors import InputError
from suanli.model.site import Site
from suanli.period_answers import AskedPeriod, period_answer
from suanli.registering.moves import planned_move
from suanli.registering.plans import planned
from suanli.store import schema
from suanli.store.histories import site_facts
from suanli.store.sql import Store
from suanli.store.writes import Change, new_facts
from tests.suanli.engines import address_in
from tests.suanli.making import (
    SITES_YAML,
    T0,
    Clock,
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
)
from tests.suanli.running import contents, suanli

pytestmark = pytest.mark.usefixtures("both_databases")

DAY = date(2026, 11, 1)
AT = local(DAY)
A, B = a_site("a", a_pool("p", built(100.0)), a_pool("r", built(1.0))), a_site("b", a_pool("q", built(30.0)))


def move(store: Store, to: str = "b", as_id: str = "x", at: int = AT, place: tuple[str, str] = ("a", "p")) -> list[str]:
    changes = planned_move(store, *place, to, as_id, at, config())
    store.apply(changes, T0)
    return [change.text for change in changes]


def rates(store: Store, at: int, by: Any = "pool", as_of: int | None = None) -> dict[str, tuple[Any, ...]]:
    answer = rates_answer(store.states(at, as_of), Asked(at, T0, by), config())
    groups = {one[by]: (one["built_pflops"], one["online_pflops"]) for one in answer["groups"]}
    return groups | {"": (answer["fleet"]["built_pflops"], answer["fleet"]["online_pflops"])}


def test_a_pool_moves_with_its_samples_and_its_history_stays() -> None:
    with a_store(A, B, clock=Clock(AT)) as store:
        store.append([a_sample(AT - 60, 90.0, 45.0, site="a")])
        before = rates(store, AT - 1)
        assert move(store) == ["~ pool a/p -> b/x (from 2026-11-01)"]
        assert rates(store, AT - 1) == before == {"a/p": (100.0, 90.0), "a/r": (1.0, None), "b/q": (30.0, None),
                                                 "": (131.0, 90.0)}  # fmt: skip
        # Its last word goes with it, and every sum stays.
        assert rates(store, AT) == {"a/r": (1.0, None), "b/q": (30.0, None), "b/x": (100.0, 90.0), "": (131.0, 90.0)}
        assert rates(store, AT, "site") == {"a": (1.0, None), "b": (130.0, 90.0), "": (131.0, 90.0)}
        assert rates(store, AT, as_of=T0 - 1)["a/p"][0] == 100.0


def test_samples_count_where_the_pool_is_and_the_old_name_is_nobodys() -> None:
    clock = Clock(AT)
    with a_store(A, B, clock=clock) as store:
        move(store)
        assert store.append([a_sample(AT + 60, 80.0, site="a")]) == 0
        assert store.append([a_sample(AT + 60, 70.0, site="b", pool="x")]) == 1
        assert rates(store, AT + 60)["b/x"] == (100.0, 70.0)
        (point,) = store.after(0, 10).points
        assert (point.site, point.pool, point.values[0]) == ("b", "x", 100.0)


def test_over_a_period_each_site_has_the_pool_for_its_own_time() -> None:
    with a_store(A, B, clock=Clock(T0)) as store:
        move(store)
        answer = period_answer(store, AskedPeriod(AT - 3600, AT + 7200), config())
        hours = {one["site"]: one["built_pflops_hours"] for one in answer["groups"]}
        assert hours == pytest.approx({"a": 100.0 + 3.0, "b": 90.0 + 200.0})
        assert answer["fleet"]["built_pflops_hours"] == pytest.approx(3 * 131.0)


def test_a_move_ahead_waits_for_its_day_and_running_instances_see_the_day_come() -> None:
    clock = Clock(AT - 100)
    with a_store(A, B, clock=clock) as store:
        move(store)
        assert [pool.pool.id for pool in store.registry[0].pools] == ["p", "r"]
        assert not store.changed_elsewhere()
        clock.at = AT
        assert store.changed_elsewhere()
        store.reload()
        assert [[pool.pool.id for pool in item.pools] for item in store.registry] == [["r"], ["q", "x"]]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"to": "c"}, "to: no site 'c'; registered: a, b"),
        ({"as_id": "q"}, "as: b/q is another pool; give it another id (as)"),
        ({"to": "a", "as_id": "p"}, "to: a/p is where the pool is"),
        ({"place": ("a", "z")}, "no pool a/z on 2026-11-01; a has: a/p, a/r"),
        ({"place": ("c", "z")}, "no pool c/z on 2026-11-01; c has: none"),
        ({"to": "late"}, "from: late begins only on 2026-11-02"),
    ],
)
def test_a_move_that_cannot_be_is_refused(words: dict[str, Any], told: str) -> None:
    late = a_site("late", a_pool("l"), since=date(2026, 11, 2))
    sites = (A, B, late) if words.get("to") == "late" else (A, B)
    with a_store(*sites) as store:
        with pytest.raises(InputError) as caught:
            move(store, **words)
        assert str(caught.value) == told


def test_a_name_that_was_left_can_be_taken_and_the_pool_can_come_back_under_another() -> None:
    with a_store(A, B, clock=Clock(T0)) as store:
        move(store)
        wanted = a_site("a", a_pool("p", built(7.0, date(2026, 11, 2))), a_pool("r", built(1.0)))
        store.apply(planned(store, [wanted], config()), T0)
        later = local(date(2026, 11, 10))
        assert [rates(store, at)["a/p"][0] for at in (AT - 1, later)] == [100.0, 7.0]
        move(store, "a", "old", later, ("b", "x"))
        assert rates(store, later) == {"a/old": (100.0, None), "a/p": (7.0, None), "a/r": (1.0, None),
                                       "b/q": (30.0, None), "": (138.0, None)}  # fmt: skip


def test_a_name_can_be_taken_at_the_second_in_which_it_is_left_and_not_before() -> None:
    with a_store(A, B, clock=Clock(T0)) as store:
        move(store)
        with pytest.raises(InputError, match="as: a/p is another pool"):
            move(store, "a", "p", AT - 1, ("a", "r"))
        move(store, "a", "p", AT, ("a", "r"))
        assert rates(store, AT)["a/p"] == (1.0, None)


def test_a_file_that_still_lists_the_pool_at_the_old_site_is_refused() -> None:
    with a_store(A, B, clock=Clock(T0)) as store:
        move(store)
        with pytest.raises(InputError, match="site a, pool p: this pool moved away on 2026-11-01 with its history"):
            planned(store, [A], config())
    with a_store(A, B, clock=Clock(AT - 1)) as store:
        move(store)
        early = a_site("b", a_pool("x", built(1.0)))
        with pytest.raises(InputError, match="site b, pool x: a pool moves here under this name on 2026-11-01"):
            planned(store, [early], config())
        assert planned(store, [A, B], config()) == []


# ---------------------------------------------------------------- facts from a day on


def facts(store: Store, at: int) -> tuple[str, str, str]:
    (state,) = store.states(at)
    (name,) = [item.site.name for item in store.registry]
    return name, state.operator, state.status


def test_changed_facts_are_true_from_the_day_that_is_said_and_others_keep_their_own_days() -> None:
    def said(effective: date, **changes: str) -> None:
        store.reload()
        wanted = store.registry[0].site.model_copy(update={"pools": one.pools, **changes})
        store.apply(planned(store, [wanted], config(), local(effective)), T0)

    one = a_site("s", operator="first", status="operational")
    with a_store(one, clock=Clock(T0)) as store:
        said(date(2026, 9, 1), status="maintenance")
        said(date(2026, 8, 1), operator="second")
        found = [facts(store, local(day))[1:] for day in (date(2026, 7, 31), date(2026, 8, 1), date(2026, 9, 1))]
        assert found == [("first", "operational"), ("second", "operational"), ("second", "maintenance")]
        said(date(2026, 8, 1), operator="second")
        with store.reading() as connection:
            current = connection.execute(text("SELECT count(*) FROM site_facts WHERE superseded_at IS NULL")).scalar()
        assert current == 3


def test_what_was_already_said_so_is_not_said_again() -> None:
    def say(operator: str, effective: date) -> None:
        key = {"site_key": store.registry[0].key}
        do = new_facts(schema.site_facts, key, {"operator": operator}, local(effective))
        changes = [Change("", do, Entry("site.update", "s"))]
        store.apply(changes, T0)

    with a_store(a_site("s", operator="first"), clock=Clock(T0)) as store:
        say("second", date(2026, 8, 1))
        say("second", date(2026, 7, 1))
        with store.reading() as connection:
            rows = site_facts(connection, store.registry[0].key)
        current = [(row["operator"], row["valid_from"]) for row in rows if row["superseded_at"] is None]
        assert current == [("first", 0), ("second", local(date(2026, 7, 1))), ("second", local(date(2026, 8, 1)))]
        assert len(rows) == 5, "the row from August on was not touched"


def split(store: Store) -> None:
    """60 of the 100 stay in the old pool, 40 make a new one: one file, applied at once."""
    rest = built(60.0, DAY, reason="re-rating", source="split")
    wanted: Site = a_site("a", a_pool("p", built(100.0), rest), a_pool("new", built(40.0, DAY, source="split")))
    register(store, wanted, now=T0)


def test_a_pool_is_split_and_no_sum_changes_at_any_instant() -> None:
    with a_store(a_site("a", a_pool("p", built(100.0))), clock=Clock(T0)) as store:
        instants = [AT - 86_400, AT - 1, AT, AT + 1, T0]
        before = [rates(store, at)[""][0] for at in instants]
        hours = period_answer(store, AskedPeriod(AT - 5000, AT + 5000), config())["fleet"]["built_pflops_hours"]
        split(store)
        assert [rates(store, at)[""][0] for at in instants] == before == [100.0] * 5
        after = period_answer(store, AskedPeriod(AT - 5000, AT + 5000), config())["fleet"]["built_pflops_hours"]
        assert after == pytest.approx(hours)
        assert rates(store, AT) == {"a/p": (60.0, None), "a/new": (40.0, None), "": (100.0, None)}


# ---------------------------------------------------------------- the commands


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    database(tmp_path)
    (tmp_path / "config.yaml").write_text("language: en\n", encoding="utf-8")
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    return tmp_path


def test_pool_move_and_list(folder: Path) -> None:
    words = ("pool", "move", "wh-1/a100", "--to", "wh-2", "--as", "a1", "--from", "2026-11-01")
    before = contents(folder)
    dry = suanli(folder, *words, "--dry-run", "--json")
    assert (dry.code, dry.data["applied"]) == (0, False)
    assert contents(folder) == before
    done = suanli(folder, *words)
    assert (done.code, done.out) == (0, "~ pool wh-1/a100 -> wh-2/a1 (from 2026-11-01)\n")
    assert "the source of wh-2 must name pool a1" in done.err
    rows = suanli(folder, "pool", "list", "--json").data["pools"]
    assert [(one["site"], one["pool"], one["since"]) for one in rows] == [
        ("wh-2", "a1", "2026-10-31T16:00:00Z"),
        ("wh-2", "h800", None),
    ]
    assert (rows[0]["built_pflops"], rows[1]["planned_pflops"]) == (pytest.approx(312.0), None)
    assert "资源池" in suanli(folder, "--lang", "zh", "pool", "list").out
    again = suanli(folder, *words)
    assert (again.code, again.out) == (2, "")
    assert "no pool wh-1/a100 on 2026-11-01" in again.err


def test_site_history_says_what_was_true_when_and_when_it_was_said(folder: Path) -> None:
    renamed = SITES_YAML.replace("示例运营方", "新运营方")
    (folder / "sites.yaml").write_text(renamed, encoding="utf-8")
    applied = suanli(folder, "apply", "sites.yaml", "--effective", "2026-06-01")
    assert applied.out == "~ site wh-1: operator: 示例运营方 -> 新运营方 (from 2026-06-01)\n"
    assert suanli(folder, "pool", "move", "wh-1/a100", "--to", "wh-2", "--from", "2026-11-01").code == 0
    history = suanli(folder, "site", "history", "wh-1", "--json").data
    current = [one for one in history["facts"] if one["superseded_at"] is None]
    assert [(one["operator"], one["from"], one["until"]) for one in current] == [
        ("示例运营方", None, "2026-05-31T16:00:00Z"),
        ("新运营方", "2026-05-31T16:00:00Z", None),
    ]
    (old,) = [one for one in history["facts"] if one["superseded_at"]]
    assert (old["operator"], old["until"]) == ("示例运营方", None)
    (left,) = [one for one in history["pools"] if one["superseded_at"] is None]
    assert (left["pool"], left["until"], left["went_to"]) == ("a100", "2026-10-31T16:00:00Z", "wh-2/a100")
    came = suanli(folder, "site", "history", "wh-2", "--json").data["pools"]
    assert [(one["pool"], one["came_from"]) for one in came] == [("a100", "wh-1/a100"), ("h800", None)]
    for language, word in (("zh", "被取代于"), ("en", "superseded")):
        assert word in suanli(folder, "--lang", language, "site", "history", "wh-1").out
    assert suanli(folder, "site", "history", "wh-9").code == 2
    with closing(open_store(address_in(folder))) as store:
        found = {one.pool: one.operator for at in (local(date(2026, 5, 31)),) for one in store.states(at)}
    assert found["a100"] == "示例运营方"
