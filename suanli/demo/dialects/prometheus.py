"""A Prometheus that knows the questions of the city, and the exporters' page behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import orjson

from suanli.demo.city import SitePlan
from suanli.demo.dialects.base import Asked, Dialect, Json, Simulated, Told, json
from suanli.demo.metrics import Series, answer, exposition, questions, series_of

_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
_PAGE, _QUERY = "/metrics", "/api/v1/query"


class Prometheus(Dialect):
    """What is asked goes through a proxy that wants a token; an exporter's page is open."""

    label: ClassVar[str] = "model"

    def __init__(self, site: Simulated) -> None:
        super().__init__(site)
        self._series = site.kept(series_of)

    @classmethod
    def settings(cls, plan: SitePlan) -> Json:
        asked = {rung: question.promql for rung, question in questions(plan.pools[0].vendor).items()}
        return {"unit": "devices", "pool_label": "model", "queries": asked}

    def knows(self, asked: Asked) -> bool:
        return asked.path == _PAGE or super().knows(asked)

    def told(self, asked: Asked) -> Told | None:
        if asked.path == _PAGE:
            return Told(exposition(self._series()).encode(), media=_EXPOSITION)
        if asked.path != _QUERY:
            return None
        promql = asked.query.get("query", "").strip()
        vector = body(self._series(), promql, asked.at)
        if vector is None:
            told = f"the simulator does not know the query {promql[:200]!r}"
            return json({"status": "error", "errorType": "bad_data", "error": told}, 400)
        return Told(vector)


def body(series: Sequence[Series], promql: str, now: float) -> bytes | None:
    """An instant vector, values as texts; None for a question that is not understood."""
    amounts = answer(series, promql)
    if amounts is None:
        return None
    at = round(now, 3)
    result = [{"metric": {"model": model}, "value": [at, f"{amount:g}"]} for model, amount in amounts.items()]
    return orjson.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})
