"""Small worlds for the oracle and the product: a few sites and pools with all that can happen to them around an hour.

Every world could have been recorded by a product that refuses overlaps: rows are made by recording one after the other,
each superseding what it contradicts, so that at no record time two current rows of one owner overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from hypothesis import strategies as st

from tests.oracle.periods import Question
from tests.oracle.recorded import EntryEvent, PoolFacts, SampleEvent, SiteFacts, WindowEvent, World
from tests.oracle.words import samples

HOURS = (1_795_500_000, 1_795_449_600)
"""Full hours; the second is a midnight in Asia/Shanghai."""
LONG_AGO = 1_790_000_000
LONGEST = 1_500
"""Seconds that are asked for at most."""
VENDORS = {"A100 SXM4 80GB": "NVIDIA", "H800 PCIe 80GB": "NVIDIA", "Ascend 910B3": "Huawei"}
STATUSES = ("operational", "maintenance", "building", "planned", "retired")
CHANGES = (
    *(("status", status) for status in (*STATUSES, "operational", "operational")),
    ("operator", "Alpha"),
    ("operator", "Beta"),
    ("province", "安徽"),
    ("province", "江苏"),
    ("name", "Renamed"),
)
AMOUNTS = (8.0, 4.0, 10.0, 16.5, 100.0, 9.0, 0.1, 33.3, 0.0, None)

Lasting = TypeVar("Lasting", EntryEvent, PoolFacts, SiteFacts)
Facts = TypeVar("Facts", PoolFacts, SiteFacts)
What = TypeVar("What")


class Asked(NamedTuple):
    """A question about the seconds lo to hi - 1."""

    lo: int
    hi: int
    question: Question


class Change(NamedTuple, Generic[What]):
    """Recorded at `at`: from `start` until `end` (None: for good), something is so."""

    at: int
    start: int
    end: int | None
    what: What


@st.composite
def worlds(draw: st.DrawFn) -> World:
    hour = draw(st.sampled_from(HOURS))
    world = World()
    for place in range(draw(st.integers(1, 3))):
        world.sites += draw(_site(hour, f"s{place}"))
    for place in range(draw(st.integers(1, 3))):
        pool = f"p{place}"
        world.pools += draw(_pool(hour, pool, f"a{place}", world.sites))
        world.entries += draw(_entries(hour, pool, "built")) + draw(_entries(hour, pool, "planned"))
        world.samples += draw(samples(hour, pool))
    for _ in range(draw(st.integers(0, 3))):
        world.windows.append(draw(_window(hour, world.pools)))
    return world


@st.composite
def asked(draw: st.DrawFn, world: World) -> Asked:
    """Ends and as_of lie on, beside or between the moments at which something changes."""
    marks = _marks(world)
    told = sorted({row.source_at for row in world.samples}) or marks
    edges = [edge for window in world.windows for stretch in window.stretches for edge in stretch] or told
    near_one = st.sampled_from(told) | st.sampled_from(edges) | st.sampled_from(marks)
    lo = draw(near_one) + draw(st.sampled_from((0, -1, 1, -60, -300)))
    near = [mark for mark in marks if lo < mark <= lo + LONGEST] or [lo + 1]
    hi = draw(st.one_of(st.sampled_from(near), st.integers(lo + 1, lo + 600), st.integers(lo + 600, lo + LONGEST)))
    moments = _recordings(world)
    since = [moment for moment in moments if moment > lo] or moments
    question = Question(
        as_of=draw(st.none() | st.builds(int.__add__, st.sampled_from(since), st.integers(-1, 1))),
        view=draw(st.sampled_from(("policy", "include", "policy"))),
        basis=draw(st.sampled_from(sorted({facts.basis for facts in world.pools}))),
        group=draw(st.sampled_from(("fleet", "site", "pool", "province", "operator", "model", "vendor"))),
        vendors=VENDORS,
    )
    return Asked(lo, hi, question)


def record(rows: Sequence[Lasting], new: Lasting, *, nothing: bool = False) -> list[Lasting]:
    """The rows once `new` is recorded (nothing: once it is recorded that nothing holds there).

    A current row that overlaps it is superseded, and what is left of it before and after is recorded again.
    """
    result: list[Lasting] = []
    for row in rows:
        if row.superseded_at is None and _overlap(row, new):
            result.append(row._replace(superseded_at=new.recorded_at))
            result.extend(_left(row, new))
        else:
            result.append(row)
    if not nothing:
        result.append(new)
    return result


def _overlap(one: Lasting, other: Lasting) -> bool:
    return (other.valid_until is None or one.valid_from < other.valid_until) and (
        one.valid_until is None or other.valid_from < one.valid_until
    )


def _left(row: Lasting, new: Lasting) -> list[Lasting]:
    again = row._replace(recorded_at=new.recorded_at)
    left = []
    if row.valid_from < new.valid_from:
        left.append(again._replace(valid_until=new.valid_from))
    if new.valid_until is not None and (row.valid_until is None or new.valid_until < row.valid_until):
        left.append(again._replace(valid_from=new.valid_until))
    return left


def _moments(hour: int) -> st.SearchStrategy[int]:
    """Mostly some hundred seconds around the hour, a few around the next one."""
    return st.integers(-300, 699).map(lambda place: hour + (place if place < 600 else 3300 + 6 * (place - 600)))


def _changes(hour: int, what: Sequence[What], most: int = 3) -> st.SearchStrategy[list[Change[What]]]:
    """In the order of their recording, no two at one second."""
    length = st.none() | st.integers(1, 900)
    one = st.builds(_change, _moments(hour), _moments(hour), length, st.sampled_from(what))
    return st.lists(one, max_size=most, unique_by=lambda change: change.at).map(
        lambda changes: sorted(changes, key=lambda change: change.at)
    )


def _change(at: int, start: int, length: int | None, what: What) -> Change[What]:
    return Change(at, start, None if length is None else start + length, what)


def _changed(facts: Facts, change: Change[tuple[str, str]]) -> Facts:
    name, value = change.what
    changed: dict[str, Any] = {name: value}
    return facts._replace(
        **changed, valid_from=change.start, valid_until=change.end, recorded_at=change.at, superseded_at=None
    )


def _beginnings(hour: int) -> st.SearchStrategy[int]:
    """Mostly long ago."""
    return st.integers(0, 999).map(lambda place: LONG_AGO if place < 800 else hour - 300 + 3 * (place - 800))


@st.composite
def _site(draw: st.DrawFn, hour: int, site: str) -> list[SiteFacts]:
    since, recorded_at = draw(_beginnings(hour)), draw(_beginnings(hour))
    province, operator = draw(st.sampled_from(("安徽", "江苏"))), draw(st.sampled_from(("Alpha", "Beta")))
    latest = SiteFacts(site, site, province, operator, "operational", since, None, recorded_at, None)
    rows = [latest]
    for change in draw(_changes(hour, CHANGES)):
        if change.at > recorded_at and change.start >= since:
            latest = _changed(latest, change)
            rows = record(rows, latest)
    return rows


@st.composite
def _pool(draw: st.DrawFn, hour: int, pool: str, id_: str, sites: Sequence[SiteFacts]) -> list[PoolFacts]:
    """A pool is registered, and moves to a site, only when and from when that site is registered."""
    first = {facts.site: facts for facts in reversed(sites)}
    home = first[draw(st.sampled_from(sorted(first)))]
    model, basis = draw(st.sampled_from(sorted(VENDORS))), draw(st.sampled_from(("fp16", "fp16", "fp32")))
    latest = PoolFacts(pool, home.site, id_, model, basis, home.valid_from, None, home.recorded_at, None)
    rows = [latest]
    for change in draw(_changes(hour, [("id", f"b{id_}"), *(("site", site) for site in sorted(first))])):
        moved = _changed(latest, change)
        there = first[moved.site]
        if change.at > max(home.recorded_at, there.recorded_at) and change.start >= max(home[5], there.valid_from):
            latest = moved
            rows = record(rows, latest)
    return rows


@st.composite
def _entries(draw: st.DrawFn, hour: int, pool: str, stage: str) -> list[EntryEvent]:
    """-1.0 stands for: no entry there."""
    since, recorded_at = draw(_beginnings(hour)), draw(_beginnings(hour))
    rows = [EntryEvent(pool, stage, since, None, draw(st.sampled_from(AMOUNTS)), recorded_at, None)]
    for change in draw(_changes(hour, (*AMOUNTS, -1.0), 3 if stage == "built" else 1)):
        if change.at > recorded_at:
            new = EntryEvent(pool, stage, change.start, change.end, change.what, change.at, None)
            rows = record(rows, new, nothing=change.what == -1.0)
    return rows


@st.composite
def _window(draw: st.DrawFn, hour: int, pools: Sequence[PoolFacts]) -> WindowEvent:
    """As a rule would repeat it: stretches of one length, whole minutes apart."""
    pool = draw(st.sampled_from(pools))
    start, length = hour + draw(st.integers(-600, 600)), draw(st.sampled_from((120, 60, 300, 601, 7, 61)))
    every = 60 * draw(st.integers(-(-length // 60), 15))
    times = draw(st.integers(1, 3))
    recorded_at = draw(_beginnings(hour))
    wait = draw(st.sampled_from((0, 0, 0, 400, None)))
    return WindowEvent(
        site=pool.site,
        pool=draw(st.sampled_from((None, pool.pool))),
        stretches=tuple((first, first + length) for first in range(start, start + times * every, every)),
        policy=draw(st.sampled_from(("exclude", "hold", "exclude", "hold", "include"))),
        recorded_at=recorded_at,
        approved_at=None if wait is None else recorded_at + wait,
    )


def _marks(world: World) -> list[int]:
    """The moments at which something may change, and the full hours after them."""
    marks = {moment for row in world.samples for moment in (row.source_at, row.source_at + row.max_age + 1)}
    marks |= {edge for window in world.windows for stretch in window.stretches for edge in stretch}
    lasting: list[EntryEvent | PoolFacts | SiteFacts] = [*world.entries, *world.pools, *world.sites]
    ends = {moment for row in lasting for moment in (row.valid_from, row.valid_until)}
    marks |= {moment for moment in ends if moment is not None and moment > LONG_AGO}
    return sorted(marks | {-(-moment // 3600) * 3600 for moment in marks}) or [HOURS[0]]


def _recordings(world: World) -> list[int]:
    rows: list[SampleEvent | EntryEvent | PoolFacts | SiteFacts] = [*world.samples, *world.entries]
    rows += [*world.pools, *world.sites]
    moments = {moment for row in rows for moment in (row.recorded_at, row.superseded_at)}
    moments |= {moment for window in world.windows for moment in (window.recorded_at, window.approved_at)}
    return sorted(moment for moment in moments if moment is not None)
