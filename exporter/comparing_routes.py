"""Comparisons over HTTP: what `suanli benchmarks` and its like print with --json. Times are UTC seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from exporter.comparing_models import Benchmarks, Change, Disagreements, Funnel, Targets
from exporter.described import answering
from suanli.answers import GroupBy
from suanli.comparing import (
    AskedChange,
    asked_stretch,
    benchmarks_answer,
    change_answer,
    funnel_answer,
    targets_answer,
)
from suanli.listing import disagreement_rows
from suanli.model.compare import RatioMetric
from suanli.model.units import CANONICAL_BASIS, Basis

if TYPE_CHECKING:
    from exporter.api import Served

_LAST = 32_503_680_000  # the year 3000: no calendar ends before it
_At = Annotated[int | None, Query(ge=0, le=_LAST, description="UTC seconds; now when left out")]
_AsOf = Annotated[int | None, Query(ge=0, le=_LAST, description="only what had been recorded by then")]
_From = Annotated[int | None, Query(alias="from", ge=0, le=_LAST, description="first second of a period, UTC seconds")]
_To = Annotated[int | None, Query(alias="to", ge=0, le=_LAST, description="its end, exclusive; now when left out")]
_Before = Annotated[int, Query(alias="from", ge=0, le=_LAST, description="an instant, UTC seconds")]
_After = Annotated[int, Query(alias="to", ge=0, le=_LAST, description="a later one")]
_Months = Annotated[bool, Query(description="compare the whole months in which the two lie")]


def comparing_routes(api: APIRouter, served: Served) -> None:
    """Every comparison that the command line knows, with the same answers."""
    store, config = served.store, served.config

    def now() -> int:
        return int(served.clock())

    @api.get("/api/v1/benchmarks", responses=answering(Benchmarks))
    def benchmarks(at: _At = None, basis: Basis = CANONICAL_BASIS) -> JSONResponse:
        """Published rates beside ours, and what is missing to reach them."""
        return JSONResponse(benchmarks_answer(store, config, now() if at is None else at, basis))

    @api.get("/api/v1/targets", responses=answering(Targets))
    def targets(at: _At = None, since: _From = None, until: _To = None) -> JSONResponse:
        """The configured targets at an instant or from `from` to `to`, less what maintenance excuses."""
        return JSONResponse(targets_answer(store, config, *asked_stretch(at, since, until, now())))

    @api.get("/api/v1/disagreements", responses=answering(Disagreements))
    def disagreements(at: _At = None, as_of: _AsOf = None) -> JSONResponse:
        """How far second signals lie from sources."""
        return JSONResponse(disagreement_rows(store, now() if at is None else at, as_of))

    @api.get("/api/v1/change", responses=answering(Change))
    def change(
        before: _Before,
        after: _After,
        months: _Months = False,
        metric: RatioMetric = "online_ratio",
        by: GroupBy = "site",
        basis: Basis = CANONICAL_BASIS,
    ) -> JSONResponse:
        """What each group did to the change of the fleet's rate."""
        return JSONResponse(change_answer(store, config, AskedChange(before, after, months, metric, by, basis)))

    @api.get("/api/v1/funnel", responses=answering(Funnel))
    def funnel(at: _At = None, basis: Basis = CANONICAL_BASIS) -> JSONResponse:
        """Planned, built, online, used, and how long each step takes."""
        return JSONResponse(funnel_answer(store, now() if at is None else at, basis))
