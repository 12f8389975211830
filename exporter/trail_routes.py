"""The audit trail over HTTP: listed and verified, by who decides."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from exporter.described import answering
from exporter.desk import Desk
from exporter.guard import who
from exporter.kept_models import Trail, Verified
from exporter.paging import Paged
from exporter.words import Since, Until
from suanli.model.audit import Head
from suanli.model.text import PLAIN

_Text = Annotated[str | None, Query(min_length=1, max_length=500, pattern=PLAIN)]
_Head = Annotated[
    str | None,
    Query(pattern="^([0-9]{1,15}:)?[0-9a-f]{64}$", description="NUMBER:HASH that was noted before"),
]


def trail_routes(api: APIRouter, desk: Desk) -> None:
    """Each answer is that of `suanli audit` with --json, but in pages and the newest first."""

    @api.get("/api/v1/audit", responses=answering(Trail))
    def audit(
        request: Request,
        page: Paged,
        since: Since = None,
        until: Until = None,
        actor: _Text = None,
        action: _Text = None,
        subject: _Text = None,
    ) -> JSONResponse:
        """Who changed what, when and why; `site` as an action finds all of `site.`, a site as a subject its pools."""
        asked = (since, until, actor, action, subject)
        before = None if (number := page.number()) is None else -number
        rows = desk.trail(who(request)).listed(*asked, page.limit + 1, before)
        return JSONResponse(page.answer("audit", rows, lambda row: (-row["seq"],)))

    @api.get("/api/v1/audit/verification", responses=answering(Verified))
    def verification(request: Request, head: _Head = None) -> JSONResponse:
        """Whether no row was edited, removed or put in, nor cut off behind a head that was noted."""
        return JSONResponse(desk.trail(who(request)).verified(None if head is None else Head.parsed(head)))
