"""Quarantine over HTTP: what is held or doubted, and released by who decides."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse

from exporter.described import answering, told
from exporter.desk import Desk
from exporter.filters import OfSites
from exporter.guard import who
from exporter.kept_models import HeldInFull, HeldRows, Released
from exporter.paging import Key, Page, Paged
from exporter.words import DryRun

_HeldId = Annotated[str, Path(pattern="^(finding-|sink-)?[0-9]{1,15}$", description="12, finding-3 or sink-4")]
_Check = Annotated[str | None, Query(min_length=1, max_length=64, description="only of this check: unit, sink, ...")]
_All = Annotated[bool, Query(alias="all", description="also what is released or over")]
_KINDS = {"sample": 0, "figure": 0, "finding": 1, "sink": 2}


def held_routes(api: APIRouter, desk: Desk) -> None:
    """Each answer is that of `suanli quarantine` with --json."""

    @api.get("/api/v1/quarantine", responses=answering(HeldRows) | told(404))
    def listed(
        request: Request, page: Paged, where: OfSites, check: _Check = None, everything: _All = False
    ) -> JSONResponse:
        """Samples and figures held at the entrance, findings about the history, points that sinks refused."""
        held, before = desk.held(who(request), request.state.request_id), _before(page)
        rows = held.listed(where, check, everything=everything, before=before, first=page.limit + 1)
        return JSONResponse(page.answer("quarantine", rows, _order))

    @api.get("/api/v1/quarantine/{held}", responses=answering(HeldInFull) | told(404))
    def one(request: Request, held: _HeldId) -> JSONResponse:
        """One of them in full."""
        return JSONResponse(desk.held(who(request), request.state.request_id).one(held))

    @api.post("/api/v1/quarantine/{held}/release", responses=answering(Released) | told(404, 409, 411, 413))
    def release(request: Request, held: _HeldId, dry_run: DryRun = False) -> JSONResponse:
        """Record a held sample after all, as suspect; it replaces what its slot has since got."""
        return JSONResponse(desk.held(who(request), request.state.request_id).release(held, dry_run=dry_run))


def _order(row: dict[str, Any]) -> Key:
    return _KINDS[row["kind"]], -int(row["id"].rpartition("-")[2])


def _before(page: Page) -> int | None:
    """Of what is held at the entrance nothing is left once the page is of another kind."""
    kind = page.number()
    if kind is None:
        return None
    number = page.number(1)
    return 0 if kind or number is None else -number
