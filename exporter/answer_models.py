"""The shapes of the registry's answers, for whoever reads the OpenAPI document; times are ISO 8601 in UTC.

next: the cursor of the next page, null on the last.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from suanli.model.units import Basis


class SiteRow(BaseModel):
    """One site of a listing; how its last poll ended is null where it has not been polled yet."""

    id: str
    name: str
    province: str
    operator: str
    status: str
    kind: str | None
    cross_check: str | None
    pools: list[dict[str, str]]
    up: bool | None
    last_result: str | None
    last_reason: str | None
    last_success: str | None


class Sites(BaseModel):
    """A listing."""

    sites: list[SiteRow]
    next: str | None


class PoolRow(BaseModel):
    """One pool; since: when it came to its site, null where it was always there."""

    site: str
    pool: str
    model: str
    basis: Basis
    since: str | None
    planned_pflops: float | None
    built_pflops: float | None


class Pools(BaseModel):
    """A listing."""

    pools: list[PoolRow]
    next: str | None


class LedgerRow(BaseModel):
    """One line of the ledger; `submission` is the number of what waits, and null where the line counts."""

    site: str
    pool: str
    stage: str
    devices: int | None
    pflops: float | None
    basis: Basis
    source: str
    submission: int | None


class Capacity(BaseModel):
    """The ledger."""

    capacity: list[LedgerRow]
    next: str | None


class FiguresBeside(BaseModel):
    """Published figures before and after a change."""

    basis: Basis
    before: dict[str, Any]
    after: dict[str, Any]


class Answered(BaseModel):
    """What a request or a decision changed, or would change."""

    state: Literal["applied", "pending", "tried", "unchanged", "approved", "rejected", "withdrawn"]
    submission: int | None
    changes: list[str]
    figures: list[FiguresBeside]


class ProbedPool(BaseModel):
    """A pool as declared beside what was found."""

    pool: str
    model: str
    declared_devices: int | None
    declared_pflops: float | None
    found_devices: int | None
    online_pflops: float | None
    used_pflops: float | None
    reason: str
    wrong: list[str]


class Probed(BaseModel):
    """What asking a site found."""

    result: str
    reason: str
    seconds: float
    pools: list[ProbedPool]
    changes: list[str]
    figures: list[FiguresBeside]


class Acceptance(BaseModel):
    """How far it has proved itself: so many good polls of its own source in a row; the last reason why not."""

    good: int
    needed: int
    polled_at: str | None
    why: str | None


class SubmissionRow(BaseModel):
    """What was asked for and waits, or was decided on."""

    id: int
    action: str
    subject: str
    operators: list[str]
    state: Literal["pending", "approved", "rejected", "withdrawn"]
    submitted_at: str
    submitted_by: str
    decided_at: str | None
    decided_by: str | None
    why: str | None
    acceptance: Acceptance | None


class Submissions(BaseModel):
    """A listing."""

    submissions: list[SubmissionRow]
    next: str | None


class Submitted(SubmissionRow):
    """With what was asked for."""

    request: dict[str, Any]
