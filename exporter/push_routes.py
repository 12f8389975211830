"""What data centres push over HTTP, where nobody can ask them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from exporter.described import answering, told
from exporter.desk import Desk
from exporter.guard import who
from exporter.kept_models import PushedAnswer
from suanli.model.pushed import Pushed
from suanli.model.site import Id

_SiteId = Annotated[Id, Path(description="the id of a site of kind push")]
_ANSWERED = answering(PushedAnswer) | told(404, 409, 411, 413, 415)


def push_routes(api: APIRouter, desk: Desk) -> None:
    """One way in; why it is as it is: docs/decisions/0024-push.md."""

    @api.post("/api/v1/sites/{site}/samples", responses=_ANSWERED)
    async def push(request: Request, site: _SiteId, pushed: Pushed) -> JSONResponse:
        """Bring samples of a site that is not asked. They are judged as those of polls are; the same one twice is one.

        All of them are recorded when this answers, or none: then 422 names what is wrong by `samples[0]` and so on.
        """
        return JSONResponse(await desk.push(who(request), request.state.request_id, site, pushed))
