"""The shapes of answers about tokens, the audit trail, maintenance, quarantine, pushes and alerts; times are ISO 8601.

All of them are in UTC.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from suanli.model.alert import AlertState, Severity
from suanli.model.maintenance import Policy


class CreatedToken(BaseModel):
    """A new token. token: its text, shown this once; null in a dry run, and where this was carried out before."""

    id: str
    owner: str
    scopes: list[str]
    networks: list[str]
    expires_at: str | None
    token: str | None


class TokenRow(BaseModel):
    """A token without its text."""

    id: str
    owner: str
    scopes: list[str]
    networks: list[str]
    created_by: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    state: Literal["valid", "expired", "revoked"]


class Tokens(BaseModel):
    """A page of the listing, the oldest first."""

    tokens: list[TokenRow]
    next: str | None


class RevokedToken(BaseModel):
    """revoked: false in a dry run."""

    id: str
    owner: str
    revoked: bool


class TrailRow(BaseModel):
    """Who changed what; before and after: of what changed."""

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    before: Any
    after: Any
    reason: str | None
    request_id: str | None
    hash: str


class Trail(BaseModel):
    """A page of the audit trail, the newest first."""

    audit: list[TrailRow]
    next: str | None


class TrailFault(BaseModel):
    """The first row that is not as it was written, and how."""

    seq: int
    kind: str


class Verified(BaseModel):
    """Whether the trail is whole; head: to be noted elsewhere, and given back later."""

    ok: bool
    head: str
    fault: TrailFault | None


class Stretch(BaseModel):
    """From then until then, exclusive (`from` and `until`)."""

    until: str


class WindowRow(BaseModel):
    """A maintenance window. excluded_ratio: the share of the asked time that it takes out."""

    id: int
    site: str
    pool: str | None
    until: str
    rule: str | None
    policy: Policy
    reason: str
    approved_at: str | None
    approved_by: str | None
    ended_at: str | None
    next: list[Stretch]
    excluded_ratio: float
    recorded_at: str
    superseded_at: str | None


class Windows(BaseModel):
    """A page of the windows, in the order in which they begin, and the time of which the shares are."""

    to: str
    windows: list[WindowRow]
    next: str | None


class AddedWindow(BaseModel):
    """id: null in a dry run; late: it reaches into the past, which targets are judged by anew."""

    id: int | None
    approved: bool
    applied: bool
    late: bool


class ApprovedWindow(AddedWindow):
    """by: who approved it."""

    by: str


class EndedWindow(BaseModel):
    """ended_at: nothing of it counts from then on."""

    id: int
    ended_at: str
    applied: bool
    late: bool


class HeldRow(BaseModel):
    """What is held or doubted: `12` at the entrance, `finding-3` in the history, `sink-4` by a database."""

    id: str
    kind: Literal["sample", "figure", "finding", "sink"]
    site: str | None
    pool: str | None
    check: str
    at: str | None
    until: str | None
    reason: str
    recorded_at: str
    released_at: str | None
    released_by: str | None


class HeldRows(BaseModel):
    """A page of the listing, each kind the newest first."""

    quarantine: list[HeldRow]
    next: str | None


class HeldInFull(HeldRow):
    """Also what was told, and what its check looks for."""

    told: dict[str, Any] | None
    why: str
    why_zh: str


class Released(BaseModel):
    """The sample as it counts now; released: false in a dry run."""

    id: str
    released: bool
    sample: dict[str, Any]


class AlertText(BaseModel):
    """What an alert says."""

    zh: str
    en: str


class AlertRow(BaseModel):
    """An alert as it stands. value, threshold: in the unit of its kind; null where unknown, or where there is none.

    held: it fires although nobody knows its number now. fired_at: when it began to fire, null while it does not.
    """

    kind: str
    subject: dict[str, str]
    severity: Severity
    state: AlertState
    since: str
    fired_at: str | None
    held: bool
    value: float | None
    threshold: float | None
    stake_pflops: float | None
    acknowledged_by: str | None
    acknowledged_why: str | None
    text: AlertText


class Alerts(BaseModel):
    """A page of the alerts, by kind and subject. looked_at: when an instance last did, null where none ever has."""

    looked_at: str | None
    alerts: list[AlertRow]
    next: str | None


class AcknowledgedAlert(AlertRow):
    """applied: false in a dry run."""

    applied: bool


class PushedNote(BaseModel):
    """What looks wrong with a sample, and what became of it; `figure`: one number of it is in quarantine."""

    pool: str
    at: str
    state: Literal["suspect", "quarantined", "figure"]
    reason: str


class PushedAnswer(BaseModel):
    """What became of the samples. kept: slots that hold one of them now; new: those that said something new.

    suspect: those that count and look wrong; quarantined: samples and figures that count nowhere. notes: at most 100.
    """

    site: str
    kept: int
    new: int
    suspect: int
    quarantined: int
    notes: list[PushedNote]
