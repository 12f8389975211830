"""The forwarder and its cursor as a state machine, with a sink that is made up and answers in every way.

At the end: what was acknowledged is in the sink or, if the sink can never take it, in quarantine; nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from exporter import forwarder as engine
from exporter.base import Broken, Rejected, Retry, SinkError
from exporter.forwarder import Forwarder
from exporter.lineprotocol import lines_of
from suanli.store.sql import Batch, Store
from tests.suanli.making import T0, a_sample, a_site, a_store

OUTAGES: dict[str, Callable[[], SinkError]] = {
    "401": lambda: Retry("401 made up", 60.0),
    "429": lambda: Retry("429 made up", 7.0),
    "500": lambda: Broken("500 made up: down"),
    "503": lambda: Broken("503 made up: busy", 3.0),
    "silent": lambda: Retry("fake does not answer: ReadTimeoutError"),
}
POISON: dict[str, Callable[[], SinkError]] = {
    "400": lambda: Rejected("400 made up: bad line"),
    "422": lambda: Rejected("422 made up: the rest is stored"),
    "500 for ever": lambda: Broken("500 made up: bad body"),
    "500, rest stored": lambda: Broken("500 made up: the rest is stored"),
}
KINDS = ("good", "good", "good", *POISON)


class Answering:
    """NOT a real database. kinds: what becomes of a body with a point of that time. outage: after how many bodies it
    begins, for how many it lasts, what it is, and whether the bodies are taken all the same (a lost answer)."""

    name = "fake"

    def __init__(self) -> None:
        self.kinds: dict[int, str] = {}
        self.kept: dict[int, tuple[float | None, ...]] = {}
        self.outage: tuple[int, int, str, bool] = (0, 0, "500", False)

    def write(self, batch: Batch) -> None:
        start, length, how, taken = self.outage
        self.outage = (start - 1, length - (start <= 0), how, taken)
        if start <= 0 < length:
            if taken:
                self._take(batch)
            raise OUTAGES[how]()
        if error := self._take(batch):
            raise error

    def _take(self, batch: Batch) -> SinkError | None:
        found = [self.kinds[point.at] for point in batch.points if self.kinds[point.at] != "good"]
        if all("rest" in kind or kind == "422" for kind in found):
            self.kept |= {point.at: point.values for point in batch.points if self.kinds[point.at] == "good"}
        return POISON[found[0]]() if found else None

    def line(self, batch: Batch) -> str:
        return lines_of(batch.points).decode()

    def close(self) -> None:
        """Nothing."""


class Forwarding(RuleBasedStateMachine):
    """Appends, corrections, outages of one stretch each, restarts."""

    @initialize()
    def begin(self) -> None:
        self.opened = a_store(a_site("s"))
        self.store: Store = self.opened.__enter__()
        self.sink, self.value = Answering(), 0.0
        self.forwarder = Forwarder(self.store, self.sink)

    def tell(self, at: int) -> None:
        self.value += 0.25
        self.store.append([a_sample(at, self.value)])

    @rule(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=9))
    def append(self, kinds: list[str]) -> None:
        for kind in kinds:
            at = T0 + len(self.sink.kinds)
            self.sink.kinds[at] = kind
            self.tell(at)

    @rule(place=st.integers(0, 50))
    def correct(self, place: int) -> None:
        if place < len(self.sink.kinds):
            self.tell(T0 + place)

    @rule(
        times=st.integers(1, 4),
        start=st.integers(1, 12),
        length=st.sampled_from([0, 1, 4, 20]),
        how=st.sampled_from(["500", "500", *OUTAGES]),
        taken=st.booleans(),
    )
    def forward(self, times: int, start: int = 0, length: int = 0, how: str = "500", taken: bool = False) -> None:
        self.sink.outage = (start, length, how, taken)
        for _ in range(times):
            try:
                self.forwarder.forward()
            except Retry:
                continue

    @rule()
    def restart(self) -> None:
        self.forwarder = Forwarder(self.store, self.sink)

    @invariant()
    def nothing_good_is_in_quarantine(self) -> None:
        assert self.in_quarantine() <= {at for at, kind in self.sink.kinds.items() if kind != "good"}

    def in_quarantine(self) -> set[int]:
        return {int(line.rpartition(" ")[2]) for _, line, _ in self.store.rejected("fake")}

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        self.append(["good"])  # a fleet goes on telling
        self.forward(8 * (len(self.sink.kinds) // engine.BATCH + 4))
        acknowledged = {point.at: point.values for point in self.store.after(0, 10_000).points}
        good = {at: values for at, values in acknowledged.items() if self.sink.kinds[at] == "good"}
        assert self.sink.kept == good
        assert self.in_quarantine() == acknowledged.keys() - good.keys()
        assert self.store.pending("fake")[0] == 0
        self.opened.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BATCH", 6)
    monkeypatch.setattr(engine, "_BROKEN_OFTEN", 1)  # trials begin early, so that outages meet them


def test_what_was_acknowledged_is_in_the_sink_or_in_quarantine() -> None:
    run_state_machine_as_test(Forwarding, settings=settings(max_examples=15, stateful_step_count=12, deadline=None))
