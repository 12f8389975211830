"""A second signal: recorded beside the source, compared with it, and never counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from suanli.catalog.accelerators import load_accelerators
from suanli.model.disagreement import Disagreement, disagreements
from suanli.model.site import Site
from suanli.registry.polled import PollDefaults, polled_cross_check
from suanli.store.rollup import roll
from suanli.store.sql import Store
from suanli.upkeep import look_over
from tests.suanli.making import T0, ZONE, Clock, a_pool, a_sample, a_site, a_store, built, open_store, register
from tests.suanli.storing import raw

pytestmark = pytest.mark.usefixtures("both_databases")

SOURCE = {"kind": "http_json", "url": "https://api.example", "settings": {"fields": {"online": "up"}}}
SECOND = {"kind": "prometheus", "url": "https://metrics.example", "settings": {"queries": {"used": "up"}}}


def checked(**more: Any) -> Site:
    return a_site("s", a_pool("p", built(100.0)), source=SOURCE, cross_check=SECOND | more)


def told(store: Store, at: int) -> list[tuple[str, float, float]]:
    found = store.disagreements(at)
    assert found == store.disagreements_now(at)
    return [(one.rung, one.source_pflops, one.second_pflops) for one in found]


def test_it_is_compared_and_never_counted() -> None:
    with a_store(checked(), clock=Clock(T0 + 5)) as store:
        store.append([a_sample(T0, 80.0, 40.0)])
        before, version = store.states(T0), store.version
        store.append_second([a_sample(T0 + 1, None, 50.0, busy_pflops=7.0)])
        assert store.version > version
        assert store.states(T0 + 1) == store.states_now(T0 + 1)
        assert [one.used_pflops for one in store.states(T0 + 1)] == [one.used_pflops for one in before]
        assert [point.values for point in store.after(0, 10).points] == [(100.0, 80.0, 40.0, None)]
        assert told(store, T0 + 1) == [("used", 40.0, 50.0)]


def test_only_words_that_hold_are_compared() -> None:
    with a_store(checked(), clock=Clock(T0 + 500)) as store:
        store.append([a_sample(T0, 80.0, 40.0, max_age=180)])
        store.append_second([a_sample(T0 + 60, 70.0, max_age=60)])
        apart = [("online", 80.0, 70.0)]
        assert [told(store, T0 + second) for second in (59, 60, 120, 121)] == [[], apart, apart, []]
        assert store.disagreements(T0 + 60, as_of=T0 + 499) == []
        assert len(store.disagreements(T0 + 60, as_of=T0 + 500)) == 1
        assert store.next_expiry(T0 + 60) == T0 + 120


def test_a_second_word_of_a_slot_takes_the_place_of_the_first() -> None:
    with a_store(checked(), clock=Clock(T0 + 5)) as store:
        store.append([a_sample(T0, 80.0)])
        for online in (70.0, 60.0):
            store.append_second([a_sample(T0, online)])
        assert told(store, T0) == [("online", 80.0, 60.0)]
        assert raw(store, "SELECT COUNT(*) FROM second_words") == [(1,)]


def test_it_is_there_after_a_restart() -> None:
    with a_store(checked(), clock=Clock(T0 + 5)) as store:
        store.append([a_sample(T0, 80.0)])
        store.append_second([a_sample(T0, 60.0)])
        again = open_store(str(store.engine.url), Clock(T0 + 6))
        assert again.disagreements_now(T0 + 6) == store.disagreements(T0 + 6) != []
        again.close()


def test_strangers_are_left_out() -> None:
    with a_store(checked(), clock=Clock(T0)) as store:
        store.append_second([a_sample(T0, 60.0, pool="stranger")])
        assert raw(store, "SELECT * FROM second_words") == []


@pytest.mark.parametrize(("second", "found"), [(43.0, []), (20.0, ["disagreement"])])
def test_what_is_apart_for_hours_is_suspect(second: float, found: list[str]) -> None:
    clock = Clock(T0)
    with a_store(checked(), clock=clock) as store:
        start = T0 // 3600 * 3600 - 12 * 3600
        times = range(start, start + 8 * 3600, 600)
        used = [40.0 + at % 1800 / 900 for at in times]
        store.append([a_sample(at, 80.0, one, max_age=1800) for at, one in zip(times, used, strict=True)])
        store.append_second([a_sample(at + 5, None, second, max_age=1800) for at in times])
        roll(store, ZONE)
        look_over(store, ZONE)
        assert [one.check for one in store.findings] == found
        if found:
            (finding,) = store.findings
            assert (finding.since, finding.until) == (start, start + 8 * 3600)
            assert "used: 40" in finding.reason
            assert "and 20 by the second" in finding.reason
            assert [one.quality for one in store.states(start + 8 * 3600)] == ["suspect"]


def test_its_pools_are_told_apart_in_its_own_way() -> None:
    match = {"label": "model", "value": "NVIDIA A100"}
    site = checked(matches={"p": match}, interval="30s")
    polled = polled_cross_check(site, PollDefaults(), load_accelerators())
    assert polled is not None
    assert (polled.source.url, polled.interval, polled.max_age) == ("https://metrics.example", 30, 90)
    assert [pool.match.model_dump() for pool in polled.pools if pool.match] == [match]
    assert polled_cross_check(a_site("s", source=SOURCE), PollDefaults(), load_accelerators()) is None


def test_it_can_be_registered_changed_and_taken_back() -> None:
    with a_store(checked()) as store:
        assert [item.site.cross_check for item in store.registry] == [checked().cross_check]
        changes = register(store, checked(interval="30s"))
        assert [change[:26] for change in changes] == ['~ site s: cross_check: {"k']
        assert register(store, a_site("s", a_pool("p", built(100.0)), source=SOURCE))[0].endswith("-> None")
        assert [item.site.cross_check for item in store.registry] == [None]


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"source": None}, "needs a source"),
        ({"cross_check": SECOND | {"matches": {"q": {"label": "a", "value": "b"}}}}, "names q"),
    ],
)
def test_what_cannot_be_checked_is_refused(more: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        a_site("s", **({"source": SOURCE, "cross_check": SECOND} | more))


figures = st.none() | st.floats(0, 1e6)


@given(st.lists(figures, min_size=3, max_size=3), st.lists(figures, min_size=3, max_size=3))
def test_the_figure(first: list[float | None], second: list[float | None]) -> None:
    one, other = (a_sample(T0, told[0], told[1], busy_pflops=told[2]) for told in (first, second))
    found = {each.rung: each for each in disagreements(one, other)}
    both = [place for place in range(3) if first[place] is not None and second[place] is not None]
    assert list(found) == [("online", "used", "busy")[place] for place in both]
    for each in found.values():
        assert each.pflops == each.second_pflops - each.source_pflops
        assert each.ratio is None or 0 <= each.ratio <= 1
        assert (each.ratio is None) == (each.source_pflops == each.second_pflops == 0)


def test_the_ratio_is_of_the_larger_one() -> None:
    assert [Disagreement("s", "p", "used", *pair).ratio for pair in ((40.0, 50.0), (50.0, 40.0), (0.0, 9.0))] == [
        0.2,
        0.2,
        1.0,
    ]
