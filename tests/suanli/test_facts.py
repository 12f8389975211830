"""Facts in two times: renames, changes of status, moves of pools, beginnings of sites; as of before and after."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli.catalog.accelerators import load_accelerators
from suanli.model.audit import Entry
from suanli.model.errors import InputError
from suanli.model.site import Site
from suanli.registry.file import read_sites, write_sites
from suanli.store import schema
from suanli.store.plan import Change, moved, plan
from suanli.store.registry import as_written, read_record
from suanli.store.sql import Store
from suanli.store.writes import new_facts
from tests.suanli.making import T0, ZONE, Clock, a_pool, a_sample, a_site, a_store, built, local, register
from tests.suanli.storing import raw

pytestmark = pytest.mark.usefixtures("both_databases")

SLOW_STORE = settings(max_examples=40, deadline=None)
FIRST, SECOND = T0 + 1000, T0 + 2000
"""When the tests record changes; sites are registered before T0."""


def changed(store: Store, site: Site, now: int, effective: int | None = None) -> list[str]:
    changes = plan(store.registry, [site], ZONE, load_accelerators(), effective)
    store.apply(changes, now)
    return [change.text for change in changes]


def seen(store: Store, at: int, as_of: int | None = None) -> list[tuple[str, str, str, str]]:
    """Site, pool, province and status of every pool."""
    return [(one.site, one.pool, one.province, one.status) for one in store.states(at, as_of)]


def operator(store: Store, at: int, as_of: int | None = None) -> str:
    (one,) = store.states(at, as_of)
    return one.operator


def test_a_change_is_true_from_its_effective_second_and_known_from_its_recording() -> None:
    effective = local(date(2026, 1, 1))
    with a_store(a_site("s", operator="old"), clock=Clock(FIRST)) as store:
        told = changed(store, a_site("s", operator="new"), FIRST, effective)
        assert told == ["~ site s: operator: old -> new (from 2026-01-01)"]
        for as_of in (None, FIRST, T0 + 10**6):
            assert [operator(store, at, as_of) for at in (effective - 1, effective, T0)] == ["old", "new", "new"]
        for as_of in (FIRST - 1, T0 - 10_000):
            assert [operator(store, at, as_of) for at in (effective - 1, effective, FIRST)] == ["old"] * 3
        assert store.states(T0, T0 - 10_001) == [], "before anything was recorded"


def test_a_change_without_a_date_is_true_from_its_recording() -> None:
    with a_store(a_site("s", operator="old"), clock=Clock(FIRST)) as store:
        assert changed(store, a_site("s", operator="new"), FIRST) == ["~ site s: operator: old -> new"]
        assert [operator(store, at) for at in (0, FIRST - 1, FIRST)] == ["old", "old", "new"]


def test_a_change_that_lies_ahead_becomes_true_when_its_second_comes() -> None:
    clock = Clock(FIRST)
    with a_store(a_site("s", operator="old"), clock=clock) as store:
        changed(store, a_site("s", operator="new"), FIRST, SECOND)
        assert (store.registry[0].site.operator, operator(store, SECOND)) == ("old", "new")
        assert [one.operator for one in store.states_now(SECOND)] == ["new"], "no reload is needed for the figures"
        clock.at = SECOND - 0.5
        assert not store.changed_elsewhere()
        clock.at = SECOND
        assert store.changed_elsewhere(), "the poller must be told"
        store.reload()
        assert store.registry[0].site.operator == "new"
        assert not store.changed_elsewhere()


def test_nothing_that_was_recorded_is_overwritten() -> None:
    with a_store(a_site("s", operator="old"), clock=Clock(FIRST)) as store:
        changed(store, a_site("s", operator="new"), FIRST, T0)
        rows = raw(store, "SELECT operator, valid_from, valid_until, recorded_at, superseded_at FROM site_facts")
        assert sorted(rows, key=str) == sorted(
            [
                ("old", 0, None, T0 - 10_000, FIRST),
                ("old", 0, T0, FIRST, None),
                ("new", T0, None, FIRST, None),
            ],
            key=str,
        )


def test_a_status_from_a_date_on_changes_what_is_expected_from_there() -> None:
    day = local(date(2026, 6, 1))
    with a_store(a_site("s"), clock=Clock(FIRST)) as store:
        changed(store, a_site("s", status="retired"), FIRST, day)
        assert [one.expected for at in (day - 1, day) for one in store.states(at)] == [True, False]
        assert [one.expected for one in store.states(day, FIRST - 1)] == [True]


def test_a_pools_model_from_a_date_on() -> None:
    day = local(date(2026, 6, 1))
    with a_store(a_site("s", a_pool("p", built(10.0))), clock=Clock(FIRST)) as store:
        told = changed(store, a_site("s", a_pool("p", built(10.0), model="nvidia-h800-sxm5-80gb")), FIRST, day)
        assert told == ["~ pool s/p: model: nvidia-a100-sxm4-80gb -> nvidia-h800-sxm5-80gb (from 2026-06-01)"]
        models = [one.model[:11] for at in (day - 1, day) for one in store.states(at)]
        assert models == ["nvidia-a100", "nvidia-h800"]
        assert [one.model[:11] for one in store.states(day, FIRST - 1)] == ["nvidia-a100"]


def test_points_carry_the_labels_of_their_own_second() -> None:
    with a_store(a_site("s", operator="old"), clock=Clock(FIRST)) as store:
        store.append([a_sample(at, 1.0) for at in (T0 - 1, T0)])
        changed(store, a_site("s", operator="new"), FIRST, T0)
        assert [point.operator for point in store.after(0, 10).points] == ["old", "new"]


TWO_SITES = (a_site("s", province="安徽"), a_site("t", a_pool("q", built(5.0)), province="江苏"))
S, T, Q = ("s", "p", "安徽", "operational"), ("t", "r", "江苏", "operational"), ("t", "q", "江苏", "operational")


def test_a_pool_that_moves_leaves_its_history_where_it_was() -> None:
    with a_store(*TWO_SITES, clock=Clock(FIRST)) as store:
        store.append([a_sample(at, 40.0) for at in (T0 - 60, T0 + 60)])
        store.apply([moved("s", "p", "t", "r", T0)], FIRST)
        assert [seen(store, at) for at in (T0 - 1, T0)] == [[S, Q], [Q, T]]
        assert [seen(store, at, FIRST - 1) for at in (T0 - 1, T0)] == [[S, Q], [S, Q]]
        assert [figures_of(store, at, name) for at, name in ((T0 - 60, S), (T0 + 60, T))] == [(100.0, 40.0)] * 2
        points = [(point.site, point.pool, point.province, point.values[:2]) for point in store.after(0, 10).points]
        assert points == [("s", "p", "安徽", (100.0, 40.0)), ("t", "r", "江苏", (100.0, 40.0))]
        assert store.states_now(FIRST) == store.states(FIRST)


def figures_of(store: Store, at: int, name: tuple[str, ...]) -> tuple[float | None, float | None]:
    (one,) = (state for state in store.states(at) if (state.site, state.pool) == name[:2])
    return one.built_pflops, one.online_pflops


def test_a_pool_that_has_moved_is_heard_under_its_new_name_only() -> None:
    with a_store(*TWO_SITES, clock=Clock(FIRST)) as store:
        store.apply([moved("s", "p", "t", "r", T0)], FIRST)
        assert store.append([a_sample(FIRST, 40.0, site="s", pool="p")]) == 0
        assert store.append([a_sample(FIRST, 50.0, site="t", pool="r")]) == 1
        assert figures_of(store, FIRST, T) == (100.0, 50.0)
        assert [pool.pool.id for item in store.registry for pool in item.pools] == ["q", "r"]


def test_a_new_pool_takes_over_the_name_of_one_that_has_left() -> None:
    with a_store(*TWO_SITES, clock=Clock(FIRST)) as store:
        store.apply([moved("s", "p", "t", "r", T0)], FIRST)
        told = register(store, a_site("s", a_pool("p", built(7.0)), province="安徽"), now=SECOND)
        assert told[0] == "+ pool s/p (nvidia-a100-sxm4-80gb)"
        assert [figures_of(store, at, S)[0] for at in (T0 - 1, T0)] == [100.0, 7.0]
        assert seen(store, T0) == [S, Q, T]
        assert seen(store, T0, SECOND - 1) == [Q, T]


def test_a_pool_may_be_renamed_within_its_site_and_moved_back() -> None:
    with a_store(*TWO_SITES, clock=Clock(FIRST)) as store:
        store.apply([moved("s", "p", "s", "renamed", T0)], FIRST)
        store.apply([moved("s", "renamed", "t", "r", T0 + 100)], FIRST)
        store.apply([moved("t", "r", "s", "p", T0 + 200)], SECOND)
        names = [[one[:2] for one in seen(store, at) if one != Q] for at in (T0 - 1, T0, T0 + 100, T0 + 200)]
        assert names == [[("s", "p")], [("s", "renamed")], [("t", "r")], [("s", "p")]]
        assert [one[:2] for one in seen(store, T0 + 200, SECOND - 1) if one != Q] == [("t", "r")]


END = 30
Step = tuple[int, str, Any, int]
"""Recorded so many seconds after the last; the fact; what it is; from when on."""


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    facts = {"province": st.sampled_from("ab"), "operator": st.sampled_from("cd"), "place": st.sampled_from(PLACES)}
    found = []
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(sorted(facts)))
        found.append((draw(st.integers(0, 3)), name, draw(facts[name]), draw(st.integers(0, END))))
    return found


PLACES = [("s", "p"), ("t", "p"), ("s", "q")]
START: dict[str, Any] = {"province": "安徽", "operator": "op", "place": ("s", "p")}


@SLOW_STORE
@given(steps())
def test_the_facts_of_every_second_as_of_every_recording(history: list[Step]) -> None:
    """Against a list of what is said of every second, copied at every recording. Facts are of site s."""
    said = [dict(START) for _ in range(END + 2)]
    known: dict[int, list[dict[str, Any]]] = {T0 - 1: [dict(one) for one in said]}
    now = T0
    with a_store(a_site("s"), a_site("t", a_pool("other"))) as store:
        for later, name, value, effective in history:
            now += later
            store.apply([_change(said, name, value, effective)], now)
            for one in said[effective:]:
                one[name] = value
            known[now] = [dict(one) for one in said]
        with store.reading() as connection:
            for as_of, wanted in known.items():
                timeline = read_record(connection, now, as_of).timelines[1]
                assert [_told(timeline.at(at)) for at in range(END + 2)] == [_of_pool(one) for one in wanted]
            assert read_record(connection, now).timelines == read_record(connection, now, now).timelines


def _change(said: list[dict[str, Any]], name: str, value: Any, effective: int) -> Change:
    if name == "place":
        (site, pool), (to_site, as_id) = said[effective]["place"], value
        return moved(site, pool, to_site, as_id, effective)
    do = new_facts(schema.site_facts, {"site_key": 1}, {name: value}, effective)
    return Change("", do, Entry("site.update", "s"))


def _told(span: Any) -> tuple[str, ...]:
    return span.site, span.pool, span.province, span.operator


def _of_pool(one: dict[str, Any]) -> tuple[str, ...]:
    """What is said of site t never changes."""
    of_site = (one["province"], one["operator"]) if one["place"][0] == "s" else ("安徽", "op")
    return *one["place"], *of_site


SINCE = """\
sites:
  - id: s
    name: n
    province: x
    operator: o
    since: {since}
    pools:
      - id: p
        model: nvidia-a100-sxm4-80gb
        capacity:
          - {{from: 2024-01-01, stage: planned, devices: 5, source: x}}
          - {{from: {start}, stage: built, devices: 5, source: x}}
"""


def read(folder: Path, since: str, start: str) -> list[Site]:
    file = folder / "sites.yaml"
    file.write_text(SINCE.format(since=since, start=start), encoding="utf-8")
    return read_sites([file], ZONE, load_accelerators())


@pytest.mark.parametrize(
    ("since", "start"),
    [
        ("2024-03-01", "2024-02-29"),
        ("2024-03-01T00:00:01", "2024-03-01"),
        ("2024-03-01", "2024-02-29T15:59:59Z"),
    ],
)
def test_capacity_built_before_its_site_began_is_refused_with_its_line(tmp_path: Path, since: str, start: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, since, start)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{tmp_path}/sites.yaml:12: sites[0].pools[0].capacity[1]: built before the site began (")


@pytest.mark.parametrize("start", ["2024-03-01", "2024-02-29T16:00:00Z"])
def test_capacity_may_be_built_in_the_sites_first_second_and_planned_before(tmp_path: Path, start: str) -> None:
    (site,) = read(tmp_path, "2024-03-01", start)
    assert site.since == date(2024, 3, 1)
    with a_store(site) as store:
        first = local(date(2024, 3, 1))
        assert (store.registry[0].since, store.states(first - 1)) == (first, [])
        assert [one.built_pflops for one in store.states(first)] == [pytest.approx(5 * 0.312)]


def test_a_plan_refuses_what_was_built_before_the_site_began() -> None:
    with a_store() as store, pytest.raises(InputError, match="site s, pool p: built before the site began"):
        register(store, a_site("s", since=date(2024, 1, 2)))


@pytest.mark.parametrize("since", [date(2024, 3, 1), datetime(2024, 3, 1, 4, 30, 15, tzinfo=UTC)])
def test_export_and_apply_keep_the_beginning(tmp_path: Path, since: date | datetime) -> None:
    site = a_site("s", a_pool("p", built(5.0, date(2024, 6, 1))), since=since)
    with a_store(site) as store, a_store() as other:
        written = write_sites(as_written(item, ZONE) for item in store.registry)
        (tmp_path / "sites.yaml").write_text(written, encoding="utf-8")
        (again,) = read_sites([tmp_path / "sites.yaml"], ZONE, load_accelerators())
        assert again.since == since
        assert register(store, again) == []
        register(other, again)
        assert write_sites(as_written(item, ZONE) for item in other.registry) == written


def test_a_beginning_that_is_corrected_is_known_from_then_on() -> None:
    early, late = date(2024, 3, 1), date(2024, 6, 1)

    def site(since: date | None) -> Site:
        return a_site("s", a_pool("p", built(5.0, date(2024, 7, 1))), since=since)

    def is_there(store: Store, as_of: int | None = None) -> list[bool]:
        ends = local(early) - 1, local(early), local(late) - 1, local(late)
        return [store.states(at, as_of) != [] for at in ends]

    with a_store(site(late), clock=Clock(FIRST)) as store:
        assert is_there(store) == [False, False, False, True]
        assert register(store, site(early), now=FIRST) == ["~ site s: since: 2024-06-01 -> 2024-03-01"]
        assert register(store, site(early), now=FIRST) == []
        assert (is_there(store), is_there(store, FIRST - 1)) == ([False, True, True, True], [False, False, False, True])
        assert register(store, site(None), now=SECOND) == ["~ site s: since: 2024-03-01 -> always"]
        assert is_there(store) == [True] * 4
        assert is_there(store, FIRST) == [False, True, True, True]


def test_a_beginning_after_a_change_of_facts_takes_what_was_said_of_before_away() -> None:
    day = date(2024, 3, 1)

    def wanted(**more: Any) -> Site:
        return a_site("s", a_pool("p", built(5.0, date(2024, 7, 1))), **more)

    with a_store(wanted(operator="old"), clock=Clock(FIRST)) as store:
        changed(store, wanted(operator="new"), FIRST, local(day))
        register(store, wanted(operator="new", since=date(2024, 6, 1)), now=SECOND)
        first = local(date(2024, 6, 1))
        assert (store.states(first - 1), operator(store, first)) == ([], "new")
        assert operator(store, local(day) - 1, FIRST) == "old"


def test_a_change_and_a_beginning_in_one_plan() -> None:
    with a_store(a_site("s", operator="old"), clock=Clock(FIRST)) as store:
        told = changed(store, a_site("s", operator="new", since=date(2023, 1, 1)), FIRST, T0)
        assert told == [
            "~ site s: since: always -> 2023-01-01",
            "~ site s: operator: old -> new (from 2026-11-24 06:00:00+00:00)",
        ]
        assert [operator(store, at) for at in (local(date(2023, 1, 1)), T0 - 1, T0)] == ["old", "old", "new"]
        assert store.states(local(date(2023, 1, 1)) - 1) == []
