"""Of one token, changes are heard so often a minute, and no more; so is reading, more often and by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from suanli.store.sql import Store
from tests.exporter.test_registry_routes import MINE, addition, client, token
from tests.suanli.making import T0, Clock, a_pool, a_site, a_store, built, config

THREE = config(registration={"writes_per_minute": 3})


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(a_site("mine", a_pool("p", built(100.0)), operator=MINE), clock=Clock(T0)) as made:
        yield made


async def test_too_many_are_told_when_to_come_again(store: Store) -> None:
    async with client(store, "admin", settings=THREE) as api:
        heard = [await api.post("/requests", json=addition("nowhere")) for _ in range(3)]
        refused = await api.post("/requests", json=addition("mine"))
        assert [one.status_code for one in heard] == [422] * 3
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert len((await api.get("/capacity")).json()["capacity"]) == 1


async def test_every_verb_counts_and_reading_by_itself(store: Store) -> None:
    async with client(store, "admin", settings=THREE) as api:
        for _ in range(5):
            assert (await api.get("/sites")).status_code == 200
        site: dict[str, Any] = (await api.get("/sites/mine")).json()
        statuses = [
            (await api.put("/sites/mine", json=site)).status_code,
            (await api.post("/submissions/1/approve")).status_code,
            (await api.post("/probe", json=site)).status_code,
            (await api.post("/submissions/1/reject")).status_code,
        ]
        assert statuses[-1] == 429
        assert 429 not in statuses[:-1]
        assert (await api.get("/sites")).status_code == 200


async def test_two_tokens_are_counted_each_by_itself(store: Store) -> None:
    async with client(store, "admin", settings=THREE) as api:
        for _ in range(4):
            last = await api.post("/requests", json=addition("nowhere"))
        assert last.status_code == 429
        other = {"authorization": f"Bearer {token(store, 'admin')}"}
        assert (await api.post("/requests", json=addition("nowhere"), headers=other)).status_code == 422


async def test_a_wrong_token_uses_up_nobody_s(store: Store) -> None:
    async with client(store, "admin", settings=THREE) as api:
        for _ in range(4):
            wrong = await api.post("/requests", json=addition("mine"), headers={"authorization": "Bearer x"})
            assert wrong.status_code == 401
        assert (await api.post("/requests", json=addition("mine"))).status_code == 200


async def test_reading_is_heard_so_often_by_a_token_and_always_where_none_is_needed(store: Store) -> None:
    few = config(registration={"reads_per_minute": 4})
    async with client(store, "admin", settings=few) as api:
        heard = [(await api.get(path)).status_code for path in ("/sites", "/rates", "http://test/metrics", "/nowhere")]
        assert heard == [200, 200, 200, 404]
        refused = await api.get("/rates")
        assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
        assert "more than 4 reads a minute" in refused.json()["detail"]
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await api.get("http://test/healthz")).status_code == 200
        assert (await api.post("/requests", json=addition("mine"))).status_code == 200
    async with client(store, settings=few) as anyone:
        assert {(await anyone.get("/sites")).status_code for _ in range(9)} == {200}


async def test_every_route_says_that_it_may_be_asked_too_often(store: Store) -> None:
    async with client(store, "read") as api:
        paths = (await api.get("/openapi.json")).json()["paths"]
    for path in paths.keys() - {"/healthz"}:
        for operation in paths[path].values():
            assert "Retry-After" in operation["responses"]["429"]["headers"], path


def test_how_often_is_configured() -> None:
    assert config().registration.reads_per_minute == 3000
    with pytest.raises(ValidationError):
        config(registration={"reads_per_minute": 0})
    assert config().registration.writes_per_minute == 120
    with pytest.raises(ValidationError):
        config(registration={"writes_per_minute": 0})
