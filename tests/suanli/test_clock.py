"""A clock that is corrected and one that leaps, on a time of day and a passing of time that the test turns by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.config import Config
from suanli.model.clock import BACK, FORWARD, Clock
from suanli.model.errors import Unavailable
from suanli.upkeep import clear
from tests.suanli.making import a_pool, a_sample, a_site, a_store, built
from tests.suanli.storing import raw

NOON = 1_795_521_600.0
DAY = 86_400.0


@dataclass
class Machine:
    """set_by: seconds that somebody has turned the time of day by since the start."""

    passed: float = 50.0
    set_by: float = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: NOON + self.passed + self.set_by, lambda: self.passed)


@pytest.mark.parametrize("step", [0.0, 300.0, -300.0, 1 - BACK, FORWARD - 1])
def test_a_correction_is_followed_at_once(step: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.passed, machine.set_by = 60.0, step
    clock.check()
    assert clock() == NOON + 60 + step


@pytest.mark.parametrize(("step", "told"), [(-BACK, "-3600 s"), (DAY, "+86400 s"), (-400 * DAY, "-34560000 s")])
def test_a_leap_is_refused_until_the_clock_is_set_back_and_time_goes_on_without_it(step: float, told: str) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.set_by = step
    for machine.passed in (51.0, 7200.0):
        with pytest.raises(Unavailable) as refused:
            clock.check()
        assert f"set by {told} at once" in str(refused.value)
        assert clock() == NOON + machine.passed
    machine.set_by = 2.0
    clock.check()
    assert clock() == NOON + machine.passed + 2


def test_a_process_that_starts_after_the_leap_believes_what_it_finds() -> None:
    machine = Machine(set_by=40 * DAY)
    clock = machine.clock()
    clock.check()
    assert clock() == NOON + machine.passed + 40 * DAY


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(1 - BACK, BACK - 1)), max_size=40))
def test_a_clock_that_drifts_for_ever_never_leaps(steps: list[tuple[float, float]]) -> None:
    machine = Machine()
    clock = machine.clock()
    for passed, step in steps:
        machine.passed += passed
        machine.set_by += step
        clock.check()
        assert clock() == NOON + machine.passed + machine.set_by


def test_while_its_clock_leaps_a_store_records_nothing_and_lets_nothing_go() -> None:
    machine = Machine()
    now = int(NOON + machine.passed)
    with a_store(a_site("s", a_pool("p", built(100.0))), clock=machine.clock()) as store:
        store.append([a_sample(now, 50.0, 20.0)])
        machine.set_by = 400 * DAY
        with pytest.raises(Unavailable, match="clock was set by"):
            store.append([a_sample(now + 1, 60.0)])
        with pytest.raises(Unavailable, match="clock was set by"):
            clear(store, Config())
        assert store.now == now
        machine.set_by = 0.0
        clear(store, Config())
        assert raw(store, "SELECT online_pflops, used_pflops FROM samples") == [(50.0, 20.0)]
