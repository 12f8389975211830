"""The registry's desk, as the API sees it. Who implements it knows the rules; here are only ways in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from suanli.model.access import Principal
from suanli.model.request import Request
from suanli.model.site import Site

Answer = dict[str, Any]


class Desk(Protocol):
    """Every method is asked by somebody (`who`, in a request of this id) and raises a SuanliError where it says no.

    key: under which a request that was carried out within the last day is answered as then. still: raises when what
    was looked at has changed; it is asked once who asks is known to be allowed, and nobody else can write any more.
    """

    def submit(
        self,
        who: Principal,
        request_id: str,
        request: Request,
        *,
        dry_run: bool,
        key: str | None = None,
        still: Callable[[], None] | None = None,
    ) -> Answer: ...
    def decide(self, who: Principal, request_id: str, number: int, verdict: str, why: str | None) -> Answer: ...
    def submissions(self, who: Principal, state: str | None) -> list[Answer]: ...
    def submission(self, who: Principal, number: int) -> Answer: ...
    async def probe(self, who: Principal, request_id: str, site: Site) -> Answer: ...
    def sites(self, who: Principal) -> list[Answer]: ...
    def site(self, who: Principal, id_: str) -> Site: ...
    def ledger(self, who: Principal, site: str | None, **shown: Any) -> list[Answer]: ...
