"""A pool through time, against what the facts and the ledger say of every single second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from suanli.model.capacity import Stage
from suanli.registry.ledger import LedgerEntry
from suanli.registry.timeline import FOR_EVER, PoolFacts, SiteFacts, Span, Stop, Timeline, maintained, timeline_of

END = 40
SECONDS = [*range(-2, END + 3), FOR_EVER - 1]
STAGES: tuple[Stage, ...] = ("planned", "built", "retired")
Facts = TypeVar("Facts", SiteFacts, PoolFacts)
OfSites = dict[str, Sequence[SiteFacts]]


@st.composite
def pieces(draw: st.DrawFn, most: int = 4) -> list[tuple[int, int]]:
    """Stretches that do not overlap, with gaps or without; the last may have no end."""
    ends = sorted(draw(st.lists(st.integers(0, END), unique=True, max_size=2 * most)))
    ends += [FOR_EVER] if len(ends) % 2 else []
    apart = list(zip(ends[::2], ends[1::2], strict=True))
    joined = list(pairwise(ends))[:most]
    return draw(st.sampled_from([apart, joined]))


names = st.sampled_from(["x", "y", "z"])


@st.composite
def site_facts(draw: st.DrawFn) -> Sequence[SiteFacts]:
    status = st.sampled_from(["operational", "operational", "building", "retired"])
    return [SiteFacts(lo, hi, draw(names), draw(names), draw(names), draw(status)) for lo, hi in draw(pieces())]


@st.composite
def places(draw: st.DrawFn) -> list[PoolFacts]:
    found = [
        PoolFacts(lo, hi, draw(st.sampled_from(["s", "t", "nowhere"])), draw(names), draw(names), draw(st.just("fp16")))
        for lo, hi in draw(pieces())
    ]
    return draw(st.permutations(found))


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerEntry]:
    amount = st.none() | st.sampled_from([0.0, 1.0, 2.5])
    found = [
        LedgerEntry(stage, lo, None if hi == FOR_EVER else hi, None, draw(amount), "fp16", "x", "new")
        for stage in STAGES
        for lo, hi in draw(pieces(3))
    ]
    return draw(st.permutations(found))


sites = st.fixed_dictionaries({"s": site_facts(), "t": site_facts(), "u": site_facts()})


@st.composite
def a_stop(draw: st.DrawFn) -> Stop:
    start = draw(st.integers(0, END))
    site = draw(st.sampled_from([None, None, "s", "t"]))
    return Stop(start, start + draw(st.sampled_from([1, 5, 10, END])), draw(st.booleans()), site)


stops = st.lists(a_stop(), max_size=5)


def true_at(facts: Iterable[Facts], at: int) -> Facts | None:
    return next((one for one in facts if one.lo <= at < one.hi), None)


def amount(ledger: Iterable[LedgerEntry], stage: Stage, at: int) -> float | None:
    told = [one for one in ledger if one.stage == stage and one.valid_from <= at]
    return next((one.pflops for one in told if one.valid_until is None or at < one.valid_until), None)


def said(
    facts: Sequence[PoolFacts], of_sites: OfSites, ledger: Sequence[LedgerEntry], at: int
) -> tuple[Any, ...] | None:
    """Everything that is true of the pool at this second; None while it belongs to no site that is there."""
    place = true_at(facts, at)
    site = true_at(of_sites.get(place.site, []), at) if place else None
    if place is None or site is None:
        return None
    of_pool = (place.site, place.pool, place.model, place.basis)
    return *of_pool, site.province, site.operator, site.status, *(amount(ledger, one, at) for one in STAGES[:2])


def told(span: Span | None) -> tuple[Any, ...] | None:
    if span is None:
        return None
    of_pool = (span.site, span.pool, span.model, span.basis)
    return *of_pool, span.province, span.operator, span.status, span.planned, span.built


@given(places(), sites, ledgers())
def test_every_second_is_as_facts_and_ledger_say(
    facts: list[PoolFacts], of_sites: OfSites, ledger: list[LedgerEntry]
) -> None:
    found = timeline_of(7, facts, of_sites, ledger)
    assert found.key == 7
    assert [told(found.at(at)) for at in SECONDS] == [said(facts, of_sites, ledger, at) for at in SECONDS]


@given(places(), sites, ledgers())
def test_spans_are_in_order_and_never_overlap(
    facts: list[PoolFacts], of_sites: OfSites, ledger: list[LedgerEntry]
) -> None:
    spans = timeline_of(7, facts, of_sites, ledger).spans
    assert all(span.lo < span.hi for span in spans)
    assert all(one.hi <= following.lo for one, following in pairwise(spans))
    assert all(not span.excluded and span.held_at is None for span in spans)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    return timeline_of(7, draw(places()), draw(sites), draw(ledgers()))


@given(timelines(), st.integers(-5, END + 5), st.integers(-5, END + 5))
def test_within_are_the_spans_cut_to_the_stretch(timeline: Timeline, lo: int, hi: int) -> None:
    parts = list(timeline.within(lo, hi))
    assert all(lo <= part.lo < part.hi <= hi for part in parts)
    cut = Timeline(7, tuple(parts))
    for at in SECONDS:
        assert told(cut.at(at)) == (told(timeline.at(at)) if lo <= at < hi else None)
    whole = {(span.lo, span.hi) for span in timeline.spans if lo <= span.lo and span.hi <= hi}
    assert whole <= {(part.lo, part.hi) for part in parts}, "a span that lies within stays as it is"


def over(timeline: Timeline, some: list[Stop], at: int) -> list[Stop]:
    span = timeline.at(at)
    here = (None, span.site) if span else (None,)
    return [stop for stop in some if stop.lo <= at < stop.hi and stop.site in here]


def whose_figures(timeline: Timeline, some: list[Stop], at: int) -> int:
    """The second whose figures the pool has at `at`: those it had before a stop that holds, whatever they were."""
    starts = [stop.lo for stop in over(timeline, some, at) if stop.hold]
    return whose_figures(timeline, some, max(starts) - 1) if starts else at


@given(timelines(), stops)
def test_maintenance_of_every_second(timeline: Timeline, some: list[Stop]) -> None:
    found = maintained(timeline, some)
    assert all(one.hi <= following.lo and one.lo < one.hi for one, following in pairwise(found.spans))
    for at in SECONDS:
        before, after = timeline.at(at), found.at(at)
        assert told(after) == told(before)
        if after is None:
            continue
        assert after.excluded == any(not stop.hold for stop in over(timeline, some, at))
        if not after.excluded:
            assert (at if after.held_at is None else after.held_at) == whose_figures(timeline, some, at)
        assert after.operational == (after.status == "operational" and (after.built or 0) > 0)
        assert after.expected == (after.operational and not after.excluded)


@given(timelines(), stops)
def test_stops_may_come_in_any_order(timeline: Timeline, some: list[Stop]) -> None:
    forth, back = maintained(timeline, some), maintained(timeline, some[::-1])
    for at in SECONDS:
        one, other = forth.at(at), back.at(at)
        assert one == other or (one and other and replace(one, lo=0, hi=1) == replace(other, lo=0, hi=1))


def a_site(lo: int = 0, hi: int = FOR_EVER, *, province: str = "安徽", status: str = "operational") -> SiteFacts:
    return SiteFacts(lo, hi, "name", province, "op", status)


def a_place(site: str, lo: int = 0, hi: int = FOR_EVER, pool: str = "p") -> PoolFacts:
    return PoolFacts(lo, hi, site, pool, "m", "fp16")


def built(pflops: float | None, lo: int, hi: int | None = None) -> LedgerEntry:
    return LedgerEntry("built", lo, hi, None, pflops, "fp16", "x", "new")


def cuts(timeline: Timeline) -> list[tuple[int, int]]:
    return [(span.lo, span.hi) for span in timeline.spans]


def test_a_pool_that_moves_takes_its_capacity_along_and_the_other_sites_facts_on() -> None:
    of_sites: OfSites = {"s": [a_site()], "t": [a_site(province="江苏", status="building")]}
    found = timeline_of(1, [a_place("s", 0, 100), a_place("t", 100)], of_sites, [built(5.0, 10)])
    assert cuts(found) == [(0, 10), (10, 100), (100, FOR_EVER)]
    assert [(span.site, span.province, span.built) for span in found.spans] == [
        ("s", "安徽", None),
        ("s", "安徽", 5.0),
        ("t", "江苏", 5.0),
    ]
    assert [span.expected for span in found.spans] == [False, True, False]


def test_a_pool_that_moves_to_a_site_that_is_not_there_yet_belongs_nowhere_until_it_is() -> None:
    of_sites: OfSites = {"s": [a_site()], "t": [a_site(150)]}
    found = timeline_of(1, [a_place("s", 0, 100), a_place("t", 100)], of_sites, [])
    assert cuts(found) == [(0, 100), (150, FOR_EVER)]
    assert [found.at(at) is None for at in (99, 100, 149, 150)] == [False, True, True, False]


def test_a_pool_that_moves_away_and_comes_back_under_another_name() -> None:
    facts = [a_place("s", 20, pool="q"), a_place("s", 0, 10), a_place("t", 10, 20)]
    found = timeline_of(1, facts, {"s": [a_site()], "t": [a_site()]}, [])
    assert [(span.lo, span.site, span.pool) for span in found.spans] == [(0, "s", "p"), (10, "t", "p"), (20, "s", "q")]


def test_a_site_that_is_renamed_and_retired_cuts_its_pools_there() -> None:
    facts = [a_site(0, 50), a_site(50, 80, province="江苏"), a_site(80, status="retired")]
    found = timeline_of(1, [a_place("s")], {"s": facts}, [built(5.0, 0)])
    assert cuts(found) == [(0, 50), (50, 80), (80, FOR_EVER)]
    assert [(span.province, span.status) for span in found.spans] == [
        ("安徽", "operational"),
        ("江苏", "operational"),
        ("安徽", "retired"),
    ]


def test_capacity_before_the_first_fact_and_after_the_last_is_nobodys() -> None:
    found = timeline_of(1, [a_place("s", 10, 20)], {"s": [a_site(12, 18)]}, [built(5.0, 0, 15), built(None, 15)])
    assert [(span.lo, span.hi, span.built) for span in found.spans] == [(12, 15, 5.0), (15, 18, None)]


def test_a_pool_of_no_site_has_no_spans() -> None:
    assert timeline_of(1, [a_place("s")], {}, [built(5.0, 0)]).spans == ()
    assert timeline_of(1, [], {"s": [a_site()]}, [built(5.0, 0)]).spans == ()


def always() -> Timeline:
    return timeline_of(1, [a_place("s")], {"s": [a_site()]}, [built(5.0, 0)])


def held(timeline: Timeline, *seconds: int) -> list[int | None]:
    return [span.held_at for at in seconds if (span := timeline.at(at)) is not None]


def test_holds_that_touch_lead_back_to_the_second_before_the_first() -> None:
    found = maintained(always(), [Stop(20, 30, hold=True), Stop(10, 20, hold=True), Stop(31, 40, hold=True)])
    assert held(found, 9, 10, 19, 20, 29, 30, 31, 39, 40) == [None, 9, 9, 9, 9, None, 30, 30, None]


def test_a_stop_of_a_site_concerns_a_pool_only_while_it_belongs_there() -> None:
    timeline = timeline_of(1, [a_place("s", 0, 50), a_place("t", 50)], {"s": [a_site()], "t": [a_site()]}, [])
    found = maintained(timeline, [Stop(40, 60, hold=False, site="s"), Stop(45, 70, hold=True, site="t")])
    assert [span.excluded for at in (39, 40, 49, 50, 69) if (span := found.at(at))] == [False, True, True, False, False]
    assert held(found, 39, 50, 69, 70) == [None, 44, 44, None]


def test_leaving_out_goes_before_holding_and_a_hold_within_a_hold_is_the_first_one() -> None:
    found = maintained(always(), [Stop(30, 60, hold=True), Stop(10, 40, hold=True), Stop(35, 45, hold=False)])
    told_of = [(span.lo, span.hi, span.excluded, None if span.excluded else span.held_at) for span in found.spans]
    assert told_of == [
        (0, 10, False, None),
        (10, 30, False, 9),
        (30, 35, False, 9),
        (35, 40, True, None),
        (40, 45, True, None),
        (45, 60, False, 9),
        (60, FOR_EVER, False, None),
    ]
