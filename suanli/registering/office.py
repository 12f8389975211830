"""The one desk at which the registry is changed, from a terminal beside the store or over HTTP: the same rules.

Who may decide has their request carried out at once; of all others it waits, counts nowhere, and is decided on later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection

from collectors.registry import check_source
from suanli.answers import iso
from suanli.config import Config
from suanli.listing import ledger_rows, site_row
from suanli.model.access import Principal, Scope, may
from suanli.model.audit import Author, author_of, local_author
from suanli.model.errors import Conflict, Forbidden, InputError, Problem, SuanliError, Unknown
from suanli.model.request import AdditionRequest, CorrectionRequest, Request, SitesRequest
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.registering.amounts import reaching
from suanli.registering.confined import unconfined
from suanli.registering.effects import Effects, Figures
from suanli.registering.pending import pending_rows
from suanli.registering.probing import compared, probe
from suanli.registering.requests import planned_request
from suanli.store.acceptance import Progress, read_progress
from suanli.store.ledger_plan import Located, by_name
from suanli.store.once import Once, answer_of, keep_answer
from suanli.store.outcomes import Outcomes
from suanli.store.plan import Change
from suanli.store.registry import RecordedSite, as_written
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
class Asker:
    """Who asks, what they may, and how the audit trail names them."""

    principal: Principal
    author: Author

    def because(self, reason: str | None) -> Asker:
        """The same one, with this reason beside everything that they change now; an InputError for one of many lines.

        Nothing said (or only blanks) leaves what was said before.
        """
        return self if reason is None or not reason.strip() else replace(self, author=author_of(self.author, reason))


def local_asker() -> Asker:
    """Who sits at the store itself: they could write into it with any program, so nothing is kept from them."""
    author = local_author()
    return Asker(Principal("", author.actor, frozenset({Scope("admin")})), author)


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
        self._store, self._config = store, config

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
        with self._store.exclusively() as connection:
            if once and (before := answer_of(connection, once, self._store.now)):
                return before
            self._allow(who, request)
            if still:
                still()
            found = self._planned(connection, request, located, heard)
            if dry_run:
                return found.answer("tried" if found.changes else "unchanged")
            answer = self._carried_out(connection, who, request, found)
            if once:
                keep_answer(connection, once, answer, self._store.now)
        if found.changes:
            self._store.reload()
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
        with self._store.exclusively() as connection:
            one = submission_of(connection, number)
            self._may_decide(who, one, verdict)
            found = self._planned(connection, one.request) if verdict == "approved" else _Planned([], [])
            if looked_at is not None and [change.text for change in found.changes] != list(looked_at):
                raise Conflict(f"submission {number} would change something else than was looked at: look again")
            decision = deciding(one, verdict, who.author.actor, who.author.reason)
            self._apply(connection, who, [*found.changes, decision])
        self._store.reload()
        return found.answer(verdict, number)

    async def probe(self, who: Asker, site: Site) -> Answer:
        """Ask the site's source now, and what registering it would change, with what was found; nothing is recorded."""
        request = SitesRequest(sites=(site,))
        self._allow(who, request)
        if problems := check_source(site, self._config.reach.of(site.id)):
            raise InputError(problems)
        outcome = await probe(site, self._config)
        told = {"result": outcome.result, "reason": outcome.reason, "seconds": outcome.seconds}
        if outcome.result != "ok":
            return told | {"pools": [], "changes": [], "figures": []}
        answer = await asyncio.to_thread(self.submit, who, request, dry_run=True, heard=outcome.samples)
        pools = compared(site, outcome.samples, self._config, self._store.now)
        return told | {"pools": pools, "changes": answer["changes"], "figures": answer["figures"]}

    def sites(self, who: Asker, outcomes: Outcomes | None = None) -> list[Answer]:
        """Those that this one may see, as they are listed. outcomes: how their last polls ended."""
        return [site_row(item, outcomes) for item in self._store.registry if self._reads(who, item)]

    def site(self, who: Asker, id_: str) -> Site:
        """One of them, as a file of sites would say it; an InputError names those that there are."""
        seen = [item for item in self._store.registry if self._reads(who, item)]
        for item in seen:
            if item.site.id == id_:
                return as_written(item, self._config.zone)
        known = ", ".join(item.site.id for item in seen) or "none yet (suanli apply)"
        raise Unknown(Problem(f"no site {id_!r}; registered: {known}"))

    def _reads(self, who: Asker, item: RecordedSite) -> bool:
        return may(who.principal, "read", item.site.operator, item.site.id)

    def ledger(self, who: Asker, site: str | None = None, **shown: Any) -> list[Answer]:
        """The lines of the ledger, and behind them what waits for a decision; shown: as `ledger_rows` has it."""
        if site is not None:
            self.site(who, site)
        mine = {item.site.id for item in self._store.registry if self._reads(who, item)}
        rows = ledger_rows(self._store, self._config.zone, site, **shown)
        waiting = [] if shown.get("as_of") is not None else self._waiting(who, site, shown.get("at"))
        return [row | {"submission": None} for row in rows if row["site"] in mine] + waiting

    def _waiting(self, who: Asker, site: str | None, at: int | None) -> list[Answer]:
        """What is submitted as built is planned until it is decided on, and is in no sum."""
        with self._store.reading() as connection:
            found = read_submissions(connection, "pending")
        return [
            row
            for one in found
            if self._sees(who, one)
            for row in pending_rows(self._store, one, self._config, at)
            if site in (None, row["site"])
        ]

    def submissions(self, who: Asker, state: State | None = None) -> list[Answer]:
        """Those that this one may see, the oldest first."""
        with self._store.reading() as connection:
            found, progress = read_submissions(connection, state), read_progress(connection)
        return [_row(one, progress.get(one.id)) for one in found if self._sees(who, one)]

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
        changes = planned_request(self._store, request, self._config, located)
        effects = self._effects(request, changes, heard)
        told = changes and len(request.site_ids) <= _SITES_WITH_FIGURES
        return _Planned(changes, effects.tried(self._store, connection, changes) if told else [])

    def _apply(self, connection: Connection, who: Asker, changes: list[Change]) -> None:
        self._store.apply_within(connection, changes, self._store.now, who.author)

    def _effects(self, request: Request, changes: list[Change], heard: tuple[Sample, ...]) -> Effects:
        bases = [
            pool.pool.basis
            for item in self._store.registry
            for pool in item.pools
            if isinstance(request, AdditionRequest | CorrectionRequest)
            and (item.site.id, pool.pool.id) == (request.site, request.pool)
        ]
        since = min(reaching(changes), default=self._store.now)
        return Effects(since, bases[0] if bases else "fp16", self._config, heard)

    def _allow(self, who: Asker, request: Request) -> None:
        for operator, site in self._concerned(request):
            if not may(who.principal, "submit", operator, site):
                raise Forbidden(f"{who.principal.owner} may not submit anything for site {site}")
        if isinstance(request, SitesRequest) and not may(who.principal, "approve"):
            recorded = {item.site.id: item.site for item in self._store.registry}
            problems = [
                problem for site in request.sites for problem in unconfined(site, recorded.get(site.id), self._config)
            ]
            if problems:
                raise InputError(problems)

    def _concerned(self, request: Request) -> Iterator[tuple[str | None, str]]:
        """The operators and sites that a request is about: as they are, and as they would be."""
        recorded = {item.site.id: item.site.operator for item in self._store.registry}
        for site in request.site_ids:
            if site in recorded or not isinstance(request, SitesRequest):
                yield recorded.get(site), site
        if isinstance(request, SitesRequest):
            yield from ((site.operator, site.id) for site in request.sites)

    def _operators(self, request: Request) -> set[str]:
        return {operator for operator, _ in self._concerned(request) if operator is not None}

    def _decides(self, who: Asker) -> bool:
        return may(who.principal, "approve") and not self._config.registration.two_person

    def _may_decide(self, who: Asker, one: Submission, verdict: Verdict) -> None:
        if not self._sees(who, one):
            raise self._hidden(who, one.id)
        if one.state != "pending":
            raise SuanliError(f"submission {one.id} was {one.state} by {one.decided_by}")
        own = _person(one.submitted_by) == _person(who.author.actor)
        if verdict == "withdrawn":
            if not own:
                raise Forbidden(f"submission {one.id} is withdrawn by who submitted it: {one.submitted_by}")
            return
        if not may(who.principal, "approve"):
            raise Forbidden(f"{who.principal.owner} may not decide on submissions: that takes the scope approve")
        if own and self._config.registration.two_person:
            raise Forbidden(f"submission {one.id} is yours: another person decides on it (registration.two_person)")

    def _found(self, who: Asker, number: int) -> tuple[Submission, Progress | None]:
        with self._store.reading() as connection:
            one, progress = submission_of(connection, number), read_progress(connection).get(number)
        if not self._sees(who, one):
            raise self._hidden(who, number)
        return one, progress

    def _hidden(self, who: Asker, number: int) -> Forbidden:
        return Forbidden(f"submission {number} is not of a site that {who.principal.owner} may see")

    def _sees(self, who: Asker, one: Submission) -> bool:
        return all(may(who.principal, "read", operator) for operator in one.operators)


def _person(actor: str) -> str:
    """Who it is, whichever of their tokens they use."""
    token, _, owner = actor.partition(" ")
    return owner if token.startswith("token:") else actor


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
