"""Hours and days that go to sinks: each once when it is over, again when it changed, and silent pools with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from math import fsum
from typing import Any

import pytest

from suanli.store.points import RollupPoint
from suanli.store.rollup import GRACE, roll
from suanli.store.rollup_points import Rollups, subscribe
from suanli.store.sent import send_hours
from suanli.store.sql import Store
from tests.suanli.making import ZONE, Clock, a_pool, a_sample, a_site, a_store, built, register

pytestmark = pytest.mark.usefixtures("both_databases")

HOUR, DAY = 3600, 86_400
MIDNIGHT = 1_795_449_600  # 2026-11-24 in Shanghai
BEFORE = date(2026, 1, 1)


@pytest.fixture
def clock() -> Clock:
    return Clock(MIDNIGHT + HOUR)


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    sites = a_site("a", a_pool("p", built(100.0))), a_site("b", a_pool("p", built(50.0), basis="fp64"))
    with a_store(*sites, clock=clock) as made:
        yield made


def hour_of(store: Store, at: int, online: float, used: float | None, site: str = "a") -> None:
    """Words of a whole hour, each of ten minutes."""
    steps = range(at, at + HOUR, 600)
    store.append([a_sample(step, online, used, site=site, max_age=599) for step in steps])


def sent(store: Store, sink: str = "one") -> dict[tuple[str, int, str], dict[str, float]]:
    """All that waits for the sink, as a database would hold it; the cursor moves."""
    feed, kept = Rollups(store, ZONE), dict[tuple[str, int, str], dict[str, float]]()
    while (batch := feed.after(feed.cursor(sink), 5000)).more:
        for point in batch.points:
            assert isinstance(point, RollupPoint)
            kept.setdefault((point.width, point.at, point.site), {}).update(point.fields)
        feed.advance(sink, batch.last)
    return kept


def test_an_hour_goes_when_it_is_over_with_whoever_was_silent(store: Store, clock: Clock) -> None:
    subscribe(store, ["one"])
    hour_of(store, MIDNIGHT, 80.0, 40.0)
    clock.at = MIDNIGHT + HOUR + GRACE - 1
    roll(store, ZONE)
    assert sent(store) == {}, "what comes late may still come"
    clock.at += 1
    roll(store, ZONE)
    found = sent(store)
    assert set(found) == {("hour", MIDNIGHT, "a"), ("hour", MIDNIGHT, "b")}
    heard, silent = found["hour", MIDNIGHT, "a"], found["hour", MIDNIGHT, "b"]
    assert heard == {
        "built_pflops": 100.0,
        "built_pflops_hours": 100.0,
        "busy_hours": 0.0,
        "busy_pflops_hours": 0.0,
        "busy_used_pflops_hours": 0.0,
        "heard_hours": 1.0,
        "heard_pflops_hours": 100.0,
        "hours": 1.0,
        "online_pflops": 80.0,
        "online_pflops_hours": 80.0,
        "told_hours": 1.0,
        "told_online_pflops_hours": 80.0,
        "used_pflops": 40.0,
        "used_pflops_hours": 40.0,
    }
    assert silent["built_pflops_hours"] == 50.0, "it stays in the denominator"
    assert (silent["heard_hours"], silent["heard_pflops_hours"], silent.get("online_pflops")) == (0.0, 0.0, None)
    assert sent(store) == {}, "once"


def test_hours_in_which_nobody_said_anything_go_too_and_a_day_is_the_sum_of_its_hours(
    store: Store, clock: Clock
) -> None:
    subscribe(store, ["one"])
    for hour in (0, 1, 5):
        hour_of(store, MIDNIGHT + hour * HOUR, 80.0 + hour, 40.0)
    clock.at = MIDNIGHT + DAY + GRACE
    roll(store, ZONE)
    found = sent(store)
    mine = [key for key in found if key[2] == "a" and key[0] == "hour"]
    assert [at for _, at, _ in sorted(mine)] == [MIDNIGHT + hour * HOUR for hour in range(24)]
    day = found["day", MIDNIGHT, "a"]
    for name in ("built_pflops_hours", "online_pflops_hours", "used_pflops_hours", "heard_hours", "hours"):
        assert day[name] == pytest.approx(fsum(found[key][name] for key in mine), rel=1e-12), name
    assert day["online_pflops"] == pytest.approx((80.0 + 81.0 + 85.0) / 24)


def test_what_comes_late_sends_its_hour_and_day_again_and_no_other(store: Store, clock: Clock) -> None:
    subscribe(store, ["one"])
    hour_of(store, MIDNIGHT, 80.0, 40.0)
    clock.at = MIDNIGHT + DAY + GRACE
    roll(store, ZONE)
    sent(store)
    hour_of(store, MIDNIGHT + 3 * HOUR, 60.0, 30.0)
    roll(store, ZONE)
    again = sent(store)
    touched = ("hour", MIDNIGHT + 4 * HOUR, "a")  # the last word might have reached into it
    assert set(again) - {touched} == {("hour", MIDNIGHT + 3 * HOUR, "a"), ("day", MIDNIGHT, "a")}
    assert again["hour", MIDNIGHT + 3 * HOUR, "a"]["online_pflops_hours"] == 60.0
    assert again["day", MIDNIGHT, "a"]["online_pflops_hours"] == 140.0


def test_a_correction_of_the_ledger_sends_what_it_changes(store: Store, clock: Clock) -> None:
    subscribe(store, ["one"])
    hour_of(store, MIDNIGHT, 80.0, 40.0)
    hour_of(store, MIDNIGHT + HOUR, 80.0, 40.0)
    clock.at = MIDNIGHT + 2 * HOUR + GRACE
    roll(store, ZONE)
    sent(store)
    register(store, a_site("a", a_pool("p", built(120.0, reason="correction"))), now=int(clock.at))
    again = sent(store)
    assert {key: fields["built_pflops_hours"] for key, fields in again.items()} == {
        ("hour", MIDNIGHT, "a"): 120.0,
        ("hour", MIDNIGHT + HOUR, "a"): 120.0,
    }


def test_a_new_sink_gets_everything_and_one_without_sinks_keeps_nothing(store: Store, clock: Clock) -> None:
    subscribe(store, ["one"])
    for hour in range(3):
        hour_of(store, MIDNIGHT + hour * HOUR, 80.0, 40.0)
    clock.at = MIDNIGHT + 3 * HOUR + GRACE
    roll(store, ZONE)
    first = sent(store)
    subscribe(store, ["one", "two"])
    assert sent(store, "two") == first
    assert sent(store, "two") == {}
    assert sent(store) == first, "the same points once more"


def test_an_import_of_what_lies_before_the_record_sends_silent_pools_too(store: Store, clock: Clock) -> None:
    subscribe(store, ["one"])
    clock.at = MIDNIGHT + 2 * HOUR + GRACE
    roll(store, ZONE)
    sent(store)
    hour_of(store, MIDNIGHT - 9 * HOUR, 70.0, 30.0)
    roll(store, ZONE)
    assert {key for key in sent(store) if key[0] == "hour" and key[1] < MIDNIGHT - 8 * HOUR} == {
        ("hour", MIDNIGHT - 9 * HOUR, "a"),
        ("hour", MIDNIGHT - 9 * HOUR, "b"),
    }


def test_a_large_change_goes_by_whole_cells(clock: Clock) -> None:
    """A thousand pools do not make a row each for every hour."""
    sites: Any = [a_site(f"s{number}", a_pool("p", built(10.0))) for number in range(20)]
    with a_store(*sites, clock=clock) as store:
        subscribe(store, ["one"])
        hour_of(store, MIDNIGHT, 8.0, 4.0, site="s0")
        clock.at = MIDNIGHT + HOUR + GRACE
        roll(store, ZONE)
        sent(store)
        register(
            store,
            *(a_site(f"s{number}", a_pool("p", built(12.0, reason="correction"))) for number in range(20)),
            now=int(clock.at),
        )
        batch = Rollups(store, ZONE).after(Rollups(store, ZONE).cursor("one"), 5000)
        assert len(batch.points) == 20
        assert len({point.seq for point in batch.points}) == 1


def test_samples_that_go_again_take_their_hour_the_one_before_and_the_day_along(store: Store, clock: Clock) -> None:
    subscribe(store, ["one"])
    for place in range(26):
        hour_of(store, MIDNIGHT + place * HOUR, 80.0, 40.0)
    clock.at = MIDNIGHT + 30 * HOUR
    roll(store, ZONE)
    sent(store)
    last = store.after(0, 1000).last
    assert send_hours(store, {(1, MIDNIGHT + 2 * HOUR)}) == 6
    assert [point.at for point in store.after(last, 1000).points] == [MIDNIGHT + 2 * HOUR + 600 * n for n in range(6)]
    assert {(width, at) for width, at, _ in sent(store)} == {
        ("hour", MIDNIGHT + HOUR),
        ("hour", MIDNIGHT + 2 * HOUR),
        ("day", MIDNIGHT),
    }
