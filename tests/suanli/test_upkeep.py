"""The upkeep: sums, an end to what is old, findings that go on, and sinks that come later."""

from __future__ import annotations

import asyncio
import logging
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from suanli.app import serving
from suanli.model.errors import Unavailable
from suanli.model.sample import Sample
from suanli.quality.history import Finding
from suanli.store.findings import keep_findings, read_findings
from suanli.store.rollup import Retention, let_go
from suanli.store.sql import Store
from suanli.upkeep import Upkeep, delivered, once, retention_of
from tests.servers.processes import free_port, wait_until
from tests.suanli.making import (
    ZONE,
    Clock,
    a_pool,
    a_sample,
    a_site,
    a_store,
    built,
    config,
    database,
    open_store,
    register,
)
from tests.suanli.running import contents, suanli
from tests.suanli.storing import address_of, raw

pytestmark = pytest.mark.usefixtures("both_databases")

HOUR, DAY = 3600, 86_400
START = 1_795_449_600
"""2026-11-24 in Shanghai."""
SITES = (a_site("s", a_pool("p", built(100.0)), a_pool("q", built(100.0))), a_site("t"))
KEPT = config(timezone="Asia/Shanghai", retention={"samples": "2d"})
HOURS = "SELECT count(*) FROM hours"
SINK = {"name": "one", "kind": "victoriametrics", "url": "http://127.0.0.1:9"}


def stuck(since: int, until: int, pool: str = "p", used: float | None = 50.0) -> list[Sample]:
    """Online moves and used stands still, as if somebody kept it by hand; told every half hour."""
    return [
        a_sample(at, 80.0 + at // HOUR % 5, used, pool=pool, max_age=1800, fetched_at=at)
        for at in range(since, until, 1800)
    ]


def found(store: Store) -> list[tuple[int, str, int, int]]:
    with store.reading() as connection:
        return [(one.pool_key, one.check, one.since, one.until) for one in read_findings(connection)]


def test_a_turn_sums_what_is_over_lets_go_what_is_old_and_looks_over_the_rest_once_an_hour() -> None:
    clock = Clock(START + 5 * DAY + 400)
    with a_store(*SITES, clock=clock) as store:
        store.append(stuck(START, START + 5 * DAY))
        upkeep = Upkeep(store, KEPT)
        upkeep.turn()
        assert raw(store, "SELECT count(*), min(start) FROM hours") == [(120, START)]
        assert raw(store, "SELECT value FROM counters WHERE name = 'samples_from'") == [(START + 3 * DAY,)]
        assert raw(store, "SELECT count(*) FROM outbox") == [(0,)], "there is no sink that waits for anything"
        assert found(store) == [(1, "constant", START, START + 5 * DAY)]
        clock.at += 60
        store.append(stuck(START + 5 * DAY, START + 5 * DAY + HOUR))
        upkeep.turn()
        assert raw(store, "SELECT count(*) FROM outbox") == [(2,)], "not yet an hour later"
        clock.at = START + 5 * DAY + HOUR + 301
        upkeep.turn()
        assert raw(store, "SELECT count(*) FROM outbox") == [(0,)]
        assert found(store) == [(1, "constant", START, START + 5 * DAY + HOUR)]


def test_a_pool_in_doubt_is_suspect_while_the_finding_goes_on_and_two_hours_longer() -> None:
    now = START + 4 * DAY + 400
    clock = Clock(now)
    with a_store(*SITES, clock=clock) as store:
        store.append(stuck(START, now) + stuck(START, now, "q", None))
        clock.at = now + 60
        assert once(store, KEPT).open == 1

        def qualities(at: int) -> list[str]:
            assert store.states_now(at) == store.states(at)
            return [state.quality for state in store.states_now(at) if state.heard]

        assert qualities(now) == ["suspect", "ok"]
        clock.at = later = START + 4 * DAY + 2 * HOUR
        store.append([a_sample(later, 90.0, 60.0), a_sample(later, 90.0, pool="q")])
        assert [qualities(at) for at in (later, later + 1)] == [["suspect", "ok"], ["ok", "ok"]]
        assert [state.quality for state in store.states(START - 1)] == ["ok"] * 3
        assert store.states(now, as_of=now + 59)[0].quality == "ok", "it was not known yet"
        assert store.states(now, as_of=now + 60)[0].quality == "suspect"
        clock.at = now
        with closing(open_store(address_of(store), clock)) as again:
            assert again.states_now(now)[0].quality == "suspect"


def test_a_finding_that_is_seen_from_a_later_beginning_is_the_same_one() -> None:
    clock = Clock(START + 4 * DAY + 301)
    with a_store(*SITES, clock=clock) as store:
        for day in range(4, 16):
            clock.at = START + day * DAY + 301
            store.append(stuck(START + (day - 4) * DAY, START + day * DAY))
            once(store, KEPT)
        assert found(store) == [(1, "constant", START, START + 15 * DAY)]
        version = store.version
        once(store, KEPT)
        assert store.version == version, "nothing new is to be shown"


def test_findings_of_another_check_pool_or_time_are_their_own() -> None:
    with a_store(*SITES) as store:
        one = Finding("s", "p", "constant", START, START + DAY, "x")
        others = [
            (2, one),
            (1, Finding("s", "p", "silent-zero", START, START + DAY, "x")),
            (1, Finding("s", "p", "constant", START + 2 * DAY, START + 3 * DAY, "x")),
        ]
        with store.writing() as connection:
            assert keep_findings(connection, [(1, one)], START) == 1
            assert keep_findings(connection, others, START) == 3
            assert keep_findings(connection, [(1, one), *others], START) == 0


def test_a_turn_that_fails_is_told_and_the_next_one_does_it(caplog: pytest.LogCaptureFixture) -> None:
    with a_store(*SITES, clock=Clock(START + 2 * HOUR)) as store:
        store.append(stuck(START, START + HOUR))
        upkeep = Upkeep(store, KEPT)
        for error, words in ((Unavailable("the disk is full"), "the disk is full"), (RuntimeError("no"), "failed")):
            with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
                patch.setattr(store, "writing", lambda error=error: (_ for _ in ()).throw(error))
                upkeep.turn()
            assert words in caplog.text
            assert raw(store, "SELECT count(*) FROM hours") == [(0,)]
        upkeep.turn()
        assert raw(store, "SELECT count(*) FROM hours") == [(1,)]


async def test_the_upkeep_runs_beside_the_loop_and_ends_when_it_is_told_to() -> None:
    with a_store(*SITES, clock=Clock(START + 2 * HOUR)) as store:
        store.append(stuck(START, START + HOUR))
        upkeep = Upkeep(store, KEPT)
        running = asyncio.create_task(upkeep.run())
        told = partial(wait_until, lambda: raw(store, HOURS) != [(0,)], within=20, what="an hour that is summed")
        await asyncio.to_thread(told)
        upkeep.stop()
        async with asyncio.timeout(20):
            await running


async def test_a_service_keeps_its_record_up_and_knows_its_sinks(tmp_path: Path) -> None:
    url = database(tmp_path)
    with closing(open_store(url)) as store:
        register(store, *SITES)
        old = store.now // HOUR * HOUR - 5 * HOUR
        store.append(stuck(old, old + HOUR))
    async with serving(config(store=url, listen=f"127.0.0.1:{free_port()}", sinks=[SINK])) as service:
        assert "upkeep" in {task.get_name() for task in service.tasks}
        told = partial(wait_until, lambda: raw(service.store, HOURS) != [(0,)], within=20, what="hours that are summed")
        await asyncio.to_thread(told)
        assert raw(service.store, "SELECT sink, seq FROM cursors") == [("one", 0)]
    assert all(task.done() for task in service.tasks)


# Sinks


def test_what_every_configured_sink_has_got_may_go_and_without_sinks_everything() -> None:
    with a_store(*SITES) as store:
        store.append(stuck(START, START + 2 * HOUR))
        two = config(sinks=[SINK, SINK | {"name": "two"}])
        assert (delivered(store, config()), delivered(store, two)) == (4, 0)
        for sink, seq in (("one", 3), ("two", 2), ("gone", 1)):
            store.advance(sink, seq)
        assert delivered(store, two) == 2


def test_retention_as_it_is_configured() -> None:
    kept = config(retention={"samples": "30d", "hourly": "1y"}).retention
    assert retention_of(kept) == Retention(30 * DAY, 365 * DAY, None)


def everything(store: Store, name: str) -> list[float]:
    """What a sink of this name is sent until there is no more, as the figures of its points."""
    values: list[float] = []
    while (batch := store.after(store.cursor(name), 7)).points:
        values += [point.values[1] or -1.0 for point in batch.points]
        store.advance(name, batch.last)
    return values


def numbered(first: int, last: int) -> list[Sample]:
    return [a_sample(START + 60 * place, 1.0 + place) for place in range(first, last)]


@pytest.mark.parametrize("pruned", [0, 20, 30])
def test_a_sink_that_comes_later_gets_everything_once_and_the_others_nothing_twice(pruned: int) -> None:
    with a_store(*SITES, clock=Clock(START + DAY)) as store:
        store.subscribe(["one"])
        store.append(list(reversed(numbered(0, 20))))
        store.append(numbered(20, 30))
        assert len(everything(store, "one")) == 30
        store.append(numbered(30, 33))
        let_go(store, Retention(None, None, None), ZONE, delivered=pruned)
        assert store.after(0, 99).points[0].seq == pruned + 1
        store.subscribe(["one", "new"])
        got = everything(store, "new")
        assert sorted(got) == [1.0 + place for place in range(33)]
        assert got[:pruned] == sorted(got[:pruned]), "what comes back comes in the order of time"
        assert everything(store, "one") == [31.0, 32.0, 33.0]
        store.subscribe(["one", "new"])
        assert everything(store, "new") == []


def test_a_sink_gets_what_was_let_go_while_it_was_not_configured() -> None:
    with a_store(*SITES, clock=Clock(START + DAY)) as store:
        store.subscribe(["one"])
        store.append(numbered(0, 5))
        everything(store, "one")
        store.append(numbered(5, 9))
        let_go(store, Retention(None, None, None), ZONE, delivered=delivered(store, config()))
        store.append(numbered(9, 10))
        store.subscribe(["one"])
        assert {5.0 + place for place in range(1, 6)} <= set(everything(store, "one"))


def test_an_empty_record_has_no_history_to_give() -> None:
    with a_store(*SITES) as store:
        store.subscribe(["one"])
        assert raw(store, "SELECT * FROM cursors") == [("one", 0)]
        assert everything(store, "one") == []


# The command


def test_the_upkeep_by_hand(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("language: en\n")
    with closing(open_store(database(tmp_path))) as store:
        register(store, *SITES)
        old = store.now // HOUR * HOUR - 5 * HOUR
        store.append(stuck(old, old + HOUR))
    before = contents(tmp_path)
    assert suanli(tmp_path, "db", "upkeep", "--dry-run", "--json").data["hours_due"] == 2
    assert contents(tmp_path) == before
    done = suanli(tmp_path, "db", "upkeep", "--json").data
    assert (done["rolled"] >= 1, done["let_go"], done["found"], done["open"]) == (True, 2, 0, 0)
    assert suanli(tmp_path, "db", "upkeep").out == "0 hours and days summed, 0 rows let go, 0 new findings\n"


def test_the_upkeep_waits_for_nobody_else(tmp_path: Path) -> None:
    """Two processes may do it at once: each hour is one transaction, and is summed from what is there then."""
    url = database(tmp_path)
    with (
        closing(open_store(url, Clock(START + 2 * HOUR))) as one,
        closing(open_store(url, Clock(START + 2 * HOUR))) as two,
    ):
        register(one, *SITES)
        two.reload()
        one.append(stuck(START, START + HOUR))
        assert (once(two, KEPT).rolled, once(one, KEPT).rolled) == (1, 0)
        with one.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM hours")).scalar() == 1
