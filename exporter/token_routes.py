"""Tokens over HTTP: given, listed and taken back, by who administers."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from exporter.described import answering, creating, told
from exporter.desk import Desk
from exporter.guard import who
from exporter.kept_models import CreatedToken, RevokedToken, TokenRow, Tokens
from exporter.paging import Paged
from exporter.words import DryRun, IdempotencyKey
from suanli.access import WantedToken
from suanli.model.audit import Line
from suanli.model.site import Name

_TokenId = Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="the id of a token: no secret")]
_State = Annotated[Literal["valid", "expired", "revoked"] | None, Query(description="only in this state")]
_Owner = Annotated[Name | None, Query(description="only this one's")]
_CREATED = creating(
    CreatedToken,
    "Given; its text is shown this once.",
    "Tried only, or given before under this Idempotency-Key: the text is not there.",
)


class Because(BaseModel):
    """Why; it is kept in the audit trail."""

    model_config = ConfigDict(extra="forbid")
    reason: Line


def token_routes(api: APIRouter, desk: Desk) -> None:
    """Each answer is that of `suanli token` with --json."""

    @api.post("/api/v1/tokens", status_code=201, responses=_CREATED | told(409, 411, 413))
    def create(
        request: Request, wanted: WantedToken, idempotency_key: IdempotencyKey = None, dry_run: DryRun = False
    ) -> JSONResponse:
        """Give a token. Its text is in this answer and nowhere else: not even under the same key a second time."""
        tokens = desk.tokens(who(request), request.state.request_id)
        answer = tokens.create(wanted, dry_run=dry_run, key=idempotency_key)
        return JSONResponse(answer, 200 if answer["token"] is None else 201)

    @api.get("/api/v1/tokens", responses=answering(Tokens))
    def listed(request: Request, page: Paged, owner: _Owner = None, state: _State = None) -> JSONResponse:
        """Every token that was ever given, never its text."""
        rows = desk.tokens(who(request), request.state.request_id).listed(owner, state)
        return JSONResponse(page.answer("tokens", rows, lambda row: (row["created_at"], row["id"])))

    @api.get("/api/v1/tokens/{token}", responses=answering(TokenRow) | told(404))
    def one(request: Request, token: _TokenId) -> JSONResponse:
        """One of them."""
        return JSONResponse(desk.tokens(who(request), request.state.request_id).one(token))

    @api.post("/api/v1/tokens/{token}/revoke", responses=answering(RevokedToken) | told(404, 409, 410, 411, 413))
    def revoke(request: Request, token: _TokenId, why: Because, dry_run: DryRun = False) -> JSONResponse:
        """Take it back: the next request with it is refused."""
        tokens = desk.tokens(who(request), request.state.request_id)
        return JSONResponse(tokens.revoke(token, why.reason, dry_run=dry_run))
