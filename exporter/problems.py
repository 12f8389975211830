"""Errors over HTTP: RFC 9457 problem documents, each mistake with the field that it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.routing import Match

from suanli.access import AccessError, LockedOut
from suanli.model.errors import Conflict, Forbidden, InputError, StillUnderWay, SuanliError, Unavailable, Unknown
from suanli.model.yamlfile import dotted

_PLACES = frozenset({"body", "query", "path", "header"})
_STATUS: tuple[tuple[type[SuanliError], int], ...] = (
    (Unknown, 404),
    (InputError, 422),
    (Unavailable, 503),
    (Conflict, 409),
    (Forbidden, 403),
)


class Unlike(SuanliError):
    """What is to be changed is not what was looked at (If-Match); `state` is what it is now."""

    def __init__(self, message: str, state: Any, etag: str) -> None:
        super().__init__(message)
        self.state, self.etag = state, etag


class TooMany(SuanliError):
    """Asked too often. retry_after: seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def problem(
    status: int,
    detail: str,
    errors: Sequence[dict[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """A problem document. errors: each with `detail` and, where it is in a field, `field`."""
    body = {"type": "about:blank", "status": status, "detail": detail, **more}
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, media_type="application/problem+json", headers=dict(headers or {}))


def problems_told(api: FastAPI) -> None:
    """Every error leaves as a problem document."""

    @api.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> Response:
        headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
        return problem(error.status_code, str(error.detail), headers=headers)

    @api.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        return problem_of_fields(error.errors())

    @api.exception_handler(SuanliError)
    async def answered_no(_request: Request, error: SuanliError) -> Response:
        return problem_of(error)


def _allowed(request: Request) -> str:
    """Every method of this path: the framework names only those of the first route that has it."""
    tried = {method: dict(request.scope) | {"method": method} for method in ("GET", "HEAD", "POST", "PUT")}
    routes = request.app.router.routes
    return ", ".join(one for one in tried if any(route.matches(tried[one])[0] == Match.FULL for route in routes))


def problem_of(error: SuanliError) -> JSONResponse:
    """Whoever is at fault: a wrong question, another writer, a store that is down, figures that are no longer kept."""
    if isinstance(error, AccessError):
        return _not_let_in(error)
    if isinstance(error, Unlike):
        return problem(412, str(error), headers={"ETag": error.etag}, current=error.state)
    if isinstance(error, TooMany):
        return problem(429, str(error), headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, StillUnderWay):
        return problem(409, str(error), headers={"Retry-After": str(error.retry_after)})
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 410)
    if isinstance(error, InputError):
        errors = [{"detail": one.message} | ({"field": one.key} if one.key else {}) for one in error.problems]
        return problem(status, str(error), errors)
    return problem(status, str(error))


def problem_of_fields(details: Sequence[ErrorDetails]) -> JSONResponse:
    """What the models found, each under the path of its field; the values themselves are not repeated."""
    errors = [{"field": _field(one["loc"]), "detail": one["msg"].removeprefix("Value error, ")} for one in details]
    return problem(422, "; ".join(f"{one['field']}: {one['detail']}" for one in errors[:5]), errors)


def _not_let_in(error: AccessError) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if isinstance(error, LockedOut):
        headers["Retry-After"] = str(error.retry_after)
    return problem(error.status, str(error), headers=headers)


def _field(loc: tuple[int | str, ...]) -> str:
    named = loc[1:] if loc and loc[0] in _PLACES and len(loc) > 1 else loc
    return dotted(tuple(named))
