"""Maintenance over HTTP: operators announce windows for their own sites, and who decides lets them count."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from exporter.described import answering, creating, told
from exporter.desk import Answer, Desk
from exporter.filters import OfSites
from exporter.guard import who
from exporter.kept_models import AddedWindow, ApprovedWindow, EndedWindow, WindowRow, Windows
from exporter.paging import Key, Paged
from exporter.problems import Unlike
from exporter.words import LAST, DryRun, IdempotencyKey, IfMatch, Second, Since, Until, etag
from suanli.model.maintenance import Window

_Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="the number of a window")]
_State = Annotated[Literal["pending", "approved", "ended"] | None, Query(description="only in this state")]
_Approve = Annotated[bool, Query(description="it counts at once, which takes the scope approve")]
_MOVING = frozenset({"next", "excluded_ratio"})
"""What of a window changes with the time at which it is looked at."""
_ADDED = creating(AddedWindow, "Recorded; it counts once it is approved.", "Tried only.")
_CHANGED = told(404, 409, 410, 411, 412, 413)


class End(BaseModel):
    """at: UTC seconds; now when left out."""

    model_config = ConfigDict(extra="forbid")
    at: Annotated[int, Field(ge=0, le=LAST, strict=True)] | None = None


def window_routes(api: APIRouter, desk: Desk) -> None:
    """Each answer is that of `suanli maintenance` with --json."""
    _reading(api, desk)
    _changing(api, desk)


def _reading(api: APIRouter, desk: Desk) -> None:
    @api.get("/api/v1/maintenance", responses=answering(Windows) | told(404))
    def listed(
        request: Request,
        page: Paged,
        where: OfSites,
        since: Since = None,
        until: Until = None,
        state: _State = None,
        as_of: Second = None,
        everything: Annotated[bool, Query(alias="all", description="also what was said before")] = False,
    ) -> JSONResponse:
        """The windows, with `from` and `to` only those that reach into that time, and what each takes out of it."""
        windows = desk.windows(who(request), request.state.request_id)
        answer = windows.listed(since, until, where, state, as_of=as_of, everything=everything)
        return JSONResponse(answer | page.answer("windows", answer["windows"], _order))

    @api.get("/api/v1/maintenance/{number}", responses=answering(WindowRow) | told(404))
    def one(request: Request, number: _Number) -> JSONResponse:
        """One of them; its ETag guards a change of it."""
        found = desk.windows(who(request), request.state.request_id).one(number)
        return JSONResponse(found, headers={"ETag": _etag(found)})


def _changing(api: APIRouter, desk: Desk) -> None:
    @api.post("/api/v1/maintenance", status_code=201, responses=_ADDED | told(409, 411, 413))
    def add(
        request: Request,
        window: Window,
        idempotency_key: IdempotencyKey = None,
        approve: _Approve = False,
        dry_run: DryRun = False,
    ) -> JSONResponse:
        """Announce a window; with a rule, `from` and `until` are its first occurrence."""
        windows = desk.windows(who(request), request.state.request_id)
        answer = windows.add(window, approve=approve, dry_run=dry_run, key=idempotency_key)
        return JSONResponse(answer, 201 if answer["applied"] else 200)

    @api.post("/api/v1/maintenance/{number}/approve", responses=answering(ApprovedWindow) | _CHANGED)
    def approve(request: Request, number: _Number, if_match: IfMatch = None, dry_run: DryRun = False) -> JSONResponse:
        """From now on it counts, for its whole length."""
        windows = desk.windows(who(request), request.state.request_id)
        return JSONResponse(windows.approve(number, dry_run=dry_run, still=partial(_check_match, if_match)))

    @api.post("/api/v1/maintenance/{number}/end", responses=answering(EndedWindow) | _CHANGED)
    def end(
        request: Request, number: _Number, end: End | None = None, if_match: IfMatch = None, dry_run: DryRun = False
    ) -> JSONResponse:
        """Nothing of it counts from then on; one that is approved is ended by who decides."""
        at = None if end is None else end.at
        windows = desk.windows(who(request), request.state.request_id)
        return JSONResponse(windows.end(number, at, dry_run=dry_run, still=partial(_check_match, if_match)))


def _check_match(if_match: str | None, current: Answer) -> None:
    if if_match not in (None, "*", _etag(current)):
        raise Unlike(f"maintenance window {current['id']} has changed meanwhile", current, _etag(current))


def _etag(window: Answer) -> str:
    return etag({name: value for name, value in window.items() if name not in _MOVING})


def _order(row: dict[str, Any]) -> Key:
    """Of one window, what was said first comes first."""
    return row["from"], row["id"], row["recorded_at"], row["superseded_at"] or "9"
