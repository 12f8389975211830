"""Every figure over a period, against an oracle that looks at each second by itself and shares no code."""

from __future__ import annotations

import os
import tempfile
from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suanli.model.calendar import Every, cuts
from suanli.model.rates import Terms, rates_from
from suanli.store.levels import Period
from suanli.store.maintenance import under_maintenance
from suanli.store.means import Means, means
from suanli.store.periods import Sums, sums
from suanli.store.registry import read_record
from suanli.store.rollup import roll
from suanli.store.sql import Store
from tests.oracle import periods as oracle
from tests.oracle.recorded import World
from tests.oracle.worlds import VENDORS, Asked, asked, worlds
from tests.suanli.making import database, open_store
from tests.suanli.recording import Clock, put

EXAMPLES = int(os.environ.get("SUANLI_EXAMPLES", "300"))
"""`make test-long` has 5,000 of them."""
pytestmark = [pytest.mark.usefixtures("both_databases"), pytest.mark.timeout(max(600, 2 * EXAMPLES))]
ZONE = ZoneInfo("Asia/Shanghai")
LATER = 1_795_600_000
TERMS = ("planned", "built", "heard", "online", "used", "told_online", "busy", "busy_used", "excluded")
GROUPS = {
    "fleet": lambda _: ("fleet",),
    "site": lambda span: (span.site,),
    "pool": lambda span: (f"{span.site}/{span.pool}",),
    "province": lambda span: (span.province,),
    "operator": lambda span: (span.operator,),
    "model": lambda span: (span.model,),
    "vendor": lambda span: (VENDORS[span.model],),
}


def mean_rates(store: Store, question: Asked) -> dict[str, Means]:
    lo, hi, how = question
    with store.reading() as connection:
        timelines = list(read_record(connection, hi, how.as_of).timelines.values())
        if how.view == "policy":
            timelines = under_maintenance(connection, timelines, lo, hi, ZONE, how.as_of)
        period = Period([lo, hi], ZONE, how.basis, how.as_of)  # type: ignore[arg-type] # ours are literals
        return {name: one for (name,), one in means(connection, timelines, period, GROUPS[how.group]).items()}


def product(store: Store, lo: int, hi: int, question: oracle.Question, zone: ZoneInfo = ZONE) -> dict[str, Terms]:
    with store.reading() as connection:
        timelines = list(read_record(connection, hi, question.as_of).timelines.values())
        if question.view == "policy":
            timelines = under_maintenance(connection, timelines, lo, hi, zone, question.as_of)
        period = Period([lo, hi], zone, question.basis, question.as_of)  # type: ignore[arg-type] # ours are literals
        found = sums(connection, timelines, period, GROUPS[question.group])
    return {name: terms for (_, (name,)), terms in found.items()}


def assert_same(mine: Terms, truth: oracle.Terms) -> None:
    for name in TERMS:
        wanted = getattr(truth, name)
        assert abs(getattr(mine, name) - float(wanted or 0)) <= 1e-9 * max(1.0, float(wanted or 0)), name
    counts = (mine.expected_count, mine.heard_count, mine.told_count, mine.busy_count)
    assert counts == (truth.count_expected, truth.count_heard, truth.count_used, truth.count_busy)
    rates = rates_from(mine, 0, 0)
    for name, ratio in oracle.rates(truth).items():
        got = getattr(rates, name)
        assert (got is None) == (ratio is None), name
        assert ratio is None or abs(got - float(ratio)) <= 1e-9 * max(1.0, float(ratio)), name


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_period_equals_the_oracle_from_samples_and_from_rollups(data: st.DataObject) -> None:
    world: World = data.draw(worlds())
    rolls = data.draw(st.lists(st.integers(1_795_440_000, LATER), max_size=2))
    question: Asked = data.draw(asked(world))
    clock = Clock(0)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(database(Path(folder)), clock)
        try:
            put(store, world, clock, rolls, lambda store: roll(store, ZONE))
            truth = oracle.terms(world, question.lo, question.hi, question.question)
            for step in ("as it came", "rolled up"):
                if step == "rolled up":
                    clock.now = LATER
                    roll(store, ZONE)
                mine = product(store, question.lo, question.hi, question.question)
                for name in truth.keys() | mine.keys():
                    assert_same(mine.get(name, Terms()), truth.get(name, oracle.Terms()))
            followed = mean_rates(store, question)
            for name, one in oracle.period(world, question.lo, question.hi, question.question).items():
                found = followed.get(name, Means(None, None))
                for field in ("online_ratio_mean", "usage_ratio_mean"):
                    got, wanted = getattr(found, field), getattr(one, field)
                    assert (got is None) == (wanted is None), (name, field)
                    assert wanted is None or abs(got - float(wanted)) <= 1e-9 * max(1.0, float(wanted)), (name, field)
        finally:
            store.close()


@settings(max_examples=max(20, EXAMPLES // 5), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whole_hours_equal_the_oracle_too(data: st.DataObject) -> None:
    """Long enough that hours answer for most of it."""
    world: World = data.draw(worlds())
    drawn: Asked = data.draw(asked(world))
    hour = min(sample.source_at for sample in world.samples) // 3600 * 3600 if world.samples else drawn.lo
    lo, hi = hour - data.draw(st.integers(0, 100)), hour + 7200 + data.draw(st.integers(0, 100))
    clock = Clock(0)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(database(Path(folder)), clock)
        try:
            put(store, world, clock, [hour + 3900], lambda store: roll(store, ZONE))
            if data.draw(st.booleans()):
                clock.now = LATER
                roll(store, ZONE)
            truth = oracle.terms(world, lo, hi, drawn.question)
            mine = product(store, lo, hi, drawn.question)
            for name in truth.keys() | mine.keys():
                assert_same(mine.get(name, Terms()), truth.get(name, oracle.Terms()))
        finally:
            store.close()


WIDTHS: tuple[Every, ...] = (900, 3600, 21_600, 86_400, 2 * 86_400, "month")
ZONES = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")


@settings(max_examples=max(20, EXAMPLES // 5), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_days_hours_and_samples_give_one_answer(data: st.DataObject) -> None:
    """Series of four days about the events, with and without rollups, in any zone, after the zone was changed."""
    world: World = data.draw(worlds())
    question = data.draw(asked(world)).question
    zones = [ZoneInfo(name) for name in data.draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=2))]
    zone = zones[-1]
    middle = 1_795_449_600 if data.draw(st.booleans()) else 1_795_500_000
    lo, hi = (
        middle - 2 * 86_400 - data.draw(st.integers(0, 4000)),
        middle + 2 * 86_400 + data.draw(st.integers(0, 4000)),
    )
    every: Every = data.draw(st.sampled_from(WIDTHS))
    edges = cuts(lo, hi, every, zone)
    clock = Clock(0)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(database(Path(folder)), clock)
        try:
            put(store, world, clock, [middle + 3900], lambda store: roll(store, zones[0]))
            asked_for = Period(edges, zone, question.basis, question.as_of)  # type: ignore[arg-type] # a literal of ours
            answers = [series(store, asked_for, question)]
            for one in zones:
                clock.now = LATER + 10 * 86_400
                roll(store, one)
                answers.append(series(store, asked_for, question))
            for other in answers[1:]:
                assert other.keys() == answers[0].keys()
                for place, terms in other.items():
                    for field in fields(Terms):
                        one, two = getattr(answers[0][place], field.name), getattr(terms, field.name)
                        assert abs(one - two) <= 1e-9 * max(1.0, one), (place, field.name)
        finally:
            store.close()


def series(store: Store, asked_for: Period, question: oracle.Question) -> Sums:
    with store.reading() as connection:
        timelines = list(read_record(connection, asked_for.hi, question.as_of).timelines.values())
        if question.view == "policy":
            timelines = under_maintenance(
                connection, timelines, asked_for.lo, asked_for.hi, asked_for.zone, question.as_of
            )
        return sums(connection, timelines, asked_for, GROUPS[question.group])
