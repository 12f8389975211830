"""The one desk at which the registry is changed, from a terminal beside the store or over HTTP: the same rules.

Who may decide has their request carried out at once; of all others it waits, counts nowhere, and is decided on later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from collectors.registry import check_source
from suanli.answers import iso
from suanli.config import Config
from suanli.listing import ledger_rows, site_row
from suanli.model.access import Principal, Scope, may
from suanli.model.audit import Author, local_author
from suanli.model.errors import Conflict, Forbidden, InputError, Problem, SuanliError
from suanli.model.request import AdditionRequest, CorrectionRequest, Request, SitesRequest
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.registering.confined import unconfined
from suanli.registering.effects import Effects
from suanli.registering.pending import pending_rows
from suanli.registering.probing import compared, probe
from suanli.registering.requests import planned_request
from suanli.store.ledger_plan import Located, by_name
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
Verdict = Literal["approved", "rejected", "withdrawn"]
_TRIES = 8
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, what they may, and how the audit trail names them."""

    principal: Principal
    author: Author


def local_asker(reason: str | None = None) -> Asker:
    """Who sits at the store itself: they could write into it with any program, so nothing is kept from them."""
    author = local_author(reason)
    return Asker(Principal("", author.actor, frozenset({Scope("admin")})), author)


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
    ) -> Answer:
        """What would change or has changed, and what that does to the fleet's figures.

        state: applied, pending (under the number `submission`), tried (a dry run) or unchanged. heard: what was found
        by a probe, for the figures. Raises Forbidden, and InputError for what cannot be.
        """
        self._allow(who, request)
        return self._planned_again(lambda: self._submit(who, request, located, heard, dry_run=dry_run))

    def decide(self, who: Asker, number: int, verdict: Verdict, why: str | None = None) -> Answer:
        """Decide on a pending submission; an approved one is planned anew, on what the registry says now."""
        return self._planned_again(lambda: self._decide(who, number, verdict, why))

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
        raise InputError(Problem(f"no site {id_!r}; registered: {known}"))

    def _reads(self, who: Asker, item: RecordedSite) -> bool:
        return may(who.principal, "read", item.site.operator, item.site.id)

    def ledger(self, who: Asker, site: str | None = None, **shown: Any) -> list[Answer]:
        """The lines of the ledger, and behind them what waits for a decision; shown: as `ledger_rows` has it."""
        if site is not None:
            self.site(who, site)
        mine = {item.site.id for item in self._store.registry if self._reads(who, item)}
        rows = ledger_rows(self._store, self._config.zone, site, **shown)
        waiting = [] if shown.get("as_of") else self._waiting(who, site)
        return [row | {"submission": None} for row in rows if row["site"] in mine] + waiting

    def _waiting(self, who: Asker, site: str | None) -> list[Answer]:
        """What is submitted as built is planned until it is decided on, and is in no sum."""
        with self._store.reading() as connection:
            found = read_submissions(connection, "pending")
        return [
            row
            for one in found
            if self._sees(who, one)
            for row in pending_rows(self._store, one, self._config)
            if site in (None, row["site"])
        ]

    def submissions(self, who: Asker, state: State | None = None) -> list[Answer]:
        """Those that this one may see, the oldest first."""
        with self._store.reading() as connection:
            found = read_submissions(connection, state)
        return [_row(one) for one in found if self._sees(who, one)]

    def submission(self, who: Asker, number: int) -> Answer:
        """One of them, with what was asked for."""
        one = self._found(who, number)
        return _row(one) | {"request": one.request.model_dump(mode="json", by_alias=True, exclude_none=True)}

    def _submit(
        self, who: Asker, request: Request, located: Located, heard: tuple[Sample, ...], *, dry_run: bool
    ) -> Answer:
        store, version = self._store, self._store.registry_version
        changes = planned_request(store, request, self._config, located)
        if not changes:
            return _answer("unchanged", changes)
        effects = self._effects(request, changes, heard)
        if dry_run:
            return _answer("tried", changes, effects.tried(store, changes))
        if self._decides(who):
            figures = effects.carried_out(store, lambda: store.apply(changes, store.now, version, who.author))
            return _answer("applied", changes, figures)
        figures = effects.tried(store, changes)
        with store.reading() as connection:
            number = next_number(connection)
        waiting = submitting(number, request, self._operators(request), who.author.actor)
        store.apply([waiting], store.now, version, who.author)
        return _answer("pending", changes, figures, number)

    def _decide(self, who: Asker, number: int, verdict: Verdict, why: str | None) -> Answer:
        store, version = self._store, self._store.registry_version
        one = self._found(who, number)
        self._may_decide(who, one, verdict)
        if one.state != "pending":
            raise SuanliError(f"submission {number} was {one.state} by {one.decided_by}")
        decision = deciding(one, verdict, who.author.actor, why)
        if verdict != "approved":
            store.apply([decision], store.now, version, who.author)
            return _answer(verdict, [], (), number)
        changes = planned_request(store, one.request, self._config, by_name)
        effects = self._effects(one.request, changes, ())
        carry_out = lambda: store.apply([*changes, decision], store.now, version, who.author)  # noqa: E731 - said once
        return _answer(verdict, changes, effects.carried_out(store, carry_out), number)

    def _planned_again(self, act: Callable[[], _Made]) -> _Made:
        """A request says what is wanted, so when another writer was faster it is planned anew on what there is now."""
        for _ in range(_TRIES):
            try:
                return act()
            except Conflict:
                self._store.reload()
        return act()

    def _effects(self, request: Request, changes: list[Change], heard: tuple[Sample, ...]) -> Effects:
        bases = [
            pool.pool.basis
            for item in self._store.registry
            for pool in item.pools
            if isinstance(request, AdditionRequest | CorrectionRequest)
            and (item.site.id, pool.pool.id) == (request.site, request.pool)
        ]
        since = min(_reaching(changes), default=self._store.now)
        return Effects(since, bases[0] if bases else "fp16", self._config, heard)

    def _allow(self, who: Asker, request: Request) -> None:
        for operator, site in self._concerned(request):
            if not may(who.principal, "submit", operator, site):
                raise Forbidden(f"{who.principal.owner} may not submit anything for site {site}")
        if isinstance(request, SitesRequest) and not may(who.principal, "approve"):
            problems = [problem for site in request.sites for problem in unconfined(site, self._config)]
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
        own = one.submitted_by == who.author.actor
        if verdict == "withdrawn":
            if not own:
                raise Forbidden(f"submission {one.id} is withdrawn by who submitted it: {one.submitted_by}")
            return
        if not may(who.principal, "approve"):
            raise Forbidden(f"{who.principal.owner} may not decide on submissions: that takes the scope approve")
        if own and self._config.registration.two_person:
            raise Forbidden(f"submission {one.id} is yours: another person decides on it (registration.two_person)")

    def _found(self, who: Asker, number: int) -> Submission:
        with self._store.reading() as connection:
            one = submission_of(connection, number)
        if not self._sees(who, one):
            raise Forbidden(f"submission {number} is not of a site that {who.principal.owner} may see")
        return one

    def _sees(self, who: Asker, one: Submission) -> bool:
        return all(may(who.principal, "read", operator) for operator in one.operators)


def _reaching(changes: list[Change]) -> Iterator[int]:
    """From when on these change what the ledger says; a line that only ends elsewhere says the same until then."""
    told = [change.entry for change in changes if change.entry.action.startswith("capacity.")]
    gone = {_place(entry.subject, entry.before): entry.before for entry in told if entry.before}
    new = {_place(entry.subject, entry.after): entry.after for entry in told if entry.after}
    for place in gone.keys() | new.keys():
        lines = [side[place] for side in (gone, new) if place in side]
        ends = [line["valid_until"] for line in lines if line["valid_until"] is not None]
        alike = len(lines) == 2 and all(lines[0][name] == lines[1][name] for name in ("devices", "pflops", "basis"))
        if not alike:
            yield place[-1]
        elif ends:
            yield min(ends)


def _place(subject: str, line: dict[str, Any]) -> tuple[str, str, int]:
    return subject, line["stage"], line["valid_from"]


def _answer(state: str, changes: list[Change], figures: Any = (), number: int | None = None) -> Answer:
    return {
        "state": state,
        "submission": number,
        "changes": [change.text for change in changes],
        "figures": list(figures),
    }


def _row(one: Submission) -> Answer:
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
    }
