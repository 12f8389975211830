"""The office as a running instance's API asks it: who comes with which request, and how polls have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from suanli.model.access import Principal
from suanli.model.audit import Author
from suanli.model.capacity import Stage
from suanli.model.errors import InputError
from suanli.model.polled import PollOutcome
from suanli.model.pushed import Pushed
from suanli.model.request import Request
from suanli.model.site import Site
from suanli.model.where import EVERYWHERE, Where
from suanli.registering.alerted import AlertDesk
from suanli.registering.asker import Asker
from suanli.registering.held import HeldDesk
from suanli.registering.intake import Intake
from suanli.registering.office import Answer, Office, Verdict
from suanli.registering.tokens import TokenDesk
from suanli.registering.trail import TrailDesk
from suanli.registering.underway import UnderWay
from suanli.registering.windows import WindowDesk
from suanli.store.once import Once
from suanli.store.outcomes import Outcomes
from suanli.store.submissions import State


class ServedDesk:
    """`exporter.desk.Desk`, by the office. told: hears how every push ended; the outcomes alone if None."""

    def __init__(self, office: Office, outcomes: Outcomes, told: Callable[[PollOutcome], None] | None = None) -> None:
        self._office, self._outcomes, self._under_way = office, outcomes, UnderWay()
        self._intake = Intake(office.store, office.config)
        self._told = told or outcomes.note

    def submit(
        self,
        who: Principal,
        request_id: str,
        request: Request,
        *,
        dry_run: bool,
        key: str | None = None,
        still: Callable[[], None] | None = None,
    ) -> Answer:
        once = None if key is None or dry_run else Once.of(who.token_id, key, request)
        with self._under_way.alone(once):
            return self._office.submit(_asker(who, request_id), request, dry_run=dry_run, once=once, still=still)

    def decide(self, who: Principal, request_id: str, number: int, verdict: str, why: str | None) -> Answer:
        return self._office.decide(_asker(who, request_id), number, cast("Verdict", verdict), why)

    def submissions(self, who: Principal, state: str | None, where: Where) -> list[Answer]:
        return self._office.submissions(_asker(who), cast("State | None", state), where)

    def submission(self, who: Principal, number: int) -> Answer:
        return self._office.submission(_asker(who), number)

    async def probe(self, who: Principal, request_id: str, site: Site) -> Answer:
        return await self._office.probe(_asker(who, request_id), site)

    async def push(self, who: Principal, request_id: str, site: str, pushed: Pushed) -> Answer:
        """Told in the event loop, as those are told in it who hear of polls."""
        answer, outcome = await asyncio.to_thread(self._intake.push, _asker(who, request_id), site, pushed)
        self._told(outcome)
        if isinstance(answer, InputError):
            raise answer
        return answer

    def sites(self, who: Principal, where: Where = EVERYWHERE) -> list[Answer]:
        return self._office.sites(_asker(who), self._outcomes, where)

    def pools(self, who: Principal, where: Where) -> list[Answer]:
        return self._office.pools(_asker(who), where)

    def site(self, who: Principal, id_: str) -> Site:
        return self._office.site(_asker(who), id_)

    def ledger(self, who: Principal, where: Where, stage: Stage | None, **shown: Any) -> list[Answer]:
        return self._office.ledger(_asker(who), where, stage, **shown)

    def tokens(self, who: Principal, request_id: str) -> TokenDesk:
        return TokenDesk(self._office.store, _asker(who, request_id))

    def trail(self, who: Principal) -> TrailDesk:
        return TrailDesk(self._office.store, _asker(who))

    def windows(self, who: Principal, request_id: str) -> WindowDesk:
        return WindowDesk(self._office.store, self._office.config, _asker(who, request_id))

    def held(self, who: Principal, request_id: str) -> HeldDesk:
        return HeldDesk(self._office.store, _asker(who, request_id))

    def alerts(self, who: Principal, request_id: str) -> AlertDesk:
        return AlertDesk(self._office.store, _asker(who, request_id))


def _asker(who: Principal, request_id: str | None = None) -> Asker:
    return Asker(who, Author(actor=who.actor, request_id=request_id))
