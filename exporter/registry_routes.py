"""The registry over HTTP: what `suanli site`, `capacity` and `apply` do beside the store, by the same desk."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from exporter.answer_models import Answered, Capacity, Pools, Probed, Sites, Submissions, Submitted
from exporter.described import answering, told
from exporter.desk import Desk
from exporter.filters import OfSites, OfSitesAndStatus
from exporter.guard import who
from exporter.paging import Key, Paged
from exporter.problems import Unlike
from exporter.words import DryRun, IdempotencyKey, IfMatch, Second, etag
from suanli.model.capacity import Stage
from suanli.model.errors import InputError, Problem
from suanli.model.request import Request as Asked
from suanli.model.request import SitesRequest
from suanli.model.site import Id, Site
from suanli.model.text import PLAIN_OR_NOTHING, SAID

_Reason = Annotated[
    str | None, Query(min_length=1, max_length=500, pattern=SAID, description="why, for the audit trail")
]
_Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="the number of a submission")]
_State = Annotated[
    Literal["pending", "approved", "rejected", "withdrawn"] | None, Query(description="only of this state")
]
_SiteId = Annotated[Id, Path(description="the id of a site")]
_Asked = Annotated[Asked, Body(discriminator="action")]
_ANSWERED = answering(Answered) | told(409, 410) | {202: {"model": Answered, "description": "Waits for a decision."}}


class Why(BaseModel):
    """The reason of a decision."""

    model_config = ConfigDict(extra="forbid")
    why: Annotated[str, Field(max_length=500, pattern=PLAIN_OR_NOTHING)] | None = None


def registry_routes(api: APIRouter, desk: Desk) -> None:
    """Reading and asking for changes; each answer is that of the command line with --json."""
    _sites(api, desk)
    _requests(api, desk)
    _decisions(api, desk)


def _sites(api: APIRouter, desk: Desk) -> None:
    @api.get("/api/v1/sites", responses=answering(Sites) | told(404))
    def sites(request: Request, page: Paged, where: OfSitesAndStatus) -> JSONResponse:
        """The registered sites and how their last poll ended."""
        rows = desk.sites(who(request), where)
        return JSONResponse(page.answer("sites", rows, lambda row: (row["id"],)))

    @api.get("/api/v1/pools", responses=answering(Pools) | told(404))
    def pools(request: Request, page: Paged, where: OfSitesAndStatus) -> JSONResponse:
        """The pools as they are now, and what of each is planned and built."""
        rows = desk.pools(who(request), where)
        return JSONResponse(page.answer("pools", rows, lambda row: (row["site"], row["pool"])))

    @api.get("/api/v1/sites/{site}", responses=answering(Site) | told(404))
    def site(request: Request, site: _SiteId) -> Response:
        """One site as a file of sites would say it; its ETag guards a change of it."""
        found = _as_json(desk.site(who(request), site))
        return JSONResponse(found, headers={"ETag": etag(found)})

    @api.put("/api/v1/sites/{site}", responses=_ANSWERED | told(404, 411, 412, 413))
    def put_site(
        request: Request,
        site: _SiteId,
        wanted: Site,
        if_match: IfMatch = None,
        reason: _Reason = None,
        dry_run: DryRun = False,
    ) -> Response:
        """Register a site, or change it: then If-Match says which state of it was looked at."""
        if wanted.id != site:
            raise InputError(Problem(f"expected {site}, as in the path", key="id"))
        asked = SitesRequest(sites=(wanted,), reason=reason)
        still = partial(_check_match, request, desk, site, if_match)
        answer = desk.submit(who(request), request.state.request_id, asked, dry_run=dry_run, still=still)
        return _answered(answer)

    @api.get("/api/v1/capacity", responses=answering(Capacity) | told(404))
    def capacity(
        request: Request,
        page: Paged,
        where: OfSites,
        stage: Annotated[Stage | None, Query(description="only of this stage")] = None,
        at: Second = None,
        as_of: Second = None,
        everything: Annotated[bool, Query(alias="all")] = False,
    ) -> JSONResponse:
        """The ledger, and behind it, as planned, what waits for a decision."""
        rows = desk.ledger(who(request), where, stage, at=at, as_of=as_of, everything=everything)
        return JSONResponse(page.answer("capacity", rows, _line))


def _line(row: dict[str, Any]) -> Key:
    """What waits comes behind what counts; of the lines of one pool and stage, the earlier one first."""
    waits = row["submission"] or 0
    rest = row["superseded_at"] or "9", row["devices"] or 0, str(row["pflops"]), row["source"]
    return waits, row["site"], row["pool"], row["stage"], row["from"], row["id"] or 0, *rest


def _check_match(request: Request, desk: Desk, site: str, if_match: str | None) -> None:
    if all(row["id"] != site for row in desk.sites(who(request))):
        if if_match is not None:
            raise Unlike(f"site {site} is not registered", None, '""')
        return
    current = _as_json(desk.site(who(request), site))
    if if_match is None:
        raise InputError(
            Problem(f"site {site} is registered: say in If-Match which state of it is to be changed", key="If-Match")
        )
    if if_match not in ("*", etag(current)):
        raise Unlike(f"site {site} has changed meanwhile", current, etag(current))


def _requests(api: APIRouter, desk: Desk) -> None:
    @api.post("/api/v1/requests", responses=_ANSWERED | told(404, 411, 413))
    def submit(
        request: Request, asked: _Asked, idempotency_key: IdempotencyKey = None, dry_run: DryRun = False
    ) -> Response:
        """Ask for a change: carried out at once (200), or kept until somebody decides (202)."""
        answer = desk.submit(who(request), request.state.request_id, asked, dry_run=dry_run, key=idempotency_key)
        return _answered(answer)

    @api.post("/api/v1/probe", responses=answering(Probed) | told(411, 413))
    async def probe(request: Request, site: Site) -> JSONResponse:
        """Ask a site's source now: what is there, what looks wrong, what registering it would change."""
        return JSONResponse(await desk.probe(who(request), request.state.request_id, site))


def _decisions(api: APIRouter, desk: Desk) -> None:
    @api.get("/api/v1/submissions", responses=answering(Submissions))
    def submissions(request: Request, page: Paged, where: OfSites, state: _State = None) -> JSONResponse:
        """What was asked for and waits, or was decided on; of sites as they are, or as they would be."""
        rows = desk.submissions(who(request), state, where)
        return JSONResponse(page.answer("submissions", rows, lambda row: (row["id"],)))

    @api.get("/api/v1/submissions/{number}", responses=answering(Submitted) | told(404))
    def submission(request: Request, number: _Number) -> JSONResponse:
        """One of them, with what was asked for."""
        return JSONResponse(desk.submission(who(request), number))

    for verb, verdict in (("approve", "approved"), ("reject", "rejected"), ("withdraw", "withdrawn")):
        _decision(api, desk, verb, verdict)


def _decision(api: APIRouter, desk: Desk, verb: str, verdict: str) -> None:
    def decide(request: Request, number: _Number, reason: Why | None = None) -> JSONResponse:
        why = None if reason is None else reason.why
        return JSONResponse(desk.decide(who(request), request.state.request_id, number, verdict, why or None))

    decide.__doc__ = f"Let a submission be {verdict}."
    told_of = answering(Answered) | told(404, 409, 410, 411, 413)
    api.post(f"/api/v1/submissions/{{number}}/{verb}", name=f"{verb}_submission", responses=told_of)(decide)


def _answered(answer: dict[str, Any]) -> JSONResponse:
    return JSONResponse(answer, 202 if answer["state"] == "pending" else 200)


def _as_json(site: Site) -> Any:
    return site.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"status": site.status}
