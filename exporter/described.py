"""What the OpenAPI document says beside the routes: who may ask, and every way in which an answer can be no."""

from __future__ import annotations

from types import UnionType
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

_SCHEME = "token"
_PROBLEM = "Problem"
_NO = {
    401: "No token, or none that lets anybody in.",
    403: "This token may not.",
    404: "There is nothing of that name, or not for this token.",
    409: "Somebody else was faster; nothing of this request was recorded.",
    410: "Over: decided before, or no longer kept.",
    411: "A request says how long it is.",
    412: "It has changed since it was looked at; `current` is what it is now.",
    413: "The request is too large.",
    415: "The body is packed in a way that is not read.",
    422: "Something in the request is wrong; `errors` has each mistake with its field.",
    429: "Asked too often; Retry-After says for how many seconds to wait.",
    503: "Something that the answer depends on does not work now.",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
EVERYWHERE = (401, 403, 422, 429, 503)


class Mistake(BaseModel):
    """One thing that is wrong."""

    detail: str
    field: str | None = None


class Told(BaseModel):
    """RFC 9457."""

    type: str
    status: int
    detail: str
    errors: list[Mistake] | None = None


def told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may say no in these ways."""
    return {status: _problem(status) for status in statuses}


def answering(model: type[BaseModel] | UnionType, **also: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with this model."""
    return {200: {"model": model, **also}}


def creating(model: type[BaseModel], created: str, else_: str) -> dict[int | str, dict[str, Any]]:
    """Of a route that makes something (201), or answers what it would have made, or had made before (200)."""
    return {201: {"model": model, "description": created}, 200: {"model": model, "description": else_}}


def described(api: FastAPI, *, open_reads: bool) -> None:
    """Completes the document; open_reads: whoever is on this machine needs no token for reading."""

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _complete(get_openapi(title=api.title, version=api.version, routes=api.routes))
            _say_who(api.openapi_schema, open_reads)
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way of extending the document


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    parts = document.setdefault("components", {})
    models = parts.setdefault("schemas", {})
    models |= {_PROBLEM: _schema(Told), "Mistake": _schema(Mistake)}
    parts["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
    return document


def _say_who(document: dict[str, Any], open_reads: bool) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            anyone: list[dict[str, list[str]]] = [{}] if path == "/healthz" or (open_reads and method == "get") else []
            operation["security"] = anyone if path == "/healthz" else [*anyone, {_SCHEME: []}]


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    made = model.model_json_schema(ref_template="#/components/schemas/{model}")
    made.pop("$defs", None)
    return made


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{_PROBLEM}"}
    said = {"description": _NO[status], "content": {"application/problem+json": {"schema": schema}}}
    return said | ({"headers": _RETRY_AFTER} if status == 429 else {})
