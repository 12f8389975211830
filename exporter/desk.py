"""The desks, as the API sees them. Who implements them knows the rules; here are only ways in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from suanli.access import WantedToken
from suanli.model.access import Principal
from suanli.model.audit import Head
from suanli.model.maintenance import Window
from suanli.model.pushed import Pushed
from suanli.model.request import Request
from suanli.model.site import Site
from suanli.model.where import Where

Answer = dict[str, Any]
Still = Callable[[Answer], None]
"""Raises when what it is given is not what was looked at."""


class Tokens(Protocol):
    """`token` is the text of a new one, None where it is kept nowhere any more."""

    def create(self, wanted: WantedToken, *, dry_run: bool, key: str | None) -> Answer: ...
    def listed(self, owner: str | None, state: Any) -> list[Answer]: ...
    def one(self, id_: str) -> Answer: ...
    def revoke(self, id_: str, reason: str, *, dry_run: bool) -> Answer: ...


class Trail(Protocol):
    """The audit trail, the newest first; before: only rows of smaller numbers."""

    def listed(
        self,
        since: int | None,
        until: int | None,
        actor: str | None,
        action: str | None,
        subject: str | None,
        limit: int | None,
        before: int | None,
    ) -> list[Answer]: ...
    def verified(self, noted: Head | None) -> Answer: ...


class Windows(Protocol):
    """Maintenance. Times in UTC seconds."""

    def add(self, window: Window, *, approve: bool, dry_run: bool, key: str | None) -> Answer: ...
    def approve(self, id_: int, *, dry_run: bool, still: Still | None) -> Answer: ...
    def end(self, id_: int, at: int | None, *, dry_run: bool, still: Still | None) -> Answer: ...
    def listed(
        self, lo: int | None, hi: int | None, where: Where, state: Any, *, as_of: int | None, everything: bool
    ) -> Answer: ...
    def one(self, id_: int) -> Answer: ...


class Held(Protocol):
    """Quarantine. before, first: of what was held at the entrance, only smaller numbers, and at most so many."""

    def listed(
        self, where: Where, check: str | None, *, everything: bool, before: int | None, first: int | None
    ) -> list[Answer]: ...
    def one(self, id_: str) -> Answer: ...
    def release(self, id_: str, *, dry_run: bool) -> Answer: ...


class Alerts(Protocol):
    """What fires, is about to, or cannot be judged."""

    def listed(self, where: Where, kind: str | None, state: Any, severity: Any, *, everything: bool) -> Answer: ...
    def acknowledge(self, kind: str, subject: Mapping[str, str], reason: str, *, dry_run: bool) -> Answer: ...


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
    def submissions(self, who: Principal, state: str | None, where: Where) -> list[Answer]: ...
    def submission(self, who: Principal, number: int) -> Answer: ...
    async def probe(self, who: Principal, request_id: str, site: Site) -> Answer: ...
    async def push(self, who: Principal, request_id: str, site: str, pushed: Pushed) -> Answer: ...
    def sites(self, who: Principal, where: Where = ...) -> list[Answer]: ...
    def pools(self, who: Principal, where: Where) -> list[Answer]: ...
    def site(self, who: Principal, id_: str) -> Site: ...
    def ledger(self, who: Principal, where: Where, stage: Any, **shown: Any) -> list[Answer]: ...
    def tokens(self, who: Principal, request_id: str) -> Tokens: ...
    def trail(self, who: Principal) -> Trail: ...
    def windows(self, who: Principal, request_id: str) -> Windows: ...
    def held(self, who: Principal, request_id: str) -> Held: ...
    def alerts(self, who: Principal, request_id: str) -> Alerts: ...
