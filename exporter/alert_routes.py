"""Alerts over HTTP: what fires, and that somebody knows of it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from exporter.described import answering, told
from exporter.desk import Desk
from exporter.filters import OfSites
from exporter.guard import who
from exporter.kept_models import AcknowledgedAlert, Alerts
from exporter.paging import Key, Paged
from exporter.words import DryRun
from suanli.model.alert import AlertState, Severity
from suanli.model.audit import Line

_Kind = Annotated[str | None, Query(min_length=1, max_length=64, description="only of this kind: site_silent, ...")]
_State = Annotated[AlertState | None, Query(description="only in this state")]
_Severity = Annotated[Severity | None, Query(description="only of this severity")]
_All = Annotated[bool, Query(alias="all", description="also what is ok")]


class Acknowledgement(BaseModel):
    """Which alert, as the listing names it, and what is being done; that is kept in the audit trail."""

    model_config = ConfigDict(extra="forbid")
    kind: Annotated[str, Field(min_length=1, max_length=64)]
    subject: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(max_length=8)] = {}
    reason: Line


def alert_routes(api: APIRouter, desk: Desk) -> None:
    """Each answer is that of `suanli alerts` with --json."""

    @api.get("/api/v1/alerts", responses=answering(Alerts) | told(404))
    def listed(
        request: Request,
        page: Paged,
        where: OfSites,
        kind: _Kind = None,
        state: _State = None,
        severity: _Severity = None,
        everything: _All = False,
    ) -> JSONResponse:
        """Every alert that fires, is about to, has just ended or cannot be judged, as an instance last found it."""
        alerts = desk.alerts(who(request), request.state.request_id)
        answer = alerts.listed(where, kind, state, severity, everything=everything)
        return JSONResponse(answer | page.answer("alerts", answer["alerts"], _order))

    @api.post("/api/v1/alerts/ack", responses=answering(AcknowledgedAlert) | told(404, 409, 411, 413))
    def acknowledge(request: Request, known: Acknowledgement, dry_run: DryRun = False) -> JSONResponse:
        """Say that somebody knows of an alert that fires: until it is over it is not told again."""
        alerts = desk.alerts(who(request), request.state.request_id)
        return JSONResponse(alerts.acknowledge(known.kind, known.subject, known.reason, dry_run=dry_run))


def _order(row: dict[str, Any]) -> Key:
    return row["kind"], json.dumps(row["subject"], ensure_ascii=True)
