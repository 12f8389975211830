"""What the OpenAPI document says of an answer is what is answered: every fleet route, in many ways of asking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from exporter.api import make_api
from suanli.model.site import Site
from suanli.store.sql import Store
from tests.exporter.making import Rendering, served
from tests.exporter.test_own_routes import HOUR, QUESTIONS, SETTINGS, SITES, filled
from tests.exporter.test_registry_routes import client
from tests.suanli.making import T0, Clock, a_sample, a_store

ASKED = (
    *QUESTIONS,
    *(path + view for path in (f"/rates?by=site&{HOUR}", "/rates?by=model") for view in ("", "&maintenance=policy")),
    "/rates?operator=nobody",
    "/benchmarks",
    "/benchmarks?basis=fp64",
    f"/benchmarks?at={T0 - 600}",
    "/targets",
    f"/targets?{HOUR}",
    f"/change?{HOUR}",
    f"/change?{HOUR}&metric=usage_ratio&by=operator",
    f"/change?months=true&from={T0 - 40 * 86_400}&to={T0}",
    "/funnel",
    "/funnel?basis=fp64",
    "/disagreements",
)
PATHS = {f"/api/v1{asked.partition('?')[0]}" for asked in ASKED}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    clock = Clock(T0 - 7200)
    registered: list[Site] = list(SITES.values())
    with a_store(*registered, clock=clock) as made:
        filled(made, clock, *SITES)
        made.append_second([a_sample(T0 - 60, 60.0, 30.0, site="mine", max_age=90)])
        yield made


@pytest.fixture(scope="module")
def document(store: Store) -> Any:
    return make_api(served(store, Rendering(store), SETTINGS)).openapi()


def schema_of(document: Any, path: str) -> Any:
    """Of the answer 200 to GET, with what it refers to."""
    content = document["paths"][path]["get"]["responses"]["200"]["content"]
    return content["application/json"]["schema"] | {"components": document["components"]}


async def test_every_answer_is_as_the_document_says(store: Store, document: Any) -> None:
    checks = {path: jsonschema_rs.validator_for(schema_of(document, path)) for path in PATHS}
    async with client(store, "read", settings=SETTINGS) as api:
        for asked in ASKED:
            answer = await api.get(asked)
            assert answer.status_code == 200, (asked, answer.text)
            faults = [str(fault) for fault in checks[f"/api/v1{asked.partition('?')[0]}"].iter_errors(answer.json())]
            assert faults == [], asked


async def test_a_figure_more_or_less_is_not_what_the_document_says(store: Store, document: Any) -> None:
    """Else the test above would find nothing."""
    async with client(store, "read", settings=SETTINGS) as api:
        for path in ("/rates", "/benchmarks", "/funnel", "/rates/explain", "/targets"):
            check = jsonschema_rs.validator_for(schema_of(document, f"/api/v1{path}"))
            answer = (await api.get(path)).json()
            assert check.is_valid(answer)
            assert not check.is_valid(answer | {"more": 1.0})
            assert not check.is_valid(dict(list(answer.items())[:-1]))


def test_every_route_that_answers_in_json_says_how(document: Any) -> None:
    plain = {"/healthz", "/readyz", "/metrics"}
    for path in document["paths"].keys() - plain:
        for method, operation in document["paths"][path].items():
            answered = [one for status, one in operation["responses"].items() if status in ("200", "201", "202")]
            assert answered, (method, path)
            for one in answered:
                schema = one["content"]["application/json"]["schema"]
                assert schema.keys() & {"$ref", "anyOf"}, (method, path)
