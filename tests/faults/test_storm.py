"""A short storm (`make storm` has the long one), and what it is made of: the script, the stub, the comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.ledger import STOP_WITHIN, Outcome
from tests.faults.script import FAULTS, script
from tests.faults.source import figure_of
from tests.faults.storm import REFUSALS, SITES, storm
from tests.faults.stub import POISON, StubSink, poison
from tests.servers.influxdb import influxdb_server

SEED, KILLS = 16, 20
KINDS = {(who, how) for who, hows in FAULTS.items() for how in hows}
LINE = "compute,operator=o,pool=p,province=x,site=s built_pflops=1.0,online_pflops={}.0,used_pflops=0.0 {}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.server
def test_what_was_acknowledged_is_stored_and_in_each_sink_once_whatever_breaks(tmp_path: Path) -> None:
    outcome = storm(tmp_path, SEED, KILLS)
    assert list(outcome.losses()) == []
    assert outcome.kills == KILLS
    assert set(outcome.faults) == KINDS
    assert len(outcome.acknowledged) > 5 * len(SITES)
    assert {204, *POISON.values(), *REFUSALS} <= outcome.answers.keys()
    assert outcome.quarantined


@pytest.mark.server
def test_a_server_killed_and_started_again_has_what_it_had() -> None:
    with influxdb_server() as first:
        first.write("m,site=s online_pflops=1 1700000000").raise_for_status()
        first.tree.stop()
        with influxdb_server(again=first) as second:
            assert (second.url, second.lines("m")) == (first.url, 1)


# ---------------------------------------------------------------- the script


@pytest.mark.parametrize("kills", [1, 20, 300])
def test_a_script_has_so_many_kills_and_is_the_same_for_the_same_seed(kills: int) -> None:
    rounds = list(script(SEED, kills))
    assert sum(not one.term for one in rounds) == kills
    assert rounds == list(script(SEED, kills))
    assert kills == 1 or rounds != list(script(SEED + 1, kills))


def test_nobody_ails_of_two_faults_at_once_and_twenty_kills_have_every_fault() -> None:
    ailing: set[str] = set()
    seen: set[tuple[str, str]] = set()
    for one in script(SEED, KILLS):
        assert set(one.ends) <= ailing
        ailing -= set(one.ends)
        begun = {who for who, _ in one.begins}
        assert not begun & ailing
        ailing |= begun
        seen |= set(one.begins)
    assert seen == KINDS


# ---------------------------------------------------------------- the stub


def test_every_slot_of_every_site_has_a_figure_of_its_own() -> None:
    figures = [figure_of(number, second) for number in range(len(SITES)) for second in range(3600)]
    assert len(figures) == len(set(figures))
    assert {poison(figure) for figure in figures} == {None, *POISON.values()}


@pytest.fixture
def stub() -> StubSink:
    made = StubSink()
    made.server_close()
    return made


def held(stub: StubSink) -> list[float]:
    return [figure for _, figure in stub.points.elements()]


def test_the_stub_keeps_what_a_database_would(stub: StubSink) -> None:
    good, bad_400, bad_422 = LINE.format(5, 10), LINE.format(31, 11), LINE.format(32, 12)
    assert (stub.take([good, bad_400]), held(stub)) == (400, [])
    assert (stub.take([good, bad_422]), held(stub)) == (422, [5.0])
    assert (stub.take([good, "compute_1h,site=s online_pflops_hours=31.0 3600"]), held(stub)) == (204, [5.0])
    for mode in ("401", "429", "503"):
        stub.mode = mode
        assert stub.take([LINE.format(7, 13)]) == int(mode)
    stub.mode = "413"
    assert (stub.take([good] * 4), stub.take([LINE.format(8, 14)]), held(stub)) == (413, 204, [5.0, 8.0])


# ---------------------------------------------------------------- the comparison: it must see what it is there for

A, B, POISONED = ("a", 5.0), ("b", 6.0), ("a", 31.0)
GOOD = Outcome(
    acknowledged={A, POISONED},
    stored=Counter([A, B, POISONED]),
    sinks={"influxdb": Counter([A, B, POISONED]), "stub": Counter([A, B])},
    quarantined={POISONED},
    stops=[(1.0, 0)],
)


def of_influxdb(*points: tuple[str, float]) -> Callable[[Outcome], Outcome]:
    return lambda one: replace(one, sinks=one.sinks | {"influxdb": Counter(points)})


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda one: replace(one, acknowledged={A, ("a", 9.0)}), "acknowledged and not stored: 1"),
        (lambda one: replace(one, stored=one.stored + Counter([B])), "stored twice: 1"),
        (of_influxdb(A, POISONED), "stored and not in influxdb: 1"),
        (of_influxdb(A, B, B, POISONED), "in influxdb and not stored, or there twice: 1"),
        (lambda one: replace(one, quarantined=set()), "in quarantine are not the same: 1"),
        (lambda one: replace(one, stops=[(STOP_WITHIN + 1, 0)]), "SIGTERM: 11.0 s"),
        (lambda one: replace(one, stops=[(1.0, 1)]), "exit 1"),
    ],
)
def test_a_loss_is_told(broken: Callable[[Outcome], Outcome], words: str) -> None:
    assert list(GOOD.losses()) == []
    assert all(figure.met is not False for figure in GOOD.figures())
    outcome = broken(GOOD)
    assert any(words in loss for loss in outcome.losses())
    if "exit" not in words:
        assert any(figure.met is False for figure in outcome.figures())
