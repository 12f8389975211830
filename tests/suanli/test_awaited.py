"""A site that pushes falls silent as one that is asked: up 0, unknown figures and an alert, and never a 0."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from suanli.app import polled
from suanli.awaited import Silence
from suanli.model.polled import PollOutcome
from tests.suanli.making import T0, a_pool, a_sample, a_site, built, config
from tests.suanli.test_evaluator import Watched, watched

SITE = a_site("s", a_pool("p", built(100.0)), source={"kind": "push", "interval": "60s"})
SILENT = "site_silent:s"


class Awaited:
    """A watched store, and the one who notices silence; its clock is moved by hand."""

    def __init__(self, one: Watched) -> None:
        self.one = one
        self.told: list[PollOutcome] = []
        self.silence = Silence(one.store, one.config, one.outcomes, self._note, one.clock)
        self.silence.look()  # as the process begins

    def _note(self, outcome: PollOutcome) -> None:
        self.told.append(outcome)
        self.one.outcomes.note(outcome)

    def at(self, second: int) -> str:
        """How the alert of silence stands so many seconds after the beginning."""
        self.one.clock.at = T0 + second
        self.silence.look()
        return self.one.at(second).get(SILENT, "ok")

    def pushed(self, second: int) -> None:
        self.one.clock.at = T0 + second
        self.one.store.append([a_sample(T0 + second, 80.0, 40.0)])
        self.one.polled("ok")


@pytest.fixture
def awaited() -> Iterator[Awaited]:
    with watched(SITE) as one:
        yield Awaited(one)


def test_silence_begins_after_max_age_and_ends_with_the_next_push(awaited: Awaited) -> None:
    awaited.pushed(0)
    assert awaited.at(180) == "ok"
    assert awaited.told == []
    assert awaited.at(181) in ("pending", "firing")
    assert awaited.at(100_000) == "firing"
    assert [(one.result, one.at) for one in awaited.told] == [("unreachable", T0 + 181)], "it is told once"
    (state,) = awaited.one.store.states_now(T0 + 100_000)
    assert (state.online_pflops, state.heard) == (None, False)
    awaited.pushed(100_010)
    awaited.at(100_010)
    assert awaited.at(200_000) in ("pending", "firing"), "and again when it falls silent again"
    assert len(awaited.told) == 2


def test_after_a_start_a_site_has_its_time_to_come_again(awaited: Awaited) -> None:
    awaited.one.outcomes.heard_before({"s": T0 - 100_000})
    awaited.at(0)
    awaited.at(180)
    assert awaited.told == []
    awaited.at(181)
    assert [one.result for one in awaited.told] == ["unreachable"]


def test_a_push_that_cannot_be_taken_does_not_hide_the_silence(awaited: Awaited) -> None:
    awaited.pushed(0)
    awaited.one.polled("unreadable")
    awaited.at(500)
    assert [one.result for one in awaited.told] == ["unreachable"]


@pytest.mark.parametrize(
    "site",
    [
        a_site("s", source={"kind": "push"}, status="retired"),
        a_site("s", source={"kind": "http_json", "url": "http://127.0.0.1:9/"}),
        a_site("s"),
    ],
)
def test_who_is_not_to_push_is_not_awaited(site: object) -> None:
    with watched(site) as one:  # type: ignore[arg-type] # a Site, as above
        awaited = Awaited(one)
        for second in (0, 1000):
            one.clock.at = T0 + second
            awaited.silence.look()
        assert awaited.told == []


def test_no_poller_has_it_in_its_plan() -> None:
    asked = a_site("t", source={"kind": "http_json", "url": "http://127.0.0.1:9/"})
    with watched(SITE, asked) as one:
        assert [site.id for site in polled(one.store, config())] == ["t"]


async def test_it_ends_when_it_is_asked_to(awaited: Awaited) -> None:
    running = asyncio.create_task(awaited.silence.run())
    await asyncio.sleep(0)
    awaited.silence.stop()
    await asyncio.wait_for(running, 5)
