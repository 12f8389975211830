"""Rates, series and explanations for who reads only some operators' sites: as if no others were registered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from suanli.model.site import Site
from suanli.store.rollup import roll
from suanli.store.sql import Store
from tests.exporter.test_registry_routes import client
from tests.suanli.an_hour import stop
from tests.suanli.making import T0, ZONE, Clock, a_pool, a_sample, a_site, a_store, built, config

MINE, ALSO, OTHERS = "示例运营方", "第三运营方", "另一运营方"
SITES = {
    "mine": a_site("mine", a_pool("p", built(100.0)), a_pool("silent", built(20.0)), operator=MINE),
    "more": a_site("more", a_pool("p", built(50.0)), operator=ALSO, province="江苏"),
    "theirs": a_site("theirs", a_pool("secret", built(700.0)), operator=OTHERS),
}
METRIC: dict[str, Any] = {"metric": "online_ratio", "target": 0.5}
SCOPES = ("fleet", "province:安徽", f"operator:{MINE}", "site:mine", f"operator:{OTHERS}", "site:theirs")
SETTINGS = config(targets=[{"scope": scope} | METRIC for scope in SCOPES])
HOUR = f"from={T0 - 3000}&to={T0 - 20}"
QUESTIONS = [
    path + more + view
    for path in (
        "/rates?by=site",
        "/rates?by=operator",
        f"/rates?by=pool&at={T0 - 100}&as_of={T0 - 10}",
        f"/rates?by=province&mean=true&{HOUR}",
        f"/rates?by=vendor&{HOUR}&as_of={T0 - 5}",
        f"/history?every=5m&{HOUR}",
        f"/history?every=15m&by=operator&{HOUR}",
        "/rates/explain?by=operator",
        f"/rates/explain?by=pool&at={T0 - 100}",
    )
    for more in ("", "&basis=fp64")
    for view in ("", "&maintenance=policy")
]


def filled(store: Store, clock: Clock, *sites: str) -> Store:
    for at in range(T0 - 3600, T0, 60):
        clock.at = at + 5
        told = [a_sample(at, 80.0, 40.0, site=site, max_age=90) for site in sites if site != "theirs"]
        store.append(
            [*told, *(a_sample(at, 600.0, 5.0, site=site, pool="secret") for site in sites if site == "theirs")]
        )
    clock.at = T0
    for site in sites[::-1]:
        hold = "hold" if site == "theirs" else "exclude"
        stop(store, T0 - 600, T0 - 50, site=site, policy=hold, now=T0 - 3000)
    return store


@pytest.fixture(scope="module", params=["from samples", "from rollups"])
def stores(request: pytest.FixtureRequest) -> Iterator[tuple[Store, Store]]:
    """One of everybody's sites, and one of only those that the operators read."""
    with ExitStack() as stack:
        made = []
        for sites in (("mine", "more", "theirs"), ("mine", "more")):
            clock = Clock(T0 - 7200)
            registered: list[Site] = [SITES[site] for site in sites]
            store = filled(stack.enter_context(a_store(*registered, clock=clock)), clock, *sites)
            if request.param == "from rollups":
                clock.at = T0 + 86_400
                roll(store, ZONE)
                clock.at = T0
            made.append(store)
        yield made[0], made[1]


def windowless(answer: Any) -> Any:
    """Windows are numbered through all sites."""
    for pool in answer.get("pools", ()):
        for window in pool["maintenance"]:
            del window["id"]
    return answer


async def told(api: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await api.get(path, params=httpx.QueryParams(path.partition("?")[2]).merge(params))
    assert answer.status_code == 200, answer.text
    return windowless(answer.json())


async def told_of_own(api: httpx.AsyncClient, path: str, **params: Any) -> Any:
    """Nothing of the others is in it, by name or as a figure."""
    answer = await told(api, path, **params)
    assert not [foreign for foreign in (OTHERS, "theirs", "secret", "700", "600.0") if foreign in str(answer)]
    return answer


async def test_an_operator_is_answered_as_if_there_were_no_others(stores: tuple[Store, Store]) -> None:
    everybodys, own = stores
    both = (f"register:{MINE}", f"register:{ALSO}")
    async with client(everybodys, *both, settings=SETTINGS) as mine, client(own, "read", settings=SETTINGS) as alone:
        for path in QUESTIONS:
            found, wanted = await told_of_own(mine, path), await told(alone, path)
            assert found.pop("operators") == sorted([MINE, ALSO])
            if "targets" in wanted:
                assert [one["scope"] for one in found["targets"]] == [f"operator:{MINE}", "site:mine"]
                wanted["targets"] = [one for one in wanted["targets"] if one in found["targets"]]
            assert found == wanted, path


async def test_who_reads_everything_may_ask_for_some(stores: tuple[Store, Store]) -> None:
    async with (
        client(stores[0], f"register:{MINE}", f"register:{ALSO}", settings=SETTINGS) as mine,
        client(stores[0], f"register:{MINE}", "read", settings=SETTINGS) as everything,
    ):
        for path in QUESTIONS:
            both, one = [MINE, ALSO], [MINE, MINE]
            assert await told_of_own(everything, path, operator=both) == await told_of_own(mine, path), path
            assert await told_of_own(everything, path, operator=one) == await told_of_own(mine, path, operator=one)
            assert "operators" not in await told(everything, path)
        whole = await told(everything, "/rates?by=operator")
        assert (whole["fleet"]["built_pflops"], len(whole["groups"]), len(whole["targets"])) == (870.0, 3, len(SCOPES))


@pytest.mark.parametrize("path", ["/rates", f"/rates?{HOUR}", f"/history?{HOUR}", "/rates/explain"])
async def test_asking_for_anothers_is_refused_in_a_sentence(stores: tuple[Store, Store], path: str) -> None:
    async with client(stores[0], f"register:{MINE}") as mine, client(stores[0], "push:mine") as source:
        for asked in ([OTHERS], [MINE, OTHERS]):
            params = httpx.QueryParams(path.partition("?")[2]).merge({"operator": asked})
            refused = await mine.get(path, params=params)
            assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
            assert refused.json()["detail"].endswith(f"reads only what is operated by {MINE}, not by {OTHERS}")
        assert (await source.get(path)).status_code == 403
        assert "may not read" in (await source.get(path)).json()["detail"]
        wrong = await mine.get(path, params={"operator": "a\nb"})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "operator[0]")


async def test_an_operator_without_a_site_is_told_of_nothing(stores: tuple[Store, Store]) -> None:
    async with client(stores[0], "register:新运营方", settings=SETTINGS) as mine:
        for path in QUESTIONS:
            answer = await told_of_own(mine, path)
            assert answer["operators"] == ["新运营方"]
            assert answer.get("groups", []) == answer.get("pools", []) == answer.get("targets", []) == []
            if "fleet" in answer:
                counts = answer["fleet"].get("rates", answer["fleet"])
                assert (counts["built_pflops"], counts["sites_expected"], counts["sites_heard"]) == (None, 0, 0)
