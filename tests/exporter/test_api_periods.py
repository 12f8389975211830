"""HTTP: periods, series and explanations are the answers of the command line; what cannot be asked is a problem."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.api import make_api
from suanli.answers import Asked
from suanli.config import Config
from suanli.explaining.answer import explain_answer
from suanli.model.errors import Unavailable
from suanli.period_answers import AskedPeriod, history_answer, period_answer
from suanli.store.rollup import Retention, let_go, roll
from suanli.store.sql import Store
from tests.exporter.making import Rendering, served
from tests.suanli.an_hour import FROM, TARGETS, TO, H, an_hour, stop
from tests.suanli.making import ZONE, Clock, config
from tests.suanli.running import suanli

HOUR = {"from": H, "to": H + 3600}
NOW = H + 86_400
JUDGED = config(targets=({"scope": "fleet", "metric": "online_ratio", "target": 0.6},))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with an_hour(tmp_path) as made:
        yield made


@asynccontextmanager
async def client(store: Store, settings: Config | None = None, now: float = NOW) -> AsyncIterator[httpx.AsyncClient]:
    exposition = Rendering(store)
    shown = served(store, exposition, settings, now=now)
    transport = httpx.ASGITransport(make_api(shown), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as made:
        yield made


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    detail: str = answer.json()["detail"]
    return detail


async def test_a_period_is_the_answer_of_the_command_line(store: Store, tmp_path: Path) -> None:
    stop(store, H, H + 1800)
    (tmp_path / "config.yaml").write_text(TARGETS, encoding="utf-8")
    as_of = {"as_of": H + 4000}
    async with client(store) as api:
        for view in ("include", "policy"):
            params = HOUR | as_of | {"by": "pool", "maintenance": view, "mean": True}
            found = (await api.get("/rates", params=params)).json()
            wanted = period_answer(store, AskedPeriod(H, H + 3600, "pool", "fp16", H + 4000, view, True), Config())
            assert found == wanted
            words = ("--by", "pool", "--maintenance", view, "--mean", "--as-of", "2025-03-03T01:06:40Z", "--json")
            told = suanli(tmp_path, "rates", "--from", FROM, "--to", TO, *words).data
            assert {**told, "targets": []} == found
            assert found["fleet"]["online_pflops_hours"] == pytest.approx(80)


async def test_series_are_those_of_the_command_line(store: Store, tmp_path: Path) -> None:
    async with client(store) as api:
        found = (await api.get("/history", params=HOUR | {"every": "15m", "by": "site", "as_of": NOW})).json()
        assert found == history_answer(store, AskedPeriod(H, H + 3600, "site", as_of=NOW), 900, Config())
        words = ("--from", FROM, "--to", TO, "--every", "15m", "--by", "site", "--as-of", "2025-03-04T00:00Z", "--json")
        assert suanli(tmp_path, "history", *words).data == found
        fleet = (await api.get("/history")).json()
        assert (fleet["from"], fleet["to"], fleet["every"], fleet["by"]) == (
            "2025-03-03T00:00:00Z",
            "2025-03-04T00:00:00Z",
            "1h",
            None,
        )
        points = fleet["series"][0]["points"]
        assert [points[0]["online_pflops"], points[1]["online_pflops"]] == [pytest.approx(80), None]


async def test_explanations_are_those_of_the_command_line(store: Store, tmp_path: Path) -> None:
    async with client(store) as api:
        params: dict[str, Any] = {"at": H + 2400, "as_of": NOW, "by": "pool"}
        found = (await api.get("/rates/explain", params=params)).json()
        assert found == explain_answer(store, Asked(H + 2400, NOW, "pool", known=NOW), Config())
        assert found["fleet"]["rates"] == (await api.get("/rates", params={"at": H + 2400})).json()["fleet"]
        words = ("--at", "2025-03-03T00:40Z", "--as-of", "2025-03-04T00:00Z", "--by", "pool", "--json")
        assert suanli(tmp_path, "rates", "explain", *words).data == found


async def test_an_instant_as_of_and_under_maintenance(store: Store) -> None:
    stop(store, H, H + 3600)

    async def rates(api: httpx.AsyncClient, **params: Any) -> Any:
        return (await api.get("/rates", params=params)).json()

    async with client(store, JUDGED, now=H + 3000) as api:
        plain, policy = await rates(api), await rates(api, maintenance="policy")
        assert (plain["fleet"]["built_pflops"], policy["fleet"]["built_pflops"]) == (160.0, 100.0)
        assert policy["fleet"]["excluded_pflops"] == 60.0
        assert (plain["fleet"]["online_ratio"], policy["fleet"]["online_ratio"]) == (110 / 160, 0.5)
        assert plain["targets"] == policy["targets"] != []
        assert (await rates(api, at=H + 3000))["fleet"] == plain["fleet"]
        assert (await rates(api, at=H + 2400, as_of=H + 1700))["fleet"]["online_pflops"] == 80.0
        assert (await rates(api, as_of=H + 1700))["as_of"] == "2025-03-03T00:28:20Z"
    async with client(store, JUDGED, now=H + 600) as api:
        assert [(await rates(api, at=H + 600))["targets"][0]["state"]] == ["ok"], "80 of the 100 P that count"
        assert (await rates(api, at=H + 600))["fleet"]["online_ratio"] == 0.5


async def test_an_end_that_lies_ahead_is_cut(store: Store) -> None:
    async with client(store) as api:
        answer = (await api.get("/rates", params={"from": H, "to": NOW + 1000})).json()
        assert answer["to"] == "2025-03-04T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"/rates?at={H}&from={H}", "at: "),
        (f"/rates?to={H}", "to: "),
        (f"/rates?from={H + 1}&to={H}", "to: "),
        (f"/rates?from={NOW}", "from: "),
        ("/rates?mean=true", "mean: "),
        ("/rates?maintenance=hold", "maintenance: "),
        ("/rates?from=yesterday", "from: "),
        (f"/history?from={H}&every=7m", "every: "),
        ("/history?from=0&every=1s", "every: "),
        ("/history?by=planet", "by: "),
        ("/rates/explain?at=-1", "at: "),
    ],
)
async def test_wrong_questions_are_422(store: Store, path: str, told: str) -> None:
    async with client(store) as api:
        assert problem(await api.get(path), 422).startswith(told)


async def test_what_is_no_longer_kept_is_410(tmp_path: Path) -> None:
    clock = Clock()
    with an_hour(tmp_path, clock) as store:
        clock.at = H + 10 * 86_400
        roll(store, ZONE)
        let_go(store, Retention(samples=2 * 86_400), ZONE)
        async with client(store, now=clock.at) as api:
            assert (await api.get("/rates", params=HOUR)).json()["fleet"]["online_pflops_hours"] == pytest.approx(80)
            for path in (
                f"/rates?at={H}",
                f"/rates?from={H}&mean=true",
                f"/rates/explain?at={H}",
                f"/rates?from={H + 1}",
            ):
                assert "2025-03-11T00:00:00Z" in problem(await api.get(path), 410)


async def test_a_store_that_is_down_is_503(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise Unavailable("the store cannot be read: disk I/O error")

    monkeypatch.setattr(store, "states", broken)
    async with client(store) as api:
        assert "disk I/O error" in problem(await api.get("/rates", params={"at": H}), 503)


async def test_the_schema_names_what_can_be_asked(store: Store) -> None:
    async with client(store) as api:
        paths = (await api.get("/openapi.json")).json()["paths"]
    names = {
        path: {one["name"] for one in verbs["get"]["parameters"]}
        for path, verbs in paths.items()
        if "parameters" in verbs.get("get", {})
    }
    assert names["/api/v1/rates"] == {"at", "from", "to", "as_of", "by", "basis", "maintenance", "mean", "operator"}
    assert names["/api/v1/history"] == {"from", "to", "every", "by", "basis", "as_of", "maintenance", "operator"}
    assert names["/api/v1/rates/explain"] == {"at", "as_of", "by", "basis", "maintenance", "operator"}
