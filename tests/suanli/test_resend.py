"""A point that the registry changes goes out again: each one, and no other."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.registry.timeline import FOR_EVER, Span, Timeline
from suanli.store.plan import moved
from suanli.store.resend import differing
from suanli.store.sql import Store
from tests.suanli.making import Clock, a_pool, a_sample, a_site, a_store, built, local, open_store, register, utc
from tests.suanli.storing import raw

pytestmark = pytest.mark.usefixtures("both_databases")

DAYS = [date(2026, 11, day) for day in range(1, 25)]
LATER = utc(2026, 11, 24)


def sent(store: Store, behind: int) -> list[tuple[int, str, float | None]]:
    return [(point.at, point.site, point.values[0]) for point in store.after(behind, 1000).points]


def last(store: Store) -> int:
    return int(raw(store, "SELECT MAX(seq) FROM outbox")[0][0])


def test_a_late_entry_sends_again_what_it_reaches_with_what_was_built_then() -> None:
    with a_store(a_site("s"), a_site("other"), clock=Clock(LATER)) as store:
        store.append(
            [
                a_sample(local(day) + hour, 5.0, site=site)
                for site in ("s", "other")
                for day in DAYS
                for hour in (0, 3600)
            ]
        )
        before = last(store)
        assert sent(store, before) == []
        entries = [
            built(100.0, until=date(2026, 11, 10)),
            built(120.0, date(2026, 11, 10), until=date(2026, 11, 12), reason="correction"),
            built(100.0, date(2026, 11, 12)),
        ]
        register(store, a_site("s", a_pool("p", *entries)), now=LATER)
        tenth = local(date(2026, 11, 10))
        assert sent(store, before) == [(tenth + hour, "s", 120.0) for hour in (0, 3600, 86_400, 90_000)]
        assert raw(store, "SELECT value FROM counters WHERE name = 'sample_seq'") == [(before + 4,)]


def test_it_is_the_source_s_time_that_counts() -> None:
    with a_store(a_site("s"), clock=Clock(LATER)) as store:
        start = local(date(2026, 11, 10))
        store.append([a_sample(start - 60, 5.0, source_at=start), a_sample(start, 6.0, source_at=start - 1)])
        before = last(store)
        entries = [built(100.0, until=date(2026, 11, 10)), built(90.0, date(2026, 11, 10), reason="retirement")]
        register(store, a_site("s", a_pool("p", *entries)), now=LATER)
        assert sent(store, before) == [(start - 60, "s", 90.0)]


def test_what_changes_no_point_sends_nothing() -> None:
    with a_store(a_site("s"), clock=Clock(LATER)) as store:
        store.append([a_sample(local(day), 5.0) for day in DAYS])
        before = last(store)
        planned = {"from": date(2026, 1, 1), "stage": "planned", "source": "x", "pflops": 9.0}
        register(store, a_site("s", a_pool("p", built(100.0), planned), name="another name"), now=LATER)
        register(store, a_site("s", a_pool("p", built(100.0), planned), province="江苏"), now=LATER)
        assert sent(store, before) == []


def test_a_move_that_lies_back_sends_nothing_as_the_old_point_would_count_too() -> None:
    with a_store(a_site("s"), a_site("t", a_pool("q", built(5.0))), clock=Clock(LATER)) as store:
        store.append([a_sample(local(day), 5.0) for day in DAYS])
        before = last(store)
        store.apply([moved("s", "p", "t", "p", local(DAYS[3]))], LATER)
        assert sent(store, before) == []


def test_a_site_that_began_earlier_gets_the_points_that_it_had_not() -> None:
    with a_store(a_site("s", a_pool("p", built(100.0, DAYS[5])), since=DAYS[5]), clock=Clock(LATER)) as store:
        store.append([a_sample(local(day), 5.0) for day in DAYS])
        assert [at for at, _, _ in sent(store, 0)] == [local(day) for day in DAYS[5:]]
        before = last(store)
        register(store, a_site("s", a_pool("p", built(100.0, DAYS[5])), since=DAYS[3]), now=LATER)
        assert sent(store, before) == [(local(day), "s", None) for day in DAYS[3:5]]


edges = st.lists(st.integers(0, 30), min_size=2, max_size=6, unique=True).map(sorted)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Spans that may leave gaps; what is built changes, now and then the operator too."""
    spans = []
    for lo, hi in pairwise(draw(edges)):
        amount, operator = draw(st.sampled_from([None, 1.0, 2.0])), draw(st.sampled_from(["x", "y"]))
        if draw(st.booleans()):
            spans.append(Span(lo, hi, "s", "p", "m", "fp16", "江苏", operator, "operational", None, amount))
    return Timeline(1, tuple(spans))


@given(timelines(), timelines())
def test_the_stretches_are_the_seconds_of_which_a_point_has_another_figure(before: Timeline, after: Timeline) -> None:
    def other(second: int) -> bool:
        (had, has) = ([one for one in line.spans if one.lo <= second < one.hi] for line in (before, after))
        if had and has:
            return had[0].operator == has[0].operator and had[0].built != has[0].built
        return bool(has)

    stretches = list(differing(before, after))
    assert [second for lo, hi in stretches for second in range(lo, hi)] == list(filter(other, range(31)))
    assert all(hi < lo for (_, hi), (lo, _) in pairwise(stretches))


def test_an_open_end_has_no_end() -> None:
    now = Timeline(1, (Span(0, FOR_EVER, "s", "p", "m", "fp16", "x", "x", "operational", None, 1.0),))
    assert list(differing(Timeline(1, ()), now)) == [(0, FOR_EVER)]


def test_what_another_process_corrects_goes_out_corrected_before_the_registry_is_read_again() -> None:
    """Else the old figure would go out once more, and the cursor pass it for good."""
    with a_store(a_site("s"), clock=Clock(LATER)) as store:
        store.append([a_sample(local(day), 5.0) for day in DAYS[:3]])
        before = last(store)
        with closing(open_store(str(store.engine.url), Clock(LATER))) as other:
            register(other, a_site("s", a_pool("p", built(90.0, reason="correction"))), now=LATER)
        assert store.changed_elsewhere()
        assert sent(store, before) == [(local(day), "s", 90.0) for day in DAYS[:3]]
