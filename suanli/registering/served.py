"""The office as a running instance's API asks it: who comes with which request, and how polls have ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from suanli.model.access import Principal
from suanli.model.audit import Author
from suanli.model.request import Request
from suanli.model.site import Site
from suanli.registering.office import Answer, Asker, Office, Verdict
from suanli.registering.underway import UnderWay
from suanli.store.once import Once
from suanli.store.outcomes import Outcomes
from suanli.store.submissions import State


class ServedDesk:
    """`exporter.desk.Desk`, by the office."""

    def __init__(self, office: Office, outcomes: Outcomes) -> None:
        self._office, self._outcomes, self._under_way = office, outcomes, UnderWay()

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

    def submissions(self, who: Principal, state: str | None) -> list[Answer]:
        return self._office.submissions(_asker(who), cast("State | None", state))

    def submission(self, who: Principal, number: int) -> Answer:
        return self._office.submission(_asker(who), number)

    async def probe(self, who: Principal, request_id: str, site: Site) -> Answer:
        return await self._office.probe(_asker(who, request_id), site)

    def sites(self, who: Principal) -> list[Answer]:
        return self._office.sites(_asker(who), self._outcomes)

    def site(self, who: Principal, id_: str) -> Site:
        return self._office.site(_asker(who), id_)

    def ledger(self, who: Principal, site: str | None, **shown: Any) -> list[Answer]:
        return self._office.ledger(_asker(who), site, **shown)


def _asker(who: Principal, request_id: str | None = None) -> Asker:
    return Asker(who, Author(actor=who.actor, request_id=request_id))
