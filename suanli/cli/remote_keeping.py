"""Tokens, audit trail, maintenance, quarantine and alerts of a running instance: what the desks beside the store do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from suanli.cli.asked import said
from suanli.cli.remote import as_new
from suanli.cli.server import Answer, Server
from suanli.model.errors import InputError, Problem, SuanliError
from suanli.model.message import Message
from suanli.model.units import duration_text
from suanli.model.where import EVERYWHERE, Where

if TYPE_CHECKING:
    from suanli.access import WantedToken
    from suanli.model.audit import Head
    from suanli.model.maintenance import Window


@dataclass(frozen=True, slots=True)
class RemoteTokens:
    """`suanli.registering.tokens.TokenDesk`, over there."""

    server: Server

    def create(self, wanted: WantedToken, *, dry_run: bool = False) -> Answer:
        """A SuanliError where the answer with the text was lost: the token is there, and of no use to anybody."""
        asked = as_new(_token_json(wanted))
        answer = self.server.asked("POST", "tokens", **asked, params=said({"dry_run": dry_run}))
        if answer["token"] is None and not dry_run:
            told = Message(
                "token {id} was given, but the answer with its text was lost, and the text is kept nowhere: "
                "suanli token revoke {id}, and create another",
                id=answer["id"],
            )
            raise SuanliError(told)
        return answer

    def listed(self) -> list[Answer]:
        return self.server.listed("tokens", "tokens", {})

    def revoke(self, id_: str, reason: str, *, dry_run: bool = False) -> Answer:
        asked = {"json": {"reason": reason}, "params": said({"dry_run": dry_run})}
        return self.server.asked("POST", f"tokens/{_part(id_)}/revoke", **asked)


@dataclass(frozen=True, slots=True)
class RemoteTrail:
    """`suanli.registering.trail.TrailDesk`, over there."""

    server: Server

    def listed(
        self,
        since: int | None = None,
        until: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> list[Answer]:
        asked = {"from": since, "to": until, "actor": actor, "action": action, "subject": subject}
        return self.server.listed("audit", "audit", asked, limit)

    def verified(self, noted: Head | None = None) -> Answer:
        told = None if noted is None else str(noted) if noted.seq else noted.hash
        return self.server.asked("GET", "audit/verification", params=said({"head": told}))


@dataclass(frozen=True, slots=True)
class RemoteWindows:
    """`suanli.registering.windows.WindowDesk`, over there."""

    server: Server

    def add(self, window: Window, *, approve: bool = False, by: str | None = None, dry_run: bool = False) -> Answer:
        _by_token(by)
        asked = as_new(window.model_dump_json(by_alias=True, exclude_none=True))
        return self.server.asked("POST", "maintenance", **asked, params=said({"approve": approve, "dry_run": dry_run}))

    def approve(self, id_: int, *, by: str | None = None, dry_run: bool = False) -> Answer:
        _by_token(by)
        return self.server.asked("POST", f"maintenance/{id_}/approve", params=said({"dry_run": dry_run}))

    def end(self, id_: int, at: int | None = None, *, dry_run: bool = False) -> Answer:
        asked = {"json": {"at": at}, "params": said({"dry_run": dry_run})}
        return self.server.asked("POST", f"maintenance/{id_}/end", **asked)

    def listed(
        self, lo: int | None = None, hi: int | None = None, *, as_of: int | None = None, everything: bool = False
    ) -> Answer:
        return self.server.whole("maintenance", "windows", {"from": lo, "to": hi, "as_of": as_of, "all": everything})


@dataclass(frozen=True, slots=True)
class RemoteHeld:
    """`suanli.registering.held.HeldDesk`, over there."""

    server: Server

    def listed(
        self, where: Where = EVERYWHERE, check: str | None = None, *, everything: bool = False, limit: int | None = None
    ) -> list[Answer]:
        rows = self.server.listed("quarantine", "quarantine", {"site": where.site, "check": check, "all": everything})
        return _of_each_kind(rows, limit)

    def one(self, id_: str) -> Answer:
        return self.server.asked("GET", f"quarantine/{_part(id_)}")

    def release(self, id_: str, by: str | None = None, *, dry_run: bool = False) -> Answer:
        _by_token(by)
        return self.server.asked("POST", f"quarantine/{_part(id_)}/release", params=said({"dry_run": dry_run}))


@dataclass(frozen=True, slots=True)
class RemoteAlerts:
    """`suanli.registering.alerted.AlertDesk`, over there."""

    server: Server

    def listed(
        self,
        where: Where = EVERYWHERE,
        kind: str | None = None,
        state: str | None = None,
        severity: str | None = None,
        *,
        everything: bool = False,
    ) -> Answer:
        of = {"site": where.site, "operator": where.operator, "province": where.province}
        asked = {"kind": kind, "state": state, "severity": severity, "all": everything}
        return self.server.whole("alerts", "alerts", of | asked)

    def acknowledge(
        self, kind: str, subject: Mapping[str, str], reason: str, by: str | None = None, *, dry_run: bool = False
    ) -> Answer:
        _by_token(by)
        asked = {"json": {"kind": kind, "subject": dict(subject), "reason": reason}}
        return self.server.asked("POST", "alerts/ack", **asked, params=said({"dry_run": dry_run}))


def _token_json(wanted: WantedToken) -> str:
    """As a person writes it, and the API reads it."""
    import json

    expires = "never" if wanted.expires is None else duration_text(wanted.expires)
    told: dict[str, Any] = {"owner": wanted.owner, "scope": [str(one) for one in wanted.scope], "expires": expires}
    return json.dumps(told | {"network": list(wanted.network)})


def _by_token(by: str | None) -> None:
    if by is not None:
        told = Message("a server knows who you are by your token, and records that name: leave it out")
        raise InputError(Problem(told, key="--by"))


def _part(text: str) -> str:
    """A part of a path, whatever is in it."""
    from urllib.parse import quote

    return quote(text, safe="")


def _of_each_kind(rows: list[Answer], limit: int | None) -> list[Answer]:
    """So many of what was held at the entrance, of findings, and of refused points."""
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        kind = "held" if row["kind"] in ("sample", "figure") else row["kind"]
        seen[kind] = seen.get(kind, 0) + 1
        if limit is None or seen[kind] <= limit:
            kept.append(row)
    return kept
