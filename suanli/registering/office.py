"""The one desk at which the registry is changed, from a terminal beside the store or over HTTP: the same rules.

Who may decide has their request carried out at once; of all others it waits, counts nowhere, and is decided on later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from collectors.registry import check_source, grant_faults
from suanli.answers import iso
from suanli.config import Config
from suanli.listing import ledger_rows, pool_rows, site_row
from suanli.model.access import may
from suanli.model.capacity import Stage
from suanli.model.errors import Conflict, Forbidden, InputError, SuanliError
from suanli.model.message import Message
from suanli.model.request import AdditionRequest, CorrectionRequest, Request, SitesRequest
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.model.where import EVERYWHERE, Where
from suanli.registering.amounts import reaching
from suanli.registering.asker import Asker, person
from suanli.registering.confined import unconfined
from suanli.registering.effects import Effects, Figures
from suanli.registering.pending import pending_rows
from suanli.registering.probing import compared, probe
from suanli.registering.requests import planned_request
from suanli.registering.seen import seen, unseen
from suanli.store.acceptance import Progress, read_progress
from suanli.store.ledger_plan import Located, by_name
from suanli.store.once import Once, answer_of, keep_answer
from suanli.store.outcomes import Outcomes
from suanli.store.plan import Change
from suanli.store.registry import as_written
from suanli.store.sql import Store
from suanli.store.submissions import (
    State,
    Submission,
    deciding,
    next_number,
    read_submissions,
    submission_of,
    submitting,
)

Answer = dict[str, Any]
_SITES_WITH_FIGURES = 50
"""Of how many at once the effect on figures is told; of more it would keep others waiting."""
Verdict = Literal["approved", "rejected", "withdrawn"]


@dataclass(frozen=True, slots=True)
class _Planned:
    """The changes that answer a request, and the fleet's figures before and after them."""

    changes: list[Change]
    figures: Figures

    def answer(self, state: str, number: int | None = None) -> Answer:
        texts = [change.text for change in self.changes]
        return {"state": state, "submission": number, "changes": texts, "figures": self.figures}


class Office:
    """Takes requests and decisions for one store."""

    def __init__(self, store: Store, config: Config) -> None:
        self.store, self.config = store, config

    def submit(
        self,
        who: Asker,
        request: Request,
        *,
        dry_run: bool = False,
        located: Located = by_name,
        heard: tuple[Sample, ...] = (),
        once: Once | None = None,
        still: Callable[[], None] | None = None,
    ) -> Answer:
        """What would change or has changed, and what that does to the fleet's figures.

        state: applied, pending (under the number `submission`), tried (a dry run) or unchanged. heard: what was found
        by a probe, for the figures. once: by which a request that was carried out before is known, and answered as
        then. still: raises when the registry is no more as it was looked at; nobody changes it from then on. Raises
        Forbidden, and InputError for what cannot be.
        """
        who = who.because(request.reason)
        with self.store.exclusively() as connection:
            if once and (before := answer_of(connection, once, self.store.now)):
                return before
            self._allow(who, request)
            if still:
                still()
            found = self._planned(connection, request, located, heard)
            if dry_run:
                return found.answer("tried" if found.changes else "unchanged")
            answer = self._carried_out(connection, who, request, found)
            if once:
                keep_answer(connection, once, answer, self.store.now)
        if found.changes:
            self.store.reload()
        return answer

    def _carried_out(self, connection: Connection, who: Asker, request: Request, found: _Planned) -> Answer:
        if not found.changes:
            return found.answer("unchanged")
        if self._decides(who):
            self._apply(connection, who, found.changes)
            return found.answer("applied")
        number = next_number(connection)
        operators = self._operators(request)
        self._apply(connection, who, [submitting(number, request, operators, who.author.actor)])
        return found.answer("pending", number)

    def decide(
        self,
        who: Asker,
        number: int,
        verdict: Verdict,
        why: str | None = None,
        looked_at: Sequence[str] | None = None,
    ) -> Answer:
        """Decide on a pending submission; an approved one is planned anew, on what the registry says now.

        looked_at: the changes that were looked at, in words; a Conflict when approving it would make others by now.
        """
        who = who.because(why)
        with self.store.exclusively() as connection:
            one = submission_of(connection, number)
            self._may_decide(who, one, verdict)
            found = self._planned(connection, one.request) if verdict == "approved" else _Planned([], [])
            if looked_at is not None and [change.text for change in found.changes] != list(looked_at):
                told = Message(
                    "submission {number} would change something else than was looked at: look again", number=number
                )
                raise Conflict(told)
            decision = deciding(one, verdict, who.author.actor, who.author.reason)
            self._apply(connection, who, [*found.changes, decision])
        self.store.reload()
        return found.answer(verdict, number)

    async def probe(self, who: Asker, site: Site) -> Answer:
        """Ask the site's source now, and what registering it would change, with what was found; nothing is recorded."""
        request = SitesRequest(sites=(site,))
        self._allow(who, request)
        problems = check_source(site, self.config.reach.of(site.id))
        if problems := problems or grant_faults(site, self.config.grants(site.id)):
            raise InputError(problems)
        outcome = await probe(site, self.config)
        told = {"result": outcome.result, "reason": outcome.reason, "seconds": outcome.seconds}
        if outcome.result != "ok":
            return told | {"pools": [], "changes": [], "figures": []}
        answer = await asyncio.to_thread(self.submit, who, request, dry_run=True, heard=outcome.samples)
        pools = compared(site, outcome.samples, self.config, self.store.now)
        return told | {"pools": pools, "changes": answer["changes"], "figures": answer["figures"]}

    def sites(self, who: Asker, outcomes: Outcomes | None = None, where: Where = EVERYWHERE) -> list[Answer]:
        """Those that this one may see, as they are listed. outcomes: how their last polls ended."""
        return [site_row(item, outcomes) for item in seen(self.store, who, where)]

    def pools(self, who: Asker, where: Where = EVERYWHERE) -> list[Answer]:
        """The pools of these sites, as they are now."""
        return pool_rows(self.store, seen(self.store, who, where))

    def site(self, who: Asker, id_: str) -> Site:
        """One of them, as a file of sites would say it; an Unknown names those that there are."""
        mine = seen(self.store, who)
        for item in mine:
            if item.site.id == id_:
                return as_written(item, self.config.zone)
        raise unseen(id_, mine)

    def ledger(self, who: Asker, where: Where = EVERYWHERE, stage: Stage | None = None, **shown: Any) -> list[Answer]:
        """The lines of the ledger, and behind them what waits for a decision; shown: as `ledger_rows` has it."""
        mine = {item.site.id for item in seen(self.store, who, where)}
        rows = ledger_rows(self.store, self.config.zone, where.site, **shown)
        told = [row | {"submission": None} for row in rows if row["site"] in mine]
        waiting = [] if shown.get("as_of") is not None else self._waiting(who, where, shown.get("at"))
        return [row for row in told + waiting if stage in (None, row["stage"])]

    def _waiting(self, who: Asker, where: Where, at: int | None) -> list[Answer]:
        """What is submitted as built is planned until it is decided on, and is in no sum.

        A site that is still to be registered is known by its request only.
        """
        with self.store.reading() as connection:
            found = read_submissions(connection, "pending")
        return [
            row
            for one in found
            if self._sees(who, one)
            for row in pending_rows(self.store, one, self.config, at)
            if where.everywhere or row["site"] in self._meant(one, where)
        ]

    def _meant(self, one: Submission, where: Where) -> set[str]:
        """The sites of a request that are of `where`: as they are registered, else as they are asked for."""
        sites = {site.id: site for site in one.request.sites} if isinstance(one.request, SitesRequest) else {}
        sites |= {item.site.id: item.site for item in self.store.registry if item.site.id in one.request.site_ids}
        return {id_ for id_, site in sites.items() if where.fits(site)}

    def submissions(self, who: Asker, state: State | None = None, where: Where = EVERYWHERE) -> list[Answer]:
        """Those that this one may see, the oldest first."""
        with self.store.reading() as connection:
            found, progress = read_submissions(connection, state), read_progress(connection)
        mine = [one for one in found if self._sees(who, one)]
        return [_row(one, progress.get(one.id)) for one in mine if where.everywhere or self._meant(one, where)]

    def submission(self, who: Asker, number: int) -> Answer:
        """One of them, with what was asked for."""
        one, progress = self._found(who, number)
        return _row(one, progress) | {"request": one.request.model_dump(mode="json", by_alias=True, exclude_none=True)}

    def _planned(
        self,
        connection: Connection,
        request: Request,
        located: Located = by_name,
        heard: tuple[Sample, ...] = (),
    ) -> _Planned:
        """What answers the request, and what that does to figures; in the open transaction, so nothing moves."""
        changes = planned_request(self.store, request, self.config, located)
        effects = self._effects(request, changes, heard)
        told = changes and len(request.site_ids) <= _SITES_WITH_FIGURES
        return _Planned(changes, effects.tried(self.store, connection, changes) if told else [])

    def _apply(self, connection: Connection, who: Asker, changes: list[Change]) -> None:
        self.store.apply_within(connection, changes, self.store.now, who.author)

    def _effects(self, request: Request, changes: list[Change], heard: tuple[Sample, ...]) -> Effects:
        bases = [
            pool.pool.basis
            for item in self.store.registry
            for pool in item.pools
            if isinstance(request, AdditionRequest | CorrectionRequest)
            and (item.site.id, pool.pool.id) == (request.site, request.pool)
        ]
        since = min(reaching(changes), default=self.store.now)
        return Effects(since, bases[0] if bases else "fp16", self.config, heard)

    def _allow(self, who: Asker, request: Request) -> None:
        for operator, site in self._concerned(request):
            if not may(who.principal, "submit", operator, site):
                raise Forbidden(
                    Message("{owner} may not submit anything for site {site}", owner=who.principal.owner, site=site)
                )
        if isinstance(request, SitesRequest) and not may(who.principal, "approve"):
            recorded = {item.site.id: item.site for item in self.store.registry}
            problems = [
                problem for site in request.sites for problem in unconfined(site, recorded.get(site.id), self.config)
            ]
            if problems:
                raise InputError(problems)

    def _concerned(self, request: Request) -> Iterator[tuple[str | None, str]]:
        """The operators and sites that a request is about: as they are, and as they would be."""
        recorded = {item.site.id: item.site.operator for item in self.store.registry}
        for site in request.site_ids:
            if site in recorded or not isinstance(request, SitesRequest):
                yield recorded.get(site), site
        if isinstance(request, SitesRequest):
            yield from ((site.operator, site.id) for site in request.sites)

    def _operators(self, request: Request) -> set[str]:
        return {operator for operator, _ in self._concerned(request) if operator is not None}

    def _decides(self, who: Asker) -> bool:
        return may(who.principal, "approve") and not self.config.registration.two_person

    def _may_decide(self, who: Asker, one: Submission, verdict: Verdict) -> None:
        if not self._sees(who, one):
            raise self._hidden(who, one.id)
        if one.state != "pending":
            raise SuanliError(
                Message(
                    "submission {number} was {state} by {decided_by}",
                    number=one.id,
                    state=one.state,
                    decided_by=one.decided_by,
                )
            )
        own = person(one.submitted_by) == person(who.author.actor)
        if verdict == "withdrawn":
            if not own:
                raise Forbidden(
                    Message(
                        "submission {number} is withdrawn by who submitted it: {submitted_by}",
                        number=one.id,
                        submitted_by=one.submitted_by,
                    )
                )
            return
        if not may(who.principal, "approve"):
            raise Forbidden(
                Message(
                    "{owner} may not decide on submissions: that takes the scope approve", owner=who.principal.owner
                )
            )
        if own and self.config.registration.two_person:
            raise Forbidden(
                Message(
                    "submission {number} is yours: another person decides on it (registration.two_person)",
                    number=one.id,
                )
            )

    def _found(self, who: Asker, number: int) -> tuple[Submission, Progress | None]:
        with self.store.reading() as connection:
            one, progress = submission_of(connection, number), read_progress(connection).get(number)
        if not self._sees(who, one):
            raise self._hidden(who, number)
        return one, progress

    def _hidden(self, who: Asker, number: int) -> Forbidden:
        return Forbidden(
            Message(
                "submission {number} is not of a site that {owner} may see", number=number, owner=who.principal.owner
            )
        )

    def _sees(self, who: Asker, one: Submission) -> bool:
        return all(may(who.principal, "read", operator) for operator in one.operators)


def _row(one: Submission, progress: Progress | None) -> Answer:
    return {
        "id": one.id,
        "action": one.request.action,
        "subject": one.subject,
        "operators": list(one.operators),
        "state": one.state,
        "submitted_at": iso(one.submitted_at),
        "submitted_by": one.submitted_by,
        "decided_at": None if one.decided_at is None else iso(one.decided_at),
        "decided_by": one.decided_by,
        "why": one.why,
        "acceptance": None if progress is None else _told(progress),
    }


def _told(progress: Progress) -> Answer:
    at = None if progress.at is None else iso(progress.at)
    return {"good": progress.good, "needed": progress.needed, "polled_at": at, "why": progress.why}
