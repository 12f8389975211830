"""The rates over HTTP: at an instant, over a period, as series, and explained. Times are UTC seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from exporter.described import answering
from exporter.explained_models import Explained
from exporter.figure_models import History, RatesAtInstant, RatesOverPeriod
from exporter.guard import operators
from suanli.answers import GroupBy, View
from suanli.config import Config
from suanli.model.units import CANONICAL_BASIS, Basis
from suanli.questions import DEFAULT_EVERY, Question, answer_explained, answer_history, answer_rates
from suanli.store.sql import Store

_LAST = 32_503_680_000  # the year 3000: no calendar ends before it
_At = Annotated[int | None, Query(ge=0, le=_LAST, description="UTC seconds; now when left out")]
_From = Annotated[int | None, Query(alias="from", ge=0, le=_LAST, description="first second of a period, UTC seconds")]
_To = Annotated[int | None, Query(alias="to", ge=0, le=_LAST, description="its end, exclusive; now when left out")]
_AsOf = Annotated[int | None, Query(ge=0, le=_LAST, description="only what had been recorded by then")]
_Operators = Annotated[frozenset[str] | None, Depends(operators)]
_Mean = Annotated[bool, Query(description="also the means of the rates over a period, which are other numbers")]
_SeriesBy = Literal[GroupBy, "fleet"]
_Every = Annotated[str, Query(description="width of the pieces: 5m, 1h, 1d, 7d, month")]


def rates_routes(api: APIRouter, store: Store, config: Config, clock: Callable[[], float]) -> None:
    """Every question that the command line can ask of the rates, with the same answers.

    Who reads only some operators' sites is answered as if there were no others.
    """

    @api.get("/api/v1/rates", responses=answering(RatesAtInstant | RatesOverPeriod))
    def rates(
        own: _Operators,
        at: _At = None,
        since: _From = None,
        until: _To = None,
        as_of: _AsOf = None,
        by: GroupBy = "site",
        basis: Basis = CANONICAL_BASIS,
        maintenance: View = "include",
        mean: _Mean = False,
    ) -> JSONResponse:
        """Sums and rates of the fleet and its groups, at an instant or from `from` to `to`."""
        given = Question(at, since, until, as_of, by, basis, maintenance, mean, own)
        return JSONResponse(answer_rates(store, given, config, int(clock()), live=True))

    @api.get("/api/v1/history", responses=answering(History))
    def history(
        own: _Operators,
        since: _From = None,
        until: _To = None,
        every: _Every = DEFAULT_EVERY,
        by: _SeriesBy = "fleet",
        basis: Basis = CANONICAL_BASIS,
        as_of: _AsOf = None,
        maintenance: View = "include",
    ) -> JSONResponse:
        """Series of the fleet or of groups, piece by piece; of the last day when `from` is left out."""
        group: GroupBy = "site" if by == "fleet" else by
        given = Question(None, since, until, as_of, group, basis, maintenance, operators=own)
        return JSONResponse(answer_history(store, given, every, config, int(clock()), fleet=by == "fleet"))

    @api.get("/api/v1/rates/explain", responses=answering(Explained))
    def explain(
        own: _Operators,
        at: _At = None,
        as_of: _AsOf = None,
        by: GroupBy = "site",
        basis: Basis = CANONICAL_BASIS,
        maintenance: View = "include",
    ) -> JSONResponse:
        """Why the rates are what they are: words, ledger entries, addends and ratios."""
        given = Question(at, None, None, as_of, by, basis, maintenance, operators=own)
        return JSONResponse(answer_explained(store, given, config, int(clock())))
