"""What may stand behind the question mark of a listing: which sites it is about, and nothing that is not known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from suanli.model.errors import InputError, Problem
from suanli.model.site import Id, Name, Status
from suanli.model.where import Where


def where(
    site: Annotated[Id | None, Query(description="only of this site")] = None,
    operator: Annotated[Name | None, Query(description="only of the sites that this one operates")] = None,
    province: Annotated[Name | None, Query(description="only of sites in this province")] = None,
) -> Where:
    """Sites as they are registered now, each in its exact words."""
    return Where(site, operator, province)


def where_of_status(
    of: Annotated[Where, Depends(where)],
    status: Annotated[Status | None, Query(description="only of sites in this state")] = None,
) -> Where:
    """Also by their states."""
    return Where(of.site, of.operator, of.province, status)


OfSites = Annotated[Where, Depends(where)]
OfSitesAndStatus = Annotated[Where, Depends(where_of_status)]


def known_only(request: Request) -> None:
    """An InputError for every key of the query that nobody would read: a filter with a slip would be none."""
    if not request.url.path.startswith("/api/"):
        return
    known = list(dict.fromkeys(_keys(request.scope["route"].dependant)))
    told = f"is not known here; known: {', '.join(known) or 'none'}"
    problems = [Problem(told, key=key) for key in dict.fromkeys(request.query_params) if key not in known]
    if problems:
        raise InputError(problems)


def _keys(dependant: Any) -> Iterator[str]:
    yield from (one.alias for one in dependant.query_params)
    for below in dependant.dependencies:
        yield from _keys(below)
