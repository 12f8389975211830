"""Acceptance by itself: what waits and can prove itself is asked for, and approved once it has.

Counted in this process; how far each has come is kept in the store for those who look (docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from collectors.base import Collector
from collectors.client import ClientPool
from collectors.poller import Poller
from collectors.registry import build
from suanli.config import AcceptanceConfig, Config
from suanli.model.access import Principal, Scope
from suanli.model.audit import Author
from suanli.model.errors import Conflict, InputError, SuanliError, Unavailable
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.rounds import Rounds
from suanli.model.sample import Sample
from suanli.registering.asker import Asker
from suanli.registering.counted import Case, Counted
from suanli.registering.office import Office
from suanli.registering.provable import Provable, Unprovable, in_turn, provable
from suanli.store.acceptance import Progress, keep_progress
from suanli.store.sql import Store
from suanli.store.submissions import Submission, read_submissions

EVERY = 1.0
"""Seconds between two looks at what was heard, and whether something else waits."""
_LOOK_AGAIN = 30.0
"""Seconds after which what waits is planned anew though nothing was recorded: a day may have come."""
ACTOR = "acceptance"
_WHO = Asker(Principal("", ACTOR, frozenset({Scope("approve")})), Author(actor=ACTOR))
_LATER = "others of the same submitter are asked first"
_PERSON = "it has proved itself; another person decides (registration.two_person)"
_log = logging.getLogger("suanli.acceptance")


@dataclass(slots=True)
class Acceptance:
    """Watches what waits until `stop`; of what it hears only the decision is recorded, and how far each has come."""

    store: Store
    office: Office
    config: Config
    settings: AcceptanceConfig
    _cases: dict[int, Case] = field(default_factory=dict)
    _others: dict[int, Progress] = field(default_factory=dict)
    _kept: dict[int, Progress] = field(default_factory=dict)
    _heard: list[PollOutcome] = field(default_factory=list)
    _made: int = 0
    _looked: tuple[int, float] = (-1, 0.0)
    rounds: Rounds = field(default_factory=Rounds)

    def stop(self) -> None:
        self.rounds.stop()

    async def run(self) -> None:
        """Ask, count and decide."""
        pool = ClientPool(self.config.reach.of)
        poller = Poller(_nowhere, self._heard.append, concurrency=self.config.poll.concurrency)
        polling = asyncio.create_task(poller.run(), name="poller of what waits")
        try:
            async for _ in self.rounds.every(EVERY):
                heard = self._heard.copy()
                self._heard.clear()
                await asyncio.to_thread(self._turn, heard, pool)
                poller.plan(self._asked())
        finally:
            poller.stop()
            await polling
            await pool.aclose()

    def _turn(self, heard: list[PollOutcome], pool: ClientPool) -> None:
        try:
            self._take(heard)
            self._look(pool)
            self._keep({number: case.progress(self.settings.polls) for number, case in self._cases.items()})
        except SuanliError as error:
            _log.warning("what waits for a decision is looked at again later: %s", error)
        except Exception:  # whatever it is, the polling of what is registered goes on
            _log.exception("looking at what waits for a decision failed; it is tried again later")

    def _asked(self) -> Iterator[tuple[PolledSite, Collector]]:
        for case in self._cases.values():
            for name, one in case.sites.items():
                yield replace(one.site.polled, id=name), one.collector

    def _look(self, pool: ClientPool) -> None:
        """Take over what waits now; a case that is as it was keeps what it has counted."""
        version, at = self.store.registry_version, time.monotonic()
        if version == self._looked[0] and at < self._looked[1] + _LOOK_AGAIN:
            return
        with self.store.reading() as connection:
            waiting = read_submissions(connection, "pending")
        self._others = {}
        found, later = in_turn(list(self._provable(waiting)))
        self._cases = {one.number: self._case(one, pool) for one in found}
        self._others |= {one.number: self._progress(_LATER) for one in later}
        self._looked = (version, at)

    def _provable(self, waiting: Iterable[Submission]) -> Iterator[Provable]:
        for one in waiting:
            try:
                yield provable(self.store, one, self.config)
            except Unprovable as error:
                self._others[one.id] = self._progress(str(error))

    def _case(self, what: Provable, pool: ClientPool) -> Case:
        known = self._cases.get(what.number)
        if known is not None and known.what == what:
            return known
        self._made += 1  # in the name, so that what is heard of an earlier case is not counted for this one
        sites = {
            f"{what.number}.{self._made}/{site.polled.id}": Counted(site, build(site.polled, pool.site(site.polled)))
            for site in what.sites
        }
        return Case(what, sites)

    def _take(self, heard: Iterable[PollOutcome]) -> None:
        """Count what was heard, and decide where it is enough."""
        by_name = {name: case for case in self._cases.values() for name in case.sites}
        for outcome in heard:
            case = by_name.get(outcome.site)
            if case is not None and case.what.number in self._cases:
                case.count(outcome, self.settings.tolerance)
                if case.good >= self.settings.polls:
                    self._proved(case)

    def _proved(self, case: Case) -> None:
        if self.config.registration.two_person:
            case.why = _PERSON
            return
        self._keep_now({case.what.number: case.progress(self.settings.polls)})
        try:
            reason = case.reason(self.settings.tolerance)
            self.office.decide(_WHO, case.what.number, "approved", reason, case.what.changes)
        except (Conflict, InputError) as error:
            case.begin_again(_one_line(error))
        except Unavailable:
            raise
        except SuanliError as error:  # somebody has decided on it, or withdrawn it
            _log.info("%s", error)
            del self._cases[case.what.number]
        else:
            _log.info("submission %d is approved: %s", case.what.number, reason)
            del self._cases[case.what.number]

    def _progress(self, why: str) -> Progress:
        return Progress(0, self.settings.polls, None, why)

    def _keep(self, cases: dict[int, Progress]) -> None:
        """Written where it says something new."""
        told = cases | self._others
        if news := {number: one for number, one in told.items() if self._kept.get(number) != one}:
            self._keep_now(news)
        self._kept = told

    def _keep_now(self, told: dict[int, Progress]) -> None:
        with self.store.writing() as connection:
            keep_progress(connection, told)


def _one_line(error: Exception) -> str:
    return "; ".join(str(error).splitlines())


async def _nowhere(_samples: list[Sample]) -> None:
    """What is only looked at is not recorded."""
