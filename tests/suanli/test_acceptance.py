"""Acceptance by itself: what a source proves by enough polls in a row is approved, and nothing else ever is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.access import Principal, scopes_of
from suanli.model.audit import Author
from suanli.model.errors import Conflict, SuanliError
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.request import AdditionRequest, CorrectionRequest, MoveRequest, Request, SitesRequest
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.registering import acceptance as accepting
from suanli.registering.acceptance import ACTOR, Acceptance
from suanli.registering.asker import Asker
from suanli.registering.office import Office
from suanli.registering.proof import why_not
from suanli.registering.provable import MOST_SITES, Declared, Provable, ProvableSite, Unprovable, in_turn, provable
from suanli.registry.polled import polled_site
from suanli.store.acceptance import Progress, keep_progress, read_progress
from suanli.store.audit import audit_rows, verified
from suanli.store.sql import Store
from suanli.store.submissions import read_submissions, submission_of
from tests.reaching import LOOPBACK
from tests.servers.processes import free_port
from tests.suanli.answering import Api, answering
from tests.suanli.making import ZONE, a_pool, a_site, a_store, config

pytestmark = pytest.mark.usefixtures("both_databases")

MINE = "示例运营方"
TODAY = datetime.now(ZONE).date()
A100_PFLOPS = 0.312
POLLS = 2


def settings(**registration: Any) -> Config:
    accept = {"acceptance": {"polls": POLLS, "tolerance": 0.05}}
    return config(
        registration=accept | registration, poll={"interval": "1s", "timeout": "20s"}, reach=LOOPBACK, language="en"
    )


def operator(name: str = "op") -> Asker:
    principal = Principal(f"id-{name}", name, scopes_of([f"register:{MINE}"]))
    return Asker(principal, Author(actor=principal.actor))


BUREAU = Asker(Principal("id-bureau", "bureau", scopes_of(["approve"])), Author(actor="token:id-bureau bureau"))


def devices(count: int, since: date | datetime = date(2024, 1, 1), **more: Any) -> dict[str, Any]:
    return {"from": since, "stage": "built", "devices": count, "source": "验收报告", **more}


def site(id_: str, source: dict[str, Any] | None, *capacity: dict[str, Any], **more: Any) -> Site:
    pool = a_pool("p", *capacity, match={"label": "pool", "value": "p"})
    return a_site(id_, pool, operator=MINE, source=source, **more)


def registering(*sites: Site) -> SitesRequest:
    return SitesRequest(sites=sites)


def adding(id_: str, entry: dict[str, Any]) -> AdditionRequest:
    return AdditionRequest.model_validate({"site": id_, "pool": "p", "entry": entry})


@pytest.fixture
def api() -> Iterator[Api]:
    with answering({"p": (1000, 10)}) as made:
        yield made


@pytest.fixture
def store(api: Api) -> Iterator[Store]:
    """known: with 500 devices; bare: with a source and nothing built; mute: without a source."""
    known = site("known", api.source(), devices(500))
    with a_store(known, site("bare", api.source()), site("mute", None, devices(500))) as made:
        yield made


@asynccontextmanager
async def watched(store: Store, chosen: Config | None = None, office: Office | None = None) -> AsyncIterator[None]:
    """The real watch, with its real collectors."""
    chosen = chosen or settings()
    assert chosen.registration.acceptance is not None
    watch = Acceptance(store, office or Office(store, chosen), chosen, chosen.registration.acceptance)
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        watch.stop()
        await asyncio.wait_for(task, 10)


def row(store: Store, number: int = 1) -> dict[str, Any]:
    return Office(store, settings()).submission(BUREAU, number)


async def until(true: Callable[[], bool], what: str, within: float = 25.0) -> None:
    end = time.monotonic() + within
    while not await asyncio.to_thread(true):
        assert time.monotonic() < end, what
        await asyncio.sleep(0.1)


def submitted(store: Store, request: Request, who: Asker | None = None, chosen: Config | None = None) -> int:
    number = Office(store, chosen or settings()).submit(who or operator(), request)["submission"]
    assert isinstance(number, int)
    return number


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "EVERY", 0.1)


# ------------------------------------------------------------------------------- by real polls


async def test_a_new_site_that_has_what_it_declares_is_approved_with_its_figures_as_the_reason(
    store: Store, api: Api
) -> None:
    submitted(store, registering(site("new", api.source(), devices(1010))))
    async with watched(store):
        await until(lambda: row(store)["state"] == "approved", "approval")
    one = row(store)
    reason = (
        f"{POLLS} good polls in a row, tolerance 5 %: new/p declares 1,010 devices = 315.12 PFLOPS, "
        "found 1,000 devices = 312 PFLOPS"
    )
    assert (one["decided_by"], one["why"]) == (ACTOR, reason)
    assert (one["acceptance"]["good"], one["acceptance"]["needed"], one["acceptance"]["why"]) == (POLLS, POLLS, None)
    (state,) = [state for state in store.states_now(store.now) if state.site == "new"]
    assert state.built_pflops == pytest.approx(1010 * A100_PFLOPS)
    with store.reading() as connection:
        trail = [one for one in audit_rows(connection) if one.actor == ACTOR]
        assert verified(connection) is None
    assert [one.action for one in trail] == ["site.register", "pool.register", "capacity.add", "submission.approve"]
    assert {one.reason for one in trail} == {reason}


async def test_capacity_added_where_a_source_is_live_is_approved_once_it_is_there(store: Store, api: Api) -> None:
    """One poll that differs sets the count back to nothing; what is approved is what waited, exactly."""
    api.pools = {"p": (1000, 10)}
    submitted(store, adding("known", devices(2000, TODAY)))
    async with watched(store):
        await until(lambda: (row(store)["acceptance"] or {}).get("polled_at") is not None, "a poll")
        told = row(store)["acceptance"]
        assert (told["good"], told["needed"]) == (0, POLLS)
        assert told["why"] == ("known/p: 2,000 devices = 624 PFLOPS are declared, 1,000 devices = 312 PFLOPS found")
        api.pools = {"p": (1990, 10)}
        await until(lambda: row(store)["state"] == "approved", "approval")
    assert row(store)["acceptance"]["why"] == told["why"]
    states = {state.site: state.built_pflops for state in store.states_now(store.now)}
    assert states["known"] == pytest.approx(2000 * A100_PFLOPS)


async def test_a_bad_poll_between_good_ones_sets_the_count_back(store: Store, api: Api) -> None:
    chosen = settings(acceptance={"polls": 3})
    submitted(store, adding("bare", devices(1000, TODAY)), chosen=chosen)
    async with watched(store, chosen):
        await until(lambda: (row(store)["acceptance"] or {}).get("good", 0) == 1, "a good poll")
        api.pools = None
        await until(lambda: row(store)["acceptance"]["why"] is not None, "a bad poll")
        assert row(store)["acceptance"]["good"] == 0
        assert "503" in row(store)["acceptance"]["why"]
        assert row(store)["state"] == "pending"
        api.pools = {"p": (1000, 0)}
        await until(lambda: row(store)["state"] == "approved", "approval")


async def test_with_two_persons_it_proves_itself_and_a_person_decides(store: Store, api: Api) -> None:
    chosen = settings(two_person=True)
    submitted(store, adding("bare", devices(1000, TODAY)), chosen=chosen)
    async with watched(store, chosen):
        await until(lambda: (row(store)["acceptance"] or {}).get("good") == POLLS, "the proof")
        seen = len(api.asked)
        await until(lambda: len(api.asked) > seen, "one poll more")
        assert row(store)["state"] == "pending"
        assert "another person decides" in row(store)["acceptance"]["why"]
        assert Office(store, chosen).decide(BUREAU, 1, "approved")["state"] == "approved"
    assert row(store)["decided_by"] == "token:id-bureau bureau"


async def test_a_hanging_and_a_dead_source_cost_others_nothing(store: Store, api: Api) -> None:
    with answering({"p": (1000, 0)}) as slow:
        slow.hang = 3.0
        dead = api.source() | {"url": f"http://127.0.0.1:{free_port()}"}
        submitted(store, registering(site("slow", slow.source(), devices(1000))))
        submitted(store, registering(site("dead", dead, devices(1000))))
        submitted(store, registering(site("quick", api.source(), devices(1000))))
        async with watched(store):
            await until(lambda: row(store, 3)["state"] == "approved", "approval")
            await until(lambda: (row(store, 1)["acceptance"] or {}).get("why") is not None, "the slow one's reason")
            await until(lambda: (row(store, 2)["acceptance"] or {}).get("why") is not None, "the dead one's reason")
        for number, told in ((1, "no complete answer within 1 s"), (2, "unreachable")):
            assert row(store, number)["state"] == "pending"
            assert told in row(store, number)["acceptance"]["why"]
            assert row(store, number)["acceptance"]["good"] == 0


async def test_an_address_that_may_not_be_asked_is_not(store: Store, api: Api) -> None:
    """The same guard as for what is registered: here this machine is no longer within reach."""
    submitted(store, registering(site("new", api.source(), devices(1000))))
    guarded = settings().model_copy(update={"reach": config().reach})
    async with watched(store, guarded):
        await until(lambda: (row(store)["acceptance"] or {}).get("why") is not None, "a refusal")
    assert row(store)["state"] == "pending"
    assert "127.0.0.1" in row(store)["acceptance"]["why"]
    assert api.asked == []


async def test_one_that_was_withdrawn_is_asked_no_more(store: Store, api: Api) -> None:
    chosen = settings(acceptance={"polls": 10_000})
    submitted(store, adding("bare", devices(1000, TODAY)), chosen=chosen)
    async with watched(store, chosen):
        await until(lambda: (row(store)["acceptance"] or {}).get("good", 0) >= 1, "a good poll")
        Office(store, chosen).decide(operator(), 1, "withdrawn")
        await asyncio.sleep(1.5)
        seen = len(api.asked)
        await asyncio.sleep(2.5)
        assert len(api.asked) == seen
    assert (row(store)["state"], row(store)["decided_by"]) == ("withdrawn", "token:id-op op")


class Late(Office):
    """An office before which somebody else comes in at the very last moment."""

    def __init__(self, store: Store, config: Config, first: Callable[[], object]) -> None:
        super().__init__(store, config)
        self._first = first

    def decide(self, who: Asker, *told: Any) -> Any:
        self._first()
        return super().decide(who, *told)


async def test_withdrawn_at_the_last_moment_stays_withdrawn(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "suanli.acceptance")
    submitted(store, adding("bare", devices(1000, TODAY)))
    late = Late(store, settings(), lambda: Office(store, settings()).decide(operator(), 1, "withdrawn"))
    async with watched(store, office=late):
        await until(lambda: "was withdrawn by token:id-op op" in caplog.text, "the refusal")
    assert (row(store)["state"], row(store)["decided_by"]) == ("withdrawn", "token:id-op op")
    assert all(state.built_pflops is None for state in store.states_now(store.now) if state.site == "bare")


async def test_a_ledger_that_changed_at_the_last_moment_is_not_written_over(store: Store) -> None:
    """Somebody records something of the same time: what was proved no longer fits, and the count begins again."""
    submitted(store, adding("bare", devices(1000, TODAY)))
    done: list[dict[str, Any]] = []

    def bureau() -> None:
        if not done:
            request = adding("bare", devices(7, TODAY))
            done.append(Office(store, settings()).submit(BUREAU, request))

    async with watched(store, office=Late(store, settings(), bureau)):
        await until(lambda: (row(store)["acceptance"] or {}).get("why") is not None, "the refusal")
    assert row(store)["state"] == "pending"
    assert row(store)["acceptance"]["good"] == 0
    assert "the ledger already says" in row(store)["acceptance"]["why"]
    states = {state.site: state.built_pflops for state in store.states_now(store.now)}
    assert states["bare"] == pytest.approx(7 * A100_PFLOPS)


async def test_a_new_process_begins_the_count_again(store: Store) -> None:
    chosen = settings(acceptance={"polls": 10_000})
    submitted(store, adding("bare", devices(1000, TODAY)), chosen=chosen)
    async with watched(store, chosen):
        await until(lambda: (row(store)["acceptance"] or {}).get("good", 0) >= 2, "two good polls")
    async with watched(store, chosen):
        await until(lambda: row(store)["acceptance"]["good"] < 2, "a count from the beginning")


async def test_of_two_sites_in_one_submission_both_must_prove_themselves(store: Store, api: Api) -> None:
    with answering({"p": (3, 0)}) as other:
        both = registering(site("one", api.source(), devices(1000)), site("two", other.source(), devices(1000)))
        submitted(store, both)
        async with watched(store):
            await until(lambda: len(api.asked) > 2 * POLLS, "enough polls of the one")
            assert row(store)["state"] == "pending"
            assert "two/p: 1,000 devices = 312 PFLOPS are declared, 3 devices" in row(store)["acceptance"]["why"]
            other.pools = {"p": (1000, 0)}
            await until(lambda: row(store)["state"] == "approved", "approval")


# ------------------------------------------------------------------------------- what no poll can prove

YESTERDAY, BEFORE, TOMORROW = (TODAY + timedelta(days=days) for days in (-1, -2, 1))


def asked_of(store: Store, request: Request, chosen: Config | None = None) -> Provable:
    number = submitted(store, request, chosen=chosen)
    with store.reading() as connection:
        return provable(store, submission_of(connection, number), chosen or settings())


def correction(id_: str) -> CorrectionRequest:
    entry = devices(1000, date(2024, 6, 1), reason="correction")
    return CorrectionRequest.model_validate({"site": id_, "pool": "p", "entry": entry})


def moving(id_: str, to: str) -> MoveRequest:
    return MoveRequest.model_validate({"site": id_, "pool": "p", "to": to, "as": "q", "from": TODAY})


def planned(count: int) -> dict[str, Any]:
    return devices(count) | {"stage": "planned"}


@pytest.mark.parametrize(
    ("request_of", "why"),
    [
        (lambda _: correction("known"), "a correction says something else of what was recorded"),
        (lambda _: moving("known", "bare"), "no poll can tell whether"),
        (lambda _: adding("mute", devices(1000, TODAY)), "mute has no source that could be asked"),
        (lambda _: registering(site("new", None, devices(1000))), "new has no source that could be asked"),
        (lambda api: registering(site("new", api.source())), "nothing is declared as built now"),
        (lambda _: adding("bare", devices(1000, TOMORROW)), "what is built later cannot be found yet"),
        (
            lambda _: adding("bare", devices(1000, date(2024, 1, 1), until=date(2024, 6, 1))),
            "what was built once cannot be found any more",
        ),
        (lambda _: adding("bare", planned(1000)), "what is planned cannot be found"),
        (
            lambda api: registering(site("new", api.source(), planned(10_000_000), devices(1000))),
            "what is planned cannot be found",
        ),
        (lambda _: adding("known", devices(1000, BEFORE)), "it reaches back into figures that were published"),
        (
            lambda api: registering(site("known", api.source(), devices(500), name="another")),
            "no poll can tell whether name of known is right",
        ),
        (
            lambda api: registering(site("new", api.source(), devices(1000), status="building")),
            "new is building and is not asked",
        ),
        (
            lambda api: registering(*(site(f"n{n}", api.source(), devices(1)) for n in range(MOST_SITES + 1))),
            f"more than {MOST_SITES} sites",
        ),
    ],
)
def test_what_no_poll_can_find_is_left_to_a_person(
    store: Store, api: Api, request_of: Callable[[Api], Request], why: str
) -> None:
    with pytest.raises(Unprovable, match=why):
        asked_of(store, request_of(api))


@pytest.mark.parametrize(
    ("request_of", "declared"),
    [
        (lambda _: adding("known", devices(1000, TODAY)), {"p": 1000}),
        (lambda _: adding("known", devices(1000, YESTERDAY)), {"p": 1000}),
        (lambda _: adding("bare", devices(1000, date(2020, 1, 1))), {"p": 1000}),
        (lambda api: registering(site("new", api.source(), devices(9, date(2020, 1, 1)))), {"p": 9}),
        (
            lambda api: registering(site("known", api.source(url="http://127.0.0.1:1025"), devices(500))),
            {"p": 500},
        ),
    ],
)
def test_what_is_there_now_can_be_found(
    store: Store, api: Api, request_of: Callable[[Api], Request], declared: dict[str, int]
) -> None:
    (asked,) = asked_of(store, request_of(api)).sites
    assert {pool: one.devices for pool, one in asked.declared.items()} == declared


def test_a_site_beside_it_in_the_file_that_stays_as_it_is_is_not_asked(store: Store, api: Api) -> None:
    same = Office(store, settings()).site(BUREAU, "known")
    found = asked_of(store, registering(same, site("new", api.source(), devices(9))))
    assert [one.polled.id for one in found.sites] == ["new"]


def test_a_new_pool_beside_others_is_looked_at_with_them(store: Store, api: Api) -> None:
    known = Office(store, settings()).site(BUREAU, "known")
    new = a_site("x", a_pool("q", devices(8))).pools[0]
    more = known.model_copy(update={"pools": (*known.pools, new)})
    (asked,) = asked_of(store, registering(more)).sites
    assert {pool: one.devices for pool, one in asked.declared.items()} == {"q": 8, "p": 500}


def test_what_no_longer_fits_says_why(store: Store) -> None:
    number = submitted(store, adding("bare", devices(1000, TODAY)))
    Office(store, settings()).submit(BUREAU, adding("bare", devices(7, TODAY)))
    with store.reading() as connection:
        one = submission_of(connection, number)
    with pytest.raises(Unprovable, match="it does not fit what the registry says now: bare/p: the ledger already says"):
        provable(store, one, settings())


def test_it_is_asked_no_more_often_than_others(store: Store, api: Api) -> None:
    often = site("new", api.source(interval="1s"), devices(9))
    seldom = settings().model_copy(update={"poll": config(poll={"interval": "60s"}).poll})
    (asked,) = asked_of(store, registering(often), seldom).sites
    assert (asked.polled.interval, asked.polled.max_age) == (60, 180)


def test_nobody_keeps_others_from_their_turn() -> None:
    """One person has at most so many sites asked; another's do not wait for that."""
    site_ = ProvableSite(_polled(), {})
    found = [Provable(n, "one", (site_,) * 20, ()) for n in (1, 2, 3)] + [Provable(4, "two", (site_,) * 20, ())]
    now, later = in_turn([*found, Provable(5, "one", (site_,) * 10, ())])
    assert ([one.number for one in now], [one.number for one in later]) == ([1, 2, 4, 5], [3])


def test_a_decision_on_something_else_than_was_looked_at_is_none(store: Store) -> None:
    submitted(store, adding("bare", devices(1000, TODAY)))
    with pytest.raises(Conflict, match="would change something else than was looked at"):
        Office(store, settings()).decide(BUREAU, 1, "approved", None, ["+ something"])
    with store.reading() as connection:
        assert [one.state for one in read_submissions(connection)] == ["pending"]
    with pytest.raises(SuanliError, match="no submission 2"):
        Office(store, settings()).decide(BUREAU, 2, "approved", None, [])


def test_how_far_it_has_come_is_kept_until_it_is_decided_on(store: Store) -> None:
    submitted(store, adding("bare", devices(1000, TODAY)))
    with store.writing() as connection:
        keep_progress(connection, {1: Progress(1, 5, 7, "x"), 9: Progress(1, 5)})
        keep_progress(connection, {1: Progress(2, 5, 8, None)})
    Office(store, settings()).decide(BUREAU, 1, "rejected", "no")
    with store.writing() as connection:
        keep_progress(connection, {1: Progress(3, 5)})
        assert read_progress(connection) == {1: Progress(2, 5, 8, None)}


# ------------------------------------------------------------------------------- one poll

NOW = 1_795_500_000


def _polled() -> PolledSite:
    found = polled_site(site("s", Api(None, 1025).source(), devices(1)), settings().poll.defaults, load_accelerators())
    assert found is not None
    return found


def heard(**told: Any) -> PollOutcome:
    plain = {"site": "s", "pool": "p", "at": NOW, "source_at": NOW, "fetched_at": NOW, "max_age": 180}
    return PollOutcome("s", NOW, "ok", 0.1, samples=(Sample.model_validate(plain | told),))


def judged(declared: Declared, outcome: PollOutcome, tolerance: float = 0.05) -> str | None:
    return why_not(ProvableSite(_polled(), {"p": declared}), outcome, tolerance)


@pytest.mark.parametrize(
    ("declared", "told", "why"),
    [
        (Declared(100, 31.2), {"online_devices": 95.0, "online_pflops": 29.64}, None),
        (Declared(100, 31.2), {"online_devices": 94.0, "online_pflops": 29.328}, "are declared, 94 devices"),
        (Declared(100, 31.2), {"online_devices": 106.0, "online_pflops": 33.072}, "are declared, 106 devices"),
        (Declared(100, 62.4), {"online_devices": 100.0, "online_pflops": 31.2}, "62.4 PFLOPS are declared, 100 "),
        (Declared(None, 31.2), {"online_pflops": 31.2}, None),
        (Declared(None, 31.2), {"online_devices": 100.0}, "how much is there was not told"),
        (Declared(100, None), {"online_devices": 100.0}, None),
        (Declared(0, 0.0), {"online_devices": 0.0, "online_pflops": 0.0}, None),
        (Declared(0, 0.0), {"online_devices": 1.0, "online_pflops": 0.312}, "0 devices = 0 PFLOPS are declared"),
        (Declared(100, 31.2), {"pool": "q", "online_devices": 100.0}, "has no such pool"),
        (Declared(100, 31.2), {"online_devices": 100.0, "source_at": NOW - 180}, None),
        (Declared(100, 31.2), {"online_devices": 100.0, "source_at": NOW - 181}, "what it says is 181 s old"),
        (Declared(100, 31.2), {"online_devices": 100.0, "quality": "suspect", "reason": "odd"}, "s/p: odd"),
    ],
)
def test_a_poll_is_good_while_it_finds_what_is_declared(
    declared: Declared, told: dict[str, Any], why: str | None
) -> None:
    found = judged(declared, heard(**told))
    assert found is None if why is None else why in str(found)


@given(
    declared=st.integers(0, 100_000),
    found=st.integers(0, 100_000),
    percent=st.integers(0, 50),
)
def test_the_tolerance_is_of_what_is_declared(declared: int, found: int, percent: int) -> None:
    """In whole numbers, where nothing is rounded; at the edge itself a float may fall to either side."""
    outcome = heard(online_devices=float(found))
    off, allowed = 100 * abs(declared - found), percent * declared
    if off != allowed:
        assert (judged(Declared(declared, None), outcome, percent / 100) is None) == (off < allowed)


def test_a_poll_that_failed_says_why() -> None:
    outcome = PollOutcome("s", NOW, "refused", 0.1, "answered 401")
    assert judged(Declared(1, None), outcome) == "s: refused: answered 401"
